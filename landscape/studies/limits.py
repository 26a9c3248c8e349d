"""The largest rate at which full-batch descent is stable: 2/λ_max, and the like for momentum and adaptive optimizers."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from landscape.curvature import SymmetricOperator, eigenpairs, hessian_operator, preconditioned
from landscape.formulas.optimizers import OPTIMIZERS
from landscape.model import Model
from landscape.objective import NetworkObjective, as_one_batch
from landscape.records import Pieces
from landscape.studies.common import batch_gradients

Array = NDArray[np.float64]

TOLERANCE = 1e-4
DESCENTS = ("sgd", "heavy_ball", "nesterov")
# Those whose momentum is an average, and all that divide by a mean of squares, which tends to a limit where the point stands still.
AVERAGING = ("adam", "adamw", "amsgrad", "radam")
ADAPTIVE = ("rmsprop", *AVERAGING)


def limit_factor(optimizer: str, momentum: float) -> float:
    """Give η times the largest stable curvature of full-batch descent on a quadratic.

    Cohen et al. 2021 (arXiv 2103.00065) and 2022 (arXiv 2207.14484): 2 for plain descent and RMSProp, 2(1 + β) for heavy ball,
    (2 + 2β)/(1 + 2β) for Nesterov's, (2 + 2β)/(1 − β) for Adam and its kin, whose momentum is an average (38 for β₁ = 0.9).

    Examples
    --------
    >>> limit_factor("sgd", 0.0), round(limit_factor("adam", 0.9), 9), limit_factor("heavy_ball", 0.5)
    (2.0, 38.0, 3.0)
    >>> limit_factor("nesterov", 0.5)
    1.5
    """
    scale = {"nesterov": 1.0 + 2.0 * momentum, **dict.fromkeys(AVERAGING, 1.0 - momentum)}
    return 2.0 * (1.0 + momentum) / scale.get(optimizer, 1.0)


def largest(operator: SymmetricOperator) -> float:
    """Find λ_max."""
    return float(eigenpairs(operator, top=1, tolerance=TOLERANCE).values[-1])


def sharpness(model: Model, threads: int | None, device: str) -> dict[str, Array]:
    """Give λ_max of the training loss's Hessian as a piece of work."""
    objective = NetworkObjective(model, "train", threads=threads, device=device)
    return {"value": np.array(largest(hessian_operator(objective, model.theta)))}


def preconditioned_sharpness(
    start: Model, optimizer: str, batch_size: int, seed: int, threads: int | None, device: str
) -> dict[str, Array]:
    """Give λ_max of P⁻¹H as a piece of work: P = √v + ε with v the mean square of the gradients of batches at the start.

    That is what the optimizer would divide by if it stood still there.
    """
    squares = [part**2 for part in batch_gradients(start, batch_size, seed, threads, device)]
    diagonal = np.sqrt(np.mean(squares, axis=0)) + OPTIMIZERS[optimizer].eps
    whole = as_one_batch(start)
    hessian = hessian_operator(NetworkObjective(whole, "train", threads=threads, device=device), whole.theta)
    return {"value": np.array(largest(preconditioned(hessian, diagonal)))}


def starting_limits(
    pieces: Pieces,
    start: Model,
    optimizers: list[str],
    batch_size: int,
    seed: int,
    threads: int | None,
    device: str,
) -> dict[str, float]:
    """Give the largest stable rate at the start: `limit` of plain descent, and `<optimizer>.limit` where there is a theory of it.

    Where no eigenvalue is above zero every rate is stable, and the limit is infinite.
    """
    plain = float(pieces.once("sharpness", lambda: sharpness(as_one_batch(start), threads, device))["value"])
    found = {"limit": over(2.0, plain)}
    for name in optimizers:
        factor = limit_factor(name, OPTIMIZERS[name].momentum)
        if name in DESCENTS:
            found[f"{name}.limit"] = over(factor, plain)
        elif name in ADAPTIVE:
            work = partial(preconditioned_sharpness, start, name, batch_size, seed, threads, device)
            value = pieces.once(f"sharpness.{name}", work)["value"]
            found[f"{name}.limit"] = over(factor, float(value))
    return found


def over(factor: float, curvature: float) -> float:
    """Give the largest stable rate."""
    return factor / curvature if curvature > 0 else float("inf")

"""Batch sharpness: the curvature of a batch's loss along its own gradient, which settles at 2/η under SGD."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.model import Model
from landscape.objective import NetworkObjective, as_one_batch

Array = NDArray[np.float64]

# So many batches are drawn.
BATCHES = 32


def batch_curvatures(
    model: Model, batch_size: int, seed: int = 0, *, batches: int = BATCHES, threads: int | None = None
) -> Array:
    """Give gᵀH_B g/‖g‖² of batches [batches], drawn without replacement; NaN for a batch without a gradient."""
    rng, total = streams.numpy_generator("batches", seed), model.examples("train")
    size = min(batch_size, total)
    found = np.full(1 if size == total else batches, np.nan)
    for number in range(len(found)):
        rows = np.sort(rng.choice(total, size, replace=False))
        data = {key: array[rows] for key, array in model.data.items() if key.endswith("_train")}
        objective = NetworkObjective(as_one_batch(replace(model, data=data)), "train", threads=threads)
        gradient = objective.gradient(model.theta)
        square = float(gradient @ gradient)
        if np.isfinite(square) and square > 0:
            found[number] = float(gradient @ objective.hvp(model.theta, gradient)) / square
    return found


def batch_sharpness(
    model: Model, batch_size: int, seed: int = 0, *, batches: int = BATCHES, threads: int | None = None
) -> float:
    r"""Give the batch sharpness $E_B[g_B^\top H_B g_B / \|g_B\|^2]$ at the parameters, of gradients g_B and Hessians H_B of batches.

    With all examples in a batch it is the curvature along the gradient, and at most λ_max.

    References
    ----------
    Andreyev and Beneventano, "Edge of stochastic stability" (arXiv 2412.20553).

    Examples
    --------
    A line through the origin under squared error has g = 2 mean(x²)(w − w*) and H = 2 mean(x²), whatever w is.

    >>> from landscape.model import build_model
    >>> x = np.array([[1.0], [2.0], [3.0]])
    >>> line = build_model(layers=[(np.array([[0.5]]), None)], loss="mse", x_train=x, y_train=3 * x)
    >>> round(batch_sharpness(line, 3), 9), round(2 * 14 / 3, 9)
    (9.333333333, 9.333333333)
    """
    values = batch_curvatures(model, batch_size, seed, batches=batches, threads=threads)
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")

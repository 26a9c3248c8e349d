"""The point at which a Hessian is computed: objective, θ, the parameters of each node, and what a record says of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.curvature.operators import adam_preconditioner, parameter_nodes
from landscape.errors import InputError
from landscape.model import Model
from landscape.model.finite import WANTED
from landscape.objective import HasValue, NetworkObjective, complete
from landscape.objective.about import About, about
from landscape.objective.devices import CPU, recorded_device, settle_device
from landscape.objective.functions import checked_point
from landscape.optimizer_names import optimizer_name

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """An objective at θ [P]; `nodes` gives the indices into θ of each node, and is empty for a function.

    `preconditioner` [P] is what Adam divides by, where the file holds its state.
    """

    objective: HasValue
    theta: Array
    nodes: dict[str, NDArray[np.int64]]
    model: str
    data: str
    settings: dict[str, Any]
    preconditioner: Array | None = None


def model_point(
    model: Model, *, split: str, dtype: str, threads: int | None, examples: int | None, seed: int, device: str = CPU,
    without: tuple[str, ...] = (),
) -> Point:  # fmt: skip
    """Take a model at its own parameters; `without` names what of the job has no CUDA kernel.

    Raises
    ------
    InputError
        No trainable parameters, parameters that are not finite, or a split that is not there, or a device.
    """
    if model.size == 0:
        raise InputError("the model has no trainable parameters, so it has no Hessian")
    broken = model.not_finite()
    if broken:
        raise InputError(f"{broken[0]}; {WANTED}")
    total = model.examples(split)
    subset = examples if examples is not None and examples < total else None
    device = settle_device(device, model, without=without)
    objective = NetworkObjective(
        model, split, dtype=dtype, threads=threads, examples=subset, seed=seed, device=device
    )
    return Point(
        objective=objective,
        theta=model.theta,
        nodes=parameter_nodes(model),
        model=model.fingerprint(),
        data=model.data_fingerprint(),
        settings={
            "model_name": model.name,
            "loss": model.loss,
            "split": split,
            "examples": subset,
            "dtype": dtype,
            "device": recorded_device(device),
            "layout": [[slot.node, slot.start, slot.stop] for slot in model.layout],
        },
        preconditioner=preconditioner_of(model),
    )


def require_finite_loss(point: Point) -> None:
    """Refuse a point whose loss is not finite; this evaluates, so it comes after the checks that do not.

    Raises
    ------
    InputError
        It is not.
    """
    loss = float(point.objective.value(point.theta))
    if not np.isfinite(loss):
        split = point.settings["split"]
        what = "value" if split is None else f"{split} loss"
        raise InputError(f"the {what} is {loss} at this point: a Hessian needs a finite one")


def preconditioner_of(model: Model) -> Array | None:
    """Give what Adam divides by at its next step, from the state in the file; None if there is none.

    The state is `optimizer.v` and `optimizer.step`; the constants stand under `training` as `betas` (or `momentum`
    and `beta2`) and `eps`, by default Adam's own.
    """
    state = model.optimizer
    if not is_adam(model.training.get("optimizer", "adam")):
        return None
    if "v" not in state or "step" not in state or int(state["step"]) < 1:
        return None
    told = model.training
    betas = told.get("betas", (told.get("momentum", 0.9), told.get("beta2", 0.999)))
    return adam_preconditioner(
        state["v"],
        int(state["step"]),
        beta1=float(betas[0]),
        beta2=float(betas[1]),
        epsilon=float(told.get("eps", 1e-8)),
    )


def is_adam(name: str) -> bool:
    """Say whether an optimizer divides as Adam does, by whatever name."""
    try:
        return optimizer_name(name) in ("adam", "adamw")
    except InputError:
        return False


def told_point(objective: HasValue, theta: Array, told: About) -> Point:
    """Take an objective that describes itself; its layers take the place of a model's nodes."""
    return Point(
        objective=objective,
        theta=theta,
        nodes=told.groups(),
        model=told.fingerprint(theta),
        data=told.data,
        settings={
            **told.told(),
            "split": told.split,
            "examples": None,
            "layout": [[piece.group, piece.start, piece.stop] for piece in told.pieces],
        },
    )


def function_point(objective: HasValue, theta: ArrayLike) -> Point:
    """Take a function of θ; since its code cannot be hashed, its value and gradient at θ identify it.

    Raises
    ------
    InputError
        What is no objective, a θ of another length or not finite, or a value that is not finite.
    """
    whole = complete(objective).anew(0)
    point = checked_point(whole, theta)
    value = whole.value(point)
    if not np.isfinite(value):
        raise InputError(f"the value is {value} at this point: a Hessian needs a finite one")
    told = about(whole)
    if told is not None:
        return told_point(whole, point, told)
    known = [point, np.array([value])]
    if whole.exact_gradient:
        known.append(whole.gradient(point))
    digest = hashlib.sha256(np.concatenate(known).astype("<f8").tobytes()).hexdigest()
    return Point(
        objective=whole,
        theta=point,
        nodes={},
        model=digest,
        data="",
        settings={
            "model_name": "function",
            "split": None,
            "examples": None,
            "dtype": str(whole.dtype),
            "device": "cpu",
            "layout": [],
        },
    )

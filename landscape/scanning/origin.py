"""Where a scan starts: at a model, or at a given point of an objective."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.directions import Origin, model_tensors, shaped_tensors, told_tensors
from landscape.errors import InputError
from landscape.model import Model
from landscape.objective import HasValue, complete, require_network
from landscape.objective.about import about
from landscape.scanning.eigen import extreme_eigenvectors, in_double
from landscape.scanning.plan import Subject
from landscape.scanning.subject import function_subject, told_splits, told_subject

Array = NDArray[np.float64]


def objective_subject(
    objective: HasValue, center: ArrayLike | None, seed: int, *, split: str, **options: Any
) -> Subject:
    """Take an objective at a point, by default where it says that it stands.

    Raises
    ------
    InputError
        No point, or another length, or a choice that was made where the objective was.
    """
    told = about(objective)
    refuse_options_of_models(split=split if told is None else "both", **options)
    whole = complete(objective).anew(seed)
    point = checked_center(whole, told.theta if told is not None and center is None else center)
    if told is None:
        return function_subject(whole, point, seed)
    return told_subject(told, point, told_splits(told, split), seed)


def refuse_options_of_models(
    *,
    split: str,
    examples: int | None,
    device: str,
    recompute_statistics: bool,
    metrics: str | Sequence[str] = (),
) -> None:
    """Refuse a choice of data, metrics, device or statistics, which an objective that is given has made.

    Raises
    ------
    InputError
        There is one.
    """
    if examples is not None or split == "test" or recompute_statistics or device not in ("cpu", "auto"):
        raise InputError(
            "an objective has its own data: choose split, examples, device and statistics where it is made"
        )
    if len(metrics):
        raise InputError(
            "an objective has its own metrics: choose them where it is made, NetworkObjective(…, metrics=…)"
        )


def checked_center(objective: HasValue, center: ArrayLike | None) -> Array:
    """Check the point that an objective is scanned around.

    Raises
    ------
    InputError
        None was given, or it has another length, or numbers that are not finite.
    """
    if center is None:
        raise InputError("an objective needs center=θ, the point to scan around")
    theta = np.asarray(center, dtype=np.float64)
    if theta.shape != (objective.size,):
        raise InputError(f"center has shape {list(theta.shape)}, expected [{objective.size}]")
    if not np.all(np.isfinite(theta)):
        raise InputError("center holds NaN or infinity, expected finite numbers")
    return theta


def find_origin(subject: Model | HasValue, whole: Subject, shapes: Sequence[Sequence[int]] | None) -> Origin:
    """Say what is known where the directions start; the gradient is the first split's."""
    if isinstance(subject, Model):
        return model_origin(subject, whole)
    objective = complete(next(iter(whole.objectives.values())))
    told = about(objective)
    tensors = None if told is None else told_tensors(told)
    if shapes is not None:
        tensors = shaped_tensors(shapes, whole.center.size)

    def eigenvectors(count: int) -> tuple[Array, Array]:
        return extreme_eigenvectors(objective, whole.center, count)

    return Origin(whole.center, tensors, gradient=objective.gradient, eigenvectors=eigenvectors)


def model_origin(model: Model, whole: Subject) -> Origin:
    """Say what is known of a model where the directions start."""
    objective = complete(next(iter(whole.objectives.values())))

    def eigenvectors(count: int) -> tuple[Array, Array]:
        objective.require_derivatives()
        exact = in_double(
            model, require_network(objective, "direction 'eigen'", "the Hessian"), whole.settings["seed"]
        )
        return extreme_eigenvectors(exact, whole.center, count)

    return Origin(whole.center, model_tensors(model), model.checkpoints, objective.gradient, eigenvectors)

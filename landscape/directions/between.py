"""The direction from one model to another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from landscape.directions.origin import Array, Origin
from landscape.errors import InputError

if TYPE_CHECKING:
    from landscape.model import Model


def between_direction(origin: Origin, other: Array) -> Array:
    """Take the difference other − θ, [1, P]: coordinate 0 is this model, 1 the other.

    Raises
    ------
    InputError
        Another number of parameters, or the same point.
    """
    if other.shape != origin.theta.shape:
        raise InputError(
            f"the other model has {other.size} parameters, expected {origin.size} as this one has"
        )
    difference = other - origin.theta
    if not np.any(difference):
        raise InputError("the two models have the same parameters, so there is nothing between them")
    return difference[None, :]


def require_same_shapes(model: Model, other: Model, path: Path | str) -> None:
    """Check that two models' θ are made of the same tensors.

    Raises
    ------
    InputError
        They are not; it names the first that differs.
    """
    ours = [(slot.name, slot.shape) for slot in model.layout]
    theirs = [(slot.name, slot.shape) for slot in other.layout]
    for (name, shape), (other_name, other_shape) in zip(ours, theirs, strict=False):
        if shape != other_shape:
            raise InputError(
                f"{path}: {other_name} is {list(other_shape)}, expected {list(shape)} as {name} here is"
            )
    if len(ours) != len(theirs):
        raise InputError(
            f"{path}: holds {len(theirs)} trainable tensors, expected {len(ours)} as this model does"
        )

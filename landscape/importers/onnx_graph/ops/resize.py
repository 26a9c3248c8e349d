"""Resizing images, each axis by a matrix or by selecting positions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.files import shown
from landscape.importers.onnx_graph.call import Call
from landscape.importers.rules.windows import along
from landscape.importers.values import Value

Translate = Callable[[Call], Any]
# How a place of the new axis is found on the old one: of place, scale, old and new size.
Transform = Callable[[float, float, int, int], float]
TRANSFORMS: dict[str, Transform] = {
    "half_pixel": lambda x, scale, old, new: (x + 0.5) / scale - 0.5,
    "pytorch_half_pixel": lambda x, scale, old, new: (x + 0.5) / scale - 0.5 if new > 1 else 0.0,
    "align_corners": lambda x, scale, old, new: x * (old - 1) / (new - 1) if new > 1 else 0.0,
    "asymmetric": lambda x, scale, old, new: x / scale,
    "half_pixel_symmetric": lambda x, scale, old, new: (
        old / 2 * (1 - new / (scale * old)) + (x + 0.5) / scale - 0.5
    ),
}
ROUNDED: dict[str, Callable[[float], int]] = {
    "round_prefer_floor": lambda x: math.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: math.floor(x + 0.5),
    "floor": math.floor,
    "ceil": math.ceil,
}


def resize(call: Call) -> Value:
    """Resize axes other than the batch's."""
    value = call.value()
    scales, sizes = scales_and_sizes(call)
    mode = {"bilinear": "linear", "trilinear": "linear"}.get(
        call.get("mode", "nearest"), call.get("mode", "nearest")
    )
    transform = call.get(
        "coordinate_transformation_mode", "half_pixel" if call.version >= 11 else "asymmetric"
    )
    if mode not in ("nearest", "linear", "cubic") or transform not in TRANSFORMS or call.get("antialias"):
        raise InputError(
            f"mode={shown(mode)}, {shown(transform)}: expected nearest, linear or cubic without antialias"
        )
    for axis, (scale, new) in enumerate(zip(scales, sizes, strict=True)):
        if axis == value.batch:
            if scale != 1:
                raise InputError("changes the number of examples")
            continue
        if scale == 1 and new == value.shape[axis]:
            continue
        value = resized(call, value, axis, (new, scale, mode, transform))
    return value


def scales_and_sizes(call: Call) -> tuple[list[float], list[int]]:
    """Read the scale and the new size of each axis."""
    value = call.value()
    rank = len(value.shape)
    old = call.version < 11
    given = call.get("scales") if old and call.get("scales") is not None else call.numbers(1 if old else 2)
    axes = [value.axis(axis) for axis in call.get("axes", range(rank))]
    scales, sizes = [1.0] * rank, list(value.shape)
    if given is not None and np.size(given):
        for axis, scale in zip(axes, np.ravel(given), strict=True):
            if not 0 < float(scale) < 2**20:
                raise InputError(f"a scale of {scale}: expected a positive number")
            scales[axis], sizes[axis] = float(scale), math.floor(value.shape[axis] * float(scale))
        return scales, sizes
    call.expect("keep_aspect_ratio_policy", "stretch")
    for axis, (one, two) in zip(axes, call.sizes(3), strict=True):
        if axis != value.batch:
            if one != two:
                raise InputError("a size that depends on the number of examples")
            sizes[axis], scales[axis] = one, one / value.shape[axis]
    return scales, sizes


def resized(call: Call, value: Value, axis: int, how: tuple[int, float, str, str]) -> Value:
    """Change one axis."""
    new, scale, mode, transform = how
    old = value.shape[axis]
    if new < 1:
        raise InputError(f"an axis of {new}: expected one place at least")
    call.graph.require_value((*value.shape[:axis], new, *value.shape[axis + 1 :]))
    places = [TRANSFORMS[transform](float(x), scale, old, new) for x in range(new)]
    if mode == "nearest":
        default = "round_prefer_floor" if call.version >= 11 else "floor"
        rule = ROUNDED[call.get("nearest_mode", default)]
        return call.builder.taken(value, axis, [min(max(rule(x), 0), old - 1) for x in places])
    call.graph.require_known(old * new)
    outside = bool(call.get("exclude_outside", 0))
    taps = linear_taps if mode == "linear" else cubic_taps(float(call.get("cubic_coeff_a", -0.75)))
    matrix = np.zeros((old, new))
    for column, x in enumerate(places):
        found = taps(x)
        if outside:
            found = [(place, weight) for place, weight in found if 0 <= place < old]
            whole = sum(weight for _, weight in found)
            found = [(place, weight / whole) for place, weight in found]
        for place, weight in found:
            matrix[min(max(place, 0), old - 1), column] += weight
    return along(call.builder, value, axis, call.builder.fixed(matrix))


def linear_taps(x: float) -> list[tuple[int, float]]:
    """Give the two positions beside a point and their weights by linear interpolation.

    >>> linear_taps(1.25)
    [(1, 0.75), (2, 0.25)]
    """
    low = math.floor(x)
    return [(low, 1 - (x - low)), (low + 1, x - low)]


def cubic_taps(a: float) -> Callable[[float], list[tuple[int, float]]]:
    """Return a function that gives the four positions around a point and their weights by cubic interpolation."""

    def near(t: float) -> float:
        return ((a + 2) * t - (a + 3)) * t * t + 1

    def far(t: float) -> float:
        return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a

    def taps(x: float) -> list[tuple[int, float]]:
        low = math.floor(x)
        t = x - low
        return [(low - 1, far(1 + t)), (low, near(t)), (low + 1, near(1 - t)), (low + 2, far(2 - t))]

    return taps


RESIZES: dict[str, Translate] = {"Resize": resize, "Upsample": resize}

"""The grid of a scan: how many points along each axis, and from where to where."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError
from landscape.files import shown
from landscape.memory import fits_memory

Span = tuple[float, float]

AUTO = "auto"
# Counts from here on are not written out.
MAXIMUM_DIMENSIONS = 3
# The columns (loss, accuracy, their errors, penalty) of two splits, as state, as result and in the record.
BYTES_PER_POINT = 256


def parse_points(points: int | str | Sequence[int], dimensions: int) -> tuple[int, ...]:
    """Read how many points each axis has: one number for all, or one an axis (`51x31`).

    Raises
    ------
    InputError
        Not whole numbers above zero, not one for each axis, or more points than memory holds.

    Examples
    --------
    >>> parse_points(51, 2), parse_points("51x31", 2)
    ((51, 51), (51, 31))
    """
    told = shown(str(points))
    pieces = points.lower().replace("×", "x").split("x") if isinstance(points, str) else np.atleast_1d(points)
    try:
        counts = tuple(whole(int(piece) if isinstance(piece, str) else piece) for piece in pieces)
    except (ValueError, TypeError, OverflowError):
        raise InputError(f"points {told} are no grid: expected a number such as 51, or 51x31") from None
    if any(count < 1 for count in counts):
        raise InputError(f"points {told} make a grid of no points: expected 1 or more along each axis")
    if len(counts) not in (1, dimensions):
        raise InputError(
            f"points {told} are for {len(counts)} axes, the scan has {dimensions}: "
            "give one number for all, or one an axis"
        )
    counts = counts * dimensions if len(counts) == 1 else counts
    if not fits_memory(math.prod(counts) * BYTES_PER_POINT):
        raise InputError(
            f"points {told} make {math.prod(counts):.3g} points, more than memory holds: use fewer"
        )
    return counts


def whole(number: Any) -> int:
    """Take a number for a whole one, or raise ValueError."""
    value = float(number)
    if isinstance(number, bool | np.bool_) or not value.is_integer():
        raise ValueError
    return int(value)


def parse_span(span: float | str | Sequence[float]) -> Span | str:
    """Read one axis' range: `s` is −s:s, `a:b` and (a, b) are themselves, `auto` is left as it is.

    Raises
    ------
    InputError
        Not a range of finite numbers that rises.

    Examples
    --------
    >>> parse_span(2), parse_span("-1:3"), parse_span("auto")
    ((-2.0, 2.0), (-1.0, 3.0), 'auto')
    """
    if isinstance(span, str) and span.strip().lower() == AUTO:
        return AUTO
    pieces: Sequence[Any]
    if isinstance(span, str):
        pieces = span.split(":")
    else:
        pieces = list(span) if isinstance(span, Sequence | np.ndarray) else [span]
    try:
        ends = [float(piece) for piece in pieces]
    except (ValueError, TypeError, OverflowError):
        ends = []
    if len(ends) == 1:
        ends = [-ends[0], ends[0]]
    if len(ends) != 2:
        raise InputError(f"span {shown(span)} is not a range: expected a number such as 1, or a:b, or auto")
    low, high = ends
    if not (math.isfinite(low) and math.isfinite(high) and low < high and math.isfinite(high - low)):
        raise InputError(
            f"span {shown(span)} is not a range that rises: expected a finite number above 0, or a:b, a < b"
        )
    return low, high


def parse_spans(
    spans: float | str | Sequence[float | str | Span] | None, defaults: Sequence[Span]
) -> tuple[Span | str, ...]:
    """Read every axis' range: None for the defaults, one for all axes, or a list with one an axis.

    A pair of numbers in a tuple is one range; in a list they are two.

    Raises
    ------
    InputError
        One is not a range, or there is not one for each axis.
    """
    if spans is None or (isinstance(spans, Sequence) and len(spans) == 0):
        return tuple(defaults)
    if isinstance(spans, list) or (isinstance(spans, tuple) and not is_pair(spans)):
        items: list[float | str | Span] = list(spans)
    else:
        items = [spans]  # type: ignore[list-item]
    if len(items) not in (1, len(defaults)):
        raise InputError(f"{len(items)} spans for {len(defaults)} axes: give one for all, or one an axis")
    parsed = tuple(parse_span(item) for item in items)
    return parsed * len(defaults) if len(parsed) == 1 else parsed


def is_pair(spans: Sequence[object]) -> bool:
    """Whether this is one range, (a, b)."""
    return len(spans) == 2 and not any(isinstance(item, str | Sequence) for item in spans)


def make_axis(span: Span, count: int) -> NDArray[np.float64]:
    """Space `count` points evenly over a span, both ends included; one point lies in the middle.

    The origin, where the grid has it, is exactly 0, and a symmetric span gives exactly symmetric points.

    Examples
    --------
    >>> make_axis((-1.0, 1.0), 5).tolist(), make_axis((-1.0, 1.0), 1).tolist()
    ([-1.0, -0.5, 0.0, 0.5, 1.0], [0.0])
    """
    low, high = span
    if count == 1:
        return np.array([low + (high - low) / 2])
    index = np.arange(count, dtype=np.float64)
    share = index / (count - 1)
    axis = low * share[::-1] + high * share
    axis[np.abs(axis) < 1e-9 * (high - low) / (count - 1)] = 0.0
    axis[0], axis[-1] = low, high
    if not np.all(np.diff(axis) > 0):
        raise InputError(f"span {low}:{high} is too narrow for {count} points in float64: widen it")
    return axis

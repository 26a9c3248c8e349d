"""Pools over windows, and axes that are multiplied by a matrix."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from landscape.importers.builder import Builder
from landscape.importers.nodes import LEAST
from landscape.importers.rules.layouts import padded, with_shape
from landscape.importers.values import Value


class Window(NamedTuple):
    """A window over the last axes of a value: its sizes, how it slides, and the cells before and after each axis."""

    kernel: list[int]
    stride: list[int]
    before: list[int]
    after: list[int]
    dilation: list[int]
    ceil: bool = False

    @property
    def reach(self) -> list[int]:
        """How far it reaches along each axis."""
        return [d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True)]

    def counts(self, image: tuple[int, ...]) -> list[int]:
        """Count its places along each axis; the last may begin in the padding but not after it."""
        found = []
        for size, reach, s, p, q in zip(image, self.reach, self.stride, self.before, self.after, strict=True):
            left = size + p + q - reach
            count = (-(-left // s) if self.ceil else left // s) + 1
            found.append(count - 1 if self.ceil and (count - 1) * s >= size + p else count)
        return found

    def ends(self, image: tuple[int, ...]) -> list[int]:
        """Count the cells after each axis that its last place sees."""
        sizes = zip(self.counts(image), self.stride, self.reach, image, self.before, strict=True)
        return [max(0, (count - 1) * s + reach - size - p) for count, s, reach, size, p in sizes]

    def widths(self, image: tuple[int, ...]) -> list[int]:
        """The cells around the image, the last axis first."""
        ends = zip(reversed(self.before), reversed(self.ends(image)), strict=True)
        return [side for pair in ends for side in pair]


def max_pooled(b: Builder, value: Value, window: Window) -> Value:
    """Take the largest number of each window."""
    axes = len(window.kernel)
    image = value.shape[-axes:]
    counts, ends = window.counts(image), window.ends(image)
    plain = axes < 3 and all(d == 1 for d in window.dilation)
    if plain and not window.ceil and all(e <= p for e, p in zip(ends, window.before, strict=True)):
        return windowed(b, value, "maxpool2d", window.kernel, window.stride, window.before, counts)
    whole = padded(b, value, window.widths(image), "constant", LEAST)
    if plain:
        return windowed(b, whole, "maxpool2d", window.kernel, window.stride, [0] * axes, counts)
    return by_slices(b, whole, window, counts)


def by_slices(b: Builder, value: Value, window: Window, counts: list[int]) -> Value:
    """Take the largest of each window of a padded value, axis by axis."""
    axes = len(counts)
    for number, (kernel, stride, dilation, count) in enumerate(
        zip(window.kernel, window.stride, window.dilation, counts, strict=True)
    ):
        axis = len(value.shape) - axes + number
        value = reduced_windows(b, value, axis, count, (kernel, stride, dilation), "reduce_max")
    return value


def reduced_windows(
    b: Builder, value: Value, axis: int, count: int, window: tuple[int, int, int], op: str
) -> Value:
    """Reduce the windows of one axis: gather each window's elements into an axis, then reduce that axis."""
    kernel, stride, dilation = window
    places = [position * stride + tap * dilation for position in range(count) for tap in range(kernel)]
    seen = b.taken(value, axis, places)
    apart = with_shape(b, seen, (*value.shape[:axis], count, kernel, *value.shape[axis + 1 :]))
    return b.reduced(op, apart, [axis + 1], False)


def windowed(
    b: Builder,
    value: Value,
    op: str,
    kernel: list[int],
    stride: list[int],
    padding: list[int],
    counts: list[int],
) -> Value:
    """Add a pool of one or two axes; what is before these are channels."""
    axes = len(kernel)
    if axes == 1:
        kernel, stride, padding = [1, *kernel], [1, *stride], [0, *padding]
    shape = (*value.shape[:-axes], *counts)
    channels = math.prod(value.laid[:-axes])
    image = (channels, *([1] if axes == 1 else []), *value.shape[-axes:])
    node = b.network.add(
        b.name(op), op, [b.shaped(value, image)], None, kernel=kernel, stride=stride, padding=padding
    )
    return b.checked(replace(value, shape=shape, node=node, constant=None, parameter=None))


def averaged(b: Builder, value: Value, window: Window, *, counted: bool) -> Value:
    """Average each window; the padding is `counted` or not, cells beyond it never are."""
    axes = len(window.kernel)
    image = value.shape[-axes:]
    counts, ends = window.counts(image), window.ends(image)
    undilated = axes < 3 and all(d == 1 for d in window.dilation)
    if (
        counted
        and undilated
        and not window.ceil
        and all(e <= p for e, p in zip(ends, window.before, strict=True))
    ):
        return windowed(b, value, "avgpool2d", window.kernel, window.stride, window.before, counts)
    result = window_means(b, padded(b, value, window.widths(image)), window, counts)
    factors = np.ones([1] * axes)
    for axis, size in enumerate(image):
        p, q, reach = window.before[axis], window.after[axis], window.reach[axis]
        starts = [place * window.stride[axis] - p for place in range(counts[axis])]
        seen = [
            cells(start, reach, window.dilation[axis], (-p, size + q) if counted else (0, size))
            for start in starts
        ]
        shape = [counts[axis] if number == axis else 1 for number in range(axes)]
        factors = factors * np.reshape([window.kernel[axis] / max(1, n) for n in seen], shape)
    return result if bool((factors == 1).all()) else b.binary("multiply", result, b.fixed(factors))


def summed(b: Builder, value: Value, window: Window, divisor: float) -> Value:
    """Sum each window and divide by a number."""
    image = value.shape[-len(window.kernel) :]
    means = window_means(b, padded(b, value, window.widths(image)), window, window.counts(image))
    return b.scaled(means, math.prod(window.kernel) / divisor)


def cells(start: int, reach: int, dilation: int, between: tuple[int, int]) -> int:
    """Count a window's cells that lie between two places.

    >>> cells(-1, 3, 1, (0, 5))
    2
    """
    return sum(between[0] <= place < between[1] for place in range(start, start + reach, dilation))


def window_means(b: Builder, value: Value, window: Window, counts: list[int]) -> Value:
    """Average the windows of a padded value: two axes at once where nothing is left out, and the others one by one."""
    axes, plain = len(counts), all(d == 1 for d in window.dilation)
    flat = min(axes, 2) if plain else 0
    if flat:
        value = windowed(
            b, value, "avgpool2d", window.kernel[-flat:], window.stride[-flat:], [0] * flat, counts[-flat:]
        )
    for number in range(axes - flat):
        axis = len(value.shape) - axes + number
        sizes = (window.kernel[number], window.stride[number], window.dilation[number])
        value = reduced_windows(b, value, axis, counts[number], sizes, "reduce_mean")
    return value


def along(b: Builder, value: Value, axis: int, matrix: Value) -> Value:
    """Multiply one axis by a matrix [old, new]."""
    last = len(value.shape) - 1
    order = [number for number in range(last + 1) if number != axis] + [axis]
    result = b.product(b.permuted(value, order), matrix)
    return b.permuted(result, [order.index(number) for number in range(last + 1)])


def summed_before(b: Builder, value: Value, dim: int) -> Value:
    """Sum what comes before along an axis: a product with a triangle of ones."""
    axis = value.axis(dim)
    size = value.shape[axis]
    return along(b, value, axis, b.fixed(np.triu(np.ones((size, size)))))

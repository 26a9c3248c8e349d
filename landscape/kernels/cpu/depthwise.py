"""Depthwise convolutions (each channel by itself): sums over taps of long lines, some channels of a pixel together.

The weights of so many channels are laid out a number for each example, so that a tap is one loop over what lies contiguous, and stay in the first
cache while the image goes by. Three taps of a line go in one loop.
"""

from __future__ import annotations

from typing import NamedTuple

from numpy.typing import NDArray

from landscape.jit import kernel
from landscape.kernels.cpu.windows import (
    DX,
    DY,
    GROUPS,
    KX,
    KY,
    OC,
    OH,
    OW,
    PX,
    PY,
    SX,
    SY,
    C,
    H,
    W,
    packed_from,
    window,
)
from landscape.program.table import CHANNELS_TOGETHER


class Lines(NamedTuple):
    """Memory, where its images begin, and how many numbers a pixel has there."""

    numbers: NDArray
    start: int
    pixel: int


@kernel
def is_depthwise(shape):
    """Say whether each channel of the output sees one channel."""
    return shape[GROUPS] > 1 and shape[GROUPS] == shape[C] and shape[C] == shape[OC]


@kernel
def lines_of(part, shape, width):
    """Give the memory of a part of features as lines of pixels."""
    return Lines(part.numbers, part.start * width, shape[C] * width)


@kernel
def spread_weights(shape, weight, scales, first, count, width, out, at):
    """Lay the taps of some channels out, a number for each example, each times its channel's scale unless `scales` is negative."""
    taps, size = shape[KY] * shape[KX], count * width
    for tap in range(taps):
        for c in range(count):
            number = weight.numbers[weight.start + (first + c) * taps + tap]
            if scales >= 0:
                number *= out[scales + first + c]
            for j in range(width):
                out[at + tap * size + c * width + j] = number


@kernel
def set_line(values, first, count, width, out, start):
    """Set a line to a number for each channel."""
    for c in range(count):
        for j in range(width):
            out[start + c * width + j] = values[first + c]


@kernel
def add_one(size, w, at, x, one, y, place):
    """Add a tap's products to a line."""
    a, b, out = w[at : at + size], x[one : one + size], y[place : place + size]
    for q in range(size):
        out[q] += a[q] * b[q]


@kernel
def add_three(size, w, at, x, one, step, y, place):
    """Add the products of three taps of a line to a line."""
    a, b, c = w[at : at + size], w[at + size : at + 2 * size], w[at + 2 * size : at + 3 * size]
    d, e, f = (
        x[one : one + size],
        x[one + step : one + step + size],
        x[one + 2 * step : one + 2 * step + size],
    )
    out = y[place : place + size]
    for q in range(size):
        out[q] += a[q] * d[q] + b[q] * e[q] + c[q] * f[q]


@kernel
def depthwise_value(shape, weight, source, target, width, add, cut, packed):
    """Set a part of features to start + W ∗ source, or add W ∗ source to it; starts and scales are in the scratch, and are left out where `add`."""
    x, y = lines_of(source, shape, width), lines_of(target, shape, width)
    at, taps = packed_from(shape), shape[KX]
    for first in range(0, shape[C], CHANNELS_TOGETHER):
        count = min(CHANNELS_TOGETHER, shape[C] - first)
        size = count * width
        spread_weights(shape, weight, shape[OC], first, count, width, packed, at)
        for v in range(shape[OH]):
            a, ny, top = window(v, shape[H], shape[KY], shape[SY], shape[PY], shape[DY])
            for u in range(shape[OW]):
                b, nx, left = window(u, shape[W], taps, shape[SX], shape[PX], shape[DX])
                place = y.start + (v * shape[OW] + u) * y.pixel + first * width
                if not add:
                    set_line(packed, first, count, width, y.numbers, place)
                for i in range(ny):
                    one = x.start + ((top + i * shape[DY]) * shape[W] + left) * x.pixel + first * width
                    tap, k = at + ((a + i) * taps + b) * size, 0
                    while k + 3 <= nx:
                        add_three(size, packed, tap + k * size, x.numbers, one + k * shape[DX] * x.pixel, shape[DX] * x.pixel, y.numbers, place)  # fmt: skip
                        k += 3
                    while k < nx:
                        add_one(
                            size,
                            packed,
                            tap + k * size,
                            x.numbers,
                            one + k * shape[DX] * x.pixel,
                            y.numbers,
                            place,
                        )
                        k += 1
                if cut:
                    positive(y.numbers, place, size)


@kernel
def positive(numbers, start, size):
    """Set a line to its positive part."""
    line = numbers[start : start + size]
    for q in range(size):
        line[q] = max(line[q], numbers.dtype.type(0))


@kernel
def depthwise_backward(shape, weight, adjoint, into, width, fresh, packed):
    """Add what an adjoint pulls back to a part of features, which is cleared where `fresh`."""
    d, x = lines_of(adjoint, shape, width), lines_of(into, shape, width)
    at, taps = packed_from(shape), shape[KX]
    if fresh:
        whole = x.numbers[x.start : x.start + shape[H] * shape[W] * x.pixel]
        for q in range(whole.size):
            whole[q] = 0
    for first in range(0, shape[C], CHANNELS_TOGETHER):
        count = min(CHANNELS_TOGETHER, shape[C] - first)
        size = count * width
        spread_weights(shape, weight, -1, first, count, width, packed, at)
        for v in range(shape[OH]):
            a, ny, top = window(v, shape[H], shape[KY], shape[SY], shape[PY], shape[DY])
            for u in range(shape[OW]):
                b, nx, left = window(u, shape[W], taps, shape[SX], shape[PX], shape[DX])
                place = d.start + (v * shape[OW] + u) * d.pixel + first * width
                for i in range(ny):
                    for k in range(nx):
                        pixel = (top + i * shape[DY]) * shape[W] + left + k * shape[DX]
                        tap = at + ((a + i) * taps + b + k) * size
                        add_one(
                            size,
                            packed,
                            tap,
                            d.numbers,
                            place,
                            x.numbers,
                            x.start + pixel * x.pixel + first * width,
                        )


@kernel
def depthwise_gradient(shape, source, adjoint, gradient, width, packed):
    """Add the products of an adjoint with the source's pixels at each tap to the weight's gradient, a part of an array."""
    x, d = lines_of(source, shape, width), lines_of(adjoint, shape, width)
    at, taps, both = packed_from(shape), shape[KX], shape[KY] * shape[KX]
    for first in range(0, shape[C], CHANNELS_TOGETHER):
        count = min(CHANNELS_TOGETHER, shape[C] - first)
        size = count * width
        packed[at : at + both * size] = 0
        for v in range(shape[OH]):
            a, ny, top = window(v, shape[H], shape[KY], shape[SY], shape[PY], shape[DY])
            for u in range(shape[OW]):
                b, nx, left = window(u, shape[W], taps, shape[SX], shape[PX], shape[DX])
                place = d.start + (v * shape[OW] + u) * d.pixel + first * width
                for i in range(ny):
                    for k in range(nx):
                        pixel = (top + i * shape[DY]) * shape[W] + left + k * shape[DX]
                        tap = at + ((a + i) * taps + b + k) * size
                        add_one(
                            size,
                            d.numbers,
                            place,
                            x.numbers,
                            x.start + pixel * x.pixel + first * width,
                            packed,
                            tap,
                        )
        for c in range(count):
            for tap in range(both):
                total = gradient.numbers.dtype.type(0)
                for j in range(width):
                    total += packed[at + tap * size + c * width + j]
                gradient.numbers[gradient.start + (first + c) * both + tap] += total

"""Convolutions by windows: an output pixel is a product of the weight with the pixels that it sees, which are read where they lie.

Taps that fall into the padding are left out. Neighbouring pixels with the same taps are one product that is repeated.
"""

from __future__ import annotations

from typing import NamedTuple

from landscape.jit import kernel
from landscape.kernels.cpu.arrays import FROM_OUT, Depth, Left, Out, Part, Product, Right
from landscape.kernels.cpu.products import multiply, multiply_each
from landscape.kernels.cpu.transpose import transpose
from landscape.kernels.cpu.vectors import lanes_of
from landscape.kernels.cpu.views import flat
from landscape.program.table import WIDEST_VECTOR as VECTOR
from landscape.program.table import Geometry

C, H, W = int(Geometry.CHANNELS), int(Geometry.HEIGHT), int(Geometry.WIDTH)
OC, OH, OW = int(Geometry.OUT_CHANNELS), int(Geometry.OUT_HEIGHT), int(Geometry.OUT_WIDTH)
KY, KX, SY, SX = (
    int(Geometry.KERNEL_Y),
    int(Geometry.KERNEL_X),
    int(Geometry.STRIDE_Y),
    int(Geometry.STRIDE_X),
)
PY, PX, DY, DX = (
    int(Geometry.PADDING_Y),
    int(Geometry.PADDING_X),
    int(Geometry.DILATION_Y),
    int(Geometry.DILATION_X),
)
GROUPS, LINES = int(Geometry.GROUPS), int(Geometry.LINES)


class Lines(NamedTuple):
    """Lines of an output, top … bottom − 1, and the first of those that are turned."""

    first: int
    top: int
    bottom: int


@kernel
def window(position, size, taps, stride, padding, dilation):
    """Give the first tap of an output position that meets the image, how many do, and the first pixel met."""
    start, tap = position * stride - padding, 0
    while tap < taps and start + tap * dilation < 0:
        tap += 1
    count = 0
    while tap + count < taps and start + (tap + count) * dilation < size:
        count += 1
    return tap, count, start + tap * dilation


@kernel
def reverse_window(pixel, positions, taps, stride, padding, dilation):
    """Give the taps that meet a pixel: the first, their step, how many, the first one's output position and its step."""
    tap = 0
    while tap < taps and ((pixel + padding - tap * dilation) % stride != 0 or (pixel + padding - tap * dilation) // stride >= positions):  # fmt: skip
        tap += 1
    step = 1
    while step < stride and step * dilation % stride != 0:
        step += 1
    count, position = 0, (pixel + padding - tap * dilation) // stride
    back = step * dilation // stride
    while tap + count * step < taps and position - count * back >= 0:
        count += 1
    return tap, step, count, position, -back


@kernel
def packed_from(shape):
    """Say where weights are packed in the scratch: after the outputs' starts and scales, at a whole vector."""
    return (2 * shape[OC] + VECTOR - 1) // VECTOR * VECTOR


@kernel
def same_window(u, shape, b, nx):
    """Give the first output pixel of a line after u whose taps that meet the image are others."""
    end = u + 1
    while end < shape[OW]:
        other, count, _ = window(end, shape[W], shape[KX], shape[SX], shape[PX], shape[DX])
        if other != b or count != nx:
            break
        end += 1
    return end


@kernel
def window_line(rules, v, shape, packed, source, target, width, add, cut):
    """Compute line v of the output with packed weights, or add it to what is there; of its numbers the positive part where `cut`."""
    channels, out, u = shape[C] // shape[GROUPS], shape[OC] // shape[GROUPS], 0
    size = channels * shape[KY] * shape[KX]
    joined = shape[GROUPS] == 1 and shape[DX] == 1
    a, ny, top = window(v, shape[H], shape[KY], shape[SY], shape[PY], shape[DY])
    line, step = shape[DY] * shape[W] * shape[C] * width, shape[DX] * shape[C] * width
    while u < shape[OW]:
        b, nx, left = window(u, shape[W], shape[KX], shape[SX], shape[PX], shape[DX])
        end = same_window(u, shape, b, nx)
        depth = Depth(ny, 1, nx * channels) if joined else Depth(ny, nx, channels)
        pixel = source.start + (top * shape[W] + left) * shape[C]
        first = target.start + (v * shape[OW] + u) * shape[OC]
        tap = (a * shape[KX] + b) * channels
        for g in range(shape[GROUPS]):
            at = packed_from(shape) + g * out * size
            w = Left(packed, at, size, tap, shape[KX] * channels, channels, 1, 1)
            seen = Right(source.numbers, (pixel + g * channels) * width, line, step, width)
            there = Out(target.numbers, (first + g * out) * width, width)
            one = Product(out, width, depth, w, seen, FROM_OUT if add else g * out, cut, there)
            multiply_each(rules, one, end - u, shape[SX] * shape[C] * width, shape[OC] * width)
        u = end


@kernel
def same_reverse_window(k, shape, b, sb, nx, u):
    """Give how many pixels of a line, a stride apart from k on, are seen by the same taps, each from an output further on."""
    count = 1
    while k + count * shape[SX] < shape[W]:
        other, step, taps, place, _ = reverse_window(
            k + count * shape[SX], shape[OW], shape[KX], shape[SX], shape[PX], shape[DX]
        )
        if other != b or step != sb or taps != nx or place != u + count:
            break
        count += 1
    return count


@kernel
def backward_by_windows(rules, shape, weight, adjoint, into, width, start):
    """Set a part of features to start + what an adjoint pulls back: each pixel's product with the outputs that saw it."""
    channels, out = shape[C] // shape[GROUPS], shape[OC] // shape[GROUPS]
    for i in range(shape[H]):
        a, sa, ny, v, dv = reverse_window(i, shape[OH], shape[KY], shape[SY], shape[PY], shape[DY])
        for phase in range(min(shape[SX], shape[W])):
            k = phase
            while k < shape[W]:
                b, sb, nx, u, du = reverse_window(k, shape[OW], shape[KX], shape[SX], shape[PX], shape[DX])
                count = same_reverse_window(k, shape, b, sb, nx, u)
                # A pixel that no output saw is set too, to a product of no depth.
                depth = Depth(ny if nx > 0 else 0, nx, out)
                for g in range(shape[GROUPS]):
                    w = taps_seen(shape, weight, g, a, b, sa, sb)
                    at = (adjoint.start + (v * shape[OW] + u) * shape[OC] + g * out) * width
                    line, step = dv * shape[OW] * shape[OC] * width, du * shape[OC] * width
                    delta = Right(adjoint.numbers, at, line, step, width)
                    place = (into.start + (i * shape[W] + k) * shape[C] + g * channels) * width
                    one = Product(channels, width, depth, w, delta, start, 0, Out(into.numbers, place, width))
                    multiply_each(rules, one, count, shape[OC] * width, shape[SX] * shape[C] * width)
                k += count * shape[SX]


@kernel
def taps_seen(shape, weight, g, a, b, sa, sb):
    """Give a group's weights from tap (a, b) on, in steps of sa and sb, as the left side of a product over outputs."""
    channels, out, taps = (
        shape[C] // shape[GROUPS],
        shape[OC] // shape[GROUPS],
        shape[KY] * shape[KX],
    )
    first = weight.start + g * out * channels * taps + a * shape[KX] + b
    return Left(weight.numbers, first, taps, 0, sa * shape[KX], sb, channels * taps, 0)


@kernel
def meeting(tap, first, last, size, stride, padding, dilation):
    """Give the part of the positions first … last − 1 whose tap meets the image."""
    shift = tap * dilation - padding
    while first < last and first * stride + shift < 0:
        first += 1
    while last > first and (last - 1) * stride + shift >= size:
        last -= 1
    return first, last


@kernel
def gradient_by_windows(rules, shape, source, adjoint, gradient, scratch, width):
    """Add the products of an adjoint with the source's pixels at each tap to the weight's gradient, a part of an array.

    Some lines of the adjoint are turned at a time, so that its channels run along vectors; sums of taps × channels × outputs follow them in scratch.
    """
    out, lines = shape[OC] // shape[GROUPS], shape[LINES]
    wide = (out + VECTOR - 1) // VECTOR * VECTOR
    free, sums = flat(scratch), lines * shape[OW] * wide * width
    size = shape[KY] * shape[KX] * (shape[C] // shape[GROUPS]) * wide
    for g in range(shape[GROUPS]):
        free[sums : sums + size] = 0
        for v in range(0, shape[OH], lines):
            stop = min(v + lines, shape[OH])
            turn(v * shape[OW], stop * shape[OW], g * out, wide, shape, adjoint, free, width)
            for a in range(shape[KY]):
                top, bottom = meeting(a, v, stop, shape[H], shape[SY], shape[PY], shape[DY])
                if top < bottom:
                    some = Lines(v, top, bottom)
                    line_gradient(rules, a, g, some, wide, shape, source, Part(free, sums), width)
        spread_sums(g, out, wide, shape, Part(free, sums), gradient)


@kernel
def turn(first, last, channel, wide, shape, adjoint, flat, width):
    """Turn a group's channels of output pixels first … last − 1 to [B, wide] each; what lies beyond them is multiplied, and does not count."""
    d, out = adjoint.numbers, shape[OC] // shape[GROUPS]
    for p in range(first, last):
        start, target = (adjoint.start + p * shape[OC] + channel) * width, (p - first) * wide * width
        if start + wide * width <= d.size:
            transpose(wide, width, d, start, flat, target)
        else:
            for c in range(out):
                for j in range(width):
                    flat[target + j * wide + c] = d[start + c * width + j]


@kernel
def line_gradient(rules, a, g, lines, wide, shape, source, sums, width):
    """Add line a of the taps over some output lines; turned outputs lie first in the memory of the sums.

    Runs of positions that see the same taps have them for one product, where the taps' channels lie one after the other.
    """
    channels, u, lanes = shape[C] // shape[GROUPS], 0, lanes_of(source.numbers)
    # Rows have room for whole vectors of the widest kind; this machine's may be narrower.
    used = (shape[OC] // shape[GROUPS] + lanes - 1) // lanes * lanes
    together = shape[GROUPS] == 1 and shape[DX] == 1
    line = lines.top * shape[SY] - shape[PY] + a * shape[DY]
    while u < shape[OW]:
        b, nx, left = window(u, shape[W], shape[KX], shape[SX], shape[PX], shape[DX])
        end = same_window(u, shape, b, nx)
        products, rows = (1, nx * channels) if together else (nx, channels)
        for k in range(products):
            pixel = source.start + (line * shape[W] + left + k * shape[DX]) * shape[C] + g * channels
            down, step = shape[SY] * shape[W] * shape[C] * width, shape[SX] * shape[C] * width
            x = Left(source.numbers, pixel * width, width, 0, down, step, 1, 0)
            first = ((lines.top - lines.first) * shape[OW] + u) * wide * width
            turned = Right(sums.numbers, first, shape[OW] * wide * width, wide * width, wide)
            there = Out(sums.numbers, sums.start + (a * shape[KX] + b + k) * channels * wide, wide)
            summed = Depth(lines.bottom - lines.top, end - u, width)
            multiply(rules, Product(rows, used, summed, x, turned, FROM_OUT, 0, there))
        u = end


@kernel
def spread_sums(g, out, wide, shape, sums, gradient):
    """Add the sums [taps, channels, wide] of a group to the weight's gradient, [out, channels, taps]."""
    channels, taps = shape[C] // shape[GROUPS], shape[KY] * shape[KX]
    for o in range(out):
        w = gradient.start + (g * out + o) * channels * taps
        for c in range(channels):
            for tap in range(taps):
                gradient.numbers[w + c * taps + tap] += sums.numbers[
                    sums.start + (tap * channels + c) * wide + o
                ]

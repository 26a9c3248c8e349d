"""`conv2d` and `conv1d`: an output pixel is a product of the weight with the window of pixels that it sees.

Pixels lie one after the other, the channels of a pixel together, a row of examples each, so a window is read where it lies
(`gathered.py`). Taps that fall into the padding are left out. Stride, padding, dilation and groups are PyTorch's.
"""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.batchnorm import channel_rate, parameter
from landscape.kernels.cpu.gathered import window_product
from landscape.kernels.cpu.packed import pack_rows, packed_product
from landscape.kernels.cpu.transpose import transpose
from landscape.kernels.program import WIDEST_VECTOR as VECTOR
from landscape.kernels.program import Column, Geometry

WEIGHT, BIAS = int(Column.WEIGHT), int(Column.BIAS)
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
MEAN, SCALE, SHIFT = int(Geometry.MEAN), int(Geometry.SCALE), int(Geometry.SHIFT)


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
def pack_weights(row, shape, weights, folded, epsilon, packed):
    """Pack a convolution's weights; after them stand the outputs' starts, the bias, and their scales.

    Where `folded` the running normalization is within both: its scale times W, and shift + (bias − mean)·scale.
    """
    taps, channels, out = shape[KY] * shape[KX], shape[C] // shape[GROUPS], shape[OC] // shape[GROUPS]
    size = channels * taps
    starts, scales = shape[OC] * size, shape[OC] * size + shape[OC]
    for o in range(shape[OC]):
        packed[starts + o], packed[scales + o] = parameter(row[BIAS], weights, o, 0), 1
        if folded:
            scale = parameter(shape[SCALE], weights, o, 1) * channel_rate(shape, weights, epsilon, o)
            shift = parameter(shape[SHIFT], weights, o, 0)
            packed[starts + o] = (packed[starts + o] - weights[shape[MEAN] + o]) * scale + shift
            packed[scales + o] = scale
    for g in range(shape[GROUPS]):
        first = g * out * size
        pack_rows(out, channels, taps, weights, row[WEIGHT] + first, packed, scales + g * out, packed, first)


@kernel
def convolution_value(row, shape, weights, source, x, target, y, width, add, scratch):
    """Set target[y:] to W ∗ source[x:] + b, or add W ∗ source[x:] to it; offsets in features."""
    packed = scratch.reshape(-1)
    pack_weights(row, shape, weights, False, 0.0, packed)
    for v in range(shape[OH]):
        convolution_line(v, shape, packed, source, x, target, y, width, add, False)


@kernel
def convolution_line(v, shape, packed, source, x, target, y, width, add, cut):
    """Compute line v of the output with packed weights, or add it to what is there; of its numbers the positive part where `cut`."""
    channels, out = shape[C] // shape[GROUPS], shape[OC] // shape[GROUPS]
    size = channels * shape[KY] * shape[KX]
    joined = shape[GROUPS] == 1 and shape[DX] == 1
    a, ny, top = window(v, shape[H], shape[KY], shape[SY], shape[PY], shape[DY])
    for u in range(shape[OW]):
        b, nx, left = window(u, shape[W], shape[KX], shape[SX], shape[PX], shape[DX])
        pixel, count, depth = x + (top * shape[W] + left) * shape[C], nx, channels
        if joined:
            count, depth = 1, nx * channels
        for g in range(shape[GROUPS]):
            packed_product(
                out, width, depth, packed, g * out * size, size, (a * shape[KX] + b) * channels, shape[KX] * channels, channels,
                source, (pixel + g * channels) * width, shape[DY] * shape[W] * shape[C] * width, shape[DX] * shape[C] * width,
                ny, count, -1 if add else shape[OC] * size + g * out, cut, target, (y + (v * shape[OW] + u) * shape[OC] + g * out) * width,
            )  # fmt: skip


@kernel
def convolution_backward(row, shape, weights, adjoint, y, into, x, width):
    """Add to into[x:] what adjoint[y:] pulls back: each pixel's product with the outputs that saw it."""
    channels, out = shape[C] // shape[GROUPS], shape[OC] // shape[GROUPS]
    taps = shape[KY] * shape[KX]
    for i in range(shape[H]):
        a, sa, ny, v, dv = reverse_window(i, shape[OH], shape[KY], shape[SY], shape[PY], shape[DY])
        for k in range(shape[W]):
            b, sb, nx, u, du = reverse_window(k, shape[OW], shape[KX], shape[SX], shape[PX], shape[DX])
            if ny == 0 or nx == 0:
                continue
            for g in range(shape[GROUPS]):
                w = row[WEIGHT] + g * out * channels * taps + a * shape[KX] + b
                window_product(
                    channels, width, out, weights, w, taps, sa * shape[KX], sb, channels * taps,
                    adjoint, (y + (v * shape[OW] + u) * shape[OC] + g * out) * width, dv * shape[OW] * shape[OC] * width, du * shape[OC] * width, width,
                    ny, nx, 1.0, into, (x + (i * shape[W] + k) * shape[C] + g * channels) * width,
                )  # fmt: skip


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
def convolution_gradient(row, shape, source, x, adjoint, y, gradient, scratch, width):
    """Add the products of adjoint[y:] with the pixels of source[x:] at each tap to the weight's part of the gradient.

    Some lines of the adjoint are turned at a time, so that its channels run along vectors; sums of taps × channels × outputs follow them in scratch.
    """
    out, lines = shape[OC] // shape[GROUPS], shape[LINES]
    wide = (out + VECTOR - 1) // VECTOR * VECTOR
    flat, sums = scratch.reshape(-1), lines * shape[OW] * wide * width
    size = shape[KY] * shape[KX] * (shape[C] // shape[GROUPS]) * wide
    for g in range(shape[GROUPS]):
        flat[sums : sums + size] = 0
        for v in range(0, shape[OH], lines):
            stop = min(v + lines, shape[OH])
            turn(v * shape[OW], stop * shape[OW], g * out, out, wide, shape, adjoint, y, flat, width)
            for a in range(shape[KY]):
                top, bottom = meeting(a, v, stop, shape[H], shape[SY], shape[PY], shape[DY])
                if top < bottom:
                    line_gradient(a, g, v, top, bottom, wide, shape, source, x, flat, sums, width)
        spread_sums(g, out, wide, row, shape, flat, sums, gradient)


@kernel
def turn(first, last, channel, out, wide, shape, adjoint, y, flat, width):
    """Turn `out` channels of output pixels first … last − 1 to [B, wide] each; what lies beyond them is never read."""
    for p in range(first, last):
        start, target = (y + p * shape[OC] + channel) * width, (p - first) * wide * width
        if start + wide * width <= adjoint.size:
            transpose(wide, width, adjoint, start, flat, target)
        else:
            for c in range(out):
                for j in range(width):
                    flat[target + j * wide + c] = adjoint[start + c * width + j]


@kernel
def line_gradient(a, g, v, top, bottom, wide, shape, source, x, flat, sums, width):
    """Add line a of the taps over output lines top … bottom − 1, the turned ones starting at v.

    Runs of positions that see the same taps have them for one product, where the taps' channels lie one after the other.
    """
    channels, u = shape[C] // shape[GROUPS], 0
    together = shape[GROUPS] == 1 and shape[DX] == 1
    line = top * shape[SY] - shape[PY] + a * shape[DY]
    while u < shape[OW]:
        b, nx, left = window(u, shape[W], shape[KX], shape[SX], shape[PX], shape[DX])
        end = u + 1
        while end < shape[OW]:
            other, count, _ = window(end, shape[W], shape[KX], shape[SX], shape[PX], shape[DX])
            if other != b or count != nx:
                break
            end += 1
        products, rows = (1, nx * channels) if together else (nx, channels)
        for k in range(products):
            pixel = x + (line * shape[W] + left + k * shape[DX]) * shape[C] + g * channels
            window_product(
                rows, wide, width, source, pixel * width, width, shape[SY] * shape[W] * shape[C] * width, shape[SX] * shape[C] * width, 1,
                flat, ((top - v) * shape[OW] + u) * wide * width, shape[OW] * wide * width, wide * width, wide,
                bottom - top, end - u, 1.0, flat, sums + (a * shape[KX] + b + k) * channels * wide,
            )  # fmt: skip
        u = end


@kernel
def spread_sums(g, out, wide, row, shape, flat, sums, gradient):
    """Add the sums [taps, channels, wide] of a group to the weight's part of the gradient, [out, channels, taps]."""
    channels, taps = shape[C] // shape[GROUPS], shape[KY] * shape[KX]
    for o in range(out):
        w = row[WEIGHT] + (g * out + o) * channels * taps
        for c in range(channels):
            for tap in range(taps):
                gradient[w + c * taps + tap] += flat[sums + (tap * channels + c) * wide + o]

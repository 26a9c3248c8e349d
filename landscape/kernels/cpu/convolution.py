"""`conv2d` and `conv1d`: an output pixel is a product of the weight with the window of pixels that it sees.

Pixels lie one after the other, the channels of a pixel together, a row of examples each, so a window is read where it lies
(`gathered.py`). Taps that fall into the padding are left out. Stride, padding, dilation and groups are PyTorch's.
"""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.gathered import window_dots, window_product
from landscape.kernels.program import Column, Geometry

WEIGHT = int(Column.WEIGHT)
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
GROUPS = int(Geometry.GROUPS)


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
def convolution_value(row, shape, weights, source, x, target, y, width, beta):
    """Set target[y:] to W ∗ source[x:] + beta·target[y:]; offsets in features, without the bias."""
    for v in range(shape[OH]):
        convolution_line(v, row, shape, weights, source, x, target, y, width, beta)


@kernel
def convolution_line(v, row, shape, weights, source, x, target, y, width, beta):
    """Compute line v of the output."""
    channels, out = shape[C] // shape[GROUPS], shape[OC] // shape[GROUPS]
    taps = shape[KY] * shape[KX]
    a, ny, top = window(v, shape[H], shape[KY], shape[SY], shape[PY], shape[DY])
    for u in range(shape[OW]):
        b, nx, left = window(u, shape[W], shape[KX], shape[SX], shape[PX], shape[DX])
        pixel = x + (top * shape[W] + left) * shape[C]
        for g in range(shape[GROUPS]):
            w = row[WEIGHT] + g * out * channels * taps + a * shape[KX] + b
            window_product(
                out, width, channels, weights, w, channels * taps, shape[KX], 1, taps,
                source, (pixel + g * channels) * width, shape[DY] * shape[W] * shape[C] * width, shape[DX] * shape[C] * width, width,
                ny, nx, beta, target, (y + (v * shape[OW] + u) * shape[OC] + g * out) * width,
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
def convolution_gradient(row, shape, source, x, adjoint, y, gradient, width):
    """Add the products of adjoint[y:] with the pixels of source[x:] at each tap to the weight's part of the gradient."""
    for v in range(shape[OH]):
        for a in range(shape[KY]):
            i = v * shape[SY] - shape[PY] + a * shape[DY]
            if 0 <= i < shape[H]:
                for b in range(shape[KX]):
                    line_gradient(v, i, a, b, row, shape, source, x, adjoint, y, gradient, width)


@kernel
def line_gradient(v, i, a, b, row, shape, source, x, adjoint, y, gradient, width):
    """Add tap (a, b)'s part of the gradient where output line v meets image line i."""
    channels, out = shape[C] // shape[GROUPS], shape[OC] // shape[GROUPS]
    taps, shift = shape[KY] * shape[KX], b * shape[DX] - shape[PX]
    first, last = 0, shape[OW]
    while first < last and first * shape[SX] + shift < 0:
        first += 1
    while last > first and (last - 1) * shape[SX] + shift >= shape[W]:
        last -= 1
    for g in range(shape[GROUPS]):
        d = (y + (v * shape[OW] + first) * shape[OC] + g * out) * width
        pixel = (x + (i * shape[W] + first * shape[SX] + shift) * shape[C] + g * channels) * width
        w = row[WEIGHT] + g * out * channels * taps + a * shape[KX] + b
        window_dots(
            out, channels, adjoint, d, shape[OC] * width, source, pixel, shape[SX] * shape[C] * width, last - first, width,
            gradient, w, channels * taps, taps,
        )  # fmt: skip

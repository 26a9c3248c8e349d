"""`conv2d` and `conv1d`: an output pixel is a product of the weight with the window of pixels that it sees.

Pixels lie one after the other, the channels of a pixel together, a row of examples each, so a window is read where it lies. Taps that fall into
the padding are left out. Stride, padding, dilation and groups are PyTorch's. Windows of 3 × 3 taps at stride 1 go by squares (`squares.py`).
"""

from __future__ import annotations

from typing import NamedTuple

from landscape.jit import kernel
from landscape.kernels.cpu.arrays import (
    FROM_OUT,
    FROM_ZERO,
    Convolution,
    Depth,
    Image,
    Left,
    Out,
    Part,
    Product,
    Right,
)
from landscape.kernels.cpu.links import input_of, is_fresh, place_of
from landscape.kernels.cpu.loops import activate
from landscape.kernels.cpu.ops.batchnorm import channel_rate, normalize, parameter, statistics_of
from landscape.kernels.cpu.ops.dense import dense_bias_gradient
from landscape.kernels.cpu.products import convolve, multiply, pack_rows
from landscape.kernels.cpu.rules import (
    BACKWARD,
    CONVOLVE,
    CURVED,
    FINISH,
    LINEAR,
    REVERSE,
    TANGENT,
    TAPS_GRADIENT,
    VALUE,
    Rule,
    frame_of,
)
from landscape.kernels.cpu.transpose import transpose
from landscape.kernels.cpu.vectors import lanes_of
from landscape.kernels.cpu.views import block
from landscape.program.codes import ACTIVATION_CODES
from landscape.program.table import WIDEST_VECTOR as VECTOR
from landscape.program.table import Column, Geometry

WEIGHT, BIAS, SIZE, OUT = int(Column.WEIGHT), int(Column.BIAS), int(Column.SIZE), int(Column.OUT)
CODE, ADJOINT, ACTIVE, TRAINED = (
    int(Column.CODE),
    int(Column.ADJOINT),
    int(Column.ACTIVE),
    int(Column.TRAINED),
)
RELU = ACTIVATION_CODES["relu"]
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
GROUPS, LINES, BY_SQUARES = int(Geometry.GROUPS), int(Geometry.LINES), int(Geometry.BY_SQUARES)
MEAN, SCALE, SHIFT = int(Geometry.MEAN), int(Geometry.SCALE), int(Geometry.SHIFT)


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
def set_starts(row, shape, weights, folded, epsilon, packed):
    """Put the outputs' starts, the bias, and their scales into the scratch, one after another.

    Where `folded` the running normalization is within both: its scale times W, and shift + (bias − mean)·scale.
    """
    for o in range(shape[OC]):
        start, scale = parameter(row[BIAS], weights, o, 0), packed.dtype.type(1)
        if folded:
            scale = parameter(shape[SCALE], weights, o, 1) * channel_rate(shape, weights, epsilon, o)
            start = (start - weights[shape[MEAN] + o]) * scale + parameter(shape[SHIFT], weights, o, 0)
        packed[o], packed[shape[OC] + o] = start, scale


@kernel
def pack_weights(row, shape, weights, packed):
    """Pack a convolution's weights, each output's times its scale."""
    taps, channels, out = shape[KY] * shape[KX], shape[C] // shape[GROUPS], shape[OC] // shape[GROUPS]
    for g in range(shape[GROUPS]):
        first = g * out * channels * taps
        given, factors = Part(weights, row[WEIGHT] + first), Part(packed, shape[OC] + g * out)
        pack_rows(out, channels, taps, given, factors, Part(packed, packed_from(shape) + first))


@kernel
def images(shape, source, target, width):
    """Give the images that a convolution reads and writes."""
    return (
        Image(source.numbers, source.start * width, shape[H], shape[W], shape[C] * width, width),
        Image(target.numbers, target.start * width, shape[OH], shape[OW], shape[OC] * width, width),
    )


@kernel
def value_by_squares(rules, row, shape, weights, source, target, width, start, cut, scratch):
    """Set a part of features to start + W ∗ source by squares, with the scales that are in the scratch."""
    taps, (seen, made) = shape[KY] * shape[KX], images(shape, source, target, width)
    run = Convolution(
        seen, made, shape[C], shape[OC], shape[PY], shape[PX], Part(weights, row[WEIGHT]), shape[C] * taps, taps, 0,
        shape[OC], start, cut, packed_from(shape), scratch.reshape(-1), rules,
    )  # fmt: skip
    convolve(rules, CONVOLVE, run)


@kernel
def backward_by_squares(rules, row, shape, weights, adjoint, into, width, start, scratch):
    """Set a part of features to start + what an adjoint pulls back: a convolution of the adjoint with the turned taps."""
    taps, (made, seen) = shape[KY] * shape[KX], images(shape, into, adjoint, width)
    run = Convolution(
        seen, made, shape[OC], shape[C], shape[KY] - 1 - shape[PY], shape[KX] - 1 - shape[PX], Part(weights, row[WEIGHT]),
        taps, shape[C] * taps, 1, -1, start, 0, packed_from(shape), scratch.reshape(-1), rules,
    )  # fmt: skip
    convolve(rules, CONVOLVE, run)


@kernel
def gradient_by_squares(rules, row, shape, source, adjoint, gradient, scratch, width):
    """Add an adjoint's products with the pixels at each tap to the weight's part of the gradient."""
    taps, (seen, made) = shape[KY] * shape[KX], images(shape, source, adjoint, width)
    run = Convolution(
        seen, made, shape[C], shape[OC], shape[PY], shape[PX], Part(gradient, row[WEIGHT]), shape[C] * taps, taps, 0, -1,
        FROM_ZERO, 0, packed_from(shape), scratch.reshape(-1), rules,
    )  # fmt: skip
    convolve(rules, TAPS_GRADIENT, run)


@kernel
def convolution_value(rules, row, shape, weights, source, target, width, add, scratch):
    """Set a part of features to W ∗ source + b, or add W ∗ source to it."""
    packed = scratch.reshape(-1)
    set_starts(row, shape, weights, False, 0.0, packed)
    if shape[BY_SQUARES] > 0:
        start = FROM_OUT if add else 0
        value_by_squares(rules, row, shape, weights, source, target, width, start, 0, scratch)
        return
    pack_weights(row, shape, weights, packed)
    for v in range(shape[OH]):
        convolution_line(rules, v, shape, packed, source, target, width, add, False)


@kernel
def convolution_line(rules, v, shape, packed, source, target, width, add, cut):
    """Compute line v of the output with packed weights, or add it to what is there; of its numbers the positive part where `cut`."""
    channels, out = shape[C] // shape[GROUPS], shape[OC] // shape[GROUPS]
    size = channels * shape[KY] * shape[KX]
    joined = shape[GROUPS] == 1 and shape[DX] == 1
    a, ny, top = window(v, shape[H], shape[KY], shape[SY], shape[PY], shape[DY])
    for u in range(shape[OW]):
        b, nx, left = window(u, shape[W], shape[KX], shape[SX], shape[PX], shape[DX])
        pixel, count, depth = source.start + (top * shape[W] + left) * shape[C], nx, channels
        if joined:
            count, depth = 1, nx * channels
        for g in range(shape[GROUPS]):
            tap = (a * shape[KX] + b) * channels
            w = Left(
                packed, packed_from(shape) + g * out * size, size, tap, shape[KX] * channels, channels, 1, 1
            )
            line, step = shape[DY] * shape[W] * shape[C] * width, shape[DX] * shape[C] * width
            seen = Right(source.numbers, (pixel + g * channels) * width, line, step, width)
            there = Out(
                target.numbers, (target.start + (v * shape[OW] + u) * shape[OC] + g * out) * width, width
            )
            first = FROM_OUT if add else g * out
            multiply(rules, Product(out, width, Depth(ny, count, depth), w, seen, first, cut, there))


@kernel
def convolution_backward(rules, row, shape, weights, adjoint, into, width, fresh, scratch):
    """Add what an adjoint pulls back to a part of features, or set it where `fresh`: each pixel's product with the outputs that saw it."""
    channels, out, start = (
        shape[C] // shape[GROUPS],
        shape[OC] // shape[GROUPS],
        FROM_ZERO if fresh else FROM_OUT,
    )
    if shape[BY_SQUARES] > 0:
        backward_by_squares(rules, row, shape, weights, adjoint, into, width, start, scratch)
        return
    taps = shape[KY] * shape[KX]
    for i in range(shape[H]):
        a, sa, ny, v, dv = reverse_window(i, shape[OH], shape[KY], shape[SY], shape[PY], shape[DY])
        for k in range(shape[W]):
            b, sb, nx, u, du = reverse_window(k, shape[OW], shape[KX], shape[SX], shape[PX], shape[DX])
            # A pixel that no output saw is set too, to a product of no depth.
            seen = Depth(ny if nx > 0 else 0, nx, out)
            for g in range(shape[GROUPS]):
                first = row[WEIGHT] + g * out * channels * taps + a * shape[KX] + b
                w = Left(weights, first, taps, 0, sa * shape[KX], sb, channels * taps, 0)
                at = (adjoint.start + (v * shape[OW] + u) * shape[OC] + g * out) * width
                line, step = dv * shape[OW] * shape[OC] * width, du * shape[OC] * width
                delta = Right(adjoint.numbers, at, line, step, width)
                there = Out(
                    into.numbers, (into.start + (i * shape[W] + k) * shape[C] + g * channels) * width, width
                )
                multiply(rules, Product(channels, width, seen, w, delta, start, 0, there))


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
def convolution_gradient(rules, row, shape, source, adjoint, gradient, scratch, width):
    """Add the products of an adjoint with the source's pixels at each tap to the weight's part of the gradient.

    Some lines of the adjoint are turned at a time, so that its channels run along vectors; sums of taps × channels × outputs follow them in scratch.
    """
    if shape[BY_SQUARES] > 0:
        gradient_by_squares(rules, row, shape, source, adjoint, gradient, scratch, width)
        return
    out, lines = shape[OC] // shape[GROUPS], shape[LINES]
    wide = (out + VECTOR - 1) // VECTOR * VECTOR
    flat, sums = scratch.reshape(-1), lines * shape[OW] * wide * width
    size = shape[KY] * shape[KX] * (shape[C] // shape[GROUPS]) * wide
    for g in range(shape[GROUPS]):
        flat[sums : sums + size] = 0
        for v in range(0, shape[OH], lines):
            stop = min(v + lines, shape[OH])
            turn(v * shape[OW], stop * shape[OW], g * out, wide, shape, adjoint, flat, width)
            for a in range(shape[KY]):
                top, bottom = meeting(a, v, stop, shape[H], shape[SY], shape[PY], shape[DY])
                if top < bottom:
                    some = Lines(v, top, bottom)
                    line_gradient(rules, a, g, some, wide, shape, source, Part(flat, sums), width)
        spread_sums(g, out, wide, row, shape, Part(flat, sums), gradient)


@kernel
def turn(first, last, channel, wide, shape, adjoint, flat, width):
    """Turn a group's channels of output pixels first … last − 1 to [B, wide] each; what lies beyond them is never read."""
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
        end = u + 1
        while end < shape[OW]:
            other, count, _ = window(end, shape[W], shape[KX], shape[SX], shape[PX], shape[DX])
            if other != b or count != nx:
                break
            end += 1
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
def spread_sums(g, out, wide, row, shape, sums, gradient):
    """Add the sums [taps, channels, wide] of a group to the weight's part of the gradient, [out, channels, taps]."""
    channels, taps = shape[C] // shape[GROUPS], shape[KY] * shape[KX]
    for o in range(out):
        w = row[WEIGHT] + (g * out + o) * channels * taps
        for c in range(channels):
            for tap in range(taps):
                gradient[w + c * taps + tap] += sums.numbers[sums.start + (tap * channels + c) * wide + o]


def value(i, pointer):
    """Set a row's output line by line, with the normalization and the activation that ride on it while the line is in cache."""
    frame = frame_of(pointer)
    network, row, shape = frame.network, frame.network.rows[i], frame.network.geometry[i]
    x = place_of(frame.places, input_of(network, i, 0), frame.work, frame.shared)
    target = Part(frame.work, frame.places[i])
    out = block(frame.work, frame.places[i], row[SIZE], frame.width)
    line, packed, cut = row[SIZE] // shape[OH], frame.scratch.reshape(-1), 1 if row[CODE] == RELU else 0
    set_starts(row, shape, frame.weights, shape[MEAN] >= 0, network.epsilons[i], packed)
    if shape[BY_SQUARES] > 0:
        value_by_squares(
            network.rules, row, shape, frame.weights, x, target, frame.width, 0, cut, frame.scratch
        )
        if row[CODE] != 0 and row[CODE] != RELU:
            activate(network.rules, row[CODE], out, network.attributes[i])
        return
    pack_weights(row, shape, frame.weights, packed)
    for v in range(shape[OH]):
        convolution_line(network.rules, v, shape, packed, x, target, frame.width, False, cut)
        if row[CODE] != 0 and row[CODE] != RELU:
            activate(network.rules, row[CODE], out[v * line : (v + 1) * line], network.attributes[i])


def riding(i, pointer):
    """Run the normalization and the activation that ride on a row whose product with its bias is there."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    y = block(frame.work, frame.places[i], row[SIZE], frame.width)
    normalize(statistics_of(frame, i), frame.weights, 1, y, frame.scratch)
    if row[CODE] != 0:
        activate(network.rules, row[CODE], y, network.attributes[i])


def linear(i, pointer):
    """Set the row's part of `tangent` to the product with `vector` in the place of the parameters."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    x, target = place_of(frame.places, input_of(network, i, 0), frame.work, frame.shared), Part(frame.tangent, frame.targets[i])  # fmt: skip
    convolution_value(
        network.rules, row, network.geometry[i], frame.vector, x, target, frame.width, False, frame.scratch
    )


def backward(i, pointer):
    """Push a row's adjoint to its input's and to the gradient."""
    frame = frame_of(pointer)
    network, row, shape = frame.network, frame.network.rows[i], frame.network.geometry[i]
    source, delta = input_of(network, i, 0), Part(frame.adjoint, row[ADJOINT])
    if row[TRAINED] and frame.gradient.size > 0:
        x = place_of(frame.places, source, frame.work, frame.shared)
        convolution_gradient(network.rules, row, shape, x, delta, frame.gradient, frame.scratch, frame.width)
        dense_bias_gradient(row, block(frame.adjoint, row[ADJOINT], row[SIZE], frame.width), frame.gradient)
    if network.rows[source, ACTIVE]:
        into, fresh = Part(frame.into, network.rows[source, ADJOINT]), is_fresh(network, i, 0)
        convolution_backward(
            network.rules, row, shape, frame.weights, delta, into, frame.width, fresh, frame.scratch
        )


def tangent(i, pointer):
    """Set Ẏ = Ẇ X + W Ẋ + ḃ."""
    frame = frame_of(pointer)
    network, row, shape = frame.network, frame.network.rows[i], frame.network.geometry[i]
    source, target = input_of(network, i, 0), Part(frame.tangent, frame.places[i])
    if row[TRAINED] and frame.vector.size > 0:
        x = place_of(frame.places, source, frame.work, frame.shared)
        convolution_value(
            network.rules, row, shape, frame.vector, x, target, frame.width, False, frame.scratch
        )
    else:
        block(frame.tangent, frame.places[i], row[SIZE], frame.width)[:, :] = 0
    if network.rows[source, ACTIVE]:
        change = Part(frame.tangent, frame.places[source])
        convolution_value(
            network.rules, row, shape, frame.weights, change, target, frame.width, True, frame.scratch
        )


def curved(i, pointer):
    """Add what the change of the weights and of the inputs does to the reverse rule."""
    frame = frame_of(pointer)
    network, row, shape = frame.network, frame.network.rows[i], frame.network.geometry[i]
    source = input_of(network, i, 0)
    if row[TRAINED] and network.rows[source, ACTIVE] and frame.vector.size > 0:
        delta, change = Part(frame.adjoint, frame.places[i]), Part(frame.tangent, frame.places[source])
        into = Part(frame.into, frame.places[source])
        convolution_gradient(
            network.rules, row, shape, change, delta, frame.gradient, frame.scratch, frame.width
        )
        convolution_backward(
            network.rules, row, shape, frame.vector, delta, into, frame.width, False, frame.scratch
        )


REVERSED = Rule(backward)
RULES = {
    VALUE: Rule(value), FINISH: Rule(riding), LINEAR: Rule(linear), BACKWARD: REVERSED, TANGENT: Rule(tangent),
    REVERSE: REVERSED, CURVED: Rule(curved),
}  # fmt: skip

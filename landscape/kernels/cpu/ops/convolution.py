"""`conv2d` and `conv1d`, by windows (`windows.py`) or, of 3 × 3 taps at stride 1, by squares (`squares.py`).

Pixels lie one after the other, the channels of a pixel together, a row of examples each. Stride, padding, dilation and groups are PyTorch's.
"""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.arrays import (
    FROM_OUT,
    FROM_ZERO,
    Convolution,
    Image,
    Part,
)
from landscape.kernels.cpu.depthwise import (
    depthwise_backward,
    depthwise_gradient,
    depthwise_value,
    is_depthwise,
)
from landscape.kernels.cpu.links import input_of, is_fresh, place_of
from landscape.kernels.cpu.loops import activate
from landscape.kernels.cpu.ops.batchnorm import channel_rate, normalize, parameter, statistics_of
from landscape.kernels.cpu.ops.dense import dense_bias_gradient
from landscape.kernels.cpu.products import convolve, pack_rows
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
from landscape.kernels.cpu.views import block, flat
from landscape.kernels.cpu.windows import (
    GROUPS,
    KX,
    KY,
    OC,
    OH,
    OW,
    PX,
    PY,
    C,
    H,
    W,
    backward_by_windows,
    gradient_by_windows,
    packed_from,
    window_line,
)
from landscape.program.codes import ACTIVATION_CODES
from landscape.program.table import Column, Geometry

WEIGHT, BIAS, SIZE, OUT = int(Column.WEIGHT), int(Column.BIAS), int(Column.SIZE), int(Column.OUT)
CODE, ADJOINT, ACTIVE, TRAINED = (
    int(Column.CODE),
    int(Column.ADJOINT),
    int(Column.ACTIVE),
    int(Column.TRAINED),
)
RELU = ACTIVATION_CODES["relu"]
BY_SQUARES = int(Geometry.BY_SQUARES)
MEAN, SCALE, SHIFT = int(Geometry.MEAN), int(Geometry.SCALE), int(Geometry.SHIFT)


@kernel
def set_starts(bias, shape, weights, folded, epsilon, packed):
    """Put the outputs' starts, the bias, and their scales into the scratch, one after another.

    Where `folded` the running normalization is within both: its scale times W, and shift + (bias − mean)·scale.
    """
    for o in range(shape[OC]):
        start, scale = parameter(bias, weights, o, 0), packed.dtype.type(1)
        if folded:
            scale = parameter(shape[SCALE], weights, o, 1) * channel_rate(shape, weights, epsilon, o)
            start = (start - weights[shape[MEAN] + o]) * scale + parameter(shape[SHIFT], weights, o, 0)
        packed[o], packed[shape[OC] + o] = start, scale


@kernel
def pack_weights(shape, weight, packed):
    """Pack a convolution's weights, each output's times its scale."""
    taps, channels, out = shape[KY] * shape[KX], shape[C] // shape[GROUPS], shape[OC] // shape[GROUPS]
    for g in range(shape[GROUPS]):
        first = g * out * channels * taps
        given, factors = Part(weight.numbers, weight.start + first), Part(packed, shape[OC] + g * out)
        pack_rows(out, channels, taps, given, factors, Part(packed, packed_from(shape) + first))


@kernel
def images(shape, source, target, width):
    """Give the images that a convolution reads and writes."""
    return (
        Image(source.numbers, source.start * width, shape[H], shape[W], shape[C] * width, width),
        Image(target.numbers, target.start * width, shape[OH], shape[OW], shape[OC] * width, width),
    )


@kernel
def value_by_squares(rules, shape, weight, source, target, width, start, cut, scratch):
    """Set a part of features to start + W ∗ source by squares, with the scales that are in the scratch."""
    taps, (seen, made) = shape[KY] * shape[KX], images(shape, source, target, width)
    run = Convolution(
        seen, made, shape[C], shape[OC], shape[PY], shape[PX], weight, shape[C] * taps, taps, 0,
        shape[OC], start, cut, packed_from(shape), flat(scratch), rules,
    )  # fmt: skip
    convolve(rules, CONVOLVE, run)


@kernel
def backward_by_squares(rules, shape, weight, adjoint, into, width, start, scratch):
    """Set a part of features to start + what an adjoint pulls back: a convolution of the adjoint with the turned taps."""
    taps, (made, seen) = shape[KY] * shape[KX], images(shape, into, adjoint, width)
    run = Convolution(
        seen, made, shape[OC], shape[C], shape[KY] - 1 - shape[PY], shape[KX] - 1 - shape[PX], weight,
        taps, shape[C] * taps, 1, -1, start, 0, packed_from(shape), flat(scratch), rules,
    )  # fmt: skip
    convolve(rules, CONVOLVE, run)


@kernel
def gradient_by_squares(rules, shape, source, adjoint, gradient, scratch, width):
    """Add an adjoint's products with the pixels at each tap to the weight's gradient, a part of an array."""
    taps, (seen, made) = shape[KY] * shape[KX], images(shape, source, adjoint, width)
    run = Convolution(
        seen, made, shape[C], shape[OC], shape[PY], shape[PX], gradient, shape[C] * taps, taps, 0, -1,
        FROM_ZERO, 0, packed_from(shape), flat(scratch), rules,
    )  # fmt: skip
    convolve(rules, TAPS_GRADIENT, run)


@kernel
def convolution_value(rules, bias, shape, weight, source, target, width, add, scratch):
    """Set a part of features to W ∗ source + b, or add W ∗ source to it; W is a part of an array, `bias` where b begins in the same, or negative."""
    packed = flat(scratch)
    set_starts(bias, shape, weight.numbers, False, 0.0, packed)
    if shape[BY_SQUARES] > 0:
        start = FROM_OUT if add else 0
        value_by_squares(rules, shape, weight, source, target, width, start, 0, scratch)
        return
    if is_depthwise(shape):
        depthwise_value(shape, weight, source, target, width, add, 0, packed)
        return
    pack_weights(shape, weight, packed)
    for v in range(shape[OH]):
        window_line(rules, v, shape, packed, source, target, width, add, False)


@kernel
def convolution_backward(rules, shape, weight, adjoint, into, width, fresh, scratch):
    """Add what an adjoint pulls back to a part of features, or set it where `fresh`."""
    start = FROM_ZERO if fresh else FROM_OUT
    if shape[BY_SQUARES] > 0:
        backward_by_squares(rules, shape, weight, adjoint, into, width, start, scratch)
    elif is_depthwise(shape):
        depthwise_backward(shape, weight, adjoint, into, width, fresh, flat(scratch))
    else:
        backward_by_windows(rules, shape, weight, adjoint, into, width, start)


@kernel
def convolution_gradient(rules, shape, source, adjoint, gradient, scratch, width):
    """Add the products of an adjoint with the source's pixels at each tap to the weight's gradient, a part of an array."""
    if shape[BY_SQUARES] > 0:
        gradient_by_squares(rules, shape, source, adjoint, gradient, scratch, width)
    elif is_depthwise(shape):
        depthwise_gradient(shape, source, adjoint, gradient, width, flat(scratch))
    else:
        gradient_by_windows(rules, shape, source, adjoint, gradient, scratch, width)


def value(i, pointer):
    """Set a row's output line by line, with the normalization and the activation that ride on it while the line is in cache."""
    frame = frame_of(pointer)
    network, row, shape = frame.network, frame.network.rows[i], frame.network.geometry[i]
    x = place_of(frame.places, input_of(network, i, 0), frame.work, frame.shared)
    target = Part(frame.work, frame.places[i])
    out = block(frame.work, frame.places[i], row[SIZE], frame.width)
    line, packed, cut = row[SIZE] // shape[OH], flat(frame.scratch), 1 if row[CODE] == RELU else 0
    set_starts(row[BIAS], shape, frame.weights, shape[MEAN] >= 0, network.epsilons[i], packed)
    if shape[BY_SQUARES] > 0:
        value_by_squares(
            network.rules,
            shape,
            Part(frame.weights, row[WEIGHT]),
            x,
            target,
            frame.width,
            0,
            cut,
            frame.scratch,
        )
        if row[CODE] != 0 and row[CODE] != RELU:
            activate(network.rules, row[CODE], out, network.attributes[i])
        return
    if is_depthwise(shape):
        weight = Part(frame.weights, row[WEIGHT])
        depthwise_value(shape, weight, x, target, frame.width, False, cut, packed)
        if row[CODE] != 0 and row[CODE] != RELU:
            activate(network.rules, row[CODE], out, network.attributes[i])
        return
    pack_weights(shape, Part(frame.weights, row[WEIGHT]), packed)
    for v in range(shape[OH]):
        window_line(network.rules, v, shape, packed, x, target, frame.width, False, cut)
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
        network.rules,
        row[BIAS],
        network.geometry[i],
        Part(frame.vector, row[WEIGHT]),
        x,
        target,
        frame.width,
        False,
        frame.scratch,
    )


def backward(i, pointer):
    """Push a row's adjoint to its input's and to the gradient."""
    frame = frame_of(pointer)
    network, row, shape = frame.network, frame.network.rows[i], frame.network.geometry[i]
    source, delta = input_of(network, i, 0), Part(frame.adjoint, row[ADJOINT])
    if row[TRAINED] and frame.gradient.size > 0:
        x = place_of(frame.places, source, frame.work, frame.shared)
        convolution_gradient(
            network.rules, shape, x, delta, Part(frame.gradient, row[WEIGHT]), frame.scratch, frame.width
        )
        dense_bias_gradient(row, block(frame.adjoint, row[ADJOINT], row[SIZE], frame.width), frame.gradient)
    if network.rows[source, ACTIVE]:
        into, fresh = Part(frame.into, network.rows[source, ADJOINT]), is_fresh(network, i, 0)
        convolution_backward(
            network.rules,
            shape,
            Part(frame.weights, row[WEIGHT]),
            delta,
            into,
            frame.width,
            fresh,
            frame.scratch,
        )


def tangent(i, pointer):
    """Set Ẏ = Ẇ X + W Ẋ + ḃ."""
    frame = frame_of(pointer)
    network, row, shape = frame.network, frame.network.rows[i], frame.network.geometry[i]
    source, target = input_of(network, i, 0), Part(frame.tangent, frame.places[i])
    if row[TRAINED] and frame.vector.size > 0:
        x = place_of(frame.places, source, frame.work, frame.shared)
        convolution_value(
            network.rules,
            row[BIAS],
            shape,
            Part(frame.vector, row[WEIGHT]),
            x,
            target,
            frame.width,
            False,
            frame.scratch,
        )
    else:
        block(frame.tangent, frame.places[i], row[SIZE], frame.width)[:, :] = 0
    if network.rows[source, ACTIVE]:
        change = Part(frame.tangent, frame.places[source])
        convolution_value(
            network.rules,
            row[BIAS],
            shape,
            Part(frame.weights, row[WEIGHT]),
            change,
            target,
            frame.width,
            True,
            frame.scratch,
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
            network.rules, shape, change, delta, Part(frame.gradient, row[WEIGHT]), frame.scratch, frame.width
        )
        convolution_backward(
            network.rules,
            shape,
            Part(frame.vector, row[WEIGHT]),
            delta,
            into,
            frame.width,
            False,
            frame.scratch,
        )


REVERSED = Rule(backward)
RULES = {
    VALUE: Rule(value), FINISH: Rule(riding), LINEAR: Rule(linear), BACKWARD: REVERSED, TANGENT: Rule(tangent),
    REVERSE: REVERSED, CURVED: Rule(curved),
}  # fmt: skip

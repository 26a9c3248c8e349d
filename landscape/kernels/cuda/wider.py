"""The rules for normalizations and for the ops of images and of tokens, which take the places of those of `narrow.py` for networks that need them."""

from __future__ import annotations

from numpy import uint32

from landscape.kernels.cuda.attention import (
    attention_tangent,
    attention_value,
    bend_keys,
    bend_queries,
    pull_to_keys,
    pull_to_queries,
)
from landscape.kernels.cuda.batchnorm import (
    batchnorm_gradient,
    batchnorm_linear,
    batchnorm_tangent,
    normalized,
)
from landscape.kernels.cuda.columns import scratch_start, sum_over_examples, sum_over_pixels
from landscape.kernels.cuda.convolution import (
    convolution_backward,
    convolution_gradient,
    convolution_value,
)
from landscape.kernels.cuda.geometry import MEAN_PLACE, OUT_CHANNELS, SHIFT_PLACE
from landscape.kernels.cuda.images import give_most, linear_map, take_most
from landscape.kernels.cuda.layernorm import (
    layernorm_backward,
    layernorm_curved,
    layernorm_gradient,
    layernorm_tangent,
    layernorm_value,
)
from landscape.kernels.cuda.rows import (
    ACTIVE,
    BIAS,
    CODE,
    OP,
    OUT,
    SIZE,
    TRAINED,
    activation_value,
    copy_numbers,
    input_of,
    offset_of,
)
from landscape.kernels.cuda.shape import THREADS, WIDTH
from landscape.kernels.cuda.softmax import softmax_curved, softmax_linear, softmax_value
from landscape.kernels.cuda.tangent import clear_part
from landscape.kernels.cuda.target import cuda
from landscape.kernels.cuda.tokens import add_positions, embedding_gradient, embedding_value
from landscape.kernels.program import Op

SOFTMAX, LAYERNORM, MASK_OP = int(Op.SOFTMAX), int(Op.LAYERNORM), int(Op.MASK)
CONVOLUTION, BATCHNORM, EMBEDDING = int(Op.CONVOLUTION), int(Op.BATCHNORM), int(Op.EMBEDDING)
POSITION, ATTENTION, MAXPOOL = int(Op.POSITION), int(Op.ATTENTION), int(Op.MAXPOOL)


def is_wide(op):
    """Say whether an op's rules are here."""
    return op in (SOFTMAX, LAYERNORM) or op > MASK_OP


def wide_linear(i, network, vector, source, x, target, y):
    """Run a product, which is linear in its parameters, with its bias: from source[x:] into target[y:]."""
    row = network.rows[i]
    if row[OP] == CONVOLUTION:
        convolution_value(row, network.geometry[i], vector, source, x, target, y, True, False)
    else:
        embedding_value(row, vector, source, x, target, y)


def finished(i, network, weights, f, value):
    """Give a feature's number with the running normalization that rides on its row, if one does."""
    shape = network.geometry[i]
    if shape[MEAN_PLACE] < 0:
        return value
    return normalized(shape, weights, weights, f % network.rows[i, OUT], 1, network.epsilons[i], value)


def finish(i, network, weights, target, y):
    """Give an output the normalization and the activation that ride on its row."""
    row, q = network.rows[i], uint32(cuda.threadIdx.x)
    while q < row[SIZE] * WIDTH:
        p = uint32(y * WIDTH + q)
        value = finished(i, network, weights, q // WIDTH, target[p])
        target[p] = activation_value(row[CODE], value, network.attributes[i])
        q = uint32(q + THREADS)
    cuda.syncthreads()


def unfinished(i, network, weights, memory, x, target, y):
    """Set target[y:] from memory[x:], without what rides on the row."""
    row, shape = network.rows[i], network.geometry[i]
    if row[OP] == CONVOLUTION or row[OP] == EMBEDDING:
        wide_linear(i, network, weights, memory, x, target, y)
    elif row[OP] == SOFTMAX:
        softmax_value(row, memory, x, target, y)
    elif row[OP] == LAYERNORM:
        layernorm_value(row, weights, network.attributes[i], memory, x, target, y)
    elif row[OP] == BATCHNORM:
        copy_numbers(memory, x * WIDTH, target, y * WIDTH, row[SIZE] * WIDTH, False)
    elif row[OP] == POSITION:
        add_positions(row, memory, x, weights, target, y, True, True)
    elif row[OP] == MAXPOOL:
        take_most(shape, memory, x, memory, x, target, y)
    elif row[OP] == ATTENTION:
        attention_value(row, shape, memory, x, target, y)
    else:
        linear_map(row, shape, memory, x, target, y, row[SIZE], False)
    cuda.syncthreads()


def wide_forward(i, network, places, weights, work, shared):
    """Run one row, with the normalization and the activation that ride on it."""
    place = places[input_of(network, i, 0)]
    memory, x = work if place >= 0 else shared, offset_of(place)
    unfinished(i, network, weights, memory, x, work, places[i])
    if network.geometry[i, MEAN_PLACE] >= 0 or (network.rows[i, CODE] != 0 and network.rows[i, OP] > MASK_OP):
        finish(i, network, weights, work, places[i])


def wide_gradient(i, network, places, weights, memory, x, work, adjoint, gradient):
    """Add an adjoint's part of the gradient of a row's own parameters."""
    row, shape, y, s = network.rows[i], network.geometry[i], places[i], scratch_start(network, places)
    if row[OP] == CONVOLUTION:
        convolution_gradient(row, shape, memory, x, adjoint, y, gradient)
        if row[BIAS] >= 0:
            sum_over_pixels(adjoint, y, row[SIZE], shape[OUT_CHANNELS], work, s)
            sum_over_examples(work, s, shape[OUT_CHANNELS], gradient, row[BIAS])
    elif row[OP] == LAYERNORM:
        layernorm_gradient(row, network.attributes[i], memory, x, work, adjoint, y, gradient, work, s, False)
    elif row[OP] == BATCHNORM:
        batchnorm_gradient(row, shape, weights, network.epsilons[i], memory, x, adjoint, y, gradient, work, s, False)  # fmt: skip
        if shape[SHIFT_PLACE] >= 0:
            sum_over_pixels(adjoint, y, row[SIZE], row[OUT], work, s)
            sum_over_examples(work, s, row[OUT], gradient, shape[SHIFT_PLACE])
    elif row[OP] == EMBEDDING:
        embedding_gradient(row, memory, x, adjoint, y, gradient)
    else:
        sum_over_examples(adjoint, y, row[SIZE], gradient, row[BIAS])
    cuda.syncthreads()


def wide_backward(i, network, places, weights, work, shared, adjoint, into, gradient):
    """Push a row's adjoint to its input's part of `into` and, unless that is empty, its parameters' of the gradient."""
    row, shape, source = network.rows[i], network.geometry[i], input_of(network, i, 0)
    place, y = places[source], places[i]
    memory, x = work if place >= 0 else shared, offset_of(place)
    if row[TRAINED] and gradient.size > 0:
        wide_gradient(i, network, places, weights, memory, x, work, adjoint, gradient)
    if network.rows[source, ACTIVE]:
        if row[OP] == CONVOLUTION:
            convolution_backward(row, shape, weights, adjoint, y, into, place)
        elif row[OP] == SOFTMAX:
            softmax_linear(row, work, y, adjoint, y, into, place, True)
        elif row[OP] == LAYERNORM:
            layernorm_backward(row, weights, network.attributes[i], work, place, adjoint, y, into)
        elif row[OP] == BATCHNORM:
            batchnorm_linear(row, shape, weights, weights, 1, network.epsilons[i], adjoint, y, into, place)
        elif row[OP] == POSITION:
            copy_numbers(adjoint, y * WIDTH, into, place * WIDTH, row[SIZE] * WIDTH, True)
        elif row[OP] == MAXPOOL:
            give_most(shape, work, place, adjoint, y, into, place)
        elif row[OP] == ATTENTION:
            pull_to_queries(row, shape, work, place, adjoint, y, into, scratch_start(network, places))
            pull_to_keys(row, shape, work, place, adjoint, y, into, scratch_start(network, places))
        else:
            linear_map(row, shape, adjoint, y, into, place, network.rows[source, SIZE], True)


def linear_tangent(i, network, places, weights, vector, memory, x, tangent):
    """Set the tangent of a product: Ẇ X + W Ẋ + ḃ."""
    row, source = network.rows[i], input_of(network, i, 0)
    if row[TRAINED]:
        wide_linear(i, network, vector, memory, x, tangent, places[i])
    else:
        clear_part(tangent, places[i] * WIDTH, row[SIZE] * WIDTH)
    cuda.syncthreads()
    if row[OP] == CONVOLUTION and network.rows[source, ACTIVE]:
        convolution_value(row, network.geometry[i], weights, tangent, places[source], tangent, places[i], False, True)  # fmt: skip


def wide_tangent(i, network, places, weights, vector, work, shared, tangent):
    """Set one row's tangent; that of an input which does not move is not read."""
    row, shape, source = network.rows[i], network.geometry[i], input_of(network, i, 0)
    place, y, moved = places[source], places[i], network.rows[source, ACTIVE] != 0
    memory, x = work if place >= 0 else shared, offset_of(place)
    if row[OP] == CONVOLUTION or row[OP] == EMBEDDING:
        linear_tangent(i, network, places, weights, vector, memory, x, tangent)
    elif row[OP] == SOFTMAX:
        softmax_linear(row, work, y, tangent, place, tangent, y, False)
    elif row[OP] == LAYERNORM:
        layernorm_tangent(row, weights, vector, network.attributes[i], memory, x, tangent, place, y, moved)
    elif row[OP] == BATCHNORM:
        batchnorm_tangent(row, shape, weights, vector, network.epsilons[i], memory, x, tangent, place, y, moved)  # fmt: skip
    elif row[OP] == POSITION:
        add_positions(row, tangent, place, vector, tangent, y, moved, row[TRAINED] != 0)
    elif row[OP] == MAXPOOL:
        take_most(shape, work, place, tangent, place, tangent, y)
    elif row[OP] == ATTENTION:
        attention_tangent(row, shape, work, place, tangent, place, y)
    else:
        linear_map(row, shape, tangent, place, tangent, y, row[SIZE], False)
    cuda.syncthreads()


def wide_curved(i, network, places, weights, vector, work, shared, tangent, adjoint, into, gradient):
    """Add the change of a row's reverse rule along the tangent, applied to its finished adjoint; its input moves."""
    row, shape, place, y = network.rows[i], network.geometry[i], places[input_of(network, i, 0)], places[i]
    s = scratch_start(network, places)
    if row[OP] == CONVOLUTION and row[TRAINED]:
        convolution_gradient(row, shape, tangent, place, adjoint, y, gradient)
        convolution_backward(row, shape, vector, adjoint, y, into, place)
    elif row[OP] == SOFTMAX:
        softmax_curved(row, work, tangent, y, adjoint, into, place)
    elif row[OP] == LAYERNORM:
        if row[TRAINED]:
            layernorm_gradient(row, network.attributes[i], work, place, tangent, adjoint, y, gradient, work, s, True)  # fmt: skip
        layernorm_curved(row, weights, vector, network.attributes[i], work, place, tangent, adjoint, y, into)
    elif row[OP] == BATCHNORM and row[TRAINED]:
        batchnorm_gradient(row, shape, weights, network.epsilons[i], tangent, place, adjoint, y, gradient, work, s, True)  # fmt: skip
        batchnorm_linear(row, shape, weights, vector, 0, network.epsilons[i], adjoint, y, into, place)
    elif row[OP] == ATTENTION:
        bend_queries(row, shape, work, place, tangent, place, adjoint, y, into, s)
        bend_keys(row, shape, work, place, tangent, place, adjoint, y, into, s)
    cuda.syncthreads()


DEVICE = (
    is_wide, wide_linear, finished, finish, unfinished, wide_forward, wide_gradient, wide_backward, linear_tangent, wide_tangent, wide_curved,
)  # fmt: skip
ENTRIES = ()

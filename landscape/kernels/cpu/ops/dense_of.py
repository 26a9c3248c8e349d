"""A product with a weight that is another row's output, the same for all examples: Y = W X at each position."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.arrays import FROM_OUT, FROM_ZERO, Part
from landscape.kernels.cpu.links import clear_input, input_of, is_fresh, place_of
from landscape.kernels.cpu.mapped import clear
from landscape.kernels.cpu.ops.dense import dense_backward, dense_gradient, dense_value
from landscape.kernels.cpu.rules import BACKWARD, CURVED, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.kernels.cpu.views import block
from landscape.program.table import Column

SIZE, ACTIVE, ADJOINT = int(Column.SIZE), int(Column.ACTIVE), int(Column.ADJOINT)


@kernel
def weight_part(part, width):
    """Say where numbers that are the same for all examples begin, which a place tells in features."""
    return Part(part.numbers, part.start * width)


@kernel
def weight_at(places, i, work, shared, width):
    """Say where row i's numbers begin, wherever they lie."""
    return weight_part(place_of(places, i, work, shared), width)


def value(i, pointer):
    """Set a row's output."""
    frame = frame_of(pointer)
    network, row, width = frame.network, frame.network.rows[i], frame.width
    x = place_of(frame.places, input_of(network, i, 0), frame.work, frame.shared)
    weight = weight_at(frame.places, input_of(network, i, 1), frame.work, frame.shared, width)
    dense_value(network.rules, row, weight, x, Part(frame.work, frame.places[i]), width, FROM_ZERO, 0)


def backward(i, pointer):
    """Push a row's adjoint to its input's and to the weight's."""
    frame = frame_of(pointer)
    network, row, width = frame.network, frame.network.rows[i], frame.width
    source, filters, delta = (
        input_of(network, i, 0),
        input_of(network, i, 1),
        Part(frame.adjoint, row[ADJOINT]),
    )
    if network.rows[filters, ACTIVE]:
        clear_input(network, i, 1, frame.into, width)
        x = place_of(frame.places, source, frame.work, frame.shared)
        gradient = weight_part(Part(frame.into, network.rows[filters, ADJOINT]), width)
        dense_gradient(network.rules, row, x, delta, gradient, width)
    if network.rows[source, ACTIVE]:
        weight = weight_at(frame.places, filters, frame.work, frame.shared, width)
        into, fresh = Part(frame.into, network.rows[source, ADJOINT]), is_fresh(network, i, 0)
        dense_backward(network.rules, row, weight, delta, into, width, fresh)


def tangent(i, pointer):
    """Set Ẏ = Ẇ X + W Ẋ."""
    frame = frame_of(pointer)
    network, row, width = frame.network, frame.network.rows[i], frame.width
    source, filters, target = (
        input_of(network, i, 0),
        input_of(network, i, 1),
        Part(frame.tangent, frame.places[i]),
    )
    clear(block(frame.tangent, frame.places[i], row[SIZE], width))
    if network.rows[filters, ACTIVE]:
        x = place_of(frame.places, source, frame.work, frame.shared)
        change = weight_part(Part(frame.tangent, frame.places[filters]), width)
        dense_value(network.rules, row, change, x, target, width, FROM_OUT, 0)
    if network.rows[source, ACTIVE]:
        weight = weight_at(frame.places, filters, frame.work, frame.shared, width)
        dense_value(
            network.rules, row, weight, Part(frame.tangent, frame.places[source]), target, width, FROM_OUT, 0
        )


def curved(i, pointer):
    """Add what the change of the weight and of the input does to the reverse rule."""
    frame = frame_of(pointer)
    network, row, width = frame.network, frame.network.rows[i], frame.width
    source, filters, delta = (
        input_of(network, i, 0),
        input_of(network, i, 1),
        Part(frame.adjoint, frame.places[i]),
    )
    if network.rows[filters, ACTIVE] and network.rows[source, ACTIVE]:
        gradient = weight_part(Part(frame.into, network.rows[filters, ADJOINT]), width)
        dense_gradient(network.rules, row, Part(frame.tangent, frame.places[source]), delta, gradient, width)
        change = weight_part(Part(frame.tangent, frame.places[filters]), width)
        dense_backward(
            network.rules, row, change, delta, Part(frame.into, network.rows[source, ADJOINT]), width, False
        )


REVERSED = Rule(backward)
RULES = {
    VALUE: Rule(value),
    BACKWARD: REVERSED,
    TANGENT: Rule(tangent),
    REVERSE: REVERSED,
    CURVED: Rule(curved),
}

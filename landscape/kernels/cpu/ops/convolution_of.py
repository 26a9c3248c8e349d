"""A convolution with a weight that is another row's output, the same for all examples."""

from __future__ import annotations

from landscape.kernels.cpu.arrays import Part
from landscape.kernels.cpu.links import clear_input, input_of, is_fresh, place_of
from landscape.kernels.cpu.mapped import clear
from landscape.kernels.cpu.ops.convolution import (
    convolution_backward,
    convolution_gradient,
    convolution_value,
)
from landscape.kernels.cpu.ops.dense_of import weight_at, weight_part
from landscape.kernels.cpu.rules import BACKWARD, CURVED, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.kernels.cpu.views import block
from landscape.program.table import Column

SIZE, ACTIVE, ADJOINT = int(Column.SIZE), int(Column.ACTIVE), int(Column.ADJOINT)


def value(i, pointer):
    """Set a row's output."""
    frame = frame_of(pointer)
    network, shape, width = frame.network, frame.network.geometry[i], frame.width
    x = place_of(frame.places, input_of(network, i, 0), frame.work, frame.shared)
    weight = weight_at(frame.places, input_of(network, i, 1), frame.work, frame.shared, width)
    target = Part(frame.work, frame.places[i])
    convolution_value(network.rules, -1, shape, weight, x, target, width, False, frame.scratch)


def backward(i, pointer):
    """Push a row's adjoint to its input's and to the weight's."""
    frame = frame_of(pointer)
    network, shape, width = frame.network, frame.network.geometry[i], frame.width
    source, filters = input_of(network, i, 0), input_of(network, i, 1)
    delta = Part(frame.adjoint, network.rows[i, ADJOINT])
    if network.rows[filters, ACTIVE]:
        clear_input(network, i, 1, frame.into, width)
        x = place_of(frame.places, source, frame.work, frame.shared)
        gradient = weight_part(Part(frame.into, network.rows[filters, ADJOINT]), width)
        convolution_gradient(network.rules, shape, x, delta, gradient, frame.scratch, width)
    if network.rows[source, ACTIVE]:
        weight = weight_at(frame.places, filters, frame.work, frame.shared, width)
        into, fresh = Part(frame.into, network.rows[source, ADJOINT]), is_fresh(network, i, 0)
        convolution_backward(network.rules, shape, weight, delta, into, width, fresh, frame.scratch)


def tangent(i, pointer):
    """Set Ẏ = Ẇ X + W Ẋ."""
    frame = frame_of(pointer)
    network, shape, width = frame.network, frame.network.geometry[i], frame.width
    source, filters = input_of(network, i, 0), input_of(network, i, 1)
    target = Part(frame.tangent, frame.places[i])
    clear(block(frame.tangent, frame.places[i], network.rows[i, SIZE], width))
    if network.rows[filters, ACTIVE]:
        x = place_of(frame.places, source, frame.work, frame.shared)
        change = weight_part(Part(frame.tangent, frame.places[filters]), width)
        convolution_value(network.rules, -1, shape, change, x, target, width, True, frame.scratch)
    if network.rows[source, ACTIVE]:
        weight = weight_at(frame.places, filters, frame.work, frame.shared, width)
        dx = Part(frame.tangent, frame.places[source])
        convolution_value(network.rules, -1, shape, weight, dx, target, width, True, frame.scratch)


def curved(i, pointer):
    """Add what the change of the weight and of the input does to the reverse rule."""
    frame = frame_of(pointer)
    network, shape, width = frame.network, frame.network.geometry[i], frame.width
    source, filters = input_of(network, i, 0), input_of(network, i, 1)
    delta = Part(frame.adjoint, frame.places[i])
    if network.rows[filters, ACTIVE] and network.rows[source, ACTIVE]:
        gradient = weight_part(Part(frame.into, network.rows[filters, ADJOINT]), width)
        dx = Part(frame.tangent, frame.places[source])
        convolution_gradient(network.rules, shape, dx, delta, gradient, frame.scratch, width)
        change = weight_part(Part(frame.tangent, frame.places[filters]), width)
        into = Part(frame.into, network.rows[source, ADJOINT])
        convolution_backward(network.rules, shape, change, delta, into, width, False, frame.scratch)


REVERSED = Rule(backward)
RULES = {
    VALUE: Rule(value),
    BACKWARD: REVERSED,
    TANGENT: Rule(tangent),
    REVERSE: REVERSED,
    CURVED: Rule(curved),
}

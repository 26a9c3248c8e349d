"""A convolution with a weight that is another row's output, the same for all examples."""

from __future__ import annotations

from landscape.kernels.cuda.arrays import Part, Weight
from landscape.kernels.cuda.ops.convolution import add_weight_gradient, convolve, pull_pixels
from landscape.kernels.cuda.rows import ACTIVE, SIZE, clear_part, input_of, offset_of
from landscape.kernels.cuda.shape import WIDTH
from landscape.kernels.cuda.table import BACKWARD, CURVED, TANGENT, VALUE


def convolution_of_value(i, frame):
    """Set a row's output."""
    network, row = frame.network, frame.network.rows[i]
    place, there = frame.places[input_of(network, i, 0)], frame.places[input_of(network, i, 1)]
    x = Part(frame.work if place >= 0 else frame.shared, offset_of(place))
    weight = Weight(frame.work if there >= 0 else frame.shared, offset_of(there) * WIDTH)
    convolve(row, network.geometry[i], weight, x, Part(frame.work, frame.places[i]), False, False)


def convolution_of_backward(i, frame):
    """Push a row's adjoint to its input's and to the weight's."""
    network, shape, d = frame.network, frame.network.geometry[i], Part(frame.adjoint, frame.places[i])
    source, filters = input_of(network, i, 0), input_of(network, i, 1)
    if network.rows[filters, ACTIVE]:
        place = frame.places[source]
        x = Part(frame.work if place >= 0 else frame.shared, offset_of(place))
        add_weight_gradient(shape, x, d, Weight(frame.into, frame.places[filters] * WIDTH))
    if network.rows[source, ACTIVE]:
        there = frame.places[filters]
        weight = Weight(frame.work if there >= 0 else frame.shared, offset_of(there) * WIDTH)
        pull_pixels(shape, weight, d, Part(frame.into, frame.places[source]))


def convolution_of_tangent(i, frame):
    """Set Ẏ = Ẇ X + W Ẋ."""
    network, row, shape = frame.network, frame.network.rows[i], frame.network.geometry[i]
    source, filters = input_of(network, i, 0), input_of(network, i, 1)
    dy = Part(frame.tangent, frame.places[i])
    clear_part(frame.tangent, dy.start * WIDTH, row[SIZE] * WIDTH)
    for number in range(2):
        # A thread sums the same numbers of both.
        if network.rows[input_of(network, i, number), ACTIVE]:
            place, there = frame.places[source], frame.places[filters]
            memory = frame.tangent if number == 0 else frame.work if place >= 0 else frame.shared
            numbers = frame.tangent if number == 1 else frame.work if there >= 0 else frame.shared
            weight = Weight(numbers, offset_of(there) * WIDTH)
            convolve(row, shape, weight, Part(memory, offset_of(place)), dy, False, True)


def convolution_of_curved(i, frame):
    """Add what the change of the weight and of the input does to the reverse rule."""
    network, shape, d = frame.network, frame.network.geometry[i], Part(frame.adjoint, frame.places[i])
    source, filters = input_of(network, i, 0), input_of(network, i, 1)
    if network.rows[filters, ACTIVE] and network.rows[source, ACTIVE]:
        place, there = frame.places[source], frame.places[filters] * WIDTH
        add_weight_gradient(shape, Part(frame.tangent, place), d, Weight(frame.into, there))
        pull_pixels(shape, Weight(frame.tangent, there), d, Part(frame.into, place))


RULES = {
    VALUE: convolution_of_value,
    BACKWARD: convolution_of_backward,
    TANGENT: convolution_of_tangent,
    CURVED: convolution_of_curved,
}

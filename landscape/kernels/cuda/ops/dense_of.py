"""A product with a weight that is another row's output, the same for all examples: Y = W X at each position."""

from __future__ import annotations

from landscape.kernels.cuda.arrays import Part, Weight
from landscape.kernels.cuda.ops.dense import dense_outer, dense_product, dense_pull
from landscape.kernels.cuda.rows import ACTIVE, SIZE, clear_part, input_of, offset_of
from landscape.kernels.cuda.shape import WIDTH
from landscape.kernels.cuda.table import BACKWARD, CURVED, TANGENT, VALUE
from landscape.kernels.cuda.target import cuda


def dense_of_value(i, frame):
    """Set a row's output."""
    network, row = frame.network, frame.network.rows[i]
    place, there = frame.places[input_of(network, i, 0)], frame.places[input_of(network, i, 1)]
    x = Part(frame.work if place >= 0 else frame.shared, offset_of(place))
    weight = Weight(frame.work if there >= 0 else frame.shared, offset_of(there) * WIDTH)
    dense_product(row, weight, x, Part(frame.work, frame.places[i]), False, False)


def dense_of_backward(i, frame):
    """Push a row's adjoint to its input's and to the weight's."""
    network, row, d = frame.network, frame.network.rows[i], Part(frame.adjoint, frame.places[i])
    source, filters = input_of(network, i, 0), input_of(network, i, 1)
    if network.rows[filters, ACTIVE]:
        place = frame.places[source]
        x = Part(frame.work if place >= 0 else frame.shared, offset_of(place))
        dense_outer(row, x, d, Weight(frame.into, frame.places[filters] * WIDTH))
    if network.rows[source, ACTIVE]:
        there = frame.places[filters]
        weight = Weight(frame.work if there >= 0 else frame.shared, offset_of(there) * WIDTH)
        dense_pull(row, weight, d, Part(frame.into, frame.places[source]))


def dense_of_tangent(i, frame):
    """Set Ẏ = Ẇ X + W Ẋ."""
    network, row, dy = frame.network, frame.network.rows[i], Part(frame.tangent, frame.places[i])
    source, filters = input_of(network, i, 0), input_of(network, i, 1)
    clear_part(frame.tangent, dy.start * WIDTH, row[SIZE] * WIDTH)
    # One call for both: what a call of a product is made of is large.
    for number in range(2):
        if network.rows[input_of(network, i, number), ACTIVE]:
            place, there = frame.places[source], frame.places[filters]
            memory = frame.tangent if number == 0 else frame.work if place >= 0 else frame.shared
            numbers = frame.tangent if number == 1 else frame.work if there >= 0 else frame.shared
            weight = Weight(numbers, offset_of(there) * WIDTH)
            dense_product(row, weight, Part(memory, offset_of(place)), dy, False, True)
        cuda.syncthreads()


def dense_of_curved(i, frame):
    """Add what the change of the weight and of the input does to the reverse rule."""
    network, row, d = frame.network, frame.network.rows[i], Part(frame.adjoint, frame.places[i])
    source, filters = input_of(network, i, 0), input_of(network, i, 1)
    if network.rows[filters, ACTIVE] and network.rows[source, ACTIVE]:
        place, there = frame.places[source], frame.places[filters] * WIDTH
        dense_outer(row, Part(frame.tangent, place), d, Weight(frame.into, there))
        dense_pull(row, Weight(frame.tangent, there), d, Part(frame.into, place))


RULES = {
    VALUE: dense_of_value,
    BACKWARD: dense_of_backward,
    TANGENT: dense_of_tangent,
    CURVED: dense_of_curved,
}

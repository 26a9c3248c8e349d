"""`concat`: outputs one after the other, in each of some groups of features."""

from __future__ import annotations

from landscape.kernels.cuda.arrays import Part
from landscape.kernels.cuda.rows import (
    ACTIVE,
    GROUPS,
    INPUTS,
    SIZE,
    clear_part,
    copy_numbers,
    input_of,
    offset_of,
)
from landscape.kernels.cuda.shape import WIDTH
from landscape.kernels.cuda.table import BACKWARD, TANGENT, VALUE
from landscape.kernels.cuda.target import cuda


def join_part(row, part, rows, whole, start):
    """Copy a part of `rows` features into a whole, from feature `start` of each group on."""
    each, step = rows // row[GROUPS], row[SIZE] // row[GROUPS]
    for g in range(row[GROUPS]):
        x, y = (part.start + g * each) * WIDTH, (whole.start + g * step + start) * WIDTH
        copy_numbers(part.numbers, x, whole.numbers, y, each * WIDTH, False)


def concat_value(i, frame):
    """Set a row's output."""
    network, row, start = frame.network, frame.network.rows[i], 0
    for number in range(row[INPUTS]):
        source = input_of(network, i, number)
        place, size = frame.places[source], network.rows[source, SIZE]
        x = Part(frame.work if place >= 0 else frame.shared, offset_of(place))
        join_part(row, x, size, Part(frame.work, frame.places[i]), start)
        start += size // row[GROUPS]


def concat_backward(i, frame):
    """Push a row's adjoint to those of its inputs."""
    network, row, start = frame.network, frame.network.rows[i], 0
    step = row[SIZE] // row[GROUPS]
    for number in range(row[INPUTS]):
        source = input_of(network, i, number)
        each = network.rows[source, SIZE] // row[GROUPS]
        if network.rows[source, ACTIVE]:
            for g in range(row[GROUPS]):
                d, x = (frame.places[i] + g * step + start) * WIDTH, (frame.places[source] + g * each) * WIDTH
                copy_numbers(frame.adjoint, d, frame.into, x, each * WIDTH, True)
            # An input that is read twice is added to twice.
            cuda.syncthreads()
        start += each


def concat_tangent(i, frame):
    """Set a row's tangent."""
    network, row, start = frame.network, frame.network.rows[i], 0
    clear_part(frame.tangent, frame.places[i] * WIDTH, row[SIZE] * WIDTH)
    for number in range(row[INPUTS]):
        source = input_of(network, i, number)
        size = network.rows[source, SIZE]
        if network.rows[source, ACTIVE]:
            change = Part(frame.tangent, frame.places[source])
            join_part(row, change, size, Part(frame.tangent, frame.places[i]), start)
            cuda.syncthreads()
        start += size // row[GROUPS]


RULES = {VALUE: concat_value, BACKWARD: concat_backward, TANGENT: concat_tangent}
DEVICE = (join_part,)

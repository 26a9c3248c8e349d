"""`add`: the sum of any number of outputs."""

from __future__ import annotations

from landscape.kernels.cuda.rows import (
    ACTIVE,
    CODE,
    INPUTS,
    SIZE,
    activate,
    clear_part,
    copy_numbers,
    input_of,
    offset_of,
)
from landscape.kernels.cuda.shape import WIDTH
from landscape.kernels.cuda.table import BACKWARD, TANGENT, VALUE
from landscape.kernels.cuda.target import cuda


def add_value(i, frame):
    """Set a row's output, with the activation that rides on it."""
    network, row, y = frame.network, frame.network.rows[i], frame.places[i] * WIDTH
    for number in range(row[INPUTS]):
        place = frame.places[input_of(network, i, number)]
        memory = frame.work if place >= 0 else frame.shared
        copy_numbers(memory, offset_of(place) * WIDTH, frame.work, y, row[SIZE] * WIDTH, number > 0)
    if row[CODE] != 0:
        cuda.syncthreads()
        activate(row[CODE], frame.work, y, row[SIZE] * WIDTH, network.attributes[i])


def add_backward(i, frame):
    """Push a row's adjoint to those of its inputs."""
    network, row, d = frame.network, frame.network.rows[i], frame.places[i] * WIDTH
    for number in range(row[INPUTS]):
        source = input_of(network, i, number)
        if network.rows[source, ACTIVE]:
            x = frame.places[source] * WIDTH
            copy_numbers(frame.adjoint, d, frame.into, x, row[SIZE] * WIDTH, True)
            # An input that is read twice is added to twice.
            cuda.syncthreads()


def add_tangent(i, frame):
    """Set a row's tangent."""
    network, row, y = frame.network, frame.network.rows[i], frame.places[i] * WIDTH
    clear_part(frame.tangent, y, row[SIZE] * WIDTH)
    for number in range(row[INPUTS]):
        source = input_of(network, i, number)
        if network.rows[source, ACTIVE]:
            x = frame.places[source] * WIDTH
            copy_numbers(frame.tangent, x, frame.tangent, y, row[SIZE] * WIDTH, True)
            cuda.syncthreads()


RULES = {VALUE: add_value, BACKWARD: add_backward, TANGENT: add_tangent}

"""The rules of an op that owns no parameters and is linear in its one input: a map whose every number one thread gathers, and its transpose.

Nothing is scattered, so nothing meets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy import uint32

from landscape.kernels.cuda.shape import REAL, WIDTH
from landscape.kernels.cuda.table import BACKWARD, TANGENT, VALUE
from landscape.kernels.cuda.text import function_of

# A map is (row, shape, d, f, j, reverse): feature f of example j of what a row, with its line of the geometry, makes of the part d; or of the transpose.
RULES_OF = {
    VALUE: """
def {name}_value(i, frame):
    network, row, q = frame.network, frame.network.rows[i], int64(cuda.threadIdx.x)
    place, y = frame.places[input_of(network, i, 0)], frame.places[i] * WIDTH
    x = Part(frame.work if place >= 0 else frame.shared, offset_of(place))
    while q < row[SIZE] * WIDTH:
        frame.work[uint32(y + q)] = {map}(row, network.geometry[i], x, q // WIDTH, q % WIDTH, False)
        q += THREADS
""",
    BACKWARD: """
def {name}_backward(i, frame):
    network, source, q = frame.network, input_of(frame.network, i, 0), int64(cuda.threadIdx.x)
    if network.rows[source, ACTIVE]:
        d, x = Part(frame.adjoint, frame.places[i]), frame.places[source] * WIDTH
        while q < network.rows[source, SIZE] * WIDTH:
            value = {map}(network.rows[i], network.geometry[i], d, q // WIDTH, q % WIDTH, True)
            frame.into[uint32(x + q)] += value
            q += THREADS
""",
    TANGENT: """
def {name}_tangent(i, frame):
    network, row, q = frame.network, frame.network.rows[i], int64(cuda.threadIdx.x)
    x, y = Part(frame.tangent, frame.places[input_of(network, i, 0)]), frame.places[i] * WIDTH
    while q < row[SIZE] * WIDTH:
        frame.tangent[uint32(y + q)] = {map}(row, network.geometry[i], x, q // WIDTH, q % WIDTH, False)
        q += THREADS
""",
}


def one_of(d, f, j, there):
    """Give d's number of a feature, or zero where there is none."""
    return d.numbers[uint32((d.start + f) * WIDTH + j)] if there else REAL(0)


def linear_rules(name: str, mapped: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    """Write the rules of an op, given its map; each op has its own, since functions cannot be passed to a kernel."""
    return {
        number: function_of(f"{name}_{number}", text.format(name=name, map=mapped.__name__))
        for number, text in RULES_OF.items()
    }


DEVICE = (one_of,)
ENTRIES = ()

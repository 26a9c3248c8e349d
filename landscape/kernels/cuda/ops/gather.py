"""Numbers of another row in another order, with a constant where there are none."""

from __future__ import annotations

from numba import int64
from numpy import uint32

from landscape.kernels.cuda.arrays import Mapped, Part
from landscape.kernels.cuda.mapped import index_at, place_at, push_back
from landscape.kernels.cuda.rows import ACTIVE, MAP, NUMBERS, count_of, input_of, offset_of
from landscape.kernels.cuda.shape import REAL, THREADS, WIDTH
from landscape.kernels.cuda.table import BACKWARD, TANGENT, VALUE
from landscape.kernels.cuda.target import cuda


def gather_numbers(row, links, x, fill, target):
    """Set a part of features to the numbers at a map's places, or to a constant where there is none."""
    single, q = row[NUMBERS] > 0, int64(cuda.threadIdx.x)
    while q < count_of(row):
        place = index_at(links, x.map, q if single else q // WIDTH)
        value = x.numbers[uint32(place_at(x.start, x.single, place, q % WIDTH))] if place >= 0 else fill
        target.numbers[uint32(target.start * WIDTH + q)] = value
        q += THREADS


def gather_value(i, frame):
    """Set a row's output."""
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    place, single = frame.places[source], network.rows[source, NUMBERS] > 0
    x = Mapped(frame.work if place >= 0 else frame.shared, offset_of(place), row[MAP], single)
    gather_numbers(row, network.links, x, network.attributes[i], Part(frame.work, frame.places[i]))


def gather_backward(i, frame):
    """Push a row's adjoint to its input's."""
    network, source = frame.network, input_of(frame.network, i, 0)
    if network.rows[source, ACTIVE]:
        d = Mapped(frame.adjoint, frame.places[i], -1, network.rows[i, NUMBERS] > 0)
        push_back(network, i, 0, d, d, False, REAL(1), Part(frame.into, frame.places[source]))


def gather_tangent(i, frame):
    """Set a row's tangent."""
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    dx = Mapped(frame.tangent, frame.places[source], row[MAP], network.rows[source, NUMBERS] > 0)
    gather_numbers(row, network.links, dx, REAL(0), Part(frame.tangent, frame.places[i]))


RULES = {VALUE: gather_value, BACKWARD: gather_backward, TANGENT: gather_tangent}
DEVICE = (gather_numbers,)

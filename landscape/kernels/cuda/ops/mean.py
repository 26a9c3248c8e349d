"""The mean over an axis of `wide` places, or the sum times the row's attribute where it has one."""

from __future__ import annotations

from numba import int64
from numpy import uint32

from landscape.kernels.cuda.arrays import Mapped
from landscape.kernels.cuda.mapped import place_at
from landscape.kernels.cuda.rows import ACTIVE, NUMBERS, OUT, WIDE, count_of, input_of, offset_of
from landscape.kernels.cuda.shape import REAL, THREADS, WIDTH
from landscape.kernels.cuda.table import BACKWARD, TANGENT, VALUE
from landscape.kernels.cuda.target import cuda


def share_of(network, i):
    """Give what each place of the axis counts."""
    share = network.attributes[i]
    return share if share != 0 else REAL(1) / REAL(network.rows[i, WIDE])


def axis_sum(row, x, q):
    """Sum an input over the axis for number q of the output."""
    f, j, total = q if x.single else q // WIDTH, q % WIDTH, REAL(0)
    first = f // row[OUT] * row[WIDE] * row[OUT] + f % row[OUT]
    for k in range(row[WIDE]):
        total += x.numbers[uint32(place_at(x.start, x.single, first + k * row[OUT], j))]
    return total


def mean_value(i, frame):
    """Set a row's output."""
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    place, y, q = frame.places[source], frame.places[i] * WIDTH, int64(cuda.threadIdx.x)
    x = Mapped(frame.work if place >= 0 else frame.shared, offset_of(place), -1, row[NUMBERS] > 0)
    share = share_of(network, i)
    while q < count_of(row):
        frame.work[uint32(y + q)] = share * axis_sum(row, x, q)
        q += THREADS


def mean_backward(i, frame):
    """Push a row's adjoint to all places of its input's."""
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    if network.rows[source, ACTIVE]:
        single, share, x = row[NUMBERS] > 0, share_of(network, i), frame.places[source] * WIDTH
        out, whole, q = row[OUT], row[WIDE] * row[OUT], int64(cuda.threadIdx.x)
        while q < count_of(network.rows[source]):
            f = q if single else q // WIDTH
            d = place_at(frame.places[i], single, f // whole * out + f % out, q % WIDTH)
            frame.into[uint32(x + q)] += share * frame.adjoint[uint32(d)]
            q += THREADS


def mean_tangent(i, frame):
    """Set a row's tangent."""
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    dx = Mapped(frame.tangent, frame.places[source], -1, row[NUMBERS] > 0)
    share, y, q = share_of(network, i), frame.places[i] * WIDTH, int64(cuda.threadIdx.x)
    while q < count_of(row):
        frame.tangent[uint32(y + q)] = share * axis_sum(row, dx, q)
        q += THREADS


RULES = {VALUE: mean_value, BACKWARD: mean_backward, TANGENT: mean_tangent}
DEVICE = (share_of, axis_sum)

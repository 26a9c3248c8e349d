"""An activation as a row of its own."""

from __future__ import annotations

from numpy import uint32

from landscape.kernels.cuda.rows import (
    ACTIVE,
    CODE,
    activate,
    chosen_activation,
    copy_numbers,
    count_of,
    input_of,
    offset_of,
)
from landscape.kernels.cuda.shape import THREADS, WIDTH
from landscape.kernels.cuda.table import BACKWARD, CURVED, TANGENT, VALUE
from landscape.kernels.cuda.target import cuda

activation_slope, activation_curvature = (
    chosen_activation(kind, "z, a, p") for kind in ("slope", "curvature")
)


def activation_rule(i, frame):
    """Set a row's output."""
    network, row, y = frame.network, frame.network.rows[i], frame.places[i] * WIDTH
    place, count = frame.places[input_of(network, i, 0)], count_of(row)
    memory = frame.work if place >= 0 else frame.shared
    copy_numbers(memory, offset_of(place) * WIDTH, frame.work, y, count, False)
    cuda.syncthreads()
    activate(row[CODE], frame.work, y, count, network.attributes[i])


def activation_backward(i, frame):
    """Add f′(z)·adjoint to the input's."""
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    if network.rows[source, ACTIVE]:
        place, y, q = frame.places[source], frame.places[i] * WIDTH, uint32(cuda.threadIdx.x)
        z, z0 = frame.work if place >= 0 else frame.shared, offset_of(place) * WIDTH
        while q < count_of(row):
            slope = activation_slope(row[CODE], z[uint32(z0 + q)], frame.work[uint32(y + q)], network.attributes[i])  # fmt: skip
            frame.into[uint32(place * WIDTH + q)] += slope * frame.adjoint[uint32(y + q)]
            q = uint32(q + THREADS)


def activation_tangent(i, frame):
    """Set a row's tangent to f′(z) times the input's."""
    network, row, y, q = frame.network, frame.network.rows[i], frame.places[i] * WIDTH, uint32(cuda.threadIdx.x)  # fmt: skip
    place = frame.places[input_of(network, i, 0)]
    z, z0 = frame.work if place >= 0 else frame.shared, offset_of(place) * WIDTH
    while q < count_of(row):
        slope = activation_slope(row[CODE], z[uint32(z0 + q)], frame.work[uint32(y + q)], network.attributes[i])  # fmt: skip
        frame.tangent[uint32(y + q)] = slope * frame.tangent[uint32(place * WIDTH + q)]
        q = uint32(q + THREADS)


def activation_curved(i, frame):
    """Add f″(z)·adjoint·ż to the input's part of `into`."""
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    if network.rows[source, ACTIVE]:
        x, y, q = frame.places[source] * WIDTH, frame.places[i] * WIDTH, uint32(cuda.threadIdx.x)
        while q < count_of(row):
            p, r = uint32(x + q), uint32(y + q)
            bend = activation_curvature(row[CODE], frame.work[p], frame.work[r], network.attributes[i])
            frame.into[p] += bend * (frame.adjoint[r] * frame.tangent[p])
            q = uint32(q + THREADS)


RULES = {
    VALUE: activation_rule,
    BACKWARD: activation_backward,
    TANGENT: activation_tangent,
    CURVED: activation_curved,
}
DEVICE = (activation_slope, activation_curvature)

"""Pearlmutter's R-operator in a block: the forward and the reverse rules along a tangent (ẇ of the parameters), as on the CPU."""

from __future__ import annotations

from numpy import uint32

from landscape.formulas.activations import ACTIVATIONS
from landscape.kernels.cuda.backward import (
    activation_slope,
    backward_row,
    dense_backward,
    dense_gradient,
)
from landscape.kernels.cuda.narrow import is_wide, wide_curved, wide_tangent
from landscape.kernels.cuda.rows import (
    ACTIVATION,
    ACTIVE,
    ADD,
    CODE,
    CONCAT,
    DENSE,
    GROUPS,
    INPUTS,
    MULTIPLY,
    OP,
    SIZE,
    TRAINED,
    copy_numbers,
    dense_value,
    input_of,
    join_part,
    multiply_numbers,
    offset_of,
)
from landscape.kernels.cuda.shape import REAL, THREADS, WIDTH
from landscape.kernels.cuda.target import cuda
from landscape.kernels.cuda.text import choice

activation_curvature = choice(
    "activation_curvature", [row.curvature for row in ACTIVATIONS.values()], "z, a, p"
)


def clear_part(memory, start, count):
    """Set a part of a block's memory to zero."""
    q = uint32(cuda.threadIdx.x)
    while q < count:
        memory[uint32(start + q)] = REAL(0)
        q = uint32(q + THREADS)
    cuda.syncthreads()


def gather_tangent(i, network, places, work, shared, tangent):
    """Add to the tangent of `add`, `concat` or `multiply` what its inputs' give."""
    row, start, y = network.rows[i], 0, places[i]
    for number in range(row[INPUTS]):
        source = input_of(network, i, number)
        size, x = network.rows[source, SIZE], places[source]
        if network.rows[source, ACTIVE]:
            if row[OP] == CONCAT:
                join_part(tangent, x, size, tangent, y, row[SIZE] // row[GROUPS], row[GROUPS], start)
            elif row[OP] == ADD:
                copy_numbers(tangent, x * WIDTH, tangent, y * WIDTH, size * WIDTH, True)
            else:
                other = places[input_of(network, i, 1 - number)]
                factor = work if other >= 0 else shared
                multiply_numbers(tangent, x * WIDTH, factor, offset_of(other) * WIDTH, tangent, y * WIDTH, size * WIDTH, True)  # fmt: skip
            cuda.syncthreads()
        if row[OP] == CONCAT:
            start += size // row[GROUPS]


def activation_tangent(code, z, z0, a, a0, tangent, dz, dy, count, parameter):
    """Set the tangent at dy to f′(z) times that at dz."""
    q = uint32(cuda.threadIdx.x)
    while q < count:
        slope = activation_slope(code, z[uint32(z0 + q)], a[uint32(a0 + q)], parameter)
        tangent[uint32(dy + q)] = slope * tangent[uint32(dz + q)]
        q = uint32(q + THREADS)


def tangent_row(i, network, places, weights, vector, work, shared, tangent):
    """Set one row's tangent: of a product Ẏ = Ẇ X + W Ẋ + ḃ."""
    row, source = network.rows[i], input_of(network, i, 0)
    place, y, count = places[source], places[i], network.rows[i, SIZE] * WIDTH
    memory, x = work if place >= 0 else shared, offset_of(place)
    if is_wide(row[OP]):
        wide_tangent(i, network, places, weights, vector, work, shared, tangent)
    elif row[OP] == DENSE:
        if row[TRAINED]:
            dense_value(row, vector, memory, x, tangent, y, True, False)
        else:
            clear_part(tangent, y * WIDTH, count)
        cuda.syncthreads()
        if network.rows[source, ACTIVE]:
            dense_value(row, weights, tangent, place, tangent, y, False, True)
    elif row[OP] == ACTIVATION:
        activation_tangent(row[CODE], memory, x * WIDTH, work, y * WIDTH, tangent, place * WIDTH, y * WIDTH, count, network.attributes[i])  # fmt: skip
    else:
        clear_part(tangent, y * WIDTH, count)
        gather_tangent(i, network, places, work, shared, tangent)
    cuda.syncthreads()


def tangent_forward(network, places, weights, vector, work, shared, tangent):
    """Set the tangent of every active row; those of the others are not read."""
    for i in range(1, network.rows.shape[0]):
        if network.rows[i, ACTIVE]:
            tangent_row(i, network, places, weights, vector, work, shared, tangent)


def add_bends(code, z, z0, a, a0, d, d0, tangent, dz, out, o0, count, parameter):
    """Add f″(z)·d·ż to out."""
    q = uint32(cuda.threadIdx.x)
    while q < count:
        bend = activation_curvature(code, z[uint32(z0 + q)], a[uint32(a0 + q)], parameter)
        out[uint32(o0 + q)] += bend * (d[uint32(d0 + q)] * tangent[uint32(dz + q)])
        q = uint32(q + THREADS)


def multiply_curved(i, network, places, tangent, adjoint, into):
    """Add the adjoint times the change of the other factor."""
    for number in range(2):
        source, other = input_of(network, i, number), input_of(network, i, 1 - number)
        if network.rows[source, ACTIVE] and network.rows[other, ACTIVE]:
            count = network.rows[i, SIZE] * WIDTH
            multiply_numbers(adjoint, places[i] * WIDTH, tangent, places[other] * WIDTH, into, places[source] * WIDTH, count, True)  # fmt: skip
        cuda.syncthreads()


def curved_row(i, network, places, weights, vector, work, shared, tangent, adjoint, into, gradient):
    """Push the change of a row's adjoint to its inputs and parameters: the rule itself, and the rule's own change."""
    row, source = network.rows[i], input_of(network, i, 0)
    backward_row(i, network, places, weights, work, shared, into, into, gradient)
    active, place, y = network.rows[source, ACTIVE], places[source], places[i]
    if is_wide(row[OP]):
        if active:
            wide_curved(i, network, places, weights, vector, work, shared, tangent, adjoint, into, gradient)
    elif row[OP] == MULTIPLY:
        multiply_curved(i, network, places, tangent, adjoint, into)
    elif row[OP] == DENSE and row[TRAINED] and active:
        dense_gradient(row, tangent, place, adjoint, y, gradient)
        dense_backward(row, vector, adjoint, y, into, place)
    elif row[OP] == ACTIVATION and active:
        count, x = row[SIZE] * WIDTH, place * WIDTH
        add_bends(row[CODE], work, x, work, y * WIDTH, adjoint, y * WIDTH, tangent, x, into, x, count, network.attributes[i])  # fmt: skip
    cuda.syncthreads()


def tangent_backward(network, places, weights, vector, work, shared, tangent, adjoint, into, gradient):
    """Run all rows in reverse; `into` holds the output's change and zeros elsewhere, the gradient's is added to."""
    for i in range(network.rows.shape[0] - 1, 0, -1):
        if network.rows[i, ACTIVE]:
            curved_row(i, network, places, weights, vector, work, shared, tangent, adjoint, into, gradient)


DEVICE = (
    activation_curvature, clear_part, gather_tangent, activation_tangent, tangent_row, tangent_forward, add_bends,
    multiply_curved, curved_row, tangent_backward,
)  # fmt: skip
ENTRIES = ()

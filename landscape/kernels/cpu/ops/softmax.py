"""`softmax` over groups of rows, a column an example."""

from __future__ import annotations

from landscape.formulas.primitives import exp, larger
from landscape.jit import kernel
from landscape.kernels.cpu.links import clear_fresh, input_of
from landscape.kernels.cpu.rules import BACKWARD, CURVED, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.kernels.cpu.views import block, output_block
from landscape.program.table import Column

SIZE, GROUPS, ACTIVE, ADJOINT = int(Column.SIZE), int(Column.GROUPS), int(Column.ACTIVE), int(Column.ADJOINT)


@kernel
def softmax_value(x, y, groups, top, total):
    """Set y to exp(x − max) / Σ; `top` and `total` are scratch rows."""
    wide, width = x.shape[0] // groups, x.shape[1]
    for g in range(groups):
        for j in range(width):
            top[j] = x[g * wide, j]
            total[j] = 0
        for f in range(g * wide, (g + 1) * wide):
            for j in range(width):
                top[j] = larger(x[f, j], top[j])
        for f in range(g * wide, (g + 1) * wide):
            for j in range(width):
                e = exp(x[f, j] - top[j])
                y[f, j] = e
                total[j] += e
        for f in range(g * wide, (g + 1) * wide):
            for j in range(width):
                y[f, j] /= total[j]


@kernel
def dot_rows(left, right, first, last, out):
    """Add Σ_f left·right over rows first … last − 1 to out [B]."""
    for f in range(first, last):
        for j in range(out.size):
            out[j] += left[f, j] * right[f, j]


@kernel
def leading(y, d, first, last, top, base):
    """Set base [B] to what d has in the row of first … last − 1 in which y is largest; `top` is a scratch row."""
    for j in range(top.size):
        top[j], base[j] = y[first, j], d[first, j]
    for f in range(first + 1, last):
        for j in range(top.size):
            base[j] = d[f, j] if y[f, j] > top[j] else base[j]
            top[j] = larger(y[f, j], top[j])


@kernel(exact=True)
def softmax_linear(y, d, into, groups, scratch):
    """Add y(d − Σ y d) to `into`: the Jacobian, which is symmetric, so that it serves tangents and adjoints.

    Each d counts from that of the largest y: where that is almost all, what is left there is a sum over the others, not a difference.
    """
    wide, width, base, mean = y.shape[0] // groups, y.shape[1], scratch[0], scratch[1]
    for g in range(groups):
        first, last = g * wide, (g + 1) * wide
        leading(y, d, first, last, mean, base)
        mean[:] = 0
        for f in range(first, last):
            for j in range(width):
                mean[j] += y[f, j] * (d[f, j] - base[j])
        for f in range(first, last):
            for j in range(width):
                into[f, j] += y[f, j] * ((d[f, j] - base[j]) - mean[j])


@kernel
def softmax_curved(y, dy, d, into, groups, mean, change):
    """Add ẏ(d − Σ y d) − y Σ ẏ d to `into`: the derivative of the Jacobian along ẏ, applied to an adjoint d."""
    wide, width = y.shape[0] // groups, y.shape[1]
    for g in range(groups):
        mean[:] = 0
        change[:] = 0
        dot_rows(y, d, g * wide, (g + 1) * wide, mean)
        dot_rows(dy, d, g * wide, (g + 1) * wide, change)
        for f in range(g * wide, (g + 1) * wide):
            for j in range(width):
                into[f, j] += dy[f, j] * (d[f, j] - mean[j]) - y[f, j] * change[j]


def value(i, pointer):
    """Set a row's output."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    x = output_block(network, frame.places, input_of(network, i, 0), frame.work, frame.shared, frame.width)
    y = block(frame.work, frame.places[i], row[SIZE], frame.width)
    softmax_value(x, y, row[GROUPS], frame.scratch[0], frame.scratch[1])


def backward(i, pointer):
    """Push a row's adjoint to its input's."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    if network.rows[source, ACTIVE]:
        clear_fresh(network, i, frame.into, frame.width)
        y = block(frame.work, frame.places[i], row[SIZE], frame.width)
        d = block(frame.adjoint, row[ADJOINT], row[SIZE], frame.width)
        target = block(frame.into, network.rows[source, ADJOINT], row[SIZE], frame.width)
        softmax_linear(y, d, target, row[GROUPS], frame.scratch)


def tangent(i, pointer):
    """Set a row's tangent."""
    frame = frame_of(pointer)
    row, source = frame.network.rows[i], input_of(frame.network, i, 0)
    y = block(frame.work, frame.places[i], row[SIZE], frame.width)
    dx = block(frame.tangent, frame.places[source], row[SIZE], frame.width)
    dy = block(frame.tangent, frame.places[i], row[SIZE], frame.width)
    dy[:, :] = 0
    softmax_linear(y, dx, dy, row[GROUPS], frame.scratch)


def curved(i, pointer):
    """Add the change of the reverse rule."""
    frame = frame_of(pointer)
    row, source = frame.network.rows[i], input_of(frame.network, i, 0)
    y = block(frame.work, frame.places[i], row[SIZE], frame.width)
    dy = block(frame.tangent, frame.places[i], row[SIZE], frame.width)
    d = block(frame.adjoint, frame.places[i], row[SIZE], frame.width)
    target = block(frame.into, frame.places[source], row[SIZE], frame.width)
    softmax_curved(y, dy, d, target, row[GROUPS], frame.scratch[0], frame.scratch[1])


REVERSED = Rule(backward)
RULES = {
    VALUE: Rule(value),
    BACKWARD: REVERSED,
    TANGENT: Rule(tangent),
    REVERSE: REVERSED,
    CURVED: Rule(curved),
}

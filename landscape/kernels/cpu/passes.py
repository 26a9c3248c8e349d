"""The interpreter: runs rows of a program on one tile of examples, forward, in reverse, and along a tangent.

What each op does in a pass is a rule, which `rules.py` calls by its address. A pass points its rules to a `Frame`. Products with the Hessian take
Pearlmutter's R-operator, the forward and the reverse rules along a tangent (ẇ of the parameters): Barak Pearlmutter, "Fast exact multiplication by the
Hessian", Neural Computation 6 (1994).
"""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.arrays import Frame
from landscape.kernels.cpu.rules import BACKWARD, CURVED, REVERSE, TANGENT, VALUE, pointed, run_rule
from landscape.program.table import Column

OP, ACTIVE, NUMBERS = int(Column.OP), int(Column.ACTIVE), int(Column.NUMBERS)


@kernel(viewing=True)
def frame_for_values(network, places, weights, work, shared, scratch, width):
    """Return a frame for outputs alone."""
    none = weights[:0]
    return Frame(network, places, weights, work, shared, scratch, width, none, none, places, none, none, none)


@kernel(viewing=True)
def with_adjoints(frame, adjoint, into, gradient):
    """Return a frame with the adjoints that are read, those that are written, and the gradient that is added to, which is not where it is empty."""
    return Frame(
        frame.network, frame.places, frame.weights, frame.work, frame.shared, frame.scratch, frame.width, frame.vector,
        frame.tangent, frame.targets, adjoint, into, gradient,
    )  # fmt: skip


@kernel(viewing=True)
def with_tangents(frame, vector, tangent):
    """Return a frame with a change of the weights (zero where it is empty), and the changes of the outputs along it."""
    return Frame(
        frame.network, frame.places, frame.weights, frame.work, frame.shared, frame.scratch, frame.width, vector,
        tangent, frame.targets, frame.adjoint, frame.into, frame.gradient,
    )  # fmt: skip


@kernel
def forward(network, order, places, weights, work, shared, scratch, width):
    """Run the rows in `order`, whose places are in the work."""
    pointer = pointed(frame_for_values(network, places, weights, work, shared, scratch, width))
    for i in order:
        run_rule(network.rules, VALUE + network.rows[i, OP], (i, pointer))


@kernel
def alike(network):
    """Count the rows after the data that are the same for all examples: they come first, and are computed once for all tiles of a θ."""
    count = 0
    while count + 1 < network.rows.shape[0] and network.rows[count + 1, NUMBERS] > 0:
        count += 1
    return count


@kernel
def backward(frame):
    """Run all rows in reverse; the frame's adjoints, which are read and written, hold the output's.

    The gradient is added to; an empty one is not computed. An adjoint is a sum over the rows that read an output: the first of them that the reverse
    pass meets sets it, the others add to it.
    """
    network, pointer = frame.network, pointed(frame)
    for i in range(network.rows.shape[0] - 1, 0, -1):
        if network.rows[i, ACTIVE]:
            run_rule(network.rules, BACKWARD + network.rows[i, OP], (i, pointer))


@kernel
def tangent_forward(frame, first):
    """Set the tangent of every active row after `first`; those of the others must be zero already."""
    network, pointer = frame.network, pointed(frame)
    for i in range(first + 1, network.rows.shape[0]):
        if network.rows[i, ACTIVE]:
            run_rule(network.rules, TANGENT + network.rows[i, OP], (i, pointer))


@kernel
def tangent_backward(frame, first):
    """Run all rows after `first` in reverse, along a tangent; the gradient's change is added to.

    The frame's `adjoint` holds the finished adjoints, `into` their changes: the output's. Of most rows the change is pushed on by the reverse rule as it
    is, and the rule's own change is added.
    """
    network, pointer = frame.network, pointed(frame)
    reverse = pointed(with_adjoints(frame, frame.into, frame.into, frame.gradient))
    for i in range(network.rows.shape[0] - 1, first, -1):
        if network.rows[i, ACTIVE]:
            op = network.rows[i, OP]
            if network.rules[REVERSE + op] != 0:
                run_rule(network.rules, REVERSE + op, (i, reverse))
            if network.rules[CURVED + op] != 0:
                run_rule(network.rules, CURVED + op, (i, pointer))

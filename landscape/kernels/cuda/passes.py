"""The interpreter of a block: its threads run the rows of a program on one tile of examples, one row after another.

As on the CPU, a pass gives its rules a `Frame`, and products with the Hessian take Pearlmutter's R-operator, the forward and the reverse rules along a
tangent. What each op does is in its file in `ops/`; every pass ends a row with the threads together.
"""

from __future__ import annotations

from landscape.kernels.cuda.arrays import Frame
from landscape.kernels.cuda.dispatch import run_backward, run_curved, run_gradient, run_tangent, run_value
from landscape.kernels.cuda.rows import ACTIVE, TRAINED
from landscape.kernels.cuda.target import cuda


def forward_row(i, frame):
    """Run one row, with what rides on it."""
    run_value(i, frame)
    cuda.syncthreads()


def forward(order, frame):
    """Run the rows in `order`, whose places are in the work."""
    for number in range(order.size):
        forward_row(order[number], frame)


def backward_row(i, frame):
    """Push a row's adjoint to its inputs' parts of `into` and, unless that is empty, its parameters' of the gradient."""
    if frame.network.rows[i, TRAINED] and frame.gradient.size > 0:
        run_gradient(i, frame)
    run_backward(i, frame)
    cuda.syncthreads()


def backward(frame):
    """Run all rows in reverse; the adjoints hold the output's and zeros elsewhere. The gradient is added to."""
    for i in range(frame.network.rows.shape[0] - 1, 0, -1):
        if frame.network.rows[i, ACTIVE]:
            backward_row(i, frame)


def tangent_forward(frame):
    """Set the tangent of every active row; those of the others are not read."""
    for i in range(1, frame.network.rows.shape[0]):
        if frame.network.rows[i, ACTIVE]:
            run_tangent(i, frame)
            cuda.syncthreads()


def tangent_backward(frame):
    """Run all rows in reverse along a tangent: the rule itself on the adjoints' changes, and the rule's own change on the finished adjoints.

    `into` holds the output's change and zeros elsewhere, the gradient's is added to.
    """
    changes = Frame(
        frame.network, frame.places, frame.weights, frame.work, frame.shared, frame.vector, frame.tangent, frame.into,
        frame.into, frame.gradient,
    )  # fmt: skip
    for i in range(frame.network.rows.shape[0] - 1, 0, -1):
        if frame.network.rows[i, ACTIVE]:
            backward_row(i, changes)
            run_curved(i, frame)
            cuda.syncthreads()


DEVICE = (forward_row, forward, backward_row, backward, tangent_forward, tangent_backward)
ENTRIES = ()

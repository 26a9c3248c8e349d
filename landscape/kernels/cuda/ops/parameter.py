"""`parameter` and `constant`: numbers of [θ, constants] as an output that is the same for all examples."""

from __future__ import annotations

from landscape.kernels.cuda.rows import NUMBERS, WEIGHT, copy_numbers
from landscape.kernels.cuda.shape import WIDTH
from landscape.kernels.cuda.table import GRADIENT, TANGENT, VALUE


def parameter_value(i, frame):
    """Set a row's output."""
    row, y = frame.network.rows[i], frame.places[i] * WIDTH
    copy_numbers(frame.weights, row[WEIGHT], frame.work, y, row[NUMBERS], False)


def parameter_gradient(i, frame):
    """Add a row's adjoint to the gradient."""
    row, y = frame.network.rows[i], frame.places[i] * WIDTH
    copy_numbers(frame.adjoint, y, frame.gradient, row[WEIGHT], row[NUMBERS], True)


def parameter_tangent(i, frame):
    """Set a row's tangent, which is asked for of trained ones only."""
    row, y = frame.network.rows[i], frame.places[i] * WIDTH
    copy_numbers(frame.vector, row[WEIGHT], frame.tangent, y, row[NUMBERS], False)


RULES = {VALUE: parameter_value, GRADIENT: parameter_gradient, TANGENT: parameter_tangent}

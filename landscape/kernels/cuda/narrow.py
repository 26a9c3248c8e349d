"""What stands for the rules of `wider.py` in kernels for networks without such ops: nothing, so that their code is not there."""

from __future__ import annotations


def is_wide(op):
    """Say whether an op is one of `wider.py`; here none is."""
    return False


def wide_linear(i, network, vector, source, x, target, y):
    """Do nothing."""


def finished(i, network, weights, f, value):
    """Give the value as it is: no normalization rides on a dense row."""
    return value


def wide_forward(i, network, places, weights, work, shared):
    """Do nothing."""


def wide_backward(i, network, places, weights, work, shared, adjoint, into, gradient):
    """Do nothing."""


def wide_tangent(i, network, places, weights, vector, work, shared, tangent):
    """Do nothing."""


def wide_curved(i, network, places, weights, vector, work, shared, tangent, adjoint, into, gradient):
    """Do nothing."""


DEVICE = (is_wide, wide_linear, finished, wide_forward, wide_backward, wide_tangent, wide_curved)
ENTRIES = ()

"""Functions that several activations are made of."""

from __future__ import annotations

from landscape.formulas.primitives import exp, larger, tanh
from landscape.jit import kernel


@kernel
def no_curvature(z, a, p):
    return type(z)(0)


@kernel
def below_zero(z):
    return -larger(-z, type(z)(0))


@kernel
def exp_less_one(z):
    # tanh(z/2)·(eᶻ + 1) has no cancellation near zero.
    return tanh(type(z)(0.5) * z) * (exp(z) + type(z)(1))


@kernel
def logistic(z):
    # e^{−|z|} never overflows; both signs share one division.
    small = exp(-abs(z))
    upper = type(z)(1) / (type(z)(1) + small)
    return small * upper if z < type(z)(0) else upper


@kernel
def signum(z):
    above = type(z)(1) if z > type(z)(0) else type(z)(0)
    below = type(z)(1) if z < type(z)(0) else type(z)(0)
    return above - below

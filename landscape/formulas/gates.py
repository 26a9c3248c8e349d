"""Activations of convolutional and mobile networks: bounded rectifiers, piecewise approximations of smooth gates, shrinkages.

As all formulas of `activations.py`: value (z, p), slope and curvature (z, a, p), PyTorch's side at a kink.
"""

from __future__ import annotations

from landscape.formulas.parts import below_zero, exp_less_one, logistic, signum
from landscape.formulas.primitives import exp, larger, log1p, tanh
from landscape.jit import kernel

# Klambauer et al. 2017 (arXiv 1706.02515), with PyTorch's digits.
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946
SIXTH = 1.0 / 6.0


@kernel
def clamped(z, low, high):
    return -larger(-larger(z, low), -high)


@kernel
def relu6(z, p):
    return clamped(z, type(z)(0), type(z)(6))


@kernel
def relu6_slope(z, a, p):
    return type(z)(1) if type(z)(0) < z < type(z)(6) else type(z)(0)


@kernel
def hardtanh(z, p):
    return clamped(z, -p, p)


@kernel
def hardtanh_slope(z, a, p):
    return type(z)(1) if abs(z) < p else type(z)(0)


@kernel
def hardsigmoid(z, p):
    return type(z)(SIXTH) * clamped(z + type(z)(3), type(z)(0), type(z)(6))


@kernel
def hardsigmoid_slope(z, a, p):
    return type(z)(SIXTH) if abs(z) < type(z)(3) else type(z)(0)


@kernel
def hardswish(z, p):
    return z * (type(z)(SIXTH) * clamped(z + type(z)(3), type(z)(0), type(z)(6)))


@kernel
def hardswish_slope(z, a, p):
    inside = type(z)(2 * SIXTH) * z + type(z)(0.5)
    upper = type(z)(1) if z >= type(z)(3) else inside
    return type(z)(0) if z <= type(z)(-3) else upper


@kernel
def hardswish_curvature(z, a, p):
    return type(z)(2 * SIXTH) if abs(z) < type(z)(3) else type(z)(0)


@kernel
def selu(z, p):
    below = exp_less_one(below_zero(z))
    return type(z)(SELU_SCALE) * (larger(z, type(z)(0)) + type(z)(SELU_ALPHA) * below)


@kernel
def selu_slope(z, a, p):
    left = type(z)(SELU_SCALE * SELU_ALPHA) * exp(below_zero(z))
    return type(z)(SELU_SCALE) if z > type(z)(0) else left


@kernel
def selu_curvature(z, a, p):
    left = type(z)(SELU_SCALE * SELU_ALPHA) * exp(below_zero(z))
    return type(z)(0) if z > type(z)(0) else left


@kernel
def celu(z, p):
    return larger(z, type(z)(0)) + p * exp_less_one(below_zero(z) / p)


@kernel
def celu_slope(z, a, p):
    return exp(below_zero(z) / p)


@kernel
def celu_curvature(z, a, p):
    left = exp(below_zero(z) / p) / p
    return type(z)(0) if z > type(z)(0) else left


# With s = e^{−|z|} and t = s² for z ≥ 0, t = 1 below: tanh(softplus z) = n/(n + 2t), n = 1 + 2s or s² + 2s. No exponential overflows, and nothing
# cancels; its slope is 4t·(1 + s)/(n + 2t)², times s below.
@kernel
def mish_gate(z):
    s = exp(-abs(z))
    n = type(z)(2) * s + (s * s if z < type(z)(0) else type(z)(1))
    t = type(z)(1) if z < type(z)(0) else s * s
    return n / (n + type(z)(2) * t)


@kernel
def mish_gate_slope(z):
    s = exp(-abs(z))
    n = type(z)(2) * s + (s * s if z < type(z)(0) else type(z)(1))
    t = type(z)(1) if z < type(z)(0) else s * s
    u = s if z < type(z)(0) else s * s
    whole = type(z)(1) / (n + type(z)(2) * t)
    return type(z)(4) * u * (type(z)(1) + s) * (whole * whole)


@kernel
def mish(z, p):
    return z * mish_gate(z)


@kernel(within=True)
def mish_slope(z, a, p):
    return mish_gate(z) + z * mish_gate_slope(z)


@kernel(within=True)
def mish_curvature(z, a, p):
    ends = type(z)(1) - logistic(z) * (type(z)(1) + type(z)(2) * mish_gate(z))
    return mish_gate_slope(z) * (type(z)(2) + z * ends)


@kernel
def softsign(z, p):
    return z / (type(z)(1) + abs(z))


@kernel
def softsign_slope(z, a, p):
    part = type(z)(1) / (type(z)(1) + abs(z))
    return part * part


@kernel
def softsign_curvature(z, a, p):
    part = type(z)(1) / (type(z)(1) + abs(z))
    return type(z)(-2) * signum(z) * part * part * part


@kernel
def logsigmoid(z, p):
    return below_zero(z) - log1p(exp(-abs(z)))


@kernel
def logsigmoid_slope(z, a, p):
    return logistic(-z)


@kernel
def logsigmoid_curvature(z, a, p):
    return -logistic(z) * logistic(-z)


@kernel
def shrunk_series(x):
    # (z cosh z − sinh z)/z for x = z² ≤ 1; a term is the one before times x/(2k·(2k + 3)).
    one = type(x)(1)
    tail = one + x * type(x)(1 / 130) * (
        one + x * type(x)(1 / 180) * (one + x * type(x)(1 / 238) * (one + x * type(x)(1 / 304)))
    )
    head = one + x * type(x)(1 / 28) * (one + x * type(x)(1 / 54) * (one + x * type(x)(1 / 88) * tail))
    return x * type(x)(1 / 3) * (one + x * type(x)(1 / 10) * head)


@kernel(within=True)
def tanhshrink(z, p):
    # z − tanh z cancels near zero: (z cosh z − sinh z)/cosh z has terms of one sign.
    near = clamped(z, type(z)(-1), type(z)(1))
    cosh = type(z)(0.5) * (exp(near) + exp(-near))
    return near * shrunk_series(near * near) / cosh if abs(z) < type(z)(1) else z - tanh(z)


@kernel
def tanhshrink_slope(z, a, p):
    t = tanh(z)
    return t * t


@kernel
def tanhshrink_curvature(z, a, p):
    t = tanh(z)
    return type(z)(2) * t * (type(z)(1) - t * t)


@kernel
def softshrink(z, p):
    return larger(z - p, type(z)(0)) - larger(-z - p, type(z)(0))


@kernel
def hardshrink(z, p):
    # A product, since a choice between z and 0 would be a store under a mask.
    return z * (type(z)(1) if abs(z) > p else type(z)(0))


@kernel
def shrink_slope(z, a, p):
    return type(z)(1) if abs(z) > p else type(z)(0)

"""Optimizers: one step of one parameter, and the numbers that all parameters share in a step, for every device.

An update takes (θ, g, a, b, c, k): a parameter, its gradient, up to three numbers of memory, and the step's `Scales`; it gives
the new (θ, a, b, c). Memory starts at zero. `sgd`, `nesterov`, `adagrad`, `rmsprop`, `adam`, `adamw`, `amsgrad` and `radam` are PyTorch's, step by step.
Adding an optimizer: one update, perhaps one function of corrections, and one row of `OPTIMIZERS`.

Sources: Polyak 1964; Sutskever et al. 2013; Duchi et al. 2011; Tieleman and Hinton 2012; Kingma and Ba 2015 (arXiv
1412.6980); Loshchilov and Hutter 2019 (1711.05101); Reddi et al. 2018 (1904.09237); Liu et al. 2020 (1908.03265); Chen et al. 2023
(2302.06675); Foret et al. 2021 (2010.01412).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from landscape.jit import kernel


class Scales(NamedTuple):
    """The factors of one step, in the kernels' dtype.

    `rate` η, `momentum` (λ, or β₁), `beta2` (of squares; α of RMSProp), `eps`, `decay` (η times a decay apart
    from the gradient), and the corrections of the step, `first` and `second`.
    """

    rate: float
    momentum: float
    beta2: float
    eps: float
    decay: float
    first: float
    second: float


@kernel
def sgd(theta, g, m, b, c, k):
    m = k.momentum * m + g
    return theta - k.rate * m, m, b, c


@kernel
def heavy_ball(theta, g, m, b, c, k):
    m = k.momentum * m - k.rate * g
    return theta + m, m, b, c


@kernel
def nesterov(theta, g, m, b, c, k):
    m = k.momentum * m + g
    return theta - k.rate * (g + k.momentum * m), m, b, c


@kernel
def adagrad(theta, g, total, b, c, k):
    total = total + g * g
    return theta - k.rate * g / (math.sqrt(total) + k.eps), total, b, c


@kernel
def adagrad_rms(theta, g, total, b, c, k):
    total = total + g * g
    return theta - k.rate * g / (math.sqrt(total * k.second) + k.eps), total, b, c


@kernel
def rmsprop(theta, g, v, m, c, k):
    v = k.beta2 * v + (type(g)(1) - k.beta2) * (g * g)
    m = k.momentum * m + g / (math.sqrt(v) + k.eps)
    return theta - k.rate * m, v, m, c


@kernel
def adam(theta, g, m, v, c, k):
    m = k.momentum * m + (type(g)(1) - k.momentum) * g
    v = k.beta2 * v + (type(g)(1) - k.beta2) * (g * g)
    return theta - k.decay * theta - k.first * m / (math.sqrt(v) * k.second + k.eps), m, v, c


@kernel
def amsgrad(theta, g, m, v, top, k):
    m = k.momentum * m + (type(g)(1) - k.momentum) * g
    v = k.beta2 * v + (type(g)(1) - k.beta2) * (g * g)
    top = v if v > top or v != v else top
    return theta - k.first * m / (math.sqrt(top) * k.second + k.eps), m, v, top


@kernel
def radam(theta, g, m, v, c, k):
    m = k.momentum * m + (type(g)(1) - k.momentum) * g
    v = k.beta2 * v + (type(g)(1) - k.beta2) * (g * g)
    # `second` is one where the variance of the rate is known well enough to divide by it, else zero.
    divisor = k.second * (math.sqrt(v) + k.eps) + (type(g)(1) - k.second)
    return theta - k.first * m / divisor, m, v, c


@kernel
def lion(theta, g, m, b, c, k):
    zero, one = type(g)(0), type(g)(1)
    u = k.momentum * m + (one - k.momentum) * g
    sign = one if u > zero else (-one if u < zero else u)
    return theta - k.decay * theta - k.rate * sign, k.beta2 * m + (one - k.beta2) * g, b, c


@kernel
def no_correction(t, rate, beta1, beta2):
    return 1.0, 1.0


@kernel
def mean_correction(t, rate, beta1, beta2):
    return 1.0, 1.0 / t


@kernel
def bias_correction(t, rate, beta1, beta2):
    # m̂ = m/(1 − β₁ᵗ) and √v̂ = √v/√(1 − β₂ᵗ).
    return rate / (1.0 - beta1**t), 1.0 / math.sqrt(1.0 - beta2**t)


@kernel
def rectified_correction(t, rate, beta1, beta2):
    # ρ is the length of the average's approximation; up to 5 its variance is not finite (section 3.3 of the paper).
    decayed = beta2**t
    longest = 2.0 / (1.0 - beta2) - 1.0
    rho = longest - 2.0 * t * decayed / (1.0 - decayed)
    step = rate / (1.0 - beta1**t)
    if rho <= 5.0:
        return step, 0.0
    part = (rho - 4.0) * (rho - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * rho)
    return step * math.sqrt(part * (1.0 - decayed)), 1.0


class Optimizer(NamedTuple):
    """An update, the names of its memory, its defaults, and how steps are corrected.

    `correct` takes (t, η, β₁, β₂), t from one, and gives `Scales.first` and `.second`. `decoupled` says that a weight decay acts on θ and not
    through the gradient; with a `radius` the gradient is taken where the loss is worst within it, to first order (SAM).
    """

    update: Callable[..., Any]
    slots: tuple[str, ...]
    correct: Callable[..., Any] = no_correction
    momentum: float = 0.0
    beta2: float = 0.0
    eps: float = 0.0
    weight_decay: float = 0.0
    radius: float = 0.0
    decoupled: bool = False


# A name's position is its code in the kernels.
OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": Optimizer(sgd, ("m",)),
    "heavy_ball": Optimizer(heavy_ball, ("m",), momentum=0.9),
    "nesterov": Optimizer(nesterov, ("m",), momentum=0.9),
    "adagrad": Optimizer(adagrad, ("v",), eps=1e-10),
    "adagrad_rms": Optimizer(adagrad_rms, ("v",), mean_correction, eps=1e-10),
    "rmsprop": Optimizer(rmsprop, ("v", "m"), beta2=0.99, eps=1e-8),
    "adam": Optimizer(adam, ("m", "v"), bias_correction, 0.9, 0.999, 1e-8),
    "adamw": Optimizer(adam, ("m", "v"), bias_correction, 0.9, 0.999, 1e-8, 0.01, decoupled=True),
    "amsgrad": Optimizer(amsgrad, ("m", "v", "v_max"), bias_correction, 0.9, 0.999, 1e-8),
    "radam": Optimizer(radam, ("m", "v"), rectified_correction, 0.9, 0.999, 1e-8),
    "lion": Optimizer(lion, ("m",), momentum=0.9, beta2=0.99, decoupled=True),
    "sam": Optimizer(sgd, ("m",), momentum=0.9, radius=0.05),
}
# How many numbers of memory an update takes and gives.
SLOTS = 3

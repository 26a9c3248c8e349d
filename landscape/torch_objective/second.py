"""Test whether the gradient can be differentiated again, by comparing with differences of gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from landscape import streams
from landscape.errors import InputError
from landscape.objective.blame import first_line
from landscape.objective.probes import unit_rows
from landscape.torch_objective.blame import DerivativeError
from landscape.torch_objective.data import mapped
from landscape.torch_objective.host import Host
from landscape.torch_objective.losses import Step
from landscape.torch_objective.sums import loss_and_gradient, products

# Steps of differences, as parts of a unit vector, and how far a product may be from the one that agrees best.
STEPS, APART = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7), 1e-3
# Two products uᵀHv and vᵀHu may differ by so much of their size, in each precision.
SYMMETRIC = {"float64": 1e-8, "float32": 1e-2}
SEED = 0
# How far from θ it is tried, where no kink is hit by chance, as one of zeros is.
AWAY = 0.01


def reason_against(host: Host, make: Callable[[Host], Step], batch: Any) -> str:
    """Say why products with the Hessian cannot be made by differentiating twice, but once; "" where they can.

    Parameters
    ----------
    host
        Of the module.
    make
        Gives the loss of a batch for a host, which has a dtype.
    batch
        A few examples.

    Raises
    ------
    InputError
        The loss cannot be differentiated once.
    """
    step = make(host)
    try:
        found = judged(host, step, batch)
    except DerivativeError as error:
        with host.lent():
            host.place(host.as_wide(host.theta()))
            loss_and_gradient(host, step, [batch])
        return f"differentiating twice fails ({first_line(error.__cause__ or error)})"
    if found or host.dtype == host.torch.float64 or host.device.type == "mps":
        return found
    try:
        double = host.in_double()
        return judged(double, make(double), mapped(host.torch, double.moved, batch))
    except (RuntimeError, TypeError, InputError):
        # A module that computes in float32 only has been found symmetric there.
        return ""


def judged(host: Host, step: Step, batch: Any) -> str:
    """Compare products with each other, and in float64 with differences of gradients; "" where they agree."""
    u, v, w = unit_rows(SEED, streams.COMPARED[0], 3, host.size)
    theta = host.theta()
    theta = theta + AWAY * w * host.size**0.5 * (np.abs(theta) + AWAY)
    with host.lent():
        host.place(host.as_wide(theta))
        hu, hv = products(host, step, [batch], np.stack([u, v]))
        name = "float64" if host.dtype == host.torch.float64 else "float32"
        size = max(float(np.linalg.norm(hu)), float(np.linalg.norm(hv)))
        if not np.isfinite(size):
            return "differentiating twice gives numbers that are not finite"
        if abs(float(u @ hv - v @ hu)) > SYMMETRIC[name] * size:
            return "differentiating twice gives a matrix that is not symmetric"
        if name == "float32":
            return ""
        apart = min(difference(host, step, batch, theta, v, hv, h) for h in STEPS)
    if apart > APART * max(size, 1e-6):
        return "differentiating twice gives another product than differences of gradients"
    return ""


def difference(host: Host, step: Step, batch: Any, theta: Any, v: Any, hv: Any, h: float) -> float:
    """Measure how far a product lies from the central difference of gradients with a step."""
    sides = []
    for sign in (1.0, -1.0):
        host.place(host.as_wide(theta + sign * h * v))
        sides.append(loss_and_gradient(host, step, [batch])[1])
    return float(np.linalg.norm((sides[0] - sides[1]) / (2 * h) - hv))

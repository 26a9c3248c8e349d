"""Many points of a small network at once, by `torch.func`: one call of each layer for all of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.torch_objective.host import Host
from landscape.torch_objective.losses import Step
from landscape.torch_objective.sums import mean_losses
from landscape.torch_objective.trial import APART

Array = NDArray[np.float64]
Measure = Callable[[Any], Array]

# From so many points on that fit into a step; with fewer a network is so large that its layers take longer than the calls.
LEAST = 8
# How far from θ the second point of the trial lies.
AWAY = 0.01


def many_points(host: Host, step: Step, batches: Iterable[Any]) -> Measure | None:
    """Give what evaluates loss and metrics at each row of points [K, P], [K, 1 + metrics]; None if that cannot be.

    It is tried at two points, and has to give the numbers of one after the other. The choice depends on no clock, so that the same scan has the
    same bits.
    """
    if step.function is None:
        return None

    def measure(points: Any) -> Array:
        return measured(host, step, batches, points)

    with host.lent():
        theta = host.as_wide(host.theta())
        points = host.torch.stack([theta, theta + AWAY * (theta.abs() + AWAY)])
        expected = []
        for point in points:
            host.place(point)
            expected.append(mean_losses(host, step, batches))
        try:
            with warnings.catch_warnings():
                # PyTorch warns of an op that is done point by point all the same.
                warnings.simplefilter("error")
                found = measure(points)
        except Exception:  # of whatever in the user's module cannot be done for many points at once
            return None
    apart = APART[str(host.dtype).removeprefix("torch.")]
    return measure if np.allclose(found, expected, rtol=apart, atol=apart) else None


def measured(host: Host, step: Step, batches: Iterable[Any], points: Any) -> Array:
    """Evaluate loss and metrics at each row of points where the module is lent."""
    torch = host.torch
    rows = points.to(host.device, host.dtype)
    total = torch.zeros(len(points), 1 + len(step.metrics), dtype=torch.float64, device=host.wide_device)
    weights = torch.zeros(1 + len(step.metrics), dtype=torch.float64)
    with torch.no_grad():
        for batch in batches:
            means, counts = of_batch(host, step, batch, rows)
            for column, (mean, count) in enumerate(zip(means, counts, strict=True)):
                if count > 0:
                    total[:, column] += host.wide(mean) * count
                    weights[column] += count
    divisors = weights.clone()
    if step.summed:
        divisors[0] = 1.0
    return np.asarray((total.cpu() / divisors).numpy())


def of_batch(host: Host, step: Step, batch: Any, rows: Any) -> tuple[Any, list[float]]:
    """Give the means [K] of loss and metrics of a batch, and what each weighs, which is the same at all points."""
    functional_call = host.torch.func.functional_call
    weighed: list[Any] = []

    def one(flat: Any) -> tuple[Any, ...]:
        parts = {piece.name: flat[piece.start : piece.stop].view(piece.shape) for piece in host.pieces}

        def module(*inputs: Any, **named: Any) -> Any:
            return functional_call(host.module, parts, inputs, named)

        loss, metrics = step.compute(module, batch)
        pairs = [loss, *(metrics[name] for name in step.metrics)]
        weighed[:] = [weight for _, weight in pairs]
        return tuple(mean for mean, _ in pairs)

    means = host.torch.func.vmap(one)(rows)
    return means, [float(weight) for weight in weighed]

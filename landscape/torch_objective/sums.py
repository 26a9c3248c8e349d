"""Sums over all batches in float64, each batch weighted by its examples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError
from landscape.torch_objective.blame import differentiated
from landscape.torch_objective.host import Host
from landscape.torch_objective.losses import Step
from landscape.torch_objective.settings import twice_differentiable, whole_graphs

Array = NDArray[np.float64]


def mean_losses(host: Host, step: Step, batches: Iterable[Any]) -> list[float]:
    """Give the loss, then each metric, where the host is; one number is read from the device at the end."""
    torch = host.torch
    total = torch.zeros(1 + len(step.metrics), 2, dtype=torch.float64, device=host.wide_device)
    with torch.no_grad():
        for batch in batches:
            loss, metrics = step(torch, host.module, batch)
            pairs = [loss, *(metrics[name] for name in step.metrics)]
            for row, (mean, weight) in enumerate(pairs):
                add(host, total[row], mean, weight)
    means = (total[:, 0] / total[:, 1]).cpu().numpy()
    if step.summed:
        means[0] = float(total[0, 0])
    return [float(value) for value in means]


def add(host: Host, row: Any, mean: Any, weight: Any) -> None:
    """Add weight·mean and the weight; a batch of which nothing counts adds nothing, whatever its mean is."""
    weight = host.wide(weight) if isinstance(weight, host.torch.Tensor) else weight
    amount = host.wide(mean) * weight
    row[0] += host.torch.where(host.torch.as_tensor(weight > 0, device=amount.device), amount, 0.0)
    row[1] += weight


def loss_and_gradient(host: Host, step: Step, batches: Iterable[Any]) -> tuple[float, Array]:
    """Give loss and gradient [P] where the host is."""
    torch, parameters = host.torch, list(host.parameters.values())
    total = torch.zeros(2, dtype=torch.float64, device=host.wide_device)
    gradient = torch.zeros(host.size, dtype=torch.float64, device=host.wide_device)
    with torch.enable_grad(), whole_graphs():
        for batch in batches:
            (mean, weight), _ = step(torch, host.module, batch)
            require_graph(step, mean)
            with differentiated(step.by):
                parts = torch.autograd.grad(mean, parameters, allow_unused=True, materialize_grads=True)
            add(host, total, mean, weight)
            add_parts(host, gradient, parts, float(weight))
    divisor = 1.0 if step.summed else float(total[1])
    return float(total[0]) / divisor, gradient.div_(divisor).cpu().numpy()


def products(host: Host, step: Step, batches: Iterable[Any], vectors: Array) -> Array:
    """Give the products of the Hessian, where the host is, with each row of vectors [K, P], by differentiating each batch's gradient."""
    torch = host.torch
    result = torch.zeros(len(vectors), host.size, dtype=torch.float64, device=host.wide_device)
    rows = [host.split(host.as_wide(row).to(host.device, host.dtype)) for row in vectors]
    total = torch.zeros(2, dtype=torch.float64, device=host.wide_device)
    with torch.enable_grad(), whole_graphs(), twice_differentiable(torch, host.module):
        for batch in batches:
            (mean, weight), _ = step(torch, host.module, batch)
            require_graph(step, mean)
            add(host, total, mean, weight)
            with differentiated(step.by):
                for k, found in enumerate(products_of(host, mean, rows)):
                    add_parts(host, result[k], found, float(weight))
    divisor = 1.0 if step.summed else float(total[1])
    return np.asarray(result.div_(divisor).cpu().numpy())


def products_of(host: Host, mean: Any, rows: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Give the products of one batch's Hessian with rows of tensors, all from one graph; none where the gradient is the same everywhere."""
    torch, parameters = host.torch, list(host.parameters.values())
    gradient = torch.autograd.grad(
        mean, parameters, create_graph=True, allow_unused=True, materialize_grads=True
    )
    curved = [place for place, part in enumerate(gradient) if part.requires_grad]
    for k, row in enumerate(rows):
        if not curved:
            return
        yield torch.autograd.grad(
            [gradient[place] for place in curved],
            parameters,
            [row[place] for place in curved],
            retain_graph=k + 1 < len(rows),
            allow_unused=True,
            materialize_grads=True,
        )


def add_parts(host: Host, total: Any, parts: Sequence[Any], weight: float) -> None:
    """Add weight times tensors of the parameters' shapes to a vector in float64, each in its place and without a copy of all."""
    for place, part in zip(host.split(total), parts, strict=True):
        place.add_(part.detach().to(host.wide_device), alpha=weight)


def require_graph(step: Step, mean: Any) -> None:
    """Refuse a loss that does not lead back to the parameters.

    Raises
    ------
    InputError
        It has no gradient.
    """
    if not mean.requires_grad:
        raise InputError(
            f"{step.by}: the loss does not depend on the parameters that are θ, or is cut from them (detach, no_grad, item): "
            "return a tensor that backward() could be called on"
        )

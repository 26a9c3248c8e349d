"""Products with the Gauss–Newton matrix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError
from landscape.torch_objective.blame import differentiated, evaluated
from landscape.torch_objective.data import examples_of
from landscape.torch_objective.host import Host
from landscape.torch_objective.losses import Step, parted, weight_of
from landscape.torch_objective.settings import twice_differentiable, whole_graphs
from landscape.torch_objective.sums import add_parts, require_graph

Array = NDArray[np.float64]


def gauss_newton(host: Host, step: Step, loss: Any, batches: Iterable[Any], vectors: Array) -> Array:
    r"""Give the products of $G = \sum_b n_b J_b^\top \nabla_z^2 \ell_b J_b / \sum_b n_b$, where the host is, with each row of vectors [K, P].

    The product J v is the derivative, in u, of the gradient uᵀJ, so that no derivative forwards is asked of a kernel.

    Raises
    ------
    InputError
        The loss is one of batches, or the outputs are no tensor.
    """
    if step.function is None:
        raise InputError(
            "gauss-newton needs a loss of outputs and targets, found a loss of batches: give loss=… in place of batch_loss, or use the Hessian"
        )
    torch = host.torch
    result = torch.zeros(len(vectors), host.size, dtype=torch.float64, device=host.wide_device)
    rows = [host.split(host.as_wide(row).to(host.device, host.dtype)) for row in vectors]
    total = 0.0
    with torch.enable_grad(), whole_graphs(), twice_differentiable(torch, host.module):
        for batch in batches:
            inputs, targets = parted(batch)
            with evaluated(step.by):
                outputs = host.module(**inputs) if isinstance(inputs, dict) else host.module(*inputs)
            if not isinstance(outputs, torch.Tensor):
                raise InputError(
                    f"gauss-newton needs a tensor of outputs, found a {type(outputs).__name__}: wrap the module so that it returns one, or use the Hessian"
                )
            require_graph(step, outputs)
            weight = 1.0 if step.summed else float(weight_of(torch, loss, targets, examples_of(targets) or 1))
            total += weight
            with differentiated(step.by):
                for k, found in enumerate(products_of(host, step, outputs, targets, rows)):
                    add_parts(host, result[k], found, weight)
    return np.asarray(result.div_(1.0 if step.summed else total).cpu().numpy())


def products_of(
    host: Host, step: Step, outputs: Any, targets: Any, rows: Sequence[Sequence[Any]]
) -> Iterable[Sequence[Any]]:
    """Give the products of one batch's matrix with rows of tensors."""
    torch, parameters = host.torch, list(host.parameters.values())
    known = {"allow_unused": True, "materialize_grads": True}
    assert step.function is not None
    above = torch.zeros_like(outputs, requires_grad=True)
    back = torch.autograd.grad(outputs, parameters, above, create_graph=True, **known)
    moving = [place for place, part in enumerate(back) if part.requires_grad]
    point = outputs.detach().requires_grad_()
    with evaluated(step.by):
        loss = step.function(point, targets)
    (slope,) = torch.autograd.grad(loss, point, create_graph=True)
    if not (moving and slope.requires_grad):
        return
    for row in rows:
        (along,) = torch.autograd.grad(
            [back[place] for place in moving], above, [row[place] for place in moving], retain_graph=True, **known
        )  # fmt: skip
        (curved,) = torch.autograd.grad(slope, point, along, retain_graph=True, **known)
        yield torch.autograd.grad(outputs, parameters, curved, retain_graph=True, **known)

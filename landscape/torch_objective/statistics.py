"""Recompute running statistics of batch normalization at a θ, as PyTorch's `update_bn` does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from landscape.errors import InputError
from landscape.torch_objective.host import Host
from landscape.torch_objective.losses import Step


def normalizations(torch: Any, module: Any) -> list[Any]:
    """Give the layers that keep running statistics of batches.

    Raises
    ------
    InputError
        There are none.
    """
    kind = torch.nn.modules.batchnorm._BatchNorm
    found = [part for part in module.modules() if isinstance(part, kind) and part.track_running_stats]
    if not found:
        raise InputError(
            "recompute_statistics: expected batch normalization with running statistics, found none in the module: leave it out"
        )
    return found


def recompute(host: Host, step: Step, batches: Iterable[Any]) -> None:
    """Average the statistics of the training batches where the host is, each batch with the same weight, into the lent copies."""
    layers = normalizations(host.torch, host.module)
    momenta = [layer.momentum for layer in layers]
    try:
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None
            layer.training = True
        with host.torch.no_grad():
            for batch in batches:
                step(host.torch, host.module, batch)
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
            layer.training = False

"""The first evaluation, which reports faults of a module, a loss or data in one line."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from typing import Any

from landscape.errors import InputError
from landscape.torch_objective.data import SAME, Batches, digest_of, lengths_of, mapped
from landscape.torch_objective.host import Host
from landscape.torch_objective.losses import Step

# Examples on which it is tried whether the gradient can be differentiated.
FEW = 2
# Two evaluations of a batch may differ by so much of their size, for kernels whose sums have no order.
APART = {"float64": 1e-10, "float32": 1e-5}


def tried(host: Host, step: Step, batches: Batches) -> None:
    """Evaluate the first batch twice at the module's parameters, with different random numbers.

    Raises
    ------
    InputError
        The batch is another one the second time, or its loss is, or it is not finite, or it cannot be evaluated.
    """
    torch, theta = host.torch, host.theta()
    seen: list[tuple[bytes, float]] = []
    for _ in range(2):
        with host.lent(), torch.no_grad():
            host.place(host.as_wide(theta))
            batch = batches.beginning()
            # Before the module has it, which may change it.
            digest = digest_of(torch, batch)
            seen.append((digest, float(step(torch, host.module, batch)[0][0].detach())))
    (one, first), (other, second) = seen
    if one != other:
        raise InputError(
            f"{batches.name}: expected the same examples at each pass, found others in batch 1: {SAME}"
        )
    if not math.isfinite(first):
        raise InputError(
            f"{step.by}: expected a finite loss, found {first} for the first batch at the module's parameters: "
            "look for NaN in the parameters and the data, or load an earlier checkpoint"
        )
    apart = APART[str(host.dtype).removeprefix("torch.")]
    if not abs(first - second) <= apart * max(abs(first), abs(second)):
        raise InputError(
            f"module: expected the same loss at the same θ, found {first:.9g} and {second:.9g}: something draws random numbers in "
            "evaluation too, such as F.dropout without training=self.training: pass that, or set its probability to 0"
        )


def few(torch: Any, batch: Any, *, any_batch: bool) -> Any:
    """Give the first examples of a batch; all of a batch whose tensors are not known to have a row for each example."""
    if any_batch or len(set(lengths_of(torch, batch))) != 1:
        return batch
    return mapped(torch, lambda tensor: tensor[:FEW], batch)


def require_same(host: Host, all_batches: Iterable[Batches]) -> str:
    """Hash the examples of all splits, reading loaders once more.

    Raises
    ------
    InputError
        A loader gives others than before.
    """
    with host.lent():
        return hashlib.sha256("".join(batches.digest() for batches in all_batches).encode()).hexdigest()

"""PyTorch's settings while it evaluates: deterministic kernels, kernels that can be differentiated twice, random numbers put back."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np


@contextmanager
def kept_random(torch: Any, device: Any) -> Iterator[None]:
    """Put the states of all generators back that a module or its data may draw from."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    of_device = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])
        if of_device is not None:
            torch.cuda.set_rng_state(of_device, device)


def seed_all(torch: Any, device: Any, seed: int) -> None:
    """Begin the generators at a seed, so that what is random shows itself by being another number at another seed."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    # `torch.manual_seed` would also leave a seed for devices that are not in use yet.
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)


@contextmanager
def deterministic_kernels(torch: Any, wanted: bool) -> Iterator[None]:
    """Ask for deterministic kernels; an op that has none runs with the one it has.

    The one fused path of attention that only evaluation takes is off too, so that values and gradients are of one function.
    """
    cudnn, mha = torch.backends.cudnn, torch.backends.mha
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    flags, fast = (cudnn.deterministic, cudnn.benchmark), mha.get_fastpath_enabled()
    try:
        mha.set_fastpath_enabled(False)
        if wanted:
            torch.use_deterministic_algorithms(True, warn_only=True)
            cudnn.deterministic, cudnn.benchmark = True, False
        with warnings.catch_warnings():
            if wanted:
                # Named by its own check: two evaluations are compared.
                warnings.filterwarnings("ignore", message=".*deterministic.*")
            yield
    finally:
        mha.set_fastpath_enabled(fast)
        if wanted:
            torch.use_deterministic_algorithms(before[0], warn_only=before[1])
            cudnn.deterministic, cudnn.benchmark = flags


@contextmanager
def twice_differentiable(torch: Any, module: Any) -> Iterator[None]:
    """Choose kernels whose derivative has a derivative: attention by products of matrices, recurrent layers without cuDNN."""
    with ExitStack() as stack:
        attention = torch.nn.attention
        stack.enter_context(attention.sdpa_kernel(attention.SDPBackend.MATH))
        if any(isinstance(part, torch.nn.RNNBase) for part in module.modules()):
            stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        yield

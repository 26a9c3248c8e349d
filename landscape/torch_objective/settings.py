"""PyTorch's settings during an evaluation, which are restored afterwards."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

# How PyTorch warns that a checkpointed block whose inputs need no gradient has none for its parameters either.
CUT = "None of the inputs have requires_grad=True"


class Settings:
    """The settings of PyTorch, and the states of all generators that a module or its data may draw from, as they are now.

    Parameters
    ----------
    torch
        The package.
    device
        Where is computed.
    """

    def __init__(self, torch: Any, device: Any) -> None:
        self.torch, self.device = torch, device
        self.random = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
        self.of_device = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        self.deterministic = (
            torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
        )  # fmt: skip
        cudnn, cuda = torch.backends.cudnn, torch.backends.cuda
        self.cudnn = {name: getattr(cudnn, name) for name in ("enabled", "deterministic", "benchmark")}
        self.attention = {
            name: getattr(cuda, f"{name}_sdp_enabled")()
            for name in ("flash", "mem_efficient", "math", "cudnn")
        }
        self.filling = torch.utils.deterministic.fill_uninitialized_memory
        self.fast, self.gradients = torch.backends.mha.get_fastpath_enabled(), torch.is_grad_enabled()

    def choose(self, deterministic: bool) -> None:
        """Ask for deterministic kernels where that is wanted; an op that has none runs with the one it has.

        The one fused path of attention that only evaluation takes is off, so that values and gradients are of one function.
        """
        self.torch.backends.mha.set_fastpath_enabled(False)
        if deterministic:
            self.torch.use_deterministic_algorithms(True, warn_only=True)
            # That every new tensor be written to first would only find faults of kernels.
            self.torch.utils.deterministic.fill_uninitialized_memory = False
            self.torch.backends.cudnn.deterministic, self.torch.backends.cudnn.benchmark = True, False

    def put_back(self) -> None:
        """Make everything as it was, whatever was interrupted meanwhile."""
        torch = self.torch
        torch.backends.mha.set_fastpath_enabled(self.fast)
        torch.use_deterministic_algorithms(self.deterministic[0], warn_only=self.deterministic[1])
        torch.utils.deterministic.fill_uninitialized_memory = self.filling
        for name, value in self.cudnn.items():
            if getattr(torch.backends.cudnn, name) != value:
                setattr(torch.backends.cudnn, name, value)
        for name, value in self.attention.items():
            getattr(torch.backends.cuda, f"enable_{name}_sdp")(value)
        torch.set_grad_enabled(self.gradients)
        random.setstate(self.random[0])
        np.random.set_state(self.random[1])  # noqa: NPY002
        torch.set_rng_state(self.random[2])
        if self.of_device is not None:
            torch.cuda.set_rng_state(self.of_device, self.device)


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
def without_warnings() -> Iterator[None]:
    """Leave out PyTorch's warnings of ops that have no deterministic kernel: two evaluations are compared in their place.

    That checkpointing cuts the graph means nothing where no gradient is asked for.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*deterministic.*")
        warnings.filterwarnings("ignore", message=CUT)
        yield


@contextmanager
def whole_graphs() -> Iterator[None]:
    """Make an error of the warning that checkpointing cuts a part of the graph off, whose gradient would silently be zero."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=CUT)
        yield


@contextmanager
def twice_differentiable(torch: Any, module: Any) -> Iterator[None]:
    """Choose kernels whose derivative has a derivative: attention by products of matrices, recurrent layers without cuDNN."""
    with ExitStack() as stack:
        attention = torch.nn.attention
        stack.enter_context(attention.sdpa_kernel(attention.SDPBackend.MATH))
        if any(isinstance(part, torch.nn.RNNBase) for part in module.modules()):
            stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        yield

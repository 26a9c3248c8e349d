"""Borrow a module: evaluate it at another θ, and leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.interrupt import all_back
from landscape.torch_objective.parameters import pieces_of
from landscape.torch_objective.settings import Settings, seed_all, without_warnings

Array = NDArray[np.float64]


class Host:
    """Puts parameters of a module elsewhere: into one vector on the device that computes, which is another θ at each point.

    The module's own numbers are never written. Its parameters get other tensors while `lent`, and their own again at the end.

    Parameters
    ----------
    torch
        The package.
    module
        A plain module.
    parameters
        Those that are θ, by name.
    dtype, device
        Of the arithmetic.
    deterministic
        Whether to ask for deterministic kernels.
    """

    def __init__(
        self, torch: Any, module: Any, parameters: dict[str, Any], *, dtype: Any, device: Any, deterministic: bool
    ) -> None:  # fmt: skip
        self.torch, self.module, self.parameters = torch, module, parameters
        self.dtype, self.device, self.deterministic = dtype, device, deterministic
        self.pieces = pieces_of(module, parameters)
        self.size = self.pieces[-1].stop
        # Sums are in float64, which the device 'mps' does not have.
        self.wide_device = torch.device("cpu") if device.type == "mps" else device
        self.depth, self.passes = 0, 0
        self.flat: Any = None
        self.views: list[Any] = []
        self.buffers: Array | None = None

    def theta(self) -> Array:
        """Copy the module's own parameters, [P]."""
        parts = [
            p.detach().reshape(-1).to("cpu", self.torch.float64).numpy() for p in self.parameters.values()
        ]
        return np.concatenate(parts)

    def in_double(self) -> Host:
        """Make a host of the same module that computes in float64."""
        return Host(
            self.torch, self.module, self.parameters, dtype=self.torch.float64, device=self.device,
            deterministic=self.deterministic,
        )  # fmt: skip

    def as_wide(self, vector: NDArray[Any]) -> Any:
        """Give a vector where sums are made, in float64; it is read only, and not copied where it lies there."""
        numbers = np.asarray(vector, np.float64)
        numbers = numbers if numbers.flags.writeable else numbers.copy()
        return self.torch.from_numpy(numbers).to(self.wide_device)

    def wide(self, tensor: Any) -> Any:
        """Give a tensor in float64 where sums are made."""
        return tensor.detach().to(self.wide_device, self.torch.float64)

    def split(self, flat: Any) -> list[Any]:
        """View a vector [P] as tensors of the parameters' shapes."""
        return [flat[piece.start : piece.stop].view(piece.shape) for piece in self.pieces]

    def place(self, vector: Any) -> None:
        """Go to a θ, given in float64 where sums are made."""
        self.flat.copy_(vector)

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Have the module at the vector's θ and in evaluation; within another `lent` nothing is done."""
        if self.depth:
            yield
            return
        # A caller's inference mode would leave tensors here that no gradient can be taken of.
        with self.torch.inference_mode(False), without_warnings():
            state = Kept(self.torch, self.module, self.device)
            try:
                try:
                    with all_back():
                        self.depth = 1
                        state.settings.choose(self.deterministic)
                        self.take()
                    self.passes += 1
                    seed_all(self.torch, self.device, self.passes)
                    yield
                finally:
                    self.give_back(state)
            finally:
                # Ctrl-C may have come on the way to the line above.
                self.give_back(state)

    def give_back(self, state: Kept) -> None:
        """Make the module and PyTorch's settings as they were, once."""
        with all_back():
            if not state.back:
                state.put_back()
                self.depth = 0

    def take(self) -> None:
        """Give every parameter and buffer its tensor for the evaluation."""
        if self.flat is None:
            self.flat = self.torch.empty(self.size, dtype=self.dtype, device=self.device)
            self.views = self.split(self.flat)
        chosen = {id(p): view for p, view in zip(self.parameters.values(), self.views, strict=True)}
        for parameter in self.module.parameters():
            parameter.grad = None
            parameter.data = chosen[id(parameter)] if id(parameter) in chosen else self.moved(parameter.data)
        for part in self.module.modules():
            for name, buffer in part._buffers.items():
                if buffer is not None:
                    # A copy: a forward pass may count, or average, in place.
                    part._buffers[name] = self.moved(buffer).clone()
            part.training = False
        if self.buffers is not None:
            self.put_buffers(self.buffers)

    def moved(self, tensor: Any) -> Any:
        """Give a tensor on the device that computes, numbers with a fraction in the dtype of the arithmetic."""
        return tensor.to(self.device, self.dtype) if tensor.is_floating_point() else tensor.to(self.device)

    def floating_buffers(self) -> list[tuple[str, Any]]:
        """Give the buffers that hold numbers with a fraction, such as running statistics, by name."""
        return [(name, b) for name, b in self.module.named_buffers() if b.is_floating_point() and b.numel()]

    def put_buffers(self, numbers: Array) -> None:
        """Write other numbers [B] into the copies of the buffers."""
        start = 0
        for _, buffer in self.floating_buffers():
            part = numbers[start : start + buffer.numel()].reshape(tuple(buffer.shape))
            buffer.copy_(self.torch.tensor(part))
            start += buffer.numel()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Have a user's code run that may train the module itself, and make its numbers as they were afterwards."""
        tensors = [*self.module.parameters(), *self.module.buffers()]
        state = Kept(self.torch, self.module, self.device)
        copies = [tensor.detach().clone() for tensor in tensors]
        try:
            yield
        finally:
            with all_back():
                state.put_back()
                with self.torch.no_grad():
                    self.write_back(tensors, copies)

    def write_back(self, tensors: list[Any], copies: list[Any]) -> None:
        """Write numbers back into the tensors that they were copied from."""
        for tensor, copy in zip(tensors, copies, strict=True):
            tensor.copy_(copy)


class Kept:
    """All that an evaluation changes, as it was before: a module's tensors, gradients, whether it trains, and PyTorch's settings.

    Parameters
    ----------
    torch
        The package.
    module
        A plain module.
    device
        Where is computed.
    """

    def __init__(self, torch: Any, module: Any, device: Any) -> None:
        self.settings, self.back = Settings(torch, device), False
        self.parameters = [(p, p.data, p.grad) for p in module.parameters()]
        self.buffers = [
            (part, name, buffer) for part in module.modules() for name, buffer in part._buffers.items()
        ]
        self.training = [(part, part.training) for part in module.modules()]

    def put_back(self) -> None:
        """Give everything back."""
        self.settings.put_back()
        for parameter, data, gradient in self.parameters:
            parameter.grad = None
            parameter.data = data
            parameter.grad = gradient
        for part, name, buffer in self.buffers:
            part._buffers[name] = buffer
        for part, training in self.training:
            part.training = training
        self.back = True

"""Run the original module on examples, at its own and at other parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from landscape.errors import InputError
from landscape.importers.data import original_input
from landscape.importers.draws import SEED, fresh, near
from landscape.importers.network import Origin
from landscape.importers.proof import Gradients, Moved
from landscape.importers.pytorch.trace import first_line
from landscape.model import Model
from landscape.ops.operation import Shape
from landscape.streams import numpy_generator

BATCH = 100
# Names of arrays in a sentence; the others are counted.
NAMED = 4


class Runnable(Protocol):
    """A copy of a module that can be run, and how it reads examples."""

    @property
    def module(self) -> Any:
        """The copy."""

    @property
    def example_shape(self) -> Shape:
        """The shape of an example."""

    @property
    def dtype(self) -> np.dtype:
        """The precision that it computes in."""


class TorchOriginal:
    """A traced copy of a module whose parameters may be moved.

    `origins` name those of the model, `loss` takes outputs and targets.
    """

    def __init__(
        self,
        torch: Any,
        module: Any,
        traced: Runnable,
        origins: Mapping[str, Origin],
        loss: Callable[[Any, Any], Any],
    ) -> None:
        self.torch, self.traced, self.loss = torch, traced, loss
        self.origins = origins
        for part in traced.module.modules():
            if isinstance(part, torch.nn.Embedding):
                # A gradient as of any other row and in any other array; the module is a copy.
                part.padding_idx, part.sparse = None, False
        self.trained = {
            name: tensor for name, tensor in traced.module.named_parameters() if tensor.requires_grad
        }
        # What is frozen and not in the model may be a setting or an index, which is no part of θ.
        used = {origin.name for origin in origins.values()} | self.trained.keys()
        named = dict(traced.module.named_parameters()) | dict(traced.module.named_buffers())
        self.tensors = {
            name: tensor for name, tensor in named.items() if name in used and tensor.is_floating_point()
        }
        # The user's own, of which the traced module is a copy.
        self.given = {**dict(module.named_parameters()), **dict(module.named_buffers())}

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """Evaluate the module on examples, some at a time."""
        given = self._given(x)
        with self.torch.no_grad():
            starts = range(0, len(given), BATCH)
            return np.concatenate([self._run(given[start : start + BATCH]).numpy() for start in starts])

    def move(self, kind: str) -> Moved:
        """Move what is trained and what the model has: afresh, or near where it was."""
        rng = numpy_generator("second parameters of an import", SEED)
        roles = {origin.name: key.rpartition(".")[2] for key, origin in self.origins.items()}
        arrays: dict[str, np.ndarray] = {}
        for name, tensor in self.tensors.items():
            role = roles.get(name, name.rpartition(".")[2])
            drawn = fresh(rng, role, tuple(tensor.shape))
            if kind == "near":
                drawn = near(rng, role, self.given[name].detach().cpu().double().numpy())
            with self.torch.no_grad():
                tensor.copy_(self.torch.from_numpy(np.asarray(drawn)))
            # As the module has it, which may be in float32; valid until the next move.
            arrays[name] = tensor.detach().double().numpy()
        return Moved(arrays, self.outputs, self.gradients)

    def gradients(self, x: np.ndarray, y: np.ndarray) -> Gradients:
        """The gradient of the loss with respect to what the module trains, empty where PyTorch has none."""
        names = list(self.trained)
        try:
            with self.torch.enable_grad():
                value = self.loss(self._run(self._given(x)), y)
                found = self.torch.autograd.grad(value, [self.trained[n] for n in names], allow_unused=True)
            return {
                name: None if gradient is None else gradient.double().numpy()
                for name, gradient in zip(names, found, strict=True)
            }
        except InputError:
            raise
        except Exception:  # a module may have no gradient, and for many reasons
            return {}

    def _given(self, x: np.ndarray) -> Any:
        ids = x.dtype.kind == "i"
        given = original_input(x, ids).reshape(len(x), *self.traced.example_shape)
        # A copy, which the module may change in place.
        return self.torch.from_numpy(given.astype(given.dtype if ids else self.traced.dtype, copy=True))

    def _run(self, given: Any) -> Any:
        try:
            return self.traced.module(given)
        except Exception as error:  # a module may raise what it likes
            raise InputError(f"the module fails on the data: {first_line(error)}") from None


def left_out(torch: Any, traced: Runnable, model: Model, origins: Mapping[str, Origin]) -> list[str]:
    """Name the module's parameters that are not in θ: those that it does not use in evaluation, and frozen ones."""
    counts: dict[str, int] = {}
    for key, array in model.parameters.items():
        if key in origins:
            counts[origins[key].name] = counts.get(origins[key].name, 0) + array.size
    parameters = dict(traced.module.named_parameters())
    unused = [n for n, p in parameters.items() if p.requires_grad and n not in counts]
    frozen = [n for n, p in parameters.items() if not p.requires_grad]
    notes = []
    if unused:
        notes.append(f"not in θ, since evaluation does not use them: {_counted(unused, parameters)}")
    if frozen:
        notes.append(f"not in θ, since they are frozen: {_counted(frozen, parameters)}")
    for name, count in counts.items():
        size = parameters[name].numel() if name in parameters else 0
        if count < size and parameters[name].requires_grad:
            notes.append(
                f"of {name} {size - count:,} of {size:,} numbers are not in θ, since examples of this shape do not reach them"
            )
    return notes


def _counted(names: list[str], parameters: Mapping[str, Any]) -> str:
    numbers = sum(parameters[name].numel() for name in names)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more} ({numbers:,} numbers)"


def hint(module: Any) -> str:
    """Name the submodules with hooks, which are not translated; empty if there are none."""
    hooked = [
        name or "the module itself"
        for name, part in module.named_modules()
        if part._forward_hooks or part._forward_pre_hooks
    ]
    return f" ({', '.join(hooked[:NAMED])}: a hook runs there, which is not translated)" if hooked else ""

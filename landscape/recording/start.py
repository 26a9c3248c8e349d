"""The start of a recording: the module is imported, or only described if it cannot be."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.importers.pytorch.module import imported, unwrapped
from landscape.importers.pytorch.optimizer import settings_of, state_of, unwrapped_optimizer
from landscape.importers.pytorch.places import Places, arrays_of, stripped
from landscape.importers.pytorch.story import batch_size_of, names_of, with_optimizer
from landscape.model import Model
from landscape.model.opaque import Opaque, save_opaque
from landscape.model.recording import Recording
from landscape.model.save import write_model
from landscape.model.story import CHECKPOINT_KEYS
from landscape.recording.sources import Source, TorchSource, TreeSource, opaque_shapes, opaque_source

# Modules whose tensors are parts of the parameters, by the names of their classes.
SHARDED = ("FullyShardedDataParallel", "FSDPModule", "DeepSpeedEngine")


@dataclass
class Start:
    """A model or an opaque one at the start, and where its numbers come from; `places` of an imported module only."""

    held: Model | Opaque
    source: Source
    module: Any
    optimizer: Any
    places: Places | None = None
    # Buffers that the model has as constants, as they were.
    beside: dict[str, np.ndarray] = field(default_factory=dict)

    def now(self, tree: Any = None) -> Model | Opaque:
        """Give the model with the current parameters, and the optimizer's settings and state; `tree` are parameters that the loop has given."""
        if self.places is None:
            return self._opaque_now(tree)
        assert isinstance(self.held, Model)
        arrays = arrays_of(self.module.state_dict())
        theta, buffers = self.places.theta_of(arrays), self.places.buffers_of(arrays)
        assert theta is not None
        assert buffers is not None
        model = with_arrays(self.held, theta, buffers)
        changed = [
            name
            for name, array in self.beside.items()
            if name in arrays and not np.array_equal(arrays[name], array, True)
        ]
        if changed:
            sentence = f"changed on the way, and as at the start in this model: {', '.join(changed[:4])}"
            model = replace(model, inferred=(*model.inferred, sentence))
        if self.optimizer is None:
            return model
        return with_optimizer(model, self.module, self.places, self.optimizer)

    def _opaque_now(self, tree: Any) -> Opaque:
        assert isinstance(self.held, Opaque)
        theta, buffers = self.source.read(tree)
        held = replace(self.held, theta=theta.astype(np.float64), buffers=buffers.astype(np.float64))
        if self.optimizer is None:
            return held
        training = held.training | settings_of(self.optimizer)
        if isinstance(self.source, TreeSource):
            return replace(held, training=training)
        names, order = names_of(self.module), list(held.shapes)

        def flat(arrays: Mapping[str, np.ndarray]) -> np.ndarray | None:
            known = all(name in arrays for name in order)
            return np.concatenate([arrays[name].reshape(-1) for name in order]) if known else None

        return replace(held, training=training, optimizer=state_of(self.optimizer, names, flat))


def with_arrays(model: Model, theta: np.ndarray, buffers: np.ndarray) -> Model:
    """Give the model at other numbers, each array in the precision that it had."""
    moved = model.with_theta(theta).with_buffers(buffers)

    def like(arrays: dict[str, np.ndarray], before: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {key: array.astype(before[key].dtype) for key, array in arrays.items()}

    return replace(
        moved, parameters=like(moved.parameters, model.parameters), buffers=like(moved.buffers, model.buffers)
    )


def with_recording(held: Model | Opaque, found: Recording) -> Model | Opaque:
    """Give a model with the checkpoints and the log of its recording."""
    story = found.story()
    fields: dict[str, Any] = {
        name: story[key] for key, name in CHECKPOINT_KEYS.items() if story.get(key) is not None
    }
    return replace(held, training=held.training | found.told(held.training), history=found.history, **fields)


def write(held: Model | Opaque, path: Path, more: dict[str, Any]) -> None:
    """Write a model of either kind, with more keys in its header."""
    if isinstance(held, Model):
        write_model(held, path, more)
    else:
        save_opaque(held, path, more)


def start_of(module: Any, loss: Any, data: Any, optimizer: Any, name: str | None) -> Start:
    """Import a module, or say what an opaque file holds of it, or of a tree of arrays; a start that is made already is taken as it is.

    Raises
    ------
    InputError
        Sharded parameters, no parameters, or no optimizer where one was given.
    """
    if isinstance(module, Start):
        return module
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(module, torch.nn.Module):
        return of_tree(module, optimizer, name)
    require_whole(module)
    inner = unwrapped(module)
    if optimizer is not None:
        optimizer = unwrapped_optimizer(optimizer)
    training = batch_size_of(data)
    try:
        found = imported(inner, loss, data, name=name)
        places = Places(found.model, found.origins)
    except InputError as error:
        return of_opaque(torch, inner, optimizer, name, str(error), training)
    held = replace(found.model, training=found.model.training | training)
    source = TorchSource.of_places(torch, found.module, places)
    start = Start(held, source, found.module, optimizer, places, constants_beside(found.module, places))
    return replace(start, held=start.now())


def constants_beside(module: Any, places: Places) -> dict[str, np.ndarray]:
    """Give the buffers of floats that no array of the model is known to come from, which its constants may have been computed from."""
    names = {stripped(name): tensor for name, tensor in module.named_buffers() if tensor.is_floating_point()}
    return {
        name: tensor.detach().cpu().double().numpy().copy()
        for name, tensor in names.items()
        if name not in places.names
    }


def require_whole(module: Any) -> None:
    """Refuse a module whose parameters are spread over processes.

    Raises
    ------
    InputError
        The message names the class.
    """
    kinds = {type(part).__name__ for part in module.modules()} | {
        type(p).__name__ for p in module.parameters()
    }
    found = sorted(kinds & {*SHARDED, "DTensor"})
    if found:
        raise InputError(
            f"module: its parameters are spread over processes ({found[0]}), and no process has them all; record with gathered parameters: "
            "give step() a tree of them, params=…, and that tree in place of the module"
        )


def of_opaque(
    torch: Any, module: Any, optimizer: Any, name: str | None, why: str, training: dict[str, Any]
) -> Start:
    """What is recorded of a module that could not be imported."""
    shapes, buffers = opaque_shapes(torch, module)
    if not shapes:
        raise InputError("module: has no parameters that are trained: there is nothing to record")
    source = opaque_source(torch, module)
    held = Opaque(
        name or type(module).__name__, why, shapes, buffers, np.zeros(0), np.zeros(0), training=training
    )
    start = Start(held, source, module, optimizer)
    return replace(start, held=start.now())


def of_tree(tree: Any, optimizer: Any, name: str | None) -> Start:
    """What is recorded of a tree of arrays, or of a function that gives one."""
    source = TreeSource(tree)
    why = "it is not a module of PyTorch"
    held = Opaque(name or "network", why, dict(source.shapes), {}, np.zeros(0), np.zeros(0))
    start = Start(held, source, tree, unwrapped_optimizer(optimizer) if optimizer is not None else None)
    return replace(start, held=start.now())

"""The model: a graph with its parameters, its data and the record of its training, checked and ready to use."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from landscape.errors import InputError, did_you_mean
from landscape.model import hashes
from landscape.model.data import SPLITS
from landscape.model.finite import describe_not_finite
from landscape.model.loss_options import LossOptions
from landscape.model.nodes import Node
from landscape.ops.operation import Shape


@dataclass(frozen=True)
class Slot:
    """Where a parameter lies in a flat vector: `vector[start:stop].reshape(shape)`.

    `name` is the archive's key, `node` and `parameter` its two parts.
    """

    name: str
    node: str
    parameter: str
    shape: Shape
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class Model:
    """A network with its parameters and data, from a file or `build_model`.

    `nodes` are in topological order; the last one is the output. `parameters` holds all parameters, trainable or not,
    in the order of the nodes, and within a node in the order of the op table; `buffers` likewise. `data` holds
    `x_train`, `y_train` and the other splits as they are stored (uint8 images are not scaled, large arrays may be
    mapped from their file). `inferred` says in sentences what was inferred for a file of plain arrays.
    """

    name: str
    nodes: tuple[Node, ...]
    input_shape: Shape
    loss: str
    parameters: dict[str, np.ndarray]
    data: dict[str, np.ndarray]
    buffers: dict[str, np.ndarray] = field(default_factory=dict)
    loss_scale: float = 1.0
    delta: float = 1.0
    loss_options: LossOptions = field(default_factory=LossOptions)
    weight_decay: float | dict[str, float] = 0.0
    history: dict[str, np.ndarray] = field(default_factory=dict)
    checkpoints: np.ndarray | None = None
    checkpoint_steps: np.ndarray | None = None
    checkpoint_buffers: np.ndarray | None = None
    optimizer: dict[str, np.ndarray] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    form: str = "built"
    inferred: tuple[str, ...] = ()
    path: Path | None = None

    @cached_property
    def layout(self) -> tuple[Slot, ...]:
        """Where each trainable parameter lies in θ."""
        return self._lay_out(self.trainable_parameters)

    @cached_property
    def constant_layout(self) -> tuple[Slot, ...]:
        """Where each frozen parameter, then each buffer, lies in `constants`."""
        return self._lay_out(self.frozen_parameters | self.buffers)

    def _lay_out(self, arrays: Mapping[str, np.ndarray]) -> tuple[Slot, ...]:
        slots, start = [], 0
        for key, array in arrays.items():
            slots.append(Slot(key, *self._owners[key], array.shape, start, start + array.size))
            start += array.size
        return tuple(slots)

    @cached_property
    def _owners(self) -> dict[str, tuple[str, str]]:
        """The node and the parameter that each key means."""
        return {
            f"{node.name}.{parameter.name}": (node.name, parameter.name)
            for node in self.nodes
            if node.parameters_of is None
            for parameter in node.operation.parameters
        }

    @property
    def trainable_parameters(self) -> dict[str, np.ndarray]:
        """The parameters in θ, by key."""
        return {key: value for key, value in self.parameters.items() if key in self._trainable_keys}

    @property
    def frozen_parameters(self) -> dict[str, np.ndarray]:
        """The parameters that are not in θ, by key."""
        return {key: value for key, value in self.parameters.items() if key not in self._trainable_keys}

    @cached_property
    def _trainable_keys(self) -> frozenset[str]:
        return frozenset(
            f"{node.name}.{parameter.name}"
            for node in self.nodes
            if node.trainable and node.parameters_of is None
            for parameter in node.operation.parameters
            if not parameter.buffer and parameter.name not in node.frozen
        )

    @cached_property
    def theta(self) -> np.ndarray:
        """θ, float64 [P]: the trainable parameters in node order, then the op table's, each in C order."""
        return flat(self.trainable_parameters.values())

    @cached_property
    def constants(self) -> np.ndarray:
        """The frozen parameters, then the buffers, flat in float64."""
        return flat((self.frozen_parameters | self.buffers).values())

    @property
    def size(self) -> int:
        """The number of trainable parameters P."""
        return self.layout[-1].stop if self.layout else 0

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that the model has, out of "train", "validation" and "test"."""
        return tuple(split for split in SPLITS if f"x_{split}" in self.data)

    def examples(self, split: str) -> int:
        """Count the examples of a split.

        Raises
        ------
        InputError
            The model has no such split.
        """
        if split not in self.splits:
            raise InputError(
                f"split: expected one of {', '.join(self.splits)}, found {split!r}{did_you_mean(split, self.splits)}"
            )
        return len(self.data[f"x_{split}"])

    def with_theta(self, theta: np.ndarray) -> Model:
        """Return the same model at another θ [P], without the optimizer's state, which belongs to the old one.

        Raises
        ------
        InputError
            θ has another length.
        """
        vector = np.array(theta, np.float64)
        if vector.shape != (self.size,):
            raise InputError(f"theta: expected shape [{self.size}], found {list(vector.shape)}")
        moved = {slot.name: vector[slot.start : slot.stop].reshape(slot.shape) for slot in self.layout}
        return self._with(
            parameters={key: moved.get(key, value) for key, value in self.parameters.items()}, optimizer={}
        )

    def only(self, split: str) -> Model:
        """Return the same model with the data of one split, such as "train", and no other."""
        return replace(
            self, data={key: array for key, array in self.data.items() if key.endswith(f"_{split}")}
        )

    @property
    def buffer_size(self) -> int:
        """The number of elements B in buffers, which are the last of `constants`."""
        return sum(array.size for array in self.buffers.values())

    def with_buffers(self, buffers: np.ndarray) -> Model:
        """Return the same model with other buffers, flat [B], such as a row of `checkpoint_buffers`.

        Raises
        ------
        InputError
            They have another length.
        """
        vector = np.array(buffers, np.float64)
        if vector.shape != (self.buffer_size,):
            raise InputError(f"buffers: expected shape [{self.buffer_size}], found {list(vector.shape)}")
        parts = np.split(vector, np.cumsum([array.size for array in self.buffers.values()])[:-1])
        moved = {
            key: part.reshape(array.shape)
            for (key, array), part in zip(self.buffers.items(), parts, strict=False)
        }
        return self._with(buffers=moved)

    def _with(self, **changes: Any) -> Model:
        """Give the same model with other fields than the data, whose hash is kept where it is known."""
        result = replace(self, **changes)
        if "_data_hash" in self.__dict__:
            result.__dict__["_data_hash"] = self._data_hash
        return result

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """Show a summary and a figure in a notebook."""
        # By its name, since figures stand above models, which load without them.
        return importlib.import_module("landscape.notebook").bundle(self, include, exclude)

    def decay_vector(self) -> np.ndarray:
        """Return the weight decay of every element of θ, float64 [P]."""
        result = np.zeros(self.size)
        for slot in self.layout:
            decay = self.weight_decay
            result[slot.start : slot.stop] = decay.get(slot.name, 0.0) if isinstance(decay, dict) else decay
        return result

    def not_finite(self) -> tuple[str, ...]:
        """Say where parameters, buffers and data are NaN or infinite, in one sentence for each array."""
        return describe_not_finite(self.parameters | self.buffers | self.data)

    def fingerprint(self) -> str:
        """The SHA-256 hash of graph, loss, parameters and buffers, without names, data and history."""
        return self._model_hash

    def data_fingerprint(self) -> str:
        """The SHA-256 hash of the data of all splits."""
        return self._data_hash

    @cached_property
    def _model_hash(self) -> str:
        options = self.loss_options.given()
        return hashes.of_model(
            nodes=self.nodes,
            input_shape=self.input_shape,
            # Options only where there are some, so that models of earlier versions keep their hashes.
            loss=(self.loss, self.loss_scale, self.delta, self.weight_decay, *([options] if options else [])),
            arrays=self.parameters | self.buffers,
        )

    @cached_property
    def _data_hash(self) -> str:
        return hashes.of_arrays(self.data)


def flat(arrays: Iterable[np.ndarray]) -> np.ndarray:
    """Join arrays, each in C order, into one read-only float64 vector."""
    parts = [np.asarray(array, np.float64).ravel() for array in arrays]
    vector = np.concatenate(parts) if parts else np.zeros(0)
    vector.flags.writeable = False
    return vector

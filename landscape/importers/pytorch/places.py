"""Which numbers of a module's tensors are θ and the buffers of its model, in the model's order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from landscape.errors import InputError
from landscape.importers.network import Origin
from landscape.model import Model

# What a module is wrapped in, as its state dict then says.
PREFIXES = ("_orig_mod.", "module.")


class Place(NamedTuple):
    """The numbers start … stop of a flat vector, and where they come from (None: from nothing that training changes)."""

    key: str
    start: int
    stop: int
    origin: Origin | None


class Places:
    """Lays the arrays of a module out as θ [P] and as the flat buffers [B] of its model.

    Raises
    ------
    InputError
        A parameter of the model is made of several of the module's.
    """

    def __init__(self, model: Model, origins: Mapping[str, Origin]) -> None:
        self.size, self.buffer_size = model.size, model.buffer_size
        self.theta = [
            Place(slot.name, slot.start, slot.stop, origins.get(slot.name)) for slot in model.layout
        ]
        for place in self.theta:
            if place.origin is None:
                raise InputError(
                    f"{place.key}: is made of other numbers of the module, so that its values on the way cannot be told from those"
                )
        frozen = model.constants.size - model.buffer_size
        self.buffers = [
            Place(slot.name, slot.start - frozen, slot.stop - frozen, origins.get(slot.name))
            for slot in model.constant_layout
            if slot.start >= frozen
        ]
        self.fixed = np.asarray(model.constants[frozen:], np.float64)

    @property
    def names(self) -> set[str]:
        """Those of the module's tensors that are read."""
        return {place.origin.name for place in (*self.theta, *self.buffers) if place.origin is not None}

    def theta_of(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray | None:
        """Lay arrays out as θ, float64 [P]; None if one is missing or has another number of elements."""
        return self._laid(self.theta, np.empty(self.size), arrays)

    def buffers_of(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray | None:
        """Lay arrays out as the buffers, float64 [B]; those that come from nowhere are as they were."""
        return self._laid(self.buffers, self.fixed.copy(), arrays)

    def _laid(
        self, places: list[Place], vector: np.ndarray, arrays: Mapping[str, np.ndarray]
    ) -> np.ndarray | None:
        for place in places:
            if place.origin is None:
                continue
            array = arrays.get(place.origin.name)
            if array is None or (place.origin.elements is not None and array.size != place.origin.size):
                return None
            numbers = place.origin.taken(np.asarray(array, np.float64)).reshape(-1)
            if numbers.size != place.stop - place.start:
                return None
            vector[place.start : place.stop] = numbers
        return vector


def stripped(name: str) -> str:
    """Take what a wrapper puts before a name away.

    >>> stripped("module._orig_mod.fc.weight"), stripped("fc.module.weight")
    ('fc.weight', 'fc.module.weight')
    """
    for prefix in PREFIXES * 2:
        name = name.removeprefix(prefix)
    return name


def arrays_of(tensors: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Give the tensors or arrays of a state dict as float64 arrays, under the names of the module inside of wrappers.

    Raises
    ------
    InputError
        Something is no array of numbers.
    """
    found: dict[str, np.ndarray] = {}
    for name, tensor in tensors.items():
        try:
            plain = tensor.detach().cpu().double().numpy() if hasattr(tensor, "detach") else tensor
            found[stripped(str(name))] = np.asarray(plain, np.float64)
        except (TypeError, ValueError, RuntimeError):
            raise InputError(
                f"{name}: expected a tensor or an array, found {type(tensor).__name__}"
            ) from None
    return found

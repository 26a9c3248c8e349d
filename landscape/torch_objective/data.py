"""The examples of an objective: tensors, a data set or a loader, batch by batch on the device that computes."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from operator import itemgetter
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.files import shown
from landscape.torch_objective.blame import told

SAME = "give shuffle=False and no random transforms, or the examples as tensors (x, y)"
NOTHING = "give at least one example"


class Batches:
    """Batches that can be read again and again, and are the same each time.

    Parameters
    ----------
    torch
        The package.
    data
        Tensors or arrays (x, y), where x may be a tuple of several; a mapping or a tensor alone for a loss of batches; a `Dataset`; or
        a loader that can be read again.
    size
        Of the batches that are cut here.
    place
        What brings a tensor to the device.
    name
        Of the argument, for messages.

    Raises
    ------
    InputError
        What can be read once only, or is none of these.
    """

    def __init__(self, torch: Any, data: Any, size: int, place: Callable[[Any], Any], name: str) -> None:
        self.torch, self.size, self.place, self.name = torch, size, place, name
        self.tensors = as_tensors(torch, data, name)
        self.loader: Any = None if self.tensors is not None else as_loader(torch, data, size, name)
        self.first: list[bytes] | None = None
        self.here: Any = None

    @property
    def examples(self) -> int:
        """The number of examples that are given whole; of a loader, which is not asked for it, more than is small."""
        return sys.maxsize if self.tensors is None else examples_of(self.tensors) or 1

    def __iter__(self) -> Iterator[Any]:
        """Give each batch on the device."""
        if self.tensors is None:
            yield from self.read()
            return
        if self.here is None:
            # Moved once: the examples are given whole, so they fit.
            self.here = mapped(self.torch, self.place, self.tensors)
        for start in range(0, examples_of(self.here) or 0, self.size):
            yield mapped(self.torch, itemgetter(slice(start, start + self.size)), self.here)

    def read(self) -> Iterator[Any]:
        """Read a loader once, and see that its batches are those of the first time.

        Raises
        ------
        InputError
            They are others.
        """
        found: list[bytes] = []
        for number, batch in enumerate(self.loaded()):
            found.append(digest_of(self.torch, batch))
            if self.first is not None and (number >= len(self.first) or self.first[number] != found[number]):
                raise self.other(number)
            yield mapped(self.torch, self.place, batch)
        if self.first is not None and len(found) < len(self.first):
            raise self.other(len(found))
        self.first = found

    def loaded(self) -> Iterator[Any]:
        """Read a loader, and say which batch it fails at.

        Raises
        ------
        InputError
            The user's loader or data set raised an error.
        """
        number, batches = 0, None
        while True:
            number += 1
            try:
                batches = iter(self.loader) if batches is None else batches
                batch = next(batches)
            except StopIteration:
                return
            except Exception as error:  # of the user's own code
                raise InputError(f"{self.name}: batch {number} cannot be read: {told(error)}") from error
            yield batch

    def other(self, number: int) -> InputError:
        """Make the error of data that change."""
        return InputError(
            f"{self.name}: expected the same examples at each pass, found others in batch {number + 1}: {SAME}"
        )

    def beginning(self) -> Any:
        """Read the first batch alone.

        Raises
        ------
        InputError
            There is none.
        """
        source = iter(self) if self.tensors is not None else self.loaded()
        batch = next(source, None)
        if batch is None:
            raise InputError(f"{self.name}: expected examples, found none: {NOTHING}")
        return batch if self.tensors is not None else mapped(self.torch, self.place, batch)

    def digest(self) -> str:
        """Hash the examples."""
        if self.tensors is not None:
            return digest_of(self.torch, self.tensors).hex()
        if self.first is None:
            for _ in self.read():
                pass
        return hashlib.sha256(b"".join(self.first or [])).hexdigest()


def as_tensors(torch: Any, data: Any, name: str) -> Any:
    """Give tensors of what is given whole; None for a data set or a loader.

    Raises
    ------
    InputError
        They are of different lengths, or hold no examples.
    """
    if isinstance(data, torch.utils.data.TensorDataset):
        data = data.tensors
    if not is_whole(torch, data):
        return None
    tensors = mapped(torch, lambda tensor: tensor, data)
    lengths = lengths_of(torch, tensors)
    if len(set(lengths)) > 1:
        raise InputError(
            f"{name}: expected as many rows in each tensor, found {', '.join(map(str, lengths))}: one row an example"
        )
    if not lengths or lengths[0] == 0:
        raise InputError(f"{name}: expected examples, found none: {NOTHING}")
    return tensors


def is_whole(torch: Any, data: Any) -> bool:
    """Say whether data are tensors: one, several beside each other, or some of them in a tuple of their own."""
    if isinstance(data, torch.Tensor | np.ndarray):
        return data.ndim > 0
    if isinstance(data, Mapping):
        return bool(data) and all(is_whole(torch, item) for item in data.values())
    if isinstance(data, tuple | list) and data:
        # A list of pairs of tensors is a list of batches; (x, y) ends with a tensor.
        return isinstance(data[-1], torch.Tensor | np.ndarray) and all(is_whole(torch, item) for item in data)
    return False


def as_loader(torch: Any, data: Any, size: int, name: str) -> Any:
    """Give something that yields batches again and again.

    Raises
    ------
    InputError
        It can be read once only, or not at all, or is empty.
    """
    utilities = torch.utils.data
    if isinstance(data, utilities.DataLoader):
        return data
    if isinstance(data, utilities.Dataset):
        if hasattr(data, "__len__") and len(data) == 0:
            raise InputError(f"{name}: expected examples, found none: {NOTHING}")
        return utilities.DataLoader(data, batch_size=size)
    try:
        once = iter(data) is data
    except TypeError:
        raise InputError(
            f"{name}: expected tensors (x, y), a Dataset or a DataLoader, found {shown(type(data).__name__)}"
        ) from None
    if once:
        raise InputError(
            f"{name}: a {type(data).__name__} can be read once only, expected a loader that can be read at each point: "
            "give a DataLoader, or a list of its batches"
        )
    return data


def mapped(torch: Any, function: Callable[[Any], Any], batch: Any) -> Any:
    """Apply a function to every tensor of a batch, whatever they stand in; what is no tensor stays."""
    if isinstance(batch, np.ndarray):
        batch = torch.from_numpy(batch)
    if isinstance(batch, torch.Tensor):
        return function(batch)
    if isinstance(batch, Mapping):
        return {key: mapped(torch, function, item) for key, item in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(mapped(torch, function, item) for item in batch))
    if isinstance(batch, tuple | list):
        return type(batch)(mapped(torch, function, item) for item in batch)
    return batch


def lengths_of(torch: Any, batch: Any) -> list[int]:
    """Give the number of rows of every tensor in a batch."""
    found: list[int] = []
    mapped(torch, lambda tensor: found.append(len(tensor) if tensor.ndim else 1), batch)
    return found


def examples_of(batch: Any) -> int | None:
    """Count the examples of a batch by the rows of its last tensor, the targets; None if there is none."""
    if isinstance(batch, Mapping):
        batch = list(batch.values())
    if isinstance(batch, tuple | list):
        return next((n for item in reversed(batch) if (n := examples_of(item)) is not None), None)
    return len(batch) if getattr(batch, "ndim", 0) else None


def digest_of(torch: Any, batch: Any) -> bytes:
    """Hash a batch: shapes, types and bytes of its tensors in their order."""
    whole, number = hashlib.sha256(), count()

    def add(tensor: Any) -> None:
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        whole.update(f"{next(number)} {tensor.dtype} {list(tensor.shape)};".encode())
        if flat.numel():
            whole.update(flat.view(torch.uint8).numpy().data)

    mapped(torch, add, batch)
    return whole.digest()

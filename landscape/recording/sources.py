"""Where the numbers of a checkpoint come from: a PyTorch module, or a tree of arrays."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from landscape.errors import InputError
from landscape.importers.pytorch.places import Place, Places, stripped
from landscape.ops.operation import Shape

# Parameters and buffers.
Rows = tuple[np.ndarray, np.ndarray]


class Source(Protocol):
    """Gives parameters [P] and buffers [B] as they are now."""

    size: int
    buffer_size: int

    def read(self, tree: Any, rows: Rows | None = None) -> Rows:
        """Give θ [P] and the buffers [B] in float32, in `rows` or valid until the next call; `tree` are parameters that the loop has given."""


class TorchSource:
    """The tensors of a module, looked up at each reading since moving a module puts others in their places."""

    def __init__(
        self, torch: Any, module: Any, theta: list[Place], buffers: list[Place], sizes: tuple[int, int]
    ) -> None:
        self.torch, self.module = torch, module
        self.size, self.buffer_size = sizes
        self.staged = [self._staged(size) for size in sizes]
        self.parts = [
            part for which, places in enumerate((theta, buffers)) for part in self._parts(places, which)
        ]
        self.without_graph = torch.no_grad()
        self.rows: Rows = (self.staged[0].numpy(), self.staged[1].numpy())
        self.on_device = any(str(p.device.type) != "cpu" for p in module.parameters())

    @classmethod
    def of_places(cls, torch: Any, module: Any, places: Places) -> TorchSource:
        """The tensors that a model's θ and buffers are made of."""
        source = cls(torch, module, places.theta, places.buffers, (places.size, places.buffer_size))
        source.rows[1][:] = places.fixed
        return source

    def _staged(self, size: int) -> Any:
        pinned = any(p.is_cuda for p in self.module.parameters())
        return self.torch.zeros(size, dtype=self.torch.float32, pin_memory=pinned)

    def _parts(self, places: list[Place], which: int) -> list[Part]:
        """List the tensors to copy, each with the interval of the vector that it is copied to."""
        return [
            Part(self.torch, self.staged[which], which, place, *table_of(self.module, place.origin.name))
            for place in places
            if place.origin is not None
        ]

    def read(self, tree: Any, rows: Rows | None = None) -> Rows:
        """Copy all tensors, without waiting for a device between them."""
        rows = self.rows if rows is None else rows
        if rows is not self.rows:
            rows[1][:] = self.rows[1]
        left = [part for part in self.parts if not part.copied(rows)]
        if left:
            with self.without_graph:
                for part in left:
                    part.copy(self.on_device)
            if self.on_device and self.torch.cuda.is_available():
                self.torch.cuda.synchronize()
            for part in left:
                rows[part.which][part.start : part.stop] = part.staged.numpy()
        return rows


class Part:
    """One tensor, or some elements of it, and the part of a vector that it is copied to.

    A tensor in the CPU's memory is copied as an array of NumPy, which takes a fraction of the time of PyTorch's call; its address is
    asked for each time, since moving a module to a device leaves the tensor and changes where its numbers lie.
    """

    def __init__(
        self, torch: Any, staged: Any, which: int, place: Place, table: dict[str, Any], key: str
    ) -> None:
        elements = None if place.origin is None else place.origin.elements
        self.which, self.start, self.stop = which, place.start, place.stop
        self.table, self.key = table, key
        self.index = (
            None if elements is None else torch.from_numpy(np.asarray(elements, np.int64).reshape(-1))
        )
        self.staged = staged[place.start : place.stop]
        self.address, self.array = -1, np.zeros(0)

    def copied(self, rows: Rows) -> bool:
        """Copy the tensor if it is still the known array; return False if it must be looked up again."""
        tensor = self.table[self.key]
        if tensor.data_ptr() != self.address or self.array.shape != tensor.shape:
            return False
        flat = self.array.reshape(-1)
        rows[self.which][self.start : self.stop] = flat if self.index is None else flat[self.index.numpy()]
        return True

    def copy(self, on_device: bool) -> None:
        """Copy the tensor from any device, and keep its array if it is on the CPU."""
        tensor = self.table[self.key]
        flat = tensor.reshape(-1)
        self.staged.copy_(
            flat if self.index is None else flat[self.index.to(flat.device)], non_blocking=on_device
        )
        self.address = -1
        if (
            tensor.device.type == "cpu"
            and tensor.is_contiguous()
            and tensor.is_floating_point()
            and tensor.itemsize in (4, 8)
        ):
            self.address, self.array = tensor.data_ptr(), tensor.detach().numpy()


def table_of(module: Any, name: str) -> tuple[dict[str, Any], str]:
    """Find the table of a module that holds a parameter or buffer, and its key there."""
    path, _, key = name.rpartition(".")
    owner = module.get_submodule(path)
    return (owner._parameters if key in owner._parameters else owner._buffers), key


def opaque_shapes(torch: Any, module: Any) -> tuple[dict[str, Shape], dict[str, Shape]]:
    """Give names and shapes of what a module trains, in the order of `named_parameters`, and of its buffers of floats."""
    trained = {stripped(n): tuple(p.shape) for n, p in module.named_parameters() if p.requires_grad}
    buffers = {stripped(n): tuple(b.shape) for n, b in module.named_buffers() if b.is_floating_point()}
    return trained, buffers


def opaque_source(torch: Any, module: Any) -> TorchSource:
    """The tensors of a module that could not be imported."""
    from landscape.importers.network import Origin

    laid = []
    for shapes in opaque_shapes(torch, module):
        places, start = list[Place](), 0
        for name, shape in shapes.items():
            stop = start + math.prod(shape)
            places.append(Place(name, start, stop, Origin(name)))
            start = stop
        laid.append((places, start))
    (theta, size), (buffers, count) = laid
    return TorchSource(torch, module, theta, buffers, (size, count))


class TreeSource:
    """The arrays of a tree of mappings, lists and arrays, or of what `arrays` gives, in the order of their names."""

    def __init__(self, arrays: Callable[[], Mapping[str, Any]] | Any) -> None:
        self.arrays = arrays
        self.shapes = {name: tuple(np.shape(array)) for name, array in self.now(None).items()}
        if not self.shapes:
            raise InputError(
                "module: expected a torch.nn.Module, or a tree of arrays (params), found none in it"
            )
        self.size, self.buffer_size = sum(map(math.prod, self.shapes.values())), 0
        self.rows: Rows = (np.zeros(self.size, np.float32), np.zeros(0, np.float32))

    def now(self, tree: Any) -> dict[str, Any]:
        """Give the arrays as they are now, by name."""
        if tree is None:
            tree = self.arrays() if callable(self.arrays) else self.arrays
        return dict(jax_leaves(sys.modules["jax"], tree) if "jax" in sys.modules else leaves(tree))

    def read(self, tree: Any, rows: Rows | None = None) -> Rows:
        """Copy all arrays."""
        rows, start, arrays = self.rows if rows is None else rows, 0, self.now(tree)
        if arrays.keys() != self.shapes.keys():
            raise InputError("params: expected the tree of the start, found other names")
        for name, shape in self.shapes.items():
            stop = start + math.prod(shape)
            rows[0][start:stop] = np.asarray(arrays[name]).reshape(-1)
            start = stop
        return rows


def jax_leaves(jax: Any, tree: Any) -> Iterator[tuple[str, Any]]:
    """Give the arrays of any tree that JAX knows, in its order, with their paths."""
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        if hasattr(leaf, "shape"):
            yield jax.tree_util.keystr(path) or "params", leaf


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Give the arrays of a tree of mappings, lists and tuples with their paths; mappings by sorted keys, as JAX flattens them.

    >>> [name for name, _ in leaves({"b": [np.zeros(2), np.zeros(1)], "a": {"w": np.zeros(3)}})]
    ['a.w', 'b.0', 'b.1']
    """
    if isinstance(tree, Mapping):
        for key in sorted(tree, key=str):
            yield from leaves(tree[key], f"{path}.{key}" if path else str(key))
    elif isinstance(tree, (list, tuple)):
        for number, part in enumerate(tree):
            yield from leaves(part, f"{path}.{number}" if path else str(number))
    elif tree is not None:
        yield path or "params", tree

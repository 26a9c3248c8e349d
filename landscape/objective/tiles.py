"""The data in tiles: features × examples, examples innermost, a block of tiles in memory at a time.

The last tile is padded with copies of its last example, so that every product has the shape of every other; padding is never summed.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError
from landscape.kernels.cpu.arrays import Batch
from landscape.kernels.cpu.vectors import VECTOR_BYTES
from landscape.model import Model
from landscape.objective import aligned
from landscape.objective.sample import Sample
from landscape.program.codes import Op
from landscape.program.table import WIDEST_VECTOR, Column, Program

# The workspace of one tile should stay in a core's own cache with the weights that pass through it.
TILE_BYTES = 384 * 1024
WIDEST, NARROWEST, MULTIPLE = 256, 32, WIDEST_VECTOR
# Products over windows take two vectors of examples at a time, and their outputs are many; where they are few, twice as many examples
# share what is done for each row.
WINDOW_BYTES, FEW_BYTES = 2 * VECTOR_BYTES, 2 * 2**20
BLOCK_BYTES = 32 * 2**20
KEPT_BYTES = 256 * 2**20


def tile_width(
    examples: int, features: int, itemsize: int, narrowest: int = NARROWEST, multiple: int = MULTIPLE
) -> int:
    """Choose how many examples a tile has: as many as fit the cache, adjusted so that little is padded.

    Examples
    --------
    >>> tile_width(1797, 100, 4), tile_width(5, 100, 4)
    (240, 16)
    """
    fitting = TILE_BYTES // max(1, features * itemsize)
    widest = min(WIDEST, max(narrowest, fitting // multiple * multiple))
    tiles = math.ceil(examples / widest)
    return math.ceil(math.ceil(examples / tiles) / multiple) * multiple


def narrowest_tile(program: Program, itemsize: int) -> int:
    """Give the least width of a tile that a program's kernels run well with, where its outputs do not fit the cache."""
    ops = set(program.rows[:, Column.OP].tolist())
    if Op.CONVOLUTION not in ops:
        return NARROWEST
    few = 2 * WINDOW_BYTES * program.features <= FEW_BYTES
    return max(WIDEST_VECTOR, WINDOW_BYTES // itemsize * (2 if few else 1))


def batch_size(model: Model) -> int | None:
    """Give the size of the batches whose statistics normalize, None if running statistics do.

    Raises
    ------
    InputError
        Nodes that ask for batches of different sizes.
    """
    nodes = [
        node for node in model.nodes if node.traits.batch_statistics and node.attributes["mode"] == "batch"
    ]
    for node in nodes:
        if node.attributes["batch_size"] != nodes[0].attributes["batch_size"]:
            raise InputError(
                f"node '{node.name}': batch_size: expected {nodes[0].attributes['batch_size']} as of '{nodes[0].name}', "
                f"found {node.attributes['batch_size']}"
            )
    return nodes[0].attributes["batch_size"] if nodes else None


class Tiles:
    """A sample of a model's data as batches for the kernels.

    Where batches have statistics of their own, a tile is one of them, and a row after its inputs says which columns are examples.
    """

    def __init__(
        self,
        sample: Sample,
        dtype: np.dtype,
        features: int,
        *,
        narrowest: int = NARROWEST,
        width: int | None = None,
    ) -> None:
        self.sample, self.dtype, self.examples = sample, dtype, sample.examples
        self.is_ids = reads_ids(sample.model)
        # A tile narrower than the usual is whole pairs of vectors.
        multiple = narrowest if narrowest < NARROWEST else MULTIPLE
        self.width = width or tile_width(self.examples, features, dtype.itemsize, narrowest, multiple)
        self.batch = batch_size(sample.model)
        if self.batch is not None:
            self.width = math.ceil(min(self.batch, self.examples) / MULTIPLE) * MULTIPLE
        self.step = self.batch or self.width
        self.count = math.ceil(self.examples / self.step)
        size = math.prod(sample.x.shape[1:]) + max(1, sum(sample.made.sizes))
        self.block_tiles = max(1, BLOCK_BYTES // (size * self.width * dtype.itemsize))
        self.keeps_all = size * self.width * self.count * dtype.itemsize <= KEPT_BYTES
        self.kept: dict[int, Batch] = {}

    @property
    def inputs(self) -> int:
        """Rows of a tile's data: the features, and where batches have statistics one that says which columns are examples."""
        return math.prod(self.sample.x.shape[1:]) + (self.batch is not None)

    @property
    def blocks(self) -> int:
        """How many blocks of tiles there are."""
        return math.ceil(self.count / self.block_tiles)

    def block(self, number: int) -> Batch:
        """Give a block, kept from the last time where memory allows it."""
        if number not in self.kept:
            if not self.keeps_all:
                self.kept.clear()
            self.kept[number] = self.read(number)
        return self.kept[number]

    def tile(self, number: int) -> tuple[Batch, int]:
        """Give the block that a tile is in and its place there."""
        return self.block(number // self.block_tiles), number % self.block_tiles

    def read(self, number: int) -> Batch:
        """Read and lay out a block of tiles."""
        sample, first = self.sample, number * self.block_tiles
        tiles = min(self.block_tiles, self.count - first)
        starts = self.step * np.arange(first, first + tiles)
        valid = np.minimum(self.examples - starts, self.step)
        rows = (starts[:, None] + np.minimum(np.arange(self.width), valid[:, None] - 1)).ravel()
        x = sample.take(sample.x, rows)
        x = self.inner(scaled(x, self.dtype, self.is_ids), tiles)
        if self.batch is not None:
            mask = (np.arange(self.width) < valid[:, None]).astype(self.dtype)
            x = np.concatenate([x, mask[:, None]], axis=1)
        labels, numbers, counts = sample.prepared(rows)
        counts = counts.reshape(tiles, self.width)
        counts[np.arange(self.width) >= valid[:, None]] = 0
        return Batch(
            x=x,
            labels=np.ascontiguousarray(self.inner(labels, tiles), dtype=np.int32),
            targets=np.ascontiguousarray(self.inner(numbers, tiles), dtype=self.dtype),
            counts=counts,
            valid=valid.astype(np.int64),
        )

    def inner(self, array: NDArray, tiles: int) -> NDArray:
        """Turn [tiles·B, …] into [tiles, F, B]."""
        rows = math.prod(array.shape[1:])
        return aligned.laid(array.reshape(tiles, self.width, rows).transpose(0, 2, 1), array.dtype)


def examples_of(tiles: NDArray, valid: NDArray[np.int64]) -> NDArray:
    """Turn tiles [tiles, F, B] into a row an example [N, F], the padding of every tile left out.

    Examples
    --------
    >>> examples_of(np.arange(6).reshape(2, 1, 3), np.array([2, 1])).ravel().tolist()
    [0, 1, 3]
    """
    columns = np.arange(tiles.shape[2]) < valid[:, None]
    return np.asarray(tiles.transpose(0, 2, 1)[columns])


def reads_ids(model: Model) -> bool:
    """Say whether the examples are ids of an embedding."""
    return any(node.operation.reads_ids for node in model.nodes)


def scaled(x: NDArray, dtype: np.dtype, is_ids: bool) -> NDArray:
    """Convert inputs to the kernels' dtype; bytes of an image, which are no ids, become numbers from 0 to 1."""
    if x.dtype == np.uint8 and not is_ids:
        return x.astype(dtype) / dtype.type(255)
    return x.astype(dtype)

"""A program as a table of integers, the same for every device and every kind of work.

`landscape.kernels.lowering` makes it of a model. Programs of more than dense networks also have a `geometry`, a wider row a node.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from landscape.program.codes import Op


class Column(IntEnum):
    """The columns of the table.

    `OUTPUT` and `SIZE` are in features; `FIRST` and `INPUTS` name the row's part of `links`; `WEIGHT` and `BIAS` are
    offsets into the parameter vector [θ, constants] or −1; `GROUPS`, `WIDE` and `OUT` are the op's own sizes;
    `CODE` is an activation (its own or the one that rides on it); `ACTIVE` says that the row depends
    on θ and the output on the row; `TRAINED` that its own parameters are in θ; `LAST_READER` is the last active row that reads it, or −1;
    `ADJOINT` is where its adjoint lies, in features: at `OUTPUT` where adjoints are kept, else where `sharing_adjoints` says;
    `NUMBERS` counts the numbers of a row that is the same for all examples, 0 of others; `MAP` and `OTHER_MAP` are where index maps of its first and
    second input begin among `links`, or −1.
    """

    OP = 0
    OUTPUT = 1
    SIZE = 2
    FIRST = 3
    INPUTS = 4
    WEIGHT = 5
    BIAS = 6
    GROUPS = 7
    WIDE = 8
    OUT = 9
    CODE = 10
    ACTIVE = 11
    TRAINED = 12
    LAST_READER = 13
    ADJOINT = 14
    NUMBERS = 15
    MAP = 16
    OTHER_MAP = 17


class Geometry(IntEnum):
    """The columns of the geometry: sizes of images as they come and go, of windows over them, and what few ops need.

    Images lie channels last: row (y·width + x)·channels + c of a block. One axis is an image of height 1. `MEAN` and `VARIANCE` are offsets of a
    batch normalization's running statistics, `SCALE` and `SHIFT` of its weight and bias; `HEADS` and `CAUSAL` belong to attention, `BEFORE` to `pad_channels`;
    `LINES` of a convolution's adjoint are turned at a time for its weights' gradient; `FOLLOWED_MEAN` and `FOLLOWED_VARIANCE` are offsets of the running
    statistics that training moves toward those of its batches; `BY_SQUARES` is 1 for a convolution by squares of outputs.
    """

    CHANNELS = 0
    HEIGHT = 1
    WIDTH = 2
    OUT_CHANNELS = 3
    OUT_HEIGHT = 4
    OUT_WIDTH = 5
    KERNEL_Y = 6
    KERNEL_X = 7
    STRIDE_Y = 8
    STRIDE_X = 9
    PADDING_Y = 10
    PADDING_X = 11
    DILATION_Y = 12
    DILATION_X = 13
    GROUPS = 14
    MEAN = 15
    VARIANCE = 16
    HEADS = 17
    CAUSAL = 18
    BEFORE = 19
    SCALE = 20
    SHIFT = 21
    LINES = 22
    FOLLOWED_MEAN = 23
    FOLLOWED_VARIANCE = 24
    BY_SQUARES = 25


# What dense networks and their joints are made of. Rows of all other ops may have a geometry, and so does a program that has such rows.
WITHOUT_GEOMETRY = frozenset(
    (
        Op.INPUT,
        Op.DENSE,
        Op.ACTIVATION,
        Op.SOFTMAX,
        Op.LAYERNORM,
        Op.ADD,
        Op.MULTIPLY,
        Op.CONCAT,
        Op.MASK,
        Op.GATHER,
        Op.PARAMETER,
        Op.COMBINE,
        Op.PRODUCT,
        Op.LARGEST,
        Op.MATMUL,
        Op.DENSE_OF,
    )
)
# Rows of the workspace that ops may use between reading and writing.
SCRATCH_ROWS = 8
# Numbers of the narrowest dtype in a vector of the widest machine; every tile is whole vectors on every machine.
WIDEST_VECTOR = 16
# Channels of a convolution of each channel by itself that are summed together.
CHANNELS_TOGETHER = 16
# Queries that attention takes at a time.
ATTENTION_QUERIES = 8
# Numbers that it notes for each of them, beside scores of keys.
ATTENTION_LINES = 5


@dataclass
class Row:
    """One row in the making; `inputs` are indices of earlier rows."""

    op: Op
    size: int
    inputs: list[int]
    weight: int = -1
    bias: int = -1
    groups: int = 0
    wide: int = 0
    out: int = 0
    code: int = 0
    trained: bool = False
    attribute: float = 0.0
    weight_stop: int = -1
    bias_stop: int = -1
    active: bool = False
    geometry: dict[Geometry, int] = field(default_factory=dict)
    scratch: int = 0
    epsilon: float = 0.0
    normalization: list[tuple[int, int]] = field(default_factory=list)
    node: str = ""
    numbers: int = 0
    maps: tuple[NDArray[np.int64] | None, ...] = ()

    @property
    def count(self) -> int:
        """Numbers that it writes for an example, or for all of them where they are the same."""
        return self.numbers or self.size


@dataclass(frozen=True)
class Program:
    """A lowered network.

    `rows` int64 [n, columns], `links` int64 (inputs of rows, then index maps), `attributes` float64 [n]; `features` is the height of
    the workspace without scratch, `scratch` the height of that; `ranges` the parameter intervals of each row, `normalizations` those of them that
    a normalization on a product reads, and `parameters` the length of
    [θ, constants]. `geometry` int64 [n, columns] and `epsilons` float64 [n] are
    empty if no row needs them. `nodes` names the node whose output a row is, "" for a row on the way to one.
    """

    rows: NDArray[np.int64]
    links: NDArray[np.int64]
    attributes: NDArray[np.float64]
    features: int
    parameters: int
    ranges: tuple[tuple[tuple[int, int], ...], ...]
    normalizations: tuple[tuple[tuple[int, int], ...], ...] = ()
    scratch: int = SCRATCH_ROWS
    geometry: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, len(Geometry)), np.int64))
    epsilons: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    nodes: tuple[str, ...] = ()

    @property
    def output_size(self) -> int:
        """Features of the last row."""
        return int(self.rows[-1, Column.SIZE])

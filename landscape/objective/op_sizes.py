"""What each op makes of a row's columns: how much it reads and writes, where parameters must lie, how much scratch it takes.

It says again, from the kernels' side, what lowering has written, so that the two can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from landscape.program.codes import Op
from landscape.program.table import (
    ATTENTION_LINES,
    ATTENTION_QUERIES,
    CHANNELS_TOGETHER,
    SCRATCH_ROWS,
    WIDEST_VECTOR,
    Column,
    Geometry,
)

Place = Column | Geometry
# The interval is that of the parameter that starts there, whole rows of so many numbers.
ANY_ROWS = -1
AXES = (
    (Geometry.HEIGHT, Geometry.OUT_HEIGHT, Geometry.KERNEL_Y, Geometry.STRIDE_Y, Geometry.PADDING_Y, Geometry.DILATION_Y),
    (Geometry.WIDTH, Geometry.OUT_WIDTH, Geometry.KERNEL_X, Geometry.STRIDE_X, Geometry.PADDING_X, Geometry.DILATION_X),
)  # fmt: skip
IMAGE = frozenset(Geometry(place) for place in range(Geometry.CHANNELS, Geometry.OUT_WIDTH + 1))
WINDOW = frozenset(Geometry(place) for place in range(Geometry.KERNEL_Y, Geometry.DILATION_X + 1))
# What a convolution by squares must have.
SQUARES_NEED = {
    Geometry.KERNEL_Y: 3, Geometry.KERNEL_X: 3, Geometry.STRIDE_Y: 1, Geometry.STRIDE_X: 1, Geometry.DILATION_Y: 1, Geometry.DILATION_X: 1,
    Geometry.GROUPS: 1,
}  # fmt: skip
AFFINE = (Geometry.SCALE, Geometry.SHIFT)
RUNNING = (Geometry.MEAN, Geometry.VARIANCE)
FOLLOWED = (Geometry.FOLLOWED_MEAN, Geometry.FOLLOWED_VARIANCE)
# Matrices of a head and blocks of scores that the rule with the most of them takes, and lines of a channel that a normalization does.
MATRICES, BLOCKS, LINES = 9, 6, 3
# Numbers that a GPU notes for a column of a layer normalization, for its features, and for each head's query of attention.
COLUMN_NOTES, FEATURE_NOTES, QUERY_NOTES = 4, 2, 9


@dataclass(frozen=True)
class View:
    """One row as it was read: its columns, the rows that it reads and their sizes, its line of the geometry.

    `counts` are how many numbers the inputs have, `numbers` how many of those that are the same for all examples, 0 of others; `maps` are the index maps.
    """

    number: int
    op: Op | int
    columns: dict[Column, int]
    inputs: list[int]
    sizes: list[int]
    shape: dict[Geometry, int]
    counts: list[int] = field(default_factory=list)
    maps: tuple[NDArray[np.int64] | None, ...] = (None, None)
    numbers: list[int] = field(default_factory=list)

    def __getitem__(self, place: Place) -> int:
        """Return a number of the row, −1 where the program has no geometry."""
        if isinstance(place, Column):
            return self.columns[place]
        return self.shape.get(place, -1)

    @property
    def size(self) -> int:
        """Features that the row writes."""
        return self.columns[Column.SIZE]

    @property
    def count(self) -> int:
        """Numbers that the row writes, for an example or for all."""
        return self.columns[Column.NUMBERS] or self.columns[Column.SIZE]


@dataclass(frozen=True)
class Expected:
    """What an op expects of a row: its outputs, its inputs, its parameters' counts, the columns that it uses, and what else is wrong."""

    size: int
    inputs: list[int]
    columns: tuple[Column, ...] = ()
    geometry: frozenset[Geometry] = frozenset()
    parameters: tuple[tuple[Place, int], ...] = ()
    required: tuple[Place, ...] = ()
    faults: list[str] = field(default_factory=list)
    single: bool = False
    mapped: bool = False


def same(row: View) -> Expected:
    """An op that reads as many numbers as it writes, with no columns of its own."""
    return Expected(row.size, [row.size], single=True)


def at_places(row: View, number: int) -> list[str]:
    """Say what is wrong with the index map of an input, which every number that is written follows."""
    indices, count, single = row.maps[number], row.counts[number], row.numbers[number] > 0
    if row[Column.NUMBERS] and not single:
        return ["is the same for all examples, and reads what is not"]
    if indices is None:
        return [] if count == row.count else [f"reads {count} numbers for {row.count}"]
    least = -1 if row.op == Op.GATHER else 0
    inside = bool((indices >= least).all() and (indices < count).all())
    return [] if inside else [f"reads places {indices.min()} to {indices.max()} of {count}"]


def gathered(row: View) -> Expected:
    """Numbers of another row."""
    faults = at_places(row, 0) if len(row.inputs) == 1 else []
    return Expected(row.size, row.sizes[:1], faults=faults, single=True, mapped=True)


def joined(row: View) -> Expected:
    """Two rows, each read through a map."""
    faults = [told for number in range(2) for told in at_places(row, number)] if len(row.inputs) == 2 else []
    return Expected(
        row.size,
        row.sizes[:2] if len(row.sizes) > 1 else [row.size, row.size],
        faults=faults,
        single=True,
        mapped=True,
    )


def numbers(row: View) -> Expected:
    """Numbers of [θ, constants], the same for all examples."""
    count = row[Column.NUMBERS]
    faults = [] if count > 0 else ["has no numbers that are the same for all examples"]
    return Expected(
        row.size,
        [],
        parameters=((Column.WEIGHT, count),),
        required=(Column.WEIGHT,),
        faults=faults,
        single=True,
    )


def reduced(row: View) -> Expected:
    """The middle one of three axes, of rows or of numbers that are the same for all examples."""
    groups, wide, out = row[Column.GROUPS], row[Column.WIDE], row[Column.OUT]
    faults = []
    if len(row.inputs) == 1 and (row.count, row.counts[0]) != (groups * out, groups * wide * out):
        faults = [
            f"makes {row.count} numbers of {row.counts[0]}, expected {groups * out} of {groups * wide * out}"
        ]
    if len(row.inputs) == 1 and (row[Column.NUMBERS] > 0) != (row.numbers[0] > 0):
        faults.append("differs from its input in whether all examples have the same")
    columns = (Column.GROUPS, Column.WIDE, Column.OUT)
    return Expected(row.size, row.sizes[:1] or [row.size], columns, faults=faults, single=True)


def dense_of(row: View) -> Expected:
    """A product at each leading position with a weight that is a row's."""
    groups, wide, out = row[Column.GROUPS], row[Column.WIDE], row[Column.OUT]
    weights = math.ceil(out * wide / WIDEST_VECTOR)
    faults = (
        []
        if row.numbers[1:] == [out * wide]
        else [f"reads a weight of {row.numbers[1:]} numbers, expected {out * wide}"]
    )
    return Expected(
        groups * out, [groups * wide, weights], (Column.GROUPS, Column.WIDE, Column.OUT), faults=faults
    )


def convolution_of(row: View) -> Expected:
    """A convolution with a weight that is a row's, on which no normalization rides."""
    expected = convolution(row)
    count = row[Column.OUT] * row[Column.WIDE]
    faults = (
        []
        if row.numbers[1:] == [count]
        else [f"reads a weight of {row.numbers[1:]} numbers, expected {count}"]
    )
    return Expected(
        expected.size, [*expected.inputs, math.ceil(count / WIDEST_VECTOR)], expected.columns,
        expected.geometry - {*RUNNING, *AFFINE},
        faults=[*expected.faults, *faults],
    )  # fmt: skip


def multiplied_each(row: View) -> Expected:
    """Products of matrices, whose plan says where they lie: groups, sizes, steps, and where each group starts."""
    plan = row.maps[0]
    expected = row.sizes[:2] if len(row.sizes) > 1 else [row.size, row.size]
    if plan is None or len(plan) < 8:
        return Expected(row.size, expected, faults=["has no plan of its product"], mapped=True)
    groups, m, n, k = (int(size) for size in plan[:4])
    faults = [] if min(groups, m, n, k) > 0 and len(plan) == 8 + 2 * groups else ["has a plan of other sizes"]
    for number, (rows, columns) in enumerate(((m, k), (k, n))):
        starts, steps = (
            plan[8 + number * groups : 8 + (number + 1) * groups],
            plan[4 + 2 * number : 6 + 2 * number],
        )
        corners = [starts + r * steps[0] + c * steps[1] for r in (0, rows - 1) for c in (0, columns - 1)]
        if faults or len(row.sizes) < 2:
            break
        if min(int(c.min()) for c in corners) < 0 or max(int(c.max()) for c in corners) >= row.sizes[number]:
            faults.append(f"reads its factor {number} outside of {row.sizes[number]} features")
    return Expected(groups * m * n, expected, faults=faults, mapped=True)


def dense(row: View) -> Expected:
    """A product at each leading position."""
    groups, wide, out = row[Column.GROUPS], row[Column.WIDE], row[Column.OUT]
    return Expected(
        groups * out, [groups * wide], (Column.GROUPS, Column.WIDE, Column.OUT),
        parameters=((Column.WEIGHT, out * wide), (Column.BIAS, out)), required=(Column.WEIGHT,),
    )  # fmt: skip


def grouped(row: View) -> Expected:
    """Groups of rows that are one after the other: a softmax, a change of order."""
    size = row[Column.GROUPS] * row[Column.WIDE]
    return Expected(size, [size], (Column.GROUPS, Column.WIDE))


def layernorm(row: View) -> Expected:
    """Groups of features, and what scales and shifts each."""
    size, wide = row[Column.GROUPS] * row[Column.WIDE], row[Column.WIDE]
    return Expected(
        size, [size], (Column.GROUPS, Column.WIDE), parameters=((Column.WEIGHT, wide), (Column.BIAS, wide))
    )


def groupnorm(row: View) -> Expected:
    """Groups of channels, and what scales and shifts each channel."""
    groups, wide, channels = row[Column.GROUPS], row[Column.WIDE], row[Column.OUT]
    whole = groups * wide == channels and row.size % max(1, channels) == 0
    return Expected(
        row.size, [row.size], (Column.GROUPS, Column.WIDE, Column.OUT),
        parameters=((Column.WEIGHT, channels), (Column.BIAS, channels)),
        faults=[] if whole else [f"has {groups} groups of {wide} of {channels} channels in {row.size} numbers"],
    )  # fmt: skip


def summed(row: View) -> Expected:
    """Any number of inputs of one size."""
    return Expected(row.size, [row.size] * max(1, len(row.inputs)))


def multiplied(row: View) -> Expected:
    """Two factors of one size."""
    return Expected(row.size, [row.size, row.size])


def concatenated(row: View) -> Expected:
    """Inputs that are joined group by group."""
    groups = max(1, row[Column.GROUPS])
    faults = [f"reads {size} numbers in {groups} groups" for size in row.sizes if size % groups or size < 1]
    return Expected(
        sum(row.sizes), row.sizes, (Column.GROUPS,), faults=faults if row.sizes else ["reads nothing"]
    )


def mask(row: View) -> Expected:
    """Random numbers that read nothing."""
    return Expected(row.size, [])


def slid(row: View, axis: tuple[Geometry, ...], pooled: bool) -> list[str]:
    """Say what is wrong with a window along an axis."""
    size, after, kernel, stride, padding, dilation = (row[place] for place in axis)
    if min(size, after, kernel, stride, dilation) < 1 or padding < 0:
        return [f"slides a window of {kernel} by {stride} over {size} pixels padded by {padding}"]
    places = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    if after != places:
        return [f"has {after} places of a window along an axis, expected {places}"]
    # A pool copies a pixel of each window, and its kernels know no dilation.
    return ["has a window without a pixel"] if pooled and (2 * padding > kernel or dilation != 1) else []


def image(row: View) -> tuple[int, int, list[str]]:
    """Return the numbers of the image that comes and of the one that goes."""
    before = math.prod(row[place] for place in (Geometry.CHANNELS, Geometry.HEIGHT, Geometry.WIDTH))
    after = math.prod(
        row[place] for place in (Geometry.OUT_CHANNELS, Geometry.OUT_HEIGHT, Geometry.OUT_WIDTH)
    )
    return before, after, [f"has {place.name} {row[place]}" for place in sorted(IMAGE) if row[place] < 1]


def convolution(row: View) -> Expected:
    """A product over windows of an image, and what may normalize its channels."""
    before, after, faults = image(row)
    groups, channels, out = max(1, row[Geometry.GROUPS]), row[Geometry.CHANNELS], row[Geometry.OUT_CHANNELS]
    faults += [told for axis in AXES for told in slid(row, axis, False)]
    wide = channels // groups * row[Geometry.KERNEL_Y] * row[Geometry.KERNEL_X]
    if row[Geometry.GROUPS] < 1 or channels % groups or out % groups:
        faults.append(f"has {row[Geometry.GROUPS]} groups of {channels} and {out} channels")
    if row[Column.WIDE] != wide or row[Column.OUT] != out:
        faults.append(f"multiplies {row[Column.WIDE]} by {row[Column.OUT]} numbers, expected {wide} by {out}")
    if not 1 <= row[Geometry.LINES] <= row[Geometry.OUT_HEIGHT]:
        faults.append(f"turns {row[Geometry.LINES]} lines of {row[Geometry.OUT_HEIGHT]}")
    normalized, by_squares = row[Geometry.MEAN] != -1, row[Geometry.BY_SQUARES] != -1
    if by_squares and (
        row[Geometry.BY_SQUARES] != 1 or any(row[at] != number for at, number in SQUARES_NEED.items())
    ):
        faults.append(
            f"has BY_SQUARES {row[Geometry.BY_SQUARES]}, which is 1 for 3 × 3 taps at stride 1, else -1"
        )
    optional = set((*RUNNING, *AFFINE) if normalized else ()) | (
        {Geometry.BY_SQUARES} if by_squares else set()
    )
    return Expected(
        after, [before], (Column.WIDE, Column.OUT),
        IMAGE | WINDOW | {Geometry.GROUPS, Geometry.LINES} | optional,
        ((Column.WEIGHT, out * wide), (Column.BIAS, out), *(((place, out) for place in (*RUNNING, *AFFINE)) if normalized else ())),
        (Column.WEIGHT, *(RUNNING if normalized else ())), faults,
    )  # fmt: skip


def normalization(statistics: tuple[Geometry, ...], required: bool) -> Callable[[View], Expected]:
    """Make what a batch normalization expects, whose statistics lie among the constants."""

    def expected(row: View) -> Expected:
        channels = max(1, row[Column.OUT])
        there = statistics if required or any(row[place] != -1 for place in statistics) else ()
        places = (*AFFINE, *there)
        return Expected(
            row.size, [row.size], (Column.OUT,), frozenset(places), tuple((place, channels) for place in places), there,
            [f"has {row.size} numbers of {channels} channels"] if row.size % channels else [],
        )  # fmt: skip

    return expected


def pool(row: View) -> Expected:
    """Windows over each channel of an image."""
    before, after, faults = image(row)
    if row[Geometry.CHANNELS] != row[Geometry.OUT_CHANNELS]:
        faults.append(f"makes {row[Geometry.OUT_CHANNELS]} of {row[Geometry.CHANNELS]} channels")
    faults += [told for axis in AXES for told in slid(row, axis, True)]
    return Expected(after, [before], geometry=IMAGE | WINDOW, faults=faults)


def pad_channels(row: View) -> Expected:
    """Some pixels of an image, with channels of zeros around."""
    before, after, faults = image(row)
    strides = (Geometry.STRIDE_Y, Geometry.STRIDE_X)
    for stride, (size, out, *_) in zip(strides, AXES, strict=True):
        if row[stride] < 1 or row[out] != math.ceil(row[size] / max(1, row[stride])):
            faults.append(f"takes every {row[stride]}-th of {row[size]} pixels for {row[out]}")
    if not 0 <= row[Geometry.BEFORE] <= row[Geometry.OUT_CHANNELS] - row[Geometry.CHANNELS]:
        faults.append(f"puts {row[Geometry.BEFORE]} channels before {row[Geometry.CHANNELS]} of {row[Geometry.OUT_CHANNELS]}")  # fmt: skip
    return Expected(after, [before], geometry=IMAGE | set(strides) | {Geometry.BEFORE}, faults=faults)


def embedding(row: View) -> Expected:
    """A row of the weight for each id."""
    groups, out = row[Column.GROUPS], row[Column.OUT]
    faults = [] if row[Column.WIDE] == 1 else [f"reads {row[Column.WIDE]} ids at a position"]
    return Expected(
        groups * out, [groups], (Column.GROUPS, Column.WIDE, Column.OUT), parameters=((Column.WEIGHT, ANY_ROWS),),
        required=(Column.WEIGHT,), faults=faults,
    )  # fmt: skip


def position(row: View) -> Expected:
    """A number of its own that is added to each feature."""
    return Expected(
        row[Column.OUT],
        [row.size],
        (Column.OUT,),
        parameters=((Column.BIAS, row[Column.OUT]),),
        required=(Column.BIAS,),
    )


def attention(row: View) -> Expected:
    """Queries, keys and values of tokens, side by side, to one mixture a token."""
    size, wide, heads = row[Column.GROUPS] * row[Column.WIDE], row[Column.WIDE], row[Geometry.HEADS]
    faults = [] if heads >= 1 and wide % heads == 0 else [f"has {heads} heads of {wide} numbers"]
    if row[Geometry.CAUSAL] not in (0, 1):
        faults.append(f"has CAUSAL {row[Geometry.CAUSAL]}")
    used = frozenset((Geometry.HEADS, Geometry.CAUSAL))
    return Expected(size, [3 * size], (Column.GROUPS, Column.WIDE), used, faults=faults)


SIZES: dict[Op, Callable[[View], Expected]] = {
    Op.DENSE: dense,
    Op.ACTIVATION: same,
    Op.SOFTMAX: grouped,
    Op.LAYERNORM: layernorm,
    Op.ADD: summed,
    Op.MULTIPLY: multiplied,
    Op.CONCAT: concatenated,
    Op.MASK: mask,
    Op.CONVOLUTION: convolution,
    Op.BATCHNORM: normalization(RUNNING, required=True),
    Op.TRANSPOSE: grouped,
    Op.MAXPOOL: pool,
    Op.AVGPOOL: pool,
    Op.PAD_CHANNELS: pad_channels,
    Op.MEAN: reduced,
    Op.EMBEDDING: embedding,
    Op.POSITION: position,
    Op.ATTENTION: attention,
    Op.BATCH_STATISTICS: normalization(FOLLOWED, required=False),
    Op.GROUPNORM: groupnorm,
    Op.GATHER: gathered,
    Op.PARAMETER: numbers,
    Op.COMBINE: joined,
    Op.PRODUCT: joined,
    Op.LARGEST: reduced,
    Op.MATMUL: multiplied_each,
    Op.DENSE_OF: dense_of,
    Op.CONVOLUTION_OF: convolution_of,
}


def scratch_rows(row: View) -> int:
    """Count the rows of scratch that a row takes in a tile of the narrowest width, a vector of the narrowest numbers."""
    return max(SCRATCH_ROWS, SCRATCH.get(Op(row.op), lambda _: 0)(row))


def convolution_scratch(row: View) -> int:
    """Count what the rules of a convolution take.

    Biases and scales, then the weights, packed; or what a convolution by squares takes; or some lines of the adjoint, turned, with the sums that they
    are added to; or what normalizes.
    """
    groups, out, before = row[Geometry.GROUPS], row[Geometry.OUT_CHANNELS], row[Geometry.CHANNELS]
    wide = math.ceil(out // groups / WIDEST_VECTOR) * WIDEST_VECTOR
    turned = row[Geometry.LINES] * row[Geometry.OUT_WIDTH] * wide + row[Column.WIDE] * wide // WIDEST_VECTOR
    packed = math.ceil(out * row[Column.WIDE] / WIDEST_VECTOR)
    if row[Geometry.BY_SQUARES] > 0:
        # Nine taps and 36 components of them, and 36 components of a square's pixels and outputs, each a vector from the next at most.
        packed = 45 * (math.ceil(out * before / WIDEST_VECTOR) + 1) + before + out + 36 * (before + out + 2)
    starts = math.ceil(2 * out / WIDEST_VECTOR)
    if groups == before == out and groups > 1:
        # Taps of some channels, a number for each example.
        return max(
            starts + CHANNELS_TOGETHER * row[Column.WIDE], LINES * out if row[Geometry.MEAN] >= 0 else 0
        )
    return max(turned, starts + packed, LINES * out if row[Geometry.MEAN] >= 0 else 0)


def attention_scratch(row: View) -> int:
    """The packed matrices and blocks of scores of one head of one vector of examples."""
    tokens, size = row[Column.GROUPS], row[Column.WIDE] // row[Geometry.HEADS]
    return SCRATCH_ROWS + MATRICES * tokens * size + (BLOCKS * tokens + ATTENTION_LINES) * ATTENTION_QUERIES


SCRATCH: dict[Op, Callable[[View], int]] = {
    Op.CONVOLUTION: convolution_scratch,
    Op.CONVOLUTION_OF: convolution_scratch,
    Op.BATCHNORM: lambda row: LINES * row[Column.OUT],
    Op.MAXPOOL: lambda row: row[Geometry.CHANNELS],
    Op.ATTENTION: attention_scratch,
}


def noted_rows(row: View) -> int:
    """Count the rows behind the outputs in which a GPU's rules for derivatives note something."""
    return NOTED[row.op](row) if isinstance(row.op, Op) and row.op in NOTED else 0


NOTED: dict[Op, Callable[[View], int]] = {
    Op.LAYERNORM: lambda row: COLUMN_NOTES * row[Column.GROUPS] + FEATURE_NOTES * row[Column.WIDE],
    Op.CONVOLUTION: lambda row: row[Geometry.OUT_CHANNELS],
    Op.BATCHNORM: lambda row: row[Column.OUT],
    Op.ATTENTION: lambda row: QUERY_NOTES * row[Column.GROUPS] * row[Geometry.HEADS],
}

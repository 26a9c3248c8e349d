"""How many numbers each op reads and writes, stated independently for the check of programs.

It says again, from the kernels' side, what lowering has written, so that the two can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from landscape.objective.row_view import ANY_ROWS, Expected, View
from landscape.objective.window_sizes import AFFINE, RUNNING, convolution, convolution_of, pad_channels, pool
from landscape.program.codes import Op
from landscape.program.table import WIDEST_VECTOR, Column, Geometry

FOLLOWED = (Geometry.FOLLOWED_MEAN, Geometry.FOLLOWED_VARIANCE)


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

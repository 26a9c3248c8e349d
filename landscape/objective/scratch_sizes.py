"""How much scratch memory the rules of a row need beside its output."""

from __future__ import annotations

import math
from collections.abc import Callable

from landscape.objective.row_view import View
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

# Matrices of a head and blocks of scores that the rule with the most of them takes, and lines of a channel that a normalization does.
MATRICES, BLOCKS, LINES = 9, 6, 3
# Numbers that a GPU notes for a column of a layer normalization, for its features, and for each head's query of attention.
COLUMN_NOTES, FEATURE_NOTES, QUERY_NOTES = 4, 2, 9


def scratch_rows(row: View) -> int:
    """Count the rows of scratch that a row takes in a tile of the narrowest width, a vector of the narrowest numbers."""
    return max(SCRATCH_ROWS, SCRATCH.get(Op(row.op), lambda _: 0)(row))


def convolution_scratch(row: View) -> int:
    """Count the rows of scratch that the rules of a convolution take.

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
    """Count the scratch of attention: packed matrices and blocks of scores of one head for one vector of examples."""
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
    """Count the scratch rows after the outputs that a GPU's rules for derivatives use."""
    return NOTED[row.op](row) if isinstance(row.op, Op) and row.op in NOTED else 0


NOTED: dict[Op, Callable[[View], int]] = {
    Op.LAYERNORM: lambda row: COLUMN_NOTES * row[Column.GROUPS] + FEATURE_NOTES * row[Column.WIDE],
    Op.CONVOLUTION: lambda row: row[Geometry.OUT_CHANNELS],
    Op.BATCHNORM: lambda row: row[Column.OUT],
    Op.ATTENTION: lambda row: QUERY_NOTES * row[Column.GROUPS] * row[Geometry.HEADS],
}

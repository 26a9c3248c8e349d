"""A head of `attention` in scratch: its part of one vector of examples, packed into matrices, and the products of these in blocks of queries.

A packed matrix is [T, size] of vectors and is named by its number. Behind the matrices lie blocks of scores [keys, queries·lanes], and behind those lines
of [queries·lanes]. Products are `lane_product`s.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from numpy.typing import NDArray

from landscape.jit import kernel
from landscape.kernels.cpu.lanes import Vectors, lane_copy, lane_product
from landscape.kernels.cpu.vectors import lanes_of
from landscape.kernels.cpu.views import flat, view
from landscape.program.table import ATTENTION_LINES, ATTENTION_QUERIES, SCRATCH_ROWS, Column, Geometry

GROUPS, WIDE = int(Column.GROUPS), int(Column.WIDE)
HEADS, CAUSAL = int(Geometry.HEADS), int(Geometry.CAUSAL)
QUERIES = ATTENTION_QUERIES
# The parts of a token in the input.
QUERY, KEY, VALUE = 0, 1, 2


class Heads(NamedTuple):
    """A row of attention: its rows of the table and of the geometry, and the scratch that its heads are packed into."""

    row: NDArray
    shape: NDArray
    scratch: NDArray


class Place(NamedTuple):
    """A head, and one vector of examples."""

    head: int
    first: int


@kernel
def sizes(row, shape):
    """Give the number of tokens, the width of a head and the scale c of its scores."""
    size = row[WIDE] // shape[HEADS]
    return row[GROUPS], size, 1.0 / math.sqrt(size)


@kernel
def seen(row, shape, t):
    """Give how many queries a block from t on has, and how many keys they see."""
    queries = min(QUERIES, row[GROUPS] - t)
    return queries, t + queries if shape[CAUSAL] > 0 else row[GROUPS]


@kernel
def matrix(number, heads):
    """Say where a packed matrix [T, size] of vectors lies in the flat scratch."""
    row, scratch = heads.row, heads.scratch
    each = row[GROUPS] * (row[WIDE] // heads.shape[HEADS]) * lanes_of(scratch)
    return SCRATCH_ROWS * scratch.shape[1] + number * each


@kernel(viewing=True)
def score_block(number, matrices, keys, queries, heads):
    """View a block of scores [keys, queries·lanes] behind a number of packed matrices."""
    lanes = lanes_of(heads.scratch)
    start = matrix(matrices, heads) + number * heads.row[GROUPS] * QUERIES * lanes
    return view(flat(heads.scratch), start, keys, queries * lanes)


@kernel
def pack(number, source, part, parts, at, heads):
    """Copy a head's part of each token, `parts` a token, from one vector of examples into packed matrix `number`."""
    tokens, size, _ = sizes(heads.row, heads.shape)
    lanes, width, start = lanes_of(heads.scratch), source.shape[1], matrix(number, heads)
    given, out = flat(source), flat(heads.scratch)
    for t in range(tokens):
        first = (parts * t + part) * heads.row[WIDE] + at.head * size
        lane_copy(size, given, first * width + at.first, width, False, out, start + t * size * lanes, lanes)


@kernel
def unpack(number, add, into, part, at, heads):
    """Set a head's part of each token in `into` to packed matrix `number`, or add that."""
    tokens, size, _ = sizes(heads.row, heads.shape)
    lanes, width, start = lanes_of(heads.scratch), into.shape[1], matrix(number, heads)
    packed, out = flat(heads.scratch), flat(into)
    for t in range(tokens):
        first = (3 * t + part) * heads.row[WIDE] + at.head * size
        lane_copy(size, packed, start + t * size * lanes, lanes, add, out, first * width + at.first, width)


@kernel
def dots(left, right, t, add, heads, out):
    """Set out [keys, queries] to Σ_f left[key, f]·right[t + query, f], or add it; both are numbers of packed matrices."""
    _, size, _ = sizes(heads.row, heads.shape)
    lanes, packed = lanes_of(heads.scratch), flat(heads.scratch)
    token, keys, queries = size * lanes, out.shape[0], out.shape[1] // lanes
    a, b = matrix(left, heads), matrix(right, heads) + t * token
    first, second = Vectors(packed, b, token, lanes), Vectors(packed, a, token, lanes)
    lane_product(queries, keys, size, first, second, add, Vectors(flat(out), 0, lanes, out.shape[1]))


@kernel
def mix(values, p, t, add, parts, at, heads, target):
    """Set the queries' first part in target (`parts` a token) to Σ_k p[k, query]·values[k], or add it."""
    _, size, _ = sizes(heads.row, heads.shape)
    lanes, width, wide = lanes_of(heads.scratch), target.shape[1], heads.row[WIDE]
    keys, queries = p.shape[0], p.shape[1] // lanes
    b = matrix(values, heads)
    start = (parts * t * wide + at.head * size) * width + at.first
    lane_product(
        queries, size, keys, Vectors(flat(p), 0, lanes, p.shape[1]), Vectors(flat(heads.scratch), b, lanes, size * lanes),
        add, Vectors(flat(target), start, parts * wide * width, width),
    )  # fmt: skip


@kernel
def share(p, right, t, add, heads, number):
    """Add Σ_query p[k, query]·right[t + query] to packed matrix `number`; the keys that no block before t has seen are set, unless `add`."""
    before = p.shape[0] if add else t if heads.shape[CAUSAL] > 0 or t == 0 else p.shape[0]
    share_part(p, 0, before, right, t, True, heads, number)
    share_part(p, before, p.shape[0], right, t, False, heads, number)


@kernel
def share_part(p, first, last, right, t, add, heads, number):
    """Do that for the keys from `first` to `last`."""
    _, size, _ = sizes(heads.row, heads.shape)
    lanes, packed = lanes_of(heads.scratch), flat(heads.scratch)
    token, line = size * lanes, p.shape[1]
    a, c = matrix(right, heads) + t * token, matrix(number, heads) + first * token
    lane_product(
        size, last - first, line // lanes, Vectors(packed, a, lanes, token), Vectors(flat(p), first * line, line, lanes),
        add, Vectors(packed, c, lanes, token),
    )  # fmt: skip


@kernel(viewing=True)
def helpers(matrices, blocks, queries, heads):
    """View the lines [queries·lanes] behind a number of packed matrices and of blocks."""
    return score_block(blocks, matrices, ATTENTION_LINES, queries, heads)


@kernel
def pack_input(first, x, at, heads):
    """Pack a head's queries, keys and values as matrices first, first + 1 and first + 2."""
    for part in range(3):
        pack(first + part, x, part, 3, at, heads)

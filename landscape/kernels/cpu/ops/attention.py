"""The middle of `attention`: each head's softmax(c·QKᵀ)·V with c = 1/√(width of a head).

The input [T·3D, B] has query, key and value of each token, the output [T·D, B] their mixtures. A head's part of one vector of examples is packed
into scratch and goes through in blocks of queries, [keys, queries·lanes], whose products are `lane_product`s. Nothing of size T·T is kept; derivatives
compute the probabilities again. Along a tangent (ẋ), with scores s = qk, p = softmax(c·s) and an output's adjoint g:

- ṡ = q̇k + qk̇, ṗ = c·p(ṡ − Σpṡ), and the output changes by Σ ṗv + pv̇;
- in reverse e = g·v, a = c·p(e − Σpe): a·k to q, a·q to k, p·g to v;
- its change: ė = g·v̇, ȧ = c(ṗ(e − Σpe) + p(ė − Σ(ṗe + pė))): ȧk + ak̇ to q, ȧq + aq̇ to k, ṗg to v.

ṡ, e and ė count from those of the key that has most of p, whose own are then exactly zero. Where it has almost all, what is left of its ṗ, a and ȧ is a
sum over the other keys and not the difference of two numbers that are nearly equal; and what several keys have in common is gone, however large.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from numpy.typing import NDArray

from landscape.formulas.primitives import exp, larger
from landscape.jit import kernel
from landscape.kernels.cpu.combine import copy_rows
from landscape.kernels.cpu.lanes import Vectors, lane_copy, lane_product
from landscape.kernels.cpu.links import input_of
from landscape.kernels.cpu.rules import BACKWARD, CURVED, REVERSE, TANGENT, Rule, frame_of
from landscape.kernels.cpu.rules import VALUE as FORWARD
from landscape.kernels.cpu.vectors import lanes_of
from landscape.kernels.cpu.views import block, flat, output_block, view
from landscape.program.table import ATTENTION_LINES, ATTENTION_QUERIES, SCRATCH_ROWS, Column, Geometry

GROUPS, WIDE = int(Column.GROUPS), int(Column.WIDE)
SIZE, ADJOINT, ACTIVE = int(Column.SIZE), int(Column.ADJOINT), int(Column.ACTIVE)
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
def probabilities(t, causal, scale, p, top, total):
    """Turn scores p [keys, queries·lanes] of the queries from t on into probabilities."""
    lanes = lanes_of(p)
    if causal:
        for query in range(p.shape[1] // lanes):
            p[t + query + 1 :, query * lanes : (query + 1) * lanes] = -math.inf
    copy_rows(p[0], top)
    for k in range(1, p.shape[0]):
        for j in range(top.size):
            top[j] = larger(p[k, j], top[j])
    total[:] = 0
    for k in range(p.shape[0]):
        for j in range(top.size):
            p[k, j] = exp(scale * (p[k, j] - top[j]))
            total[j] += p[k, j]
    for j in range(top.size):
        total[j] = p.dtype.type(1) / total[j]
    for k in range(p.shape[0]):
        for j in range(top.size):
            p[k, j] *= total[j]


@kernel
def find_leading(p, top, which):
    """Set which [queries·lanes] to the key that has most of each query's p."""
    none, one = p.dtype.type(0), p.dtype.type(1)
    copy_rows(p[0], top)
    which[:] = 0
    c = none
    for k in range(1, p.shape[0]):
        # As a real number, and added, so that the loop has a vector form.
        c += one
        for j in range(top.size):
            change = c - which[j]
            which[j] += change if p[k, j] > top[j] else none
            top[j] = larger(p[k, j], top[j])


@kernel
def of_leading(e, which, base):
    """Set base [queries·lanes] to what e has for the leading key of each."""
    for j in range(base.size):
        base[j] = e[int(which[j]), j]


@kernel(exact=True)
def centre(p, e, scale, which, base, mean, a):
    """Set a to scale·p(e − Σ p e), the softmax's Jacobian, with e counted from `base`, that of the leading key; mean to Σ p e so counted."""
    of_leading(e, which, base)
    mean[:] = 0
    for k in range(p.shape[0]):
        for j in range(mean.size):
            mean[j] += p[k, j] * (e[k, j] - base[j])
    for k in range(p.shape[0]):
        for j in range(mean.size):
            a[k, j] = scale * p[k, j] * ((e[k, j] - base[j]) - mean[j])


@kernel(exact=True)
def centre_change(p, dp, e, de, scale, lines, da):
    """Set da to the change of `centre` along (ṗ, ė), with the base and the mean that it found; de too is counted from the leading key's.

    The lines are the leading key, the base and the mean that were found, and room for those of de.
    """
    which, base, mean, bases, change = lines[0], lines[1], lines[2], lines[3], lines[4]
    of_leading(de, which, bases)
    change[:] = 0
    for k in range(p.shape[0]):
        for j in range(change.size):
            change[j] += dp[k, j] * (e[k, j] - base[j]) + p[k, j] * (de[k, j] - bases[j])
    for k in range(p.shape[0]):
        for j in range(change.size):
            bent = dp[k, j] * ((e[k, j] - base[j]) - mean[j])
            da[k, j] = scale * (bent + p[k, j] * ((de[k, j] - bases[j]) - change[j]))


@kernel
def pack_input(first, x, at, heads):
    """Pack a head's queries, keys and values as matrices first, first + 1 and first + 2."""
    for part in range(3):
        pack(first + part, x, part, 3, at, heads)


@kernel
def attention_value(heads, x, y):
    """Set y to the mixtures."""
    row, shape = heads.row, heads.shape
    tokens, _, scale = sizes(row, shape)
    c, causal = x.dtype.type(scale), shape[CAUSAL] > 0
    for head in range(shape[HEADS]):
        for j in range(0, x.shape[1], lanes_of(x)):
            at = Place(head, j)
            pack_input(0, x, at, heads)
            for t in range(0, tokens, QUERIES):
                queries, keys = seen(row, shape, t)
                p = score_block(0, 3, keys, queries, heads)
                lines = helpers(3, 1, queries, heads)
                dots(KEY, QUERY, t, False, heads, p)
                probabilities(t, causal, c, p, lines[0], lines[1])
                mix(VALUE, p, t, False, 1, at, heads, y)


@kernel
def attention_backward(heads, x, d, into):
    """Set `into` to what an adjoint d of the output is for the input; packed after that are d and what goes to keys and values."""
    row, shape = heads.row, heads.shape
    tokens, _, scale = sizes(row, shape)
    c, causal = x.dtype.type(scale), shape[CAUSAL] > 0
    adjoint, to_keys, to_values = 3, 4, 5
    for head in range(shape[HEADS]):
        for j in range(0, x.shape[1], lanes_of(x)):
            at = Place(head, j)
            pack_input(0, x, at, heads)
            pack(adjoint, d, 0, 1, at, heads)
            for t in range(0, tokens, QUERIES):
                queries, keys = seen(row, shape, t)
                p = score_block(0, 6, keys, queries, heads)
                e = score_block(1, 6, keys, queries, heads)
                a = score_block(2, 6, keys, queries, heads)
                lines = helpers(6, 3, queries, heads)
                which, base, mean = lines[0], lines[1], lines[2]
                dots(KEY, QUERY, t, False, heads, p)
                probabilities(t, causal, c, p, mean, base)
                find_leading(p, mean, which)
                dots(VALUE, adjoint, t, False, heads, e)
                centre(p, e, c, which, base, mean, a)
                share(p, adjoint, t, False, heads, to_values)
                share(a, QUERY, t, False, heads, to_keys)
                mix(KEY, a, t, False, 3, at, heads, into)
            unpack(to_keys, False, into, KEY, at, heads)
            unpack(to_values, False, into, VALUE, at, heads)


@kernel
def attention_tangent(heads, x, dx, dy):
    """Set dy to the change of the mixtures; the input's change is packed after it."""
    row, shape = heads.row, heads.shape
    tokens, _, scale = sizes(row, shape)
    c, causal, moved = x.dtype.type(scale), shape[CAUSAL] > 0, 3
    for head in range(shape[HEADS]):
        for j in range(0, x.shape[1], lanes_of(x)):
            at = Place(head, j)
            pack_input(0, x, at, heads)
            pack_input(moved, dx, at, heads)
            for t in range(0, tokens, QUERIES):
                queries, keys = seen(row, shape, t)
                p = score_block(0, 6, keys, queries, heads)
                ds = score_block(1, 6, keys, queries, heads)
                dp = score_block(2, 6, keys, queries, heads)
                lines = helpers(6, 3, queries, heads)
                which, base, mean = lines[0], lines[1], lines[2]
                dots(KEY, QUERY, t, False, heads, p)
                probabilities(t, causal, c, p, mean, base)
                find_leading(p, mean, which)
                dots(KEY, moved + QUERY, t, False, heads, ds)
                dots(moved + KEY, QUERY, t, True, heads, ds)
                centre(p, ds, c, which, base, mean, dp)
                mix(VALUE, dp, t, False, 1, at, heads, dy)
                mix(moved + VALUE, p, t, True, 1, at, heads, dy)


@kernel
def attention_curved(heads, x, dx, d, into):
    """Add the change of `attention_backward` along ẋ, the adjoint d held fixed, to `into`."""
    row, shape = heads.row, heads.shape
    tokens, _, scale = sizes(row, shape)
    c, causal = x.dtype.type(scale), shape[CAUSAL] > 0
    moved, adjoint, to_keys, to_values = 3, 6, 7, 8
    for head in range(shape[HEADS]):
        for j in range(0, x.shape[1], lanes_of(x)):
            at = Place(head, j)
            pack_input(0, x, at, heads)
            pack_input(moved, dx, at, heads)
            pack(adjoint, d, 0, 1, at, heads)
            for t in range(0, tokens, QUERIES):
                queries, keys = seen(row, shape, t)
                p = score_block(0, 9, keys, queries, heads)
                dp = score_block(1, 9, keys, queries, heads)
                e = score_block(2, 9, keys, queries, heads)
                de = score_block(3, 9, keys, queries, heads)
                a = score_block(4, 9, keys, queries, heads)
                da = score_block(5, 9, keys, queries, heads)
                lines = helpers(9, 6, queries, heads)
                which, base, mean = lines[0], lines[1], lines[2]
                dots(KEY, QUERY, t, False, heads, p)
                probabilities(t, causal, c, p, mean, base)
                find_leading(p, mean, which)
                dots(KEY, moved + QUERY, t, False, heads, e)
                dots(moved + KEY, QUERY, t, True, heads, e)
                centre(p, e, c, which, base, mean, dp)
                dots(VALUE, adjoint, t, False, heads, e)
                dots(moved + VALUE, adjoint, t, False, heads, de)
                centre(p, e, c, which, base, mean, a)
                centre_change(p, dp, e, de, c, lines, da)
                share(dp, adjoint, t, False, heads, to_values)
                share(da, QUERY, t, False, heads, to_keys)
                share(a, moved + QUERY, t, True, heads, to_keys)
                mix(KEY, da, t, True, 3, at, heads, into)
                mix(moved + KEY, a, t, True, 3, at, heads, into)
            unpack(to_keys, True, into, KEY, at, heads)
            unpack(to_values, True, into, VALUE, at, heads)


def value(i, pointer):
    """Set a row's output."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    x = output_block(network, frame.places, input_of(network, i, 0), frame.work, frame.shared, frame.width)
    y = block(frame.work, frame.places[i], row[SIZE], frame.width)
    attention_value(Heads(row, network.geometry[i], frame.scratch), x, y)


def backward(i, pointer):
    """Set the adjoint of the projections, which nothing else reads, from a row's adjoint."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    if network.rows[source, ACTIVE]:
        x = output_block(network, frame.places, source, frame.work, frame.shared, frame.width)
        d = block(frame.adjoint, row[ADJOINT], row[SIZE], frame.width)
        target = block(frame.into, network.rows[source, ADJOINT], network.rows[source, SIZE], frame.width)
        attention_backward(Heads(row, network.geometry[i], frame.scratch), x, d, target)


def tangent(i, pointer):
    """Set a row's tangent."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    x = output_block(network, frame.places, source, frame.work, frame.shared, frame.width)
    dx = block(frame.tangent, frame.places[source], network.rows[source, SIZE], frame.width)
    dy = block(frame.tangent, frame.places[i], row[SIZE], frame.width)
    attention_tangent(Heads(row, network.geometry[i], frame.scratch), x, dx, dy)


def curved(i, pointer):
    """Add the change of the reverse rule."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    if network.rows[source, ACTIVE]:
        rows = network.rows[source, SIZE]
        x = block(frame.work, frame.places[source], rows, frame.width)
        dx = block(frame.tangent, frame.places[source], rows, frame.width)
        d = block(frame.adjoint, frame.places[i], row[SIZE], frame.width)
        target = block(frame.into, frame.places[source], rows, frame.width)
        attention_curved(Heads(row, network.geometry[i], frame.scratch), x, dx, d, target)


REVERSED = Rule(backward)
RULES = {
    FORWARD: Rule(value),
    BACKWARD: REVERSED,
    TANGENT: Rule(tangent),
    REVERSE: REVERSED,
    CURVED: Rule(curved),
}

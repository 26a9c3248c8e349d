"""The middle of `attention`: each head's softmax(c·QKᵀ)·V with c = 1/√(width of a head).

The input [T·3D, B] has query, key and value of each token, the output [T·D, B] their mixtures. A head's part of one vector of examples is packed
into scratch and goes through in blocks of queries, [keys, queries·lanes] (`heads.py`). Nothing of size T·T is kept; derivatives
compute the probabilities again. Along a tangent (ẋ), with scores s = qk, p = softmax(c·s) and an output's adjoint g:

- ṡ = q̇k + qk̇, ṗ = c·p(ṡ − Σpṡ), and the output changes by Σ ṗv + pv̇;
- in reverse e = g·v, a = c·p(e − Σpe): a·k to q, a·q to k, p·g to v;
- its change: ė = g·v̇, ȧ = c(ṗ(e − Σpe) + p(ė − Σ(ṗe + pė))): ȧk + ak̇ to q, ȧq + aq̇ to k, ṗg to v.

ṡ, e and ė count from those of the key that has most of p, whose own are then exactly zero. Where it has almost all, what is left of its ṗ, a and ȧ is a
sum over the other keys and not the difference of two numbers that are nearly equal; and what several keys have in common is gone, however large.
"""

from __future__ import annotations

import math

from landscape.formulas.primitives import exp, larger
from landscape.jit import kernel
from landscape.kernels.cpu.combine import copy_rows
from landscape.kernels.cpu.heads import (
    CAUSAL,
    HEADS,
    KEY,
    QUERIES,
    QUERY,
    VALUE,
    Heads,
    Place,
    dots,
    helpers,
    mix,
    pack,
    pack_input,
    score_block,
    seen,
    share,
    sizes,
    unpack,
)
from landscape.kernels.cpu.links import input_of
from landscape.kernels.cpu.rules import BACKWARD, CURVED, REVERSE, TANGENT, Rule, frame_of
from landscape.kernels.cpu.rules import VALUE as FORWARD
from landscape.kernels.cpu.vectors import lanes_of
from landscape.kernels.cpu.views import block, output_block
from landscape.program.table import Column

SIZE, ADJOINT, ACTIVE = int(Column.SIZE), int(Column.ADJOINT), int(Column.ACTIVE)


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

"""The middle of `attention`: each head's softmax(c·QKᵀ)·V with c = 1/√(width of a head); formulas as on the CPU.

The input [3·T·D] has query, key and value of each token, the output [T·D] their mixtures. A thread takes a query of a head and an example, or in
reverse a key; no score is kept, each is computed again where it is needed. What a key's thread needs of all queries is noted in scratch, a row
a head and query: the largest score, the sum of exponentials, the means of the softmax's reverse rule. With an output y and its
adjoint g the mean Σpe is g·y, and its change along a tangent g·ẏ.

ṗ, a and ȧ of a query sum to zero over the keys. Those of the key with the largest score, which may have almost all of p, are taken as what the other
keys leave, since the formula would be a difference of numbers that are nearly equal.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from numba import int64
from numpy import uint32

from landscape.formulas.primitives import exp
from landscape.kernels.cuda.arrays import Part
from landscape.kernels.cuda.columns import column_dot, scratch_start
from landscape.kernels.cuda.geometry import CAUSAL, HEADS
from landscape.kernels.cuda.rows import ACTIVE, GROUPS, WIDE, input_of, offset_of
from landscape.kernels.cuda.shape import REAL, THREADS, WIDTH
from landscape.kernels.cuda.table import BACKWARD, CURVED, TANGENT, VALUE
from landscape.kernels.cuda.target import cuda

# The parts of a token in the input.
OF_QUERY, OF_KEY, OF_VALUE = 0, 1, 2
# Rows of scratch a head and query.
TOP, TOTAL, WHICH, MEAN_NOTE, LEAD, DRIFT, CHANGE, LEAD_MOVED, LEAD_BENT, NOTES = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9


class Head(NamedTuple):
    """A row of the table and of the geometry, one of its heads, and an example."""

    row: Any
    shape: Any
    head: int
    example: int


class Query(NamedTuple):
    """What a query's probabilities and their changes count from: largest score, sum of exponentials, Σpe, Σp·(change of the score), Σpe's change."""

    top: float
    total: float
    mean: float
    drift: float
    change: float


def scratch_rows(row, shape):
    """Count the rows of scratch that a row notes things in."""
    return NOTES * row[GROUPS] * shape[HEADS]


def items(row, shape):
    """Count heads × tokens × examples."""
    return shape[HEADS] * row[GROUPS] * WIDTH


def head_of(row, shape, q):
    """Give the head and the example of a thread's number."""
    return Head(row, shape, q // WIDTH // row[GROUPS], q % WIDTH)


def part_of(at, start, t, part, parts):
    """Give the place of a head's part of a token of an example, `parts` a token."""
    each = at.row[WIDE] // at.shape[HEADS]
    return (start + (parts * t + part) * at.row[WIDE] + at.head * each) * WIDTH + at.example


def width_of(row, shape):
    """Give the width of a head, and the scale c of its scores."""
    size = row[WIDE] // shape[HEADS]
    return size, REAL(1) / math.sqrt(REAL(size))


def keys_of(row, shape, t):
    """Count the keys that a query sees."""
    return t + 1 if shape[CAUSAL] > 0 else row[GROUPS]


def pair_dot(at, left, t, one, right, k, other):
    """Give the dot product of a head's part `one` of token t on the left and part `other` of token k on the right."""
    p, q = part_of(at, left.start, t, one, 3), part_of(at, right.start, k, other, 3)
    return column_dot(left.numbers, p, right.numbers, q, at.row[WIDE] // at.shape[HEADS])


def score_change(at, x, dx, t, k):
    """Give the change of a score: q̇k + qk̇."""
    one = pair_dot(at, dx, t, OF_QUERY, x, k, OF_KEY)
    return one + pair_dot(at, x, t, OF_QUERY, dx, k, OF_KEY)


def largest_and_sum(at, x, t):
    """Give a query's largest score, the sum of exponentials below it, and the key that has it, in one pass."""
    _, c = width_of(at.row, at.shape)
    top, total, which = pair_dot(at, x, t, OF_QUERY, x, 0, OF_KEY), REAL(1), 0
    for k in range(1, keys_of(at.row, at.shape, t)):
        score = pair_dot(at, x, t, OF_QUERY, x, k, OF_KEY)
        if score > top:
            total, top, which = total * exp(c * (top - score)) + REAL(1), score, k
        else:
            total += exp(c * (score - top))
    return top, total, which


def probability(at, x, t, k, top, total):
    """Give p of a query and a key."""
    _, c = width_of(at.row, at.shape)
    score = pair_dot(at, x, t, OF_QUERY, x, k, OF_KEY)
    return exp(c * (score - top)) / total


def add_scaled(source, p, scale, target, q, size):
    """Add a multiple of a head's part to another."""
    for f in range(0, size * WIDTH, WIDTH):
        target[uint32(q + f)] += scale * source[uint32(p + f)]


def attention_value(i, frame):
    """Set a row's output to the mixtures."""
    row, shape, q = frame.network.rows[i], frame.network.geometry[i], int64(cuda.threadIdx.x)
    size, place = row[WIDE] // shape[HEADS], frame.places[input_of(frame.network, i, 0)]
    x = Part(frame.work if place >= 0 else frame.shared, offset_of(place))
    while q < items(row, shape):
        t, at = q // WIDTH % row[GROUPS], head_of(row, shape, q)
        out = part_of(at, frame.places[i], t, 0, 1)
        top, total, _ = largest_and_sum(at, x, t)
        for f in range(0, size * WIDTH, WIDTH):
            frame.work[uint32(out + f)] = REAL(0)
        for k in range(keys_of(row, shape, t)):
            p = probability(at, x, t, k, top, total)
            add_scaled(x.numbers, part_of(at, x.start, k, OF_VALUE, 3), p, frame.work, out, size)
        q += THREADS


def drift_of(at, x, dx, t, top, total):
    """Give Σ p·(change of the score) of a query."""
    drift = REAL(0)
    for k in range(keys_of(at.row, at.shape, t)):
        drift += probability(at, x, t, k, top, total) * score_change(at, x, dx, t, k)
    return drift


def attention_tangent(i, frame):
    """Set a row's tangent to the change of the mixtures."""
    row, shape, q = frame.network.rows[i], frame.network.geometry[i], int64(cuda.threadIdx.x)
    (size, c), place = width_of(row, shape), frame.places[input_of(frame.network, i, 0)]
    x, dx, tangent = Part(frame.work, place), Part(frame.tangent, place), frame.tangent
    while q < items(row, shape):
        t, at = q // WIDTH % row[GROUPS], head_of(row, shape, q)
        out = part_of(at, frame.places[i], t, 0, 1)
        top, total, which = largest_and_sum(at, x, t)
        drift, lead = drift_of(at, x, dx, t, top, total), REAL(0)
        for f in range(0, size * WIDTH, WIDTH):
            tangent[uint32(out + f)] = REAL(0)
        for k in range(keys_of(row, shape, t)):
            p = probability(at, x, t, k, top, total)
            add_scaled(tangent, part_of(at, place, k, OF_VALUE, 3), p, tangent, out, size)
            if k != which:
                change = c * p * (score_change(at, x, dx, t, k) - drift)
                add_scaled(frame.work, part_of(at, place, k, OF_VALUE, 3), change, tangent, out, size)
                lead -= change
        add_scaled(frame.work, part_of(at, place, which, OF_VALUE, 3), lead, tangent, out, size)
        q += THREADS


def note(i, frame, number, q, value):
    """Note a number of a head's query, whose place among them is q."""
    count = items(frame.network.rows[i], frame.network.geometry[i])
    frame.work[uint32(scratch_start(frame.network, frame.places) * WIDTH + number * count + q)] = value


def noted(i, frame, number, t, at):
    """Give a number that was noted."""
    q = (at.head * at.row[GROUPS] + t) * WIDTH + at.example
    start = scratch_start(frame.network, frame.places) * WIDTH
    return frame.work[uint32(start + number * items(at.row, at.shape) + q)]


def adjoint_dot(at, d, x, t, k):
    """Give e of a query and a key: the dot product of the query's adjoint and the key's value."""
    p, q = part_of(at, d.start, t, 0, 1), part_of(at, x.start, k, OF_VALUE, 3)
    return column_dot(d.numbers, p, x.numbers, q, at.row[WIDE] // at.shape[HEADS])


def pull_to_queries(i, frame, place):
    """Add Σ_k a·k to the queries in into[place:], a = c·p(e − Σpe), and note what the keys need."""
    row, shape, q = frame.network.rows[i], frame.network.geometry[i], int64(cuda.threadIdx.x)
    (size, c), y, work = width_of(row, shape), frame.places[i], frame.work
    x, d = Part(work, place), Part(frame.adjoint, y)
    while q < items(row, shape):
        t, at = q // WIDTH % row[GROUPS], head_of(row, shape, q)
        top, total, which = largest_and_sum(at, x, t)
        out, lead = part_of(at, y, t, 0, 1), REAL(0)
        mean, ours = column_dot(d.numbers, out, work, out, size), part_of(at, place, t, OF_QUERY, 3)
        note(i, frame, TOP, q, top)
        note(i, frame, TOTAL, q, total)
        note(i, frame, WHICH, q, REAL(which))
        note(i, frame, MEAN_NOTE, q, mean)
        for k in range(keys_of(row, shape, t)):
            if k != which:
                a = c * probability(at, x, t, k, top, total) * (adjoint_dot(at, d, x, t, k) - mean)
                add_scaled(work, part_of(at, place, k, OF_KEY, 3), a, frame.into, ours, size)
                lead -= a
        add_scaled(work, part_of(at, place, which, OF_KEY, 3), lead, frame.into, ours, size)
        note(i, frame, LEAD, q, lead)
        q += THREADS
    cuda.syncthreads()


def first_query(shape, k):
    """Give the first query that sees a key."""
    return k if shape[CAUSAL] > 0 else 0


def pull_to_keys(i, frame, place):
    """Add Σ_t a·q to the keys and Σ_t p·g to the values."""
    row, shape, q = frame.network.rows[i], frame.network.geometry[i], int64(cuda.threadIdx.x)
    (size, c), y = width_of(row, shape), frame.places[i]
    x, d = Part(frame.work, place), Part(frame.adjoint, y)
    while q < items(row, shape):
        k, at = q // WIDTH % row[GROUPS], head_of(row, shape, q)
        key, value = part_of(at, place, k, OF_KEY, 3), part_of(at, place, k, OF_VALUE, 3)
        for t in range(first_query(shape, k), row[GROUPS]):
            p = probability(at, x, t, k, noted(i, frame, TOP, t, at), noted(i, frame, TOTAL, t, at))
            a = noted(i, frame, LEAD, t, at)
            if noted(i, frame, WHICH, t, at) != REAL(k):
                a = c * p * (adjoint_dot(at, d, x, t, k) - noted(i, frame, MEAN_NOTE, t, at))
            add_scaled(frame.work, part_of(at, place, t, OF_QUERY, 3), a, frame.into, key, size)
            add_scaled(frame.adjoint, part_of(at, y, t, 0, 1), p, frame.into, value, size)
        q += THREADS
    cuda.syncthreads()


def attention_backward(i, frame):
    """Push a row's adjoint to its input's."""
    source = input_of(frame.network, i, 0)
    if frame.network.rows[source, ACTIVE]:
        pull_to_queries(i, frame, frame.places[source])
        pull_to_keys(i, frame, frame.places[source])


def bent_weights(i, frame, place, at, t, k, of):
    """Give ṗ, a and ȧ of a query and a key: ȧ = c(ṗ(e − Σpe) + p(ė − Σ(ṗe + pė))), ė the dot product of the adjoint and v̇."""
    _, c = width_of(at.row, at.shape)
    x, dx, d = Part(frame.work, place), Part(frame.tangent, place), Part(frame.adjoint, frame.places[i])
    p = probability(at, x, t, k, of.top, of.total)
    dp = c * p * (score_change(at, x, dx, t, k) - of.drift)
    e = adjoint_dot(at, d, x, t, k) - of.mean
    de = adjoint_dot(at, d, dx, t, k) - of.change
    return dp, c * p * e, c * (dp * e + p * de)


def bend_queries(i, frame, place):
    """Add Σ_k ȧ·k + a·k̇ to the queries in into[place:], and note what the keys need."""
    row, shape, q = frame.network.rows[i], frame.network.geometry[i], int64(cuda.threadIdx.x)
    (size, _), y, work, tangent = width_of(row, shape), frame.places[i], frame.work, frame.tangent
    x, dx, d = Part(work, place), Part(tangent, place), frame.adjoint
    while q < items(row, shape):
        t, at = q // WIDTH % row[GROUPS], head_of(row, shape, q)
        out, ours = part_of(at, y, t, 0, 1), part_of(at, place, t, OF_QUERY, 3)
        top, total, which = largest_and_sum(at, x, t)
        drift = drift_of(at, x, dx, t, top, total)
        mean, change = column_dot(d, out, work, out, size), column_dot(d, out, tangent, out, size)
        note(i, frame, TOP, q, top)
        note(i, frame, TOTAL, q, total)
        note(i, frame, WHICH, q, REAL(which))
        note(i, frame, MEAN_NOTE, q, mean)
        note(i, frame, DRIFT, q, drift)
        note(i, frame, CHANGE, q, change)
        of, lead, moved, bent = Query(top, total, mean, drift, change), REAL(0), REAL(0), REAL(0)
        for k in range(keys_of(row, shape, t)):
            if k == which:
                continue
            dp, a, da = bent_weights(i, frame, place, at, t, k, of)
            add_scaled(work, part_of(at, place, k, OF_KEY, 3), da, frame.into, ours, size)
            add_scaled(tangent, part_of(at, place, k, OF_KEY, 3), a, frame.into, ours, size)
            moved, lead, bent = moved - dp, lead - a, bent - da
        add_scaled(work, part_of(at, place, which, OF_KEY, 3), bent, frame.into, ours, size)
        add_scaled(tangent, part_of(at, place, which, OF_KEY, 3), lead, frame.into, ours, size)
        note(i, frame, LEAD, q, lead)
        note(i, frame, LEAD_MOVED, q, moved)
        note(i, frame, LEAD_BENT, q, bent)
        q += THREADS
    cuda.syncthreads()


def bend_keys(i, frame, place):
    """Add Σ_t ȧ·q + a·q̇ to the keys and Σ_t ṗ·g to the values."""
    row, shape, q = frame.network.rows[i], frame.network.geometry[i], int64(cuda.threadIdx.x)
    (size, _), y = width_of(row, shape), frame.places[i]
    while q < items(row, shape):
        k, at = q // WIDTH % row[GROUPS], head_of(row, shape, q)
        key, value = part_of(at, place, k, OF_KEY, 3), part_of(at, place, k, OF_VALUE, 3)
        for t in range(first_query(shape, k), row[GROUPS]):
            a, dp = noted(i, frame, LEAD, t, at), noted(i, frame, LEAD_MOVED, t, at)
            da = noted(i, frame, LEAD_BENT, t, at)
            if noted(i, frame, WHICH, t, at) != REAL(k):
                of = Query(
                    noted(i, frame, TOP, t, at), noted(i, frame, TOTAL, t, at), noted(i, frame, MEAN_NOTE, t, at),
                    noted(i, frame, DRIFT, t, at), noted(i, frame, CHANGE, t, at),
                )  # fmt: skip
                dp, a, da = bent_weights(i, frame, place, at, t, k, of)
            ours = part_of(at, place, t, OF_QUERY, 3)
            add_scaled(frame.work, ours, da, frame.into, key, size)
            add_scaled(frame.tangent, ours, a, frame.into, key, size)
            add_scaled(frame.adjoint, part_of(at, y, t, 0, 1), dp, frame.into, value, size)
        q += THREADS
    cuda.syncthreads()


def attention_curved(i, frame):
    """Add the change of the reverse rule along the input's tangent, the adjoint held fixed."""
    source = input_of(frame.network, i, 0)
    if frame.network.rows[source, ACTIVE]:
        bend_queries(i, frame, frame.places[source])
        bend_keys(i, frame, frame.places[source])


RULES = {
    VALUE: attention_value,
    BACKWARD: attention_backward,
    TANGENT: attention_tangent,
    CURVED: attention_curved,
}
DEVICE = (
    items, head_of, part_of, width_of, keys_of, pair_dot, score_change, largest_and_sum, probability, add_scaled, drift_of, note, noted,
    adjoint_dot, pull_to_queries, first_query, pull_to_keys, bent_weights, bend_queries, bend_keys,
)  # fmt: skip

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

from numba import int64
from numpy import uint32

from landscape.formulas.primitives import exp
from landscape.kernels.cuda.geometry import CAUSAL, HEADS
from landscape.kernels.cuda.rows import GROUPS, WIDE
from landscape.kernels.cuda.shape import REAL, THREADS, WIDTH
from landscape.kernels.cuda.softmax import column_dot
from landscape.kernels.cuda.target import cuda

# The parts of a token in the input.
QUERY, KEY, VALUE = 0, 1, 2
# Rows of scratch a head and query.
TOP, TOTAL, WHICH, MEAN_NOTE, LEAD, DRIFT, CHANGE, LEAD_MOVED, LEAD_BENT, NOTES = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9


def items(row, shape):
    """Count heads × tokens × examples."""
    return shape[HEADS] * row[GROUPS] * WIDTH


def part_of(row, shape, start, t, part, parts, h, j):
    """Give the place of a head's part of a token of an example, `parts` a token."""
    return (start + (parts * t + part) * row[WIDE] + h * (row[WIDE] // shape[HEADS])) * WIDTH + j


def width_of(row, shape):
    """Give the width of a head, and the scale c of its scores."""
    size = row[WIDE] // shape[HEADS]
    return size, REAL(1) / math.sqrt(REAL(size))


def keys_of(row, shape, t):
    """Count the keys that a query sees."""
    return t + 1 if shape[CAUSAL] > 0 else row[GROUPS]


def pair_dot(row, shape, left, a, t, one, right, b, k, other, h, j):
    """Give the dot product of a head's part `one` of token t in left[a:] and part `other` of token k in right[b:]."""
    p, q = part_of(row, shape, a, t, one, 3, h, j), part_of(row, shape, b, k, other, 3, h, j)
    return column_dot(left, p, right, q, row[WIDE] // shape[HEADS])


def score_change(row, shape, x, place, tangent, dx, t, k, h, j):
    """Give the change of a score: q̇k + qk̇."""
    one = pair_dot(row, shape, tangent, dx, t, QUERY, x, place, k, KEY, h, j)
    return one + pair_dot(row, shape, x, place, t, QUERY, tangent, dx, k, KEY, h, j)


def largest_and_sum(row, shape, x, place, t, h, j):
    """Give a query's largest score, the sum of exponentials below it, and the key that has it, in one pass."""
    _, c = width_of(row, shape)
    top, total, which = pair_dot(row, shape, x, place, t, QUERY, x, place, 0, KEY, h, j), REAL(1), 0
    for k in range(1, keys_of(row, shape, t)):
        score = pair_dot(row, shape, x, place, t, QUERY, x, place, k, KEY, h, j)
        if score > top:
            total, top, which = total * exp(c * (top - score)) + REAL(1), score, k
        else:
            total += exp(c * (score - top))
    return top, total, which


def probability(row, shape, x, place, t, k, h, j, top, total):
    """Give p of a query and a key."""
    _, c = width_of(row, shape)
    score = pair_dot(row, shape, x, place, t, QUERY, x, place, k, KEY, h, j)
    return exp(c * (score - top)) / total


def add_scaled(source, p, scale, target, q, size):
    """Add a multiple of a head's part to another."""
    for f in range(0, size * WIDTH, WIDTH):
        target[uint32(q + f)] += scale * source[uint32(p + f)]


def attention_value(row, shape, x, place, y, start):
    """Set y[start:] to the mixtures for x[place:]; offsets in features."""
    size, q = row[WIDE] // shape[HEADS], int64(cuda.threadIdx.x)
    while q < items(row, shape):
        t, h, j = q // WIDTH % row[GROUPS], q // WIDTH // row[GROUPS], q % WIDTH
        out = part_of(row, shape, start, t, 0, 1, h, j)
        top, total, _ = largest_and_sum(row, shape, x, place, t, h, j)
        for f in range(0, size * WIDTH, WIDTH):
            y[uint32(out + f)] = REAL(0)
        for k in range(keys_of(row, shape, t)):
            p = probability(row, shape, x, place, t, k, h, j, top, total)
            add_scaled(x, part_of(row, shape, place, k, VALUE, 3, h, j), p, y, out, size)
        q += THREADS


def drift_of(row, shape, x, place, tangent, dx, t, h, j, top, total):
    """Give Σ p·(change of the score) of a query."""
    drift = REAL(0)
    for k in range(keys_of(row, shape, t)):
        p = probability(row, shape, x, place, t, k, h, j, top, total)
        drift += p * score_change(row, shape, x, place, tangent, dx, t, k, h, j)
    return drift


def attention_tangent(row, shape, x, place, tangent, dx, start):
    """Set tangent[start:] to the change of the mixtures along the input's, which lies at dx."""
    (size, c), q = width_of(row, shape), int64(cuda.threadIdx.x)
    while q < items(row, shape):
        t, h, j = q // WIDTH % row[GROUPS], q // WIDTH // row[GROUPS], q % WIDTH
        out = part_of(row, shape, start, t, 0, 1, h, j)
        top, total, which = largest_and_sum(row, shape, x, place, t, h, j)
        drift, lead = drift_of(row, shape, x, place, tangent, dx, t, h, j, top, total), REAL(0)
        for f in range(0, size * WIDTH, WIDTH):
            tangent[uint32(out + f)] = REAL(0)
        for k in range(keys_of(row, shape, t)):
            p = probability(row, shape, x, place, t, k, h, j, top, total)
            add_scaled(tangent, part_of(row, shape, dx, k, VALUE, 3, h, j), p, tangent, out, size)
            if k != which:
                change = c * p * (score_change(row, shape, x, place, tangent, dx, t, k, h, j) - drift)
                add_scaled(x, part_of(row, shape, place, k, VALUE, 3, h, j), change, tangent, out, size)
                lead -= change
        add_scaled(x, part_of(row, shape, place, which, VALUE, 3, h, j), lead, tangent, out, size)
        q += THREADS


def note(row, shape, work, s, number, q, value):
    """Note a number of a head's query, whose place among them is q."""
    work[uint32(s * WIDTH + number * items(row, shape) + q)] = value


def noted(row, shape, work, s, number, t, h, j):
    """Give a number that was noted."""
    return work[uint32(s * WIDTH + number * items(row, shape) + (h * row[GROUPS] + t) * WIDTH + j)]


def adjoint_dot(row, shape, d, y, x, place, t, k, h, j):
    """Give e of a query and a key: the dot product of the query's adjoint and the key's value."""
    p, q = part_of(row, shape, y, t, 0, 1, h, j), part_of(row, shape, place, k, VALUE, 3, h, j)
    return column_dot(d, p, x, q, row[WIDE] // shape[HEADS])


def pull_to_queries(row, shape, work, place, d, y, into, s):
    """Add Σ_k a·k to the queries in into[place:], a = c·p(e − Σpe), and note what the keys need."""
    (size, c), q = width_of(row, shape), int64(cuda.threadIdx.x)
    while q < items(row, shape):
        t, h, j = q // WIDTH % row[GROUPS], q // WIDTH // row[GROUPS], q % WIDTH
        top, total, which = largest_and_sum(row, shape, work, place, t, h, j)
        out, lead = part_of(row, shape, y, t, 0, 1, h, j), REAL(0)
        mean, ours = column_dot(d, out, work, out, size), part_of(row, shape, place, t, QUERY, 3, h, j)
        note(row, shape, work, s, TOP, q, top)
        note(row, shape, work, s, TOTAL, q, total)
        note(row, shape, work, s, WHICH, q, REAL(which))
        note(row, shape, work, s, MEAN_NOTE, q, mean)
        for k in range(keys_of(row, shape, t)):
            if k != which:
                p = probability(row, shape, work, place, t, k, h, j, top, total)
                a = c * p * (adjoint_dot(row, shape, d, y, work, place, t, k, h, j) - mean)
                add_scaled(work, part_of(row, shape, place, k, KEY, 3, h, j), a, into, ours, size)
                lead -= a
        add_scaled(work, part_of(row, shape, place, which, KEY, 3, h, j), lead, into, ours, size)
        note(row, shape, work, s, LEAD, q, lead)
        q += THREADS
    cuda.syncthreads()


def first_query(shape, k):
    """Give the first query that sees a key."""
    return k if shape[CAUSAL] > 0 else 0


def pull_to_keys(row, shape, work, place, d, y, into, s):
    """Add Σ_t a·q to the keys and Σ_t p·g to the values."""
    (size, c), q = width_of(row, shape), int64(cuda.threadIdx.x)
    while q < items(row, shape):
        k, h, j = q // WIDTH % row[GROUPS], q // WIDTH // row[GROUPS], q % WIDTH
        key, value = part_of(row, shape, place, k, KEY, 3, h, j), part_of(row, shape, place, k, VALUE, 3, h, j)  # fmt: skip
        for t in range(first_query(shape, k), row[GROUPS]):
            top, total = noted(row, shape, work, s, TOP, t, h, j), noted(row, shape, work, s, TOTAL, t, h, j)
            p = probability(row, shape, work, place, t, k, h, j, top, total)
            a = noted(row, shape, work, s, LEAD, t, h, j)
            if noted(row, shape, work, s, WHICH, t, h, j) != REAL(k):
                mean = noted(row, shape, work, s, MEAN_NOTE, t, h, j)
                a = c * p * (adjoint_dot(row, shape, d, y, work, place, t, k, h, j) - mean)
            add_scaled(work, part_of(row, shape, place, t, QUERY, 3, h, j), a, into, key, size)
            add_scaled(d, part_of(row, shape, y, t, 0, 1, h, j), p, into, value, size)
        q += THREADS
    cuda.syncthreads()


def bent_weights(row, shape, work, place, tangent, dx, d, y, t, k, h, j, top, total, mean, drift, change):
    """Give ṗ, a and ȧ of a query and a key: ȧ = c(ṗ(e − Σpe) + p(ė − Σ(ṗe + pė))), ė the dot product of the adjoint and v̇."""
    _, c = width_of(row, shape)
    p = probability(row, shape, work, place, t, k, h, j, top, total)
    dp = c * p * (score_change(row, shape, work, place, tangent, dx, t, k, h, j) - drift)
    e = adjoint_dot(row, shape, d, y, work, place, t, k, h, j) - mean
    de = adjoint_dot(row, shape, d, y, tangent, dx, t, k, h, j) - change
    return dp, c * p * e, c * (dp * e + p * de)


def bend_queries(row, shape, work, place, tangent, dx, d, y, into, s):
    """Add Σ_k ȧ·k + a·k̇ to the queries in into[place:], and note what the keys need."""
    (size, _), q = width_of(row, shape), int64(cuda.threadIdx.x)
    while q < items(row, shape):
        t, h, j = q // WIDTH % row[GROUPS], q // WIDTH // row[GROUPS], q % WIDTH
        out, ours = part_of(row, shape, y, t, 0, 1, h, j), part_of(row, shape, place, t, QUERY, 3, h, j)
        top, total, which = largest_and_sum(row, shape, work, place, t, h, j)
        drift = drift_of(row, shape, work, place, tangent, dx, t, h, j, top, total)
        mean, change = column_dot(d, out, work, out, size), column_dot(d, out, tangent, out, size)
        note(row, shape, work, s, TOP, q, top)
        note(row, shape, work, s, TOTAL, q, total)
        note(row, shape, work, s, WHICH, q, REAL(which))
        note(row, shape, work, s, MEAN_NOTE, q, mean)
        note(row, shape, work, s, DRIFT, q, drift)
        note(row, shape, work, s, CHANGE, q, change)
        lead, moved, bent = REAL(0), REAL(0), REAL(0)
        for k in range(keys_of(row, shape, t)):
            if k == which:
                continue
            dp, a, da = bent_weights(row, shape, work, place, tangent, dx, d, y, t, k, h, j, top, total, mean, drift, change)  # fmt: skip
            add_scaled(work, part_of(row, shape, place, k, KEY, 3, h, j), da, into, ours, size)
            add_scaled(tangent, part_of(row, shape, dx, k, KEY, 3, h, j), a, into, ours, size)
            moved, lead, bent = moved - dp, lead - a, bent - da
        add_scaled(work, part_of(row, shape, place, which, KEY, 3, h, j), bent, into, ours, size)
        add_scaled(tangent, part_of(row, shape, dx, which, KEY, 3, h, j), lead, into, ours, size)
        note(row, shape, work, s, LEAD, q, lead)
        note(row, shape, work, s, LEAD_MOVED, q, moved)
        note(row, shape, work, s, LEAD_BENT, q, bent)
        q += THREADS
    cuda.syncthreads()


def bend_keys(row, shape, work, place, tangent, dx, d, y, into, s):
    """Add Σ_t ȧ·q + a·q̇ to the keys and Σ_t ṗ·g to the values."""
    (size, _), q = width_of(row, shape), int64(cuda.threadIdx.x)
    while q < items(row, shape):
        k, h, j = q // WIDTH % row[GROUPS], q // WIDTH // row[GROUPS], q % WIDTH
        key, value = part_of(row, shape, place, k, KEY, 3, h, j), part_of(row, shape, place, k, VALUE, 3, h, j)  # fmt: skip
        for t in range(first_query(shape, k), row[GROUPS]):
            top, total = noted(row, shape, work, s, TOP, t, h, j), noted(row, shape, work, s, TOTAL, t, h, j)
            mean, drift = noted(row, shape, work, s, MEAN_NOTE, t, h, j), noted(row, shape, work, s, DRIFT, t, h, j)  # fmt: skip
            change, a = noted(row, shape, work, s, CHANGE, t, h, j), noted(row, shape, work, s, LEAD, t, h, j)
            dp, da = noted(row, shape, work, s, LEAD_MOVED, t, h, j), noted(row, shape, work, s, LEAD_BENT, t, h, j)  # fmt: skip
            if noted(row, shape, work, s, WHICH, t, h, j) != REAL(k):
                dp, a, da = bent_weights(row, shape, work, place, tangent, dx, d, y, t, k, h, j, top, total, mean, drift, change)  # fmt: skip
            add_scaled(work, part_of(row, shape, place, t, QUERY, 3, h, j), da, into, key, size)
            add_scaled(tangent, part_of(row, shape, dx, t, QUERY, 3, h, j), a, into, key, size)
            add_scaled(d, part_of(row, shape, y, t, 0, 1, h, j), dp, into, value, size)
        q += THREADS
    cuda.syncthreads()


DEVICE = (
    items, part_of, width_of, keys_of, pair_dot, score_change, largest_and_sum, probability, add_scaled, attention_value, drift_of,
    attention_tangent, note, noted, adjoint_dot, pull_to_queries, first_query, pull_to_keys, bent_weights, bend_queries, bend_keys,
)  # fmt: skip
ENTRIES = ()

"""The middle of `attention`: each head's softmax(c·QKᵀ)·V with c = 1/√(width of a head), a query at a time.

The input [T·3D, B] has query, key and value of each token, the output [T·D, B] their mixtures. Nothing of size T·T is kept:
scratch holds a query's probabilities, and derivatives compute them again. Along a tangent (ẋ), with scores s, p = softmax(s) and an output's adjoint g:

- ṡ = c(q̇k + qk̇), ṗ = p(ṡ − Σpṡ), and the output changes by Σ ṗv + pv̇;
- in reverse e = g·v, a = p(e − Σpe): c·a·k to q, c·a·q to k, p·g to v;
- its change: ė = ġ·v + g·v̇, ȧ = ṗ(e − Σpe) + p(ė − Σ(ṗe + pė)): c(ȧk + ak̇) to q, c(ȧq + aq̇) to k, ṗg + pġ to v.
"""

from __future__ import annotations

import math

from landscape.formulas.primitives import exp
from landscape.jit import kernel
from landscape.kernels.program import SCRATCH_ROWS, Column, Geometry

GROUPS, WIDE = int(Column.GROUPS), int(Column.WIDE)
HEADS, CAUSAL = int(Geometry.HEADS), int(Geometry.CAUSAL)


@kernel
def keys_of(row, shape, t):
    """Count the keys that query t sees."""
    return t + 1 if shape[CAUSAL] > 0 else row[GROUPS]


@kernel
def part(block, row, shape, t, which, head):
    """View query (0), key (1) or value (2) of a token's head."""
    wide, size = row[WIDE], row[WIDE] // shape[HEADS]
    start = (3 * t + which) * wide + head * size
    return block[start : start + size]


@kernel
def mixed(block, row, shape, t, head):
    """View a head's part of a token's output."""
    size = row[WIDE] // shape[HEADS]
    return block[t * row[WIDE] + head * size : t * row[WIDE] + (head + 1) * size]


@kernel
def add_dot(left, right, scale, out):
    """Add scale · Σ_f left·right to out [B]."""
    for f in range(left.shape[0]):
        for j in range(out.size):
            out[j] += scale * left[f, j] * right[f, j]


@kernel
def add_times(factor, scale, rows, out):
    """Add scale · factor [B] · each row to out."""
    for f in range(out.shape[0]):
        for j in range(factor.size):
            out[f, j] += scale * factor[j] * rows[f, j]


@kernel
def probabilities(row, shape, x, t, head, scratch, p):
    """Set p [keys, B] to query t's probabilities."""
    one = x.dtype.type(1)
    c = one / math.sqrt(x.dtype.type(row[WIDE] // shape[HEADS]))
    top, total = scratch[0], scratch[1]
    query = part(x, row, shape, t, 0, head)
    p[:, :] = 0
    total[:] = 0
    for k in range(p.shape[0]):
        add_dot(query, part(x, row, shape, k, 1, head), c, p[k])
    top[:] = p[0]
    for k in range(p.shape[0]):
        for j in range(top.size):
            # A NaN must win, so the comparison is the one that it fails.
            top[j] = top[j] if p[k, j] <= top[j] else p[k, j]
    for k in range(p.shape[0]):
        for j in range(top.size):
            p[k, j] = exp(p[k, j] - top[j])
            total[j] += p[k, j]
    for k in range(p.shape[0]):
        for j in range(top.size):
            p[k, j] /= total[j]
    return c


@kernel
def centre(p, e, mean, a):
    """Set a to p(e − Σ p e), the softmax's Jacobian; mean [B] to Σ p e."""
    mean[:] = 0
    for k in range(p.shape[0]):
        for j in range(mean.size):
            mean[j] += p[k, j] * e[k, j]
    for k in range(p.shape[0]):
        for j in range(mean.size):
            a[k, j] = p[k, j] * (e[k, j] - mean[j])


@kernel
def lines(scratch, number, keys, tokens):
    """View one of the blocks [keys, B] after the common scratch."""
    start = SCRATCH_ROWS + number * tokens
    return scratch[start : start + keys]


@kernel
def attention_value(row, shape, x, y, scratch):
    """Set y to the mixtures."""
    y[:, :] = 0
    for head in range(shape[HEADS]):
        for t in range(row[GROUPS]):
            keys = keys_of(row, shape, t)
            p, out = lines(scratch, 0, keys, row[GROUPS]), mixed(y, row, shape, t, head)
            probabilities(row, shape, x, t, head, scratch, p)
            for k in range(keys):
                add_times(p[k], x.dtype.type(1), part(x, row, shape, k, 2, head), out)


@kernel
def attention_backward(row, shape, x, d, into, scratch):
    """Pull an adjoint d of the output back to `into`."""
    one = x.dtype.type(1)
    for head in range(shape[HEADS]):
        for t in range(row[GROUPS]):
            keys = keys_of(row, shape, t)
            p, e = lines(scratch, 0, keys, row[GROUPS]), lines(scratch, 1, keys, row[GROUPS])
            c = probabilities(row, shape, x, t, head, scratch, p)
            g = mixed(d, row, shape, t, head)
            e[:, :] = 0
            for k in range(keys):
                add_dot(g, part(x, row, shape, k, 2, head), one, e[k])
                add_times(p[k], one, g, part(into, row, shape, k, 2, head))
            centre(p, e, scratch[0], e)
            share_scores(row, shape, x, t, head, e, c, into)


@kernel
def share_scores(row, shape, x, t, head, a, c, into):
    """Add c·a·k to the query's part of `into` and c·a·q to the keys'."""
    query, target = part(x, row, shape, t, 0, head), part(into, row, shape, t, 0, head)
    for k in range(a.shape[0]):
        add_times(a[k], c, part(x, row, shape, k, 1, head), target)
        add_times(a[k], c, query, part(into, row, shape, k, 1, head))


@kernel
def changed(row, shape, x, dx, t, head, c, p, ds, dp, mean):
    """Set dp [keys, B] to the change of query t's probabilities; ds is scratch."""
    ds[:, :] = 0
    for k in range(p.shape[0]):
        add_dot(part(dx, row, shape, t, 0, head), part(x, row, shape, k, 1, head), c, ds[k])
        add_dot(part(x, row, shape, t, 0, head), part(dx, row, shape, k, 1, head), c, ds[k])
    centre(p, ds, mean, dp)


@kernel
def attention_tangent(row, shape, x, dx, dy, scratch):
    """Set dy to the change of the mixtures."""
    one, tokens = x.dtype.type(1), row[GROUPS]
    dy[:, :] = 0
    for head in range(shape[HEADS]):
        for t in range(tokens):
            keys = keys_of(row, shape, t)
            p, ds = lines(scratch, 0, keys, tokens), lines(scratch, 1, keys, tokens)
            dp = lines(scratch, 2, keys, tokens)
            c = probabilities(row, shape, x, t, head, scratch, p)
            changed(row, shape, x, dx, t, head, c, p, ds, dp, scratch[0])
            out = mixed(dy, row, shape, t, head)
            for k in range(keys):
                add_times(dp[k], one, part(x, row, shape, k, 2, head), out)
                add_times(p[k], one, part(dx, row, shape, k, 2, head), out)


@kernel
def attention_curved(row, shape, x, dx, d, into, scratch):
    """Add the change of `attention_backward` along ẋ, the adjoint d held fixed, to `into`."""
    one, tokens = x.dtype.type(1), row[GROUPS]
    mean, change = scratch[0], scratch[1]
    for head in range(shape[HEADS]):
        for t in range(tokens):
            keys = keys_of(row, shape, t)
            p, e = lines(scratch, 0, keys, tokens), lines(scratch, 1, keys, tokens)
            dp, de = lines(scratch, 2, keys, tokens), lines(scratch, 3, keys, tokens)
            a, da = lines(scratch, 4, keys, tokens), lines(scratch, 5, keys, tokens)
            c = probabilities(row, shape, x, t, head, scratch, p)
            changed(row, shape, x, dx, t, head, c, p, de, dp, mean)
            g = mixed(d, row, shape, t, head)
            e[:, :] = 0
            de[:, :] = 0
            for k in range(keys):
                add_dot(g, part(x, row, shape, k, 2, head), one, e[k])
                add_dot(g, part(dx, row, shape, k, 2, head), one, de[k])
                add_times(dp[k], one, g, part(into, row, shape, k, 2, head))
            centre(p, e, mean, a)
            change[:] = 0
            for k in range(keys):
                for j in range(change.size):
                    change[j] += dp[k, j] * e[k, j] + p[k, j] * de[k, j]
            for k in range(keys):
                for j in range(change.size):
                    da[k, j] = dp[k, j] * (e[k, j] - mean[j]) + p[k, j] * (de[k, j] - change[j])
            share_scores(row, shape, x, t, head, da, c, into)
            share_scores(row, shape, dx, t, head, a, c, into)

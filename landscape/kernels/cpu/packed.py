"""Products over windows with packed weights: C = start + Σ_taps W_tap X_tap, and what is below zero cut off where asked for.

Strides as in `gathered.py`, but a block's rows of W lie side by side for each place of the depth: the weights are read in one stream, a normalization is
folded into them while they are packed, and the taps of a line, which lie one after the other as their pixels do, are one loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from landscape.jit import EXACT, kernel
from landscape.kernels.cpu.gathered import VECTOR_BYTES, Code, spread

OPTIONS = {"fastmath": set(EXACT), "error_model": "numpy"}


@kernel
def together(left):
    """Say how many of the rows that are left make a block; eight are better two fours than six and two."""
    if left >= 6 and left != 8:
        return 6
    if left >= 4:
        return 4
    return 2 if left >= 2 else 1


def packed_code(rows: int, vectors: int) -> Callable[..., Any]:
    """Make the typing and the code of a micro-kernel of `rows` rows and `vectors` vectors of columns.

    Row r's weight at tap (a, b), channel q is at iw + a·wy + b·wx + q·rows + r; the columns of X there start at ix + a·xy + b·xx + q·width. Sums start
    from w[first + r], or from C where `first` is negative.
    """

    def micro(
        context_: Any, w: Any, iw: Any, wy: Any, wx: Any, x: Any, ix: Any, xy: Any, xx: Any, ny: Any, nx: Any,
        depth: Any, first: Any, cut: Any, c: Any, ic: Any, width: Any,
    ) -> Any:  # fmt: skip
        whole = types.intp

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            w_, iw_, wy_, wx_, x_, ix_, xy_, xx_, ny_, nx_, k_, first_, cut_, c_, ic_, width_ = arguments
            code = Code(context, builder, c.dtype)
            w0, x0, c0 = code.start(w, w_, iw_), code.start(x, x_, ix_), code.start(c, c_, ic_)
            sums = code.sums(rows, vectors)
            places = [
                (r, sums[r][v], code.at(c0, builder.mul(code.whole(r), width_), code.whole(v * code.lanes)))
                for r in range(rows)
                for v in range(vectors)
            ]
            with builder.if_else(builder.icmp_signed("<", first_, code.whole(0))) as (go_on, begin):
                with go_on:
                    for _, total, target in places:
                        builder.store(builder.load(target, align=code.align), total)
                with begin:
                    start = code.start(w, w_, first_)
                    for r, total, _ in places:
                        value = builder.load(builder.gep(start, [code.whole(r)]))
                        builder.store(spread(builder, value, code.lanes), total)
            with cgutils.for_range(builder, ny_, intp=code.index) as a:
                wa, xa = code.move(w0, builder.mul(a.index, wy_)), code.move(x0, builder.mul(a.index, xy_))
                with cgutils.for_range(builder, nx_, intp=code.index) as b:
                    wb = code.move(wa, builder.mul(b.index, wx_))
                    xb = code.move(xa, builder.mul(b.index, xx_))
                    with cgutils.for_range(builder, k_, intp=code.index) as q:
                        wc = code.move(wb, builder.mul(q.index, code.whole(rows)))
                        xc = code.move(xb, builder.mul(q.index, width_))
                        columns = [code.load(xc, code.whole(v * code.lanes)) for v in range(vectors)]
                        for r in range(rows):
                            weight = spread(builder, builder.load(code.move(wc, code.whole(r))), code.lanes)
                            for v in range(vectors):
                                code.add_product(sums[r][v], weight, columns[v])
            zero = ir.Constant(code.vector, [0.0] * code.lanes)
            with builder.if_then(cut_):
                for _, total, _ in places:
                    value = builder.load(total)
                    # A NaN fails the comparison, and stays.
                    below = builder.fcmp_ordered("<", value, zero)
                    builder.store(builder.select(below, zero, value), total)
            for _, total, target in places:
                builder.store(builder.load(total), target, align=code.align)
            return context.get_dummy_value()

        strides = (whole, whole, whole)
        return types.void(w, *strides, x, *strides, *strides, whole, types.boolean, c, whole, whole), generate

    return micro


def over_rows(six: Any, four: Any, two: Any, one: Any) -> Any:
    """Compile the loop over blocks of rows for micro-kernels of one width."""

    @kernel(cached=False)
    def columns(m, width, k, w, iw, size, tap, wy, wx, x, ix, xy, xx, ny, nx, first, cut, c, ic):
        i = 0
        while i < m:
            r, on = together(m - i), first + i if first >= 0 else -1
            at, to = iw + i * size + tap * r, ic + i * width
            if r == 6:
                six(w, at, wy * r, wx * r, x, ix, xy, xx, ny, nx, k, on, cut, c, to, width)
            elif r == 4:
                four(w, at, wy * r, wx * r, x, ix, xy, xx, ny, nx, k, on, cut, c, to, width)
            elif r == 2:
                two(w, at, wy * r, wx * r, x, ix, xy, xx, ny, nx, k, on, cut, c, to, width)
            else:
                one(w, at, wy * r, wx * r, x, ix, xy, xx, ny, nx, k, on, cut, c, to, width)
            i += r

    return columns


two_vectors = over_rows(*(intrinsic(packed_code(rows, 2)) for rows in (6, 4, 2, 1)))
one_vector = over_rows(*(intrinsic(packed_code(rows, 1)) for rows in (6, 4, 2, 1)))


@kernel
def pack_rows(m, k, taps, w, iw, scales, scale, out, start):
    """Pack W [m, k, taps] from iw on as [block][tap][channel][row of the block], row i times scales[scale + i]."""
    i = 0
    while i < m:
        r, at = together(m - i), start + i * k * taps
        for tap in range(taps):
            for q in range(k):
                for s in range(r):
                    out[at + s] = w[iw + ((i + s) * k + q) * taps + tap] * scales[scale + i + s]
                at += r
        i += r


@kernel
def pack_transposed(m, k, w, iw, out):
    """Pack Wᵀ [m, k] of W [k, m] from iw on as [block][depth][row of the block]."""
    i = 0
    while i < m:
        r = together(m - i)
        for q in range(k):
            for s in range(r):
                out[i * k + q * r + s] = w[iw + q * m + i + s]
        i += r


def packed_product(
    m: int, n: int, k: int, w: Any, iw: int, size: int, tap: int, wy: int, wx: int,
    x: Any, ix: int, xy: int, xx: int, ny: int, nx: int, first: int, cut: bool, c: Any, ic: int,
) -> None:  # fmt: skip
    """Set C [m, n] to start + Σ_{a < ny, b < nx, q < k} W[·; tap + a·wy + b·wx + q] X[a, b, q; ·], its positive part where `cut`.

    W's rows have `size` numbers each and are packed by `pack_rows`; start is w[first + row], or C where `first` is negative.
    """
    depth, columns, i = np.arange(k), np.arange(n), 0
    while i < m:
        r = together(m - i)
        out = c[ic + i * n : ic + (i + r) * n].reshape(r, n)
        total = w[first + i : first + i + r, None] if first >= 0 else out.copy()
        for a in range(ny):
            for b in range(nx):
                places = iw + i * size + (tap + a * wy + b * wx + depth) * r
                total = (
                    total
                    + w[places + np.arange(r)[:, None]]
                    @ x[ix + a * xy + b * xx + depth[:, None] * n + columns]
                )
        out[...] = np.maximum(total, 0) if cut else total
        i += r


@overload(packed_product, jit_options=OPTIONS)
def packed_product_on_cpu(
    m: Any, n: Any, k: Any, w: Any, iw: Any, size: Any, tap: Any, wy: Any, wx: Any,
    x: Any, ix: Any, xy: Any, xx: Any, ny: Any, nx: Any, first: Any, cut: Any, c: Any, ic: Any,
) -> Any:  # fmt: skip
    """Run the micro-kernels over blocks of columns, which are whole vectors."""

    def in_registers(
        m: Any, n: Any, k: Any, w: Any, iw: Any, size: Any, tap: Any, wy: Any, wx: Any,
        x: Any, ix: Any, xy: Any, xx: Any, ny: Any, nx: Any, first: Any, cut: Any, c: Any, ic: Any,
    ) -> None:  # fmt: skip
        lanes, j = VECTOR_BYTES // c.itemsize, 0
        while j + 2 * lanes <= n:
            two_vectors(m, n, k, w, iw, size, tap, wy, wx, x, ix + j, xy, xx, ny, nx, first, cut, c, ic + j)
            j += 2 * lanes
        if j < n:
            one_vector(m, n, k, w, iw, size, tap, wy, wx, x, ix + j, xy, xx, ny, nx, first, cut, c, ic + j)

    return in_registers

"""Products over windows with packed weights: C = start + Σ_taps W_tap X_tap, and what is below zero cut off where asked for.

Strides as in `gathered.py`, but a block's rows of W lie side by side for each place of the depth: the weights are read in one stream, a normalization is
folded into them while they are packed, and the taps of a line, which lie one after the other as their pixels do, are one loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from landscape.jit import EXACT, kernel
from landscape.kernels.cpu.arrays import Part
from landscape.kernels.cpu.gathered import VECTOR_BYTES, Code, Window, spread

OPTIONS = {"fastmath": set(EXACT), "error_model": "numpy"}


@kernel
def together(left):
    """Say how many of the rows that are left make a block; eight are better two fours than six and two."""
    if left >= 6 and left != 8:
        return 6
    if left >= 4:
        return 4
    return 2 if left >= 2 else 1


class Packed(NamedTuple):
    """Packed weights in a flat array, blocks of rows: a row has `size` numbers, and tap (a, b), channel q is tap + a·line + b·place + q of them."""

    numbers: Any
    start: int
    size: int
    tap: int
    line: int
    place: int


class Stream(NamedTuple):
    """Packed weights of one block: those of tap (a, b) are from start + a·line + b·place on, all rows of a channel together."""

    numbers: Any
    start: int
    line: int
    place: int


class Columns(NamedTuple):
    """Examples in a flat array: those of tap (a, b) lie at start + a·line + b·pixel, channel after channel."""

    numbers: Any
    start: int
    line: int
    pixel: int


def packed_code(rows: int, vectors: int) -> Callable[..., Any]:
    """Make the typing and the code of a micro-kernel of `rows` rows and `vectors` vectors of columns.

    W is a `Stream`, X are `Columns`, whose channels are `width` apart, as the rows of the `Part` C. Sums start from number first + r of W's array, or
    from C where `first` is negative.
    """

    def micro(context_: Any, window: Any, w: Any, x: Any, first: Any, cut: Any, c: Any, width: Any) -> Any:

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            window_, w_, x_, first_, cut_, c_, width_ = arguments
            code = Code(context, builder, c.types[0].dtype)
            (w0, wy_, wx_), (x0, xy_, xx_) = code.parts(w, w_), code.parts(x, x_)
            (c0,), (ny_, nx_, k_) = code.parts(c, c_), code.numbers(window, window_)
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
                    start = code.start(w.types[0], builder.extract_value(w_, 0), first_)
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

        return types.void(window, w, x, types.intp, types.boolean, c, types.intp), generate

    return micro


def over_rows(six: Any, four: Any, two: Any, one: Any) -> Any:
    """Compile the loop over blocks of rows for micro-kernels of one width."""

    @kernel(cached=False)
    def columns(m, width, window, w, x, first, cut, c):
        i = 0
        while i < m:
            r, on = together(m - i), first + i if first >= 0 else -1
            block = Stream(w.numbers, w.start + i * w.size + w.tap * r, w.line * r, w.place * r)
            target = Part(c.numbers, c.start + i * width)
            if r == 6:
                six(window, block, x, on, cut, target, width)
            elif r == 4:
                four(window, block, x, on, cut, target, width)
            elif r == 2:
                two(window, block, x, on, cut, target, width)
            else:
                one(window, block, x, on, cut, target, width)
            i += r

    return columns


two_vectors = over_rows(*(intrinsic(packed_code(rows, 2)) for rows in (6, 4, 2, 1)))
one_vector = over_rows(*(intrinsic(packed_code(rows, 1)) for rows in (6, 4, 2, 1)))


@kernel
def pack_rows(m, k, taps, weights, scales, packed):
    """Pack a part W [m, k, taps] as [block][tap][channel][row of the block], row i times number i of the scales."""
    w, factors, out, i = weights.numbers, scales.numbers, packed.numbers, 0
    while i < m:
        r, at = together(m - i), packed.start + i * k * taps
        for tap in range(taps):
            for q in range(k):
                for s in range(r):
                    out[at + s] = (
                        w[weights.start + ((i + s) * k + q) * taps + tap] * factors[scales.start + i + s]
                    )
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
    m: int, n: int, window: Window, w: Packed, x: Columns, first: int, cut: bool, c: Part
) -> None:
    """Set C [m, n] to start + Σ_{a, b, q} W[·; a, b, q] X[a, b, q; ·] over a window, its positive part where `cut`.

    W's rows are packed by `pack_rows`; start is number first + row of W's array, or C where `first` is negative.
    """
    depth, columns, i = np.arange(window.channels), np.arange(n), 0
    while i < m:
        r = together(m - i)
        out = c.numbers[c.start + i * n : c.start + (i + r) * n].reshape(r, n)
        total = w.numbers[first + i : first + i + r, None] if first >= 0 else out.copy()
        for a in range(window.lines):
            for b in range(window.places):
                places = w.start + i * w.size + (w.tap + a * w.line + b * w.place + depth) * r
                pixels = x.numbers[x.start + a * x.line + b * x.pixel + depth[:, None] * n + columns]
                total = total + w.numbers[places + np.arange(r)[:, None]] @ pixels
        out[...] = np.maximum(total, 0) if cut else total
        i += r


@overload(packed_product, jit_options=OPTIONS)
def packed_product_on_cpu(m: Any, n: Any, window: Any, w: Any, x: Any, first: Any, cut: Any, c: Any) -> Any:
    """Run the micro-kernels over blocks of columns, which are whole vectors."""

    def in_registers(m: Any, n: Any, window: Any, w: Any, x: Any, first: Any, cut: Any, c: Any) -> None:
        lanes, j = VECTOR_BYTES // c.numbers.itemsize, 0
        while j + 2 * lanes <= n:
            some = Columns(x.numbers, x.start + j, x.line, x.pixel)
            two_vectors(m, n, window, w, some, first, cut, Part(c.numbers, c.start + j))
            j += 2 * lanes
        if j < n:
            some = Columns(x.numbers, x.start + j, x.line, x.pixel)
            one_vector(m, n, window, w, some, first, cut, Part(c.numbers, c.start + j))

    return in_registers

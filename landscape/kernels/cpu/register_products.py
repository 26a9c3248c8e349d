"""Products of matrices in registers: C = start + Σ W X, where X's columns, the examples, lie one after another.

Some rows of W meet two vectors of X's columns at a time: their sums stay in registers while the depth runs, and are stored once. The depth
has three loops, over a window's lines, the places in a line and the channels of a place, each with strides of its own in W and in X, which may be
negative: a plain product has one line of one place. W is read where it lies, or packed, block of rows after block of rows.
A column's sums run over the depth in one order whatever the shapes beside it, so that its bits do not depend on them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from landscape.jit import kernel
from landscape.kernels.cpu.arrays import FROM_OUT, Depth, Left, Out, Product, Right
from landscape.kernels.cpu.rules import PRODUCT, Rule, frame_of
from landscape.kernels.cpu.vectors import OPTIONS, VECTOR_BYTES, Code, lanes_of
from landscape.kernels.cpu.views import room

# Rows of W that meet two vectors of X at a time: a register for each sum, and some for what is multiplied.
WIDEST_BLOCK = 8 if VECTOR_BYTES == 64 else 6
# Depth after which the sums are put down, so that two vectors of X's columns stay in the first cache for all rows of W.
DEEP = 2**14 // VECTOR_BYTES
PANEL_BYTES = DEEP * 2 * VECTOR_BYTES
# With so many rows two vectors of X's columns are copied first; and so many, times the lanes of a vector, are multiplied before others, since the
# second cache has room for them: whole blocks of eight and of six. A block is chosen by as many rows more than its own.
MANY, TOGETHER, FEW = 128, 24, 2


@kernel
def together(left):
    """Give how many of the remaining rows form a block.

    There are kernels of eight, six and four rows. A row takes a cycle, and a block four at least, since sums would wait for themselves: one row takes as long
    as four, and ten rows are better six and four than eight and two.
    """
    if WIDEST_BLOCK == 8:
        return 6 if left in (9, 10) else min(left, 8)
    return 4 if left in (7, 8) else min(left, 6)


def block_code(rows: int, vectors: int, masked: bool) -> Callable[..., Any]:
    """Make the typing and the code of a micro-kernel of `rows` rows and `vectors` vectors of columns.

    W is a `Left` that is not packed any more, X a `Right`, C an `Out`. Where `masked` the last vector has `columns` columns. Of the rows `count`
    are there; the last of them stands in the place of the others, and is stored again.
    """

    def micro(
        context_: Any, count: Any, depth: Any, w: Any, x: Any, start: Any, cut: Any, c: Any, columns: Any
    ) -> Any:

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            count_, depth_, w_, x_, start_, cut_, c_, columns_ = arguments
            code = Code(context, builder, c.types[0].dtype)
            (w0, row_, _, wy_, wx_, wq_, _), (x0, xy_, xx_, xq_) = code.parts(w, w_), code.parts(x, x_)
            (c0, line_), (ny_, nx_, k_) = code.parts(c, c_), code.numbers(depth, depth_)
            some = code.first(columns_) if masked else None

            def load(base: Any, v: int) -> Any:
                place = code.move(base, code.whole(v * code.lanes))
                return code.load_some(some, place) if masked and v == vectors - 1 else code.load(place)

            def store(value: Any, base: Any, v: int) -> None:
                place = code.move(base, code.whole(v * code.lanes))
                if masked and v == vectors - 1:
                    code.store_some(some, value, place)
                else:
                    code.store(value, place)

            sums, last = code.sums(rows, vectors), builder.sub(count_, code.whole(1))
            there = [code.least(code.whole(r), last) if r else code.whole(0) for r in range(rows)]
            targets = [code.move(c0, builder.mul(there[r], line_)) for r in range(rows)]
            every = [(r, v) for r in range(rows) for v in range(vectors)]
            with builder.if_then(builder.icmp_signed("==", start_, code.whole(FROM_OUT))):
                for r, v in every:
                    builder.store(load(targets[r], v), sums[r][v])
            with builder.if_then(builder.icmp_signed(">=", start_, code.whole(0))):
                bias = code.start(w.types[0], builder.extract_value(w_, 0), start_)
                for r in range(rows):
                    value = code.spread(builder.load(code.move(bias, there[r])))
                    for v in range(vectors):
                        builder.store(value, sums[r][v])
            lines = [builder.mul(there[r], row_) for r in range(rows)]
            with cgutils.for_range(builder, ny_, intp=code.index) as a:
                wa, xa = code.move(w0, builder.mul(a.index, wy_)), code.move(x0, builder.mul(a.index, xy_))
                with cgutils.for_range(builder, nx_, intp=code.index) as b:
                    wb = code.move(wa, builder.mul(b.index, wx_))
                    xb = code.move(xa, builder.mul(b.index, xx_))
                    with cgutils.for_range(builder, k_, intp=code.index) as q:
                        wc = code.move(wb, builder.mul(q.index, wq_))
                        xc = code.move(xb, builder.mul(q.index, xq_))
                        seen = [load(xc, v) for v in range(vectors)]
                        for r in range(rows):
                            weight = code.spread(builder.load(code.move(wc, lines[r])))
                            for v in range(vectors):
                                code.add_product(sums[r][v], weight, seen[v])
            with builder.if_then(cut_):
                for r, v in every:
                    builder.store(code.above_zero(builder.load(sums[r][v])), sums[r][v])
            for r, v in every:
                store(builder.load(sums[r][v]), targets[r], v)
            return context.get_dummy_value()

        return types.void(types.intp, depth, w, x, types.intp, types.boolean, c, types.intp), generate

    return micro


@kernel
def block_of(w, i, rows):
    """Give a block of W's rows from row i on, as rows that are not packed."""
    n, row = (rows, 1) if w.packed else (1, w.row)
    at = w.at + i * w.row + w.tap * n
    return Left(w.numbers, at, row, 0, w.line * n, w.place * n, w.channel * n, 0)


def over_rows(eight: Any, six: Any, four: Any) -> Any:
    """Compile the loop over blocks of rows for micro-kernels of one width."""

    @kernel(cached=False)
    def blocks(rows, depth, w, x, start, cut, c, columns):
        i = 0
        while i < rows:
            r = together(rows - i)
            part, first = block_of(w, i, r), start + i if start >= 0 else start
            target = Out(c.numbers, c.at + i * c.row, c.row)
            if WIDEST_BLOCK == 8 and r > 6:
                eight(r, depth, part, x, first, cut, target, columns)
            elif r > 4:
                six(r, depth, part, x, first, cut, target, columns)
            else:
                four(r, depth, part, x, first, cut, target, columns)
            i += r

    return blocks


two_vectors = over_rows(*(intrinsic(block_code(rows, 2, False)) for rows in (8, 6, 4)))
one_vector = over_rows(*(intrinsic(block_code(rows, 1, True)) for rows in (8, 6, 4)))


@kernel(cached=False)
def over_columns(rows, columns, depth, w, x, start, cut, out):
    """Run the micro-kernels over all columns for a part of the depth and some rows."""
    lanes, j = lanes_of(out.numbers), 0
    wide, panel = 2 * lanes, room(out.numbers, PANEL_BYTES)
    packs = rows >= MANY and depth.lines * depth.places == 1
    while j + wide <= columns:
        some = Right(x.numbers, x.at + j, x.line, x.place, x.channel)
        if packs:
            copy_panel(depth.channels, some, panel)
            some = Right(panel, 0, 0, 0, wide)
        two_vectors(rows, depth, w, some, start, cut, Out(out.numbers, out.at + j, out.row), 0)
        j += wide
    while j < columns:
        some = Right(x.numbers, x.at + j, x.line, x.place, x.channel)
        target = Out(out.numbers, out.at + j, out.row)
        one_vector(rows, depth, w, some, start, cut, target, min(lanes, columns - j))
        j += lanes


@kernel(cached=False)
def over_rows_and_columns(rows, columns, depth, w, x, start, cut, out):
    """Go by as many rows as the second cache has room for, for a part of the depth.

    Blocks are those of all rows, as they may be packed: the last rows are taken together with a few before them.
    """
    step, i = TOGETHER * lanes_of(out.numbers), 0
    while i < rows:
        some = rows - i if rows - i <= step + FEW else step
        part = Left(w.numbers, w.at + i * w.row, w.row, w.tap, w.line, w.place, w.channel, w.packed)
        target = Out(out.numbers, out.at + i * out.row, out.row)
        over_columns(some, columns, depth, part, x, start + i if start >= 0 else start, cut, target)
        i += some


@intrinsic
def copy_panel(context_: Any, depth: Any, x: Any, panel: Any) -> Any:
    """Put two vectors of X's columns into a panel, one after another: rows that are some powers of two apart share few lines of the first cache."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        code = Code(context, builder, panel.dtype)
        (x0, _, _, step_), target = (
            code.parts(x, arguments[1]),
            code.start(panel, arguments[2], code.whole(0)),
        )
        with cgutils.for_range(builder, arguments[0], intp=code.index) as q:
            given, there = (
                code.move(x0, builder.mul(q.index, step_)),
                code.move(target, code.times(2 * code.lanes, q.index)),
            )
            for v in range(2):
                code.store(code.load(given, code.whole(v * code.lanes)), there, code.whole(v * code.lanes))
        return context.get_dummy_value()

    return types.void(types.intp, x, panel), generate


def multiply(product: Product) -> None:
    """Set C to start + Σ_{a, b, q} W[·; a, b, q] X[a, b, q; ·], its positive part where `cut`."""
    m, n, (lines, places, channels), w, x, start, cut, c = product
    depth, columns, i = np.arange(channels), np.arange(n), 0
    while i < m:
        r = together(m - i) if w.packed else 1
        each, step = (r, 1) if w.packed else (1, w.row)
        at = c.at + (i + np.arange(r))[:, None] * c.row + columns
        total = np.zeros((r, n), c.numbers.dtype)
        if start == FROM_OUT:
            total = c.numbers[at]
        elif start >= 0:
            total += w.numbers[start + i : start + i + r, None]
        for a in range(lines):
            for b in range(places):
                first = w.at + i * w.row + (w.tap + a * w.line + b * w.place + depth * w.channel) * each
                seen = x.numbers[x.at + a * x.line + b * x.place + depth[:, None] * x.channel + columns]
                total = total + w.numbers[first + np.arange(r)[:, None] * step] @ seen
        c.numbers[at] = np.maximum(total, 0) if cut else total
        i += r


@overload(multiply, jit_options=OPTIONS)
def multiply_on_cpu(product: Any) -> Any:
    """Run the micro-kernels, over a part of the depth at a time where it is long."""

    def in_registers(product: Any) -> None:
        depth, w, x, c = product.depth, product.left, product.right, product.out
        # All at once where that is not deep; else of one line as many whole places as fit, or of one place as many channels. The micro-kernels are
        # called at one place of the text, since they are compiled anew for each.
        lines, places, channels = depth.lines, depth.places, depth.channels
        if lines * places * channels > DEEP:
            lines, places = 1, max(1, DEEP // max(1, channels))
            channels = min(channels, DEEP)
        for a in range(0, max(1, depth.lines), max(1, lines)):
            for b in range(0, max(1, depth.places), max(1, places)):
                for q in range(0, max(1, depth.channels), max(1, channels)):
                    part = Depth(
                        min(lines, depth.lines - a),
                        min(places, depth.places - b),
                        min(channels, depth.channels - q),
                    )
                    last = a + part.lines >= depth.lines and b + part.places >= depth.places
                    tap = a * w.line + b * w.place + q * w.channel
                    at, tap = (w.at, w.tap + tap) if w.packed else (w.at + tap, 0)
                    left = Left(w.numbers, at, w.row, tap, w.line, w.place, w.channel, w.packed)
                    right = Right(
                        x.numbers, x.at + a * x.line + b * x.place + q * x.channel, x.line, x.place, x.channel
                    )
                    start = product.start if a == 0 and b == 0 and q == 0 else FROM_OUT
                    cut = product.cut != 0 and last and q + part.channels >= depth.channels
                    over_rows_and_columns(product.rows, product.columns, part, left, right, start, cut, c)

    return in_registers


def product(pointer):
    """Multiply, as compiled once for all callers."""
    given = frame_of(pointer)
    one = given.product
    x, c = one.right, one.out
    for number in range(given.times):
        right = Right(x.numbers, x.at + number * given.right_step, x.line, x.place, x.channel)
        out = Out(c.numbers, c.at + number * given.out_step, c.row)
        multiply(Product(one.rows, one.columns, one.depth, one.left, right, one.start, one.cut, out))


RULES = {PRODUCT: Rule(product, "q")}

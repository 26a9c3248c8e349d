"""Products over windows: C = Σ_taps W_tap X_tap, in registers, where each tap's rows of X lie a stride apart; and their transposes' gradient.

As in `micro.py` six rows of W meet two vectors of columns (examples) at a time. The depth has three loops: over a window's lines, its
places in a line, and the channels of a place. Strides may be negative, so that the reverse of a convolution is such a product too.
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

VECTOR_BYTES = 32
OPTIONS = {"fastmath": set(EXACT), "error_model": "numpy"}


def spread(builder: Any, value: Any, lanes: int) -> Any:
    """Put one number into every lane of a vector."""
    vector, whole = ir.VectorType(value.type, lanes), ir.IntType(32)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(whole, 0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(whole, lanes), None))


class Code:
    """What the code of a micro-kernel is written with: the vector type, and loads and stores of unaligned vectors."""

    def __init__(self, context: Any, builder: Any, dtype: Any) -> None:
        self.context, self.builder = context, builder
        self.lanes, self.align = VECTOR_BYTES * 8 // dtype.bitwidth, dtype.bitwidth // 8
        self.real = context.get_value_type(dtype)
        self.vector, self.index = ir.VectorType(self.real, self.lanes), context.get_value_type(types.intp)

    def start(self, array_type: Any, array: Any, offset: Any) -> Any:
        """Point at an element of a flat array."""
        made = self.context.make_array(array_type)(self.context, self.builder, array)
        return self.builder.gep(made.data, [offset])

    def whole(self, value: int) -> Any:
        """Make an index."""
        return ir.Constant(self.index, value)

    def move(self, base: Any, *offsets: Any) -> Any:
        """Move a pointer by a sum of offsets."""
        for offset in offsets:
            base = self.builder.gep(base, [offset])
        return base

    def at(self, base: Any, *offsets: Any) -> Any:
        """Point at a vector."""
        return self.builder.bitcast(self.move(base, *offsets), self.vector.as_pointer())

    def load(self, base: Any, *offsets: Any) -> Any:
        """Load a vector."""
        return self.builder.load(self.at(base, *offsets), align=self.align)

    def sums(self, rows: int, columns: int) -> list[list[Any]]:
        """Start a block of sums, which the optimizer keeps in registers."""
        block = [
            [cgutils.alloca_once(self.builder, self.vector) for _ in range(columns)] for _ in range(rows)
        ]
        for line in block:
            for place in line:
                self.builder.store(ir.Constant(self.vector, [0.0] * self.lanes), place)
        return block

    def add_product(self, place: Any, left: Any, right: Any) -> None:
        """Add left · right to a sum."""
        product = self.builder.fmul(left, right, flags=("contract",))
        total = self.builder.fadd(self.builder.load(place), product, flags=("contract",))
        self.builder.store(total, place)


def window_code(rows: int, vectors: int) -> Callable[..., Any]:
    """Make the typing and the code of a micro-kernel of `rows` rows and `vectors` vectors of columns.

    Row r's weight at tap (a, b), channel q is at iw + r·row + a·wy + b·wx + q·wq; the columns of X there start at ix + a·xy + b·xx + q·xq.
    Rows of C are `width` apart.
    """

    def micro(
        context_: Any, w: Any, iw: Any, row: Any, wy: Any, wx: Any, wq: Any, x: Any, ix: Any,
        xy: Any, xx: Any, xq: Any, ny: Any, nx: Any, depth: Any, beta: Any, c: Any, ic: Any, width: Any,
    ) -> Any:  # fmt: skip
        whole = types.intp

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            w_, iw_, row_, wy_, wx_, wq_, x_, ix_, xy_, xx_, xq_, ny_, nx_, k_, beta_, c_, ic_, width_ = (
                arguments
            )
            code = Code(context, builder, c.dtype)
            w0, x0, c0 = code.start(w, w_, iw_), code.start(x, x_, ix_), code.start(c, c_, ic_)
            sums = code.sums(rows, vectors)
            lines = [builder.mul(code.whole(r), row_) for r in range(rows)]
            with cgutils.for_range(builder, ny_, intp=code.index) as a:
                wa, xa = code.move(w0, builder.mul(a.index, wy_)), code.move(x0, builder.mul(a.index, xy_))
                with cgutils.for_range(builder, nx_, intp=code.index) as b:
                    wb, xb = (
                        code.move(wa, builder.mul(b.index, wx_)),
                        code.move(xa, builder.mul(b.index, xx_)),
                    )
                    with cgutils.for_range(builder, k_, intp=code.index) as q:
                        wc, xc = (
                            code.move(wb, builder.mul(q.index, wq_)),
                            code.move(xb, builder.mul(q.index, xq_)),
                        )
                        columns = [code.load(xc, code.whole(v * code.lanes)) for v in range(vectors)]
                        for r in range(rows):
                            weight = spread(builder, builder.load(code.move(wc, lines[r])), code.lanes)
                            for v in range(vectors):
                                code.add_product(sums[r][v], weight, columns[v])
            fresh = builder.fcmp_ordered("==", beta_, ir.Constant(code.real, 0.0))
            scale = spread(builder, beta_, code.lanes)
            places = [
                (sums[r][v], code.at(c0, builder.mul(code.whole(r), width_), code.whole(v * code.lanes)))
                for r in range(rows)
                for v in range(vectors)
            ]
            with builder.if_else(fresh) as (overwrite, accumulate):
                with overwrite:
                    for total, target in places:
                        builder.store(builder.load(total), target, align=code.align)
                with accumulate:
                    for total, target in places:
                        old = builder.fmul(scale, builder.load(target, align=code.align), flags=("contract",))
                        new = builder.fadd(old, builder.load(total), flags=("contract",))
                        builder.store(new, target, align=code.align)
            return context.get_dummy_value()

        strides, sizes = [whole] * 5, [whole] * 7
        return types.void(w, *strides, x, *sizes, c.dtype, c, whole, whole), generate

    return micro


def dots_code(rows: int, columns: int) -> Callable[..., Any]:
    """Make the typing and the code of a micro-kernel of rows × columns dot products over places and examples.

    G[r, q] += Σ_{p < count} Σ_j D[id + r·width + p·dx + j] · X[ix + q·width + p·xx + j], G's strides being `row` and `column`.
    """

    def micro(
        context_: Any, d: Any, id_: Any, dx: Any, x: Any, ix: Any,
        xx: Any, count: Any, width: Any, g: Any, ig: Any, row: Any, column: Any,
    ) -> Any:  # fmt: skip
        whole = types.intp

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            d_, start_, dx_, x_, ix_, xx_, count_, width_, g_, ig_, row_, column_ = arguments
            code = Code(context, builder, g.dtype)
            d0, x0, g0 = code.start(d, d_, start_), code.start(x, x_, ix_), code.start(g, g_, ig_)
            sums = code.sums(rows, columns)
            steps = builder.sdiv(width_, code.whole(code.lanes))
            with cgutils.for_range(builder, count_, intp=code.index) as p:
                dp, xp = code.move(d0, builder.mul(p.index, dx_)), code.move(x0, builder.mul(p.index, xx_))
                with cgutils.for_range(builder, steps, intp=code.index) as j:
                    at = builder.mul(j.index, code.whole(code.lanes))
                    left = [code.load(dp, builder.mul(code.whole(r), width_), at) for r in range(rows)]
                    right = [code.load(xp, builder.mul(code.whole(q), width_), at) for q in range(columns)]
                    for r in range(rows):
                        for q in range(columns):
                            code.add_product(sums[r][q], left[r], right[q])
            name = f"llvm.vector.reduce.fadd.v{code.lanes}f{g.dtype.bitwidth}"
            kind = ir.FunctionType(code.real, [code.real, code.vector])
            reduce = cgutils.get_or_insert_function(builder.module, kind, name)
            for r in range(rows):
                for q in range(columns):
                    place = code.move(
                        g0, builder.mul(code.whole(r), row_), builder.mul(code.whole(q), column_)
                    )
                    total = builder.call(
                        reduce, [builder.load(place), builder.load(sums[r][q])], fastmath=("reassoc",)
                    )
                    builder.store(total, place)
            return context.get_dummy_value()

        return types.void(d, whole, whole, x, whole, whole, whole, whole, g, whole, whole, whole), generate

    return micro


def over_rows(six: Any, four: Any, two: Any, one: Any) -> Any:
    """Compile the loop over rows for micro-kernels of one width: six at a time, then what is left."""

    @kernel(cached=False)
    def columns(m, width, k, w, iw, row, wy, wx, wq, x, ix, xy, xx, xq, ny, nx, beta, c, ic):
        i = 0
        while i + 6 <= m:
            six(
                w, iw + i * row, row, wy, wx, wq, x, ix, xy, xx, xq, ny, nx, k, beta, c, ic + i * width, width
            )
            i += 6
        if i + 4 <= m:
            four(
                w, iw + i * row, row, wy, wx, wq, x, ix, xy, xx, xq, ny, nx, k, beta, c, ic + i * width, width
            )
            i += 4
        if i + 2 <= m:
            two(
                w, iw + i * row, row, wy, wx, wq, x, ix, xy, xx, xq, ny, nx, k, beta, c, ic + i * width, width
            )
            i += 2
        if i < m:
            one(
                w, iw + i * row, row, wy, wx, wq, x, ix, xy, xx, xq, ny, nx, k, beta, c, ic + i * width, width
            )

    return columns


two_vectors = over_rows(*(intrinsic(window_code(rows, 2)) for rows in (6, 4, 2, 1)))
one_vector = over_rows(*(intrinsic(window_code(rows, 1)) for rows in (6, 4, 2, 1)))
dots_block, dots_column = intrinsic(dots_code(4, 3)), intrinsic(dots_code(4, 1))
dots_line, dots_one = intrinsic(dots_code(1, 3)), intrinsic(dots_code(1, 1))


def window_product(
    m: int, n: int, k: int, w: Any, iw: int, row: int, wy: int, wx: int, wq: int,
    x: Any, ix: int, xy: int, xx: int, xq: int, ny: int, nx: int, beta: float, c: Any, ic: int,
) -> None:  # fmt: skip
    """Set C [m, n] to Σ_{a < ny, b < nx, q < k} W[·; a, b, q] X[a, b, q; ·] + beta·C; strides as in `window_code`."""
    total = np.zeros((m, n), c.dtype)
    depth, rows, columns = np.arange(k), np.arange(m)[:, None], np.arange(n)
    for a in range(ny):
        for b in range(nx):
            weights = w[iw + a * wy + b * wx + rows * row + depth * wq]
            total += weights @ x[ix + a * xy + b * xx + depth[:, None] * xq + columns]
    out = c[ic : ic + m * n].reshape(m, n)
    # beta = 0 must overwrite what is there, even where that is not a number.
    out[...] = total + (beta * out if beta else 0)


@overload(window_product, jit_options=OPTIONS)
def window_product_on_cpu(
    m: Any, n: Any, k: Any, w: Any, iw: Any, row: Any, wy: Any, wx: Any, wq: Any,
    x: Any, ix: Any, xy: Any, xx: Any, xq: Any, ny: Any, nx: Any, beta: Any, c: Any, ic: Any,
) -> Any:  # fmt: skip
    """Run the micro-kernels over blocks of columns, which are whole vectors."""

    def in_registers(
        m: Any, n: Any, k: Any, w: Any, iw: Any, row: Any, wy: Any, wx: Any, wq: Any,
        x: Any, ix: Any, xy: Any, xx: Any, xq: Any, ny: Any, nx: Any, beta: Any, c: Any, ic: Any,
    ) -> None:  # fmt: skip
        lanes, scale = VECTOR_BYTES // c.itemsize, c.dtype.type(beta)
        j = 0
        while j + 2 * lanes <= n:
            two_vectors(m, n, k, w, iw, row, wy, wx, wq, x, ix + j, xy, xx, xq, ny, nx, scale, c, ic + j)
            j += 2 * lanes
        if j < n:
            one_vector(m, n, k, w, iw, row, wy, wx, wq, x, ix + j, xy, xx, xq, ny, nx, scale, c, ic + j)

    return in_registers


def window_dots(
    m: int, k: int, d: Any, id_: int, dx: int, x: Any, ix: int,
    xx: int, count: int, width: int, g: Any, ig: int, row: int, column: int,
) -> None:  # fmt: skip
    """Add to G [m, k] the dot products of rows of D with rows of X over `count` places and the examples; as in `dots_code`."""
    rows, columns, j = np.arange(m)[:, None], np.arange(k)[:, None], np.arange(width)
    total = np.zeros((m, k), g.dtype)
    for p in range(count):
        total += d[id_ + p * dx + rows * width + j] @ x[ix + p * xx + columns * width + j].T
    g[ig + rows * row + columns.T * column] += total


@overload(window_dots, jit_options=OPTIONS)
def window_dots_on_cpu(
    m: Any, k: Any, d: Any, id_: Any, dx: Any, x: Any, ix: Any,
    xx: Any, count: Any, width: Any, g: Any, ig: Any, row: Any, column: Any,
) -> Any:  # fmt: skip
    """Run the micro-kernels over blocks of rows and columns of G."""

    def in_registers(
        m: Any, k: Any, d: Any, id_: Any, dx: Any, x: Any, ix: Any,
        xx: Any, count: Any, width: Any, g: Any, ig: Any, row: Any, column: Any,
    ) -> None:  # fmt: skip
        i = 0
        while i < m:
            rows, q = (4 if i + 4 <= m else 1), 0
            while q < k:
                columns = 3 if q + 3 <= k else 1
                at, start, end = id_ + i * width, ix + q * width, ig + i * row + q * column
                if rows == 4 and columns == 3:
                    dots_block(d, at, dx, x, start, xx, count, width, g, end, row, column)
                elif rows == 4:
                    dots_column(d, at, dx, x, start, xx, count, width, g, end, row, column)
                elif columns == 3:
                    dots_line(d, at, dx, x, start, xx, count, width, g, end, row, column)
                else:
                    dots_one(d, at, dx, x, start, xx, count, width, g, end, row, column)
                q += columns
            i += rows

    return in_registers

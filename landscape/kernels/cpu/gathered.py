"""Products over windows: C = Σ_taps W_tap X_tap, in registers, where each tap's rows of X lie a stride apart.

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


def over_rows(six: Any, four: Any, two: Any, one: Any) -> Any:
    """Compile the loop over rows for micro-kernels of one width: six at a time, then what is left, eight as two fours."""

    @kernel(cached=False)
    def columns(m, width, k, w, iw, row, wy, wx, wq, x, ix, xy, xx, xq, ny, nx, beta, c, ic):
        i = 0
        while m - i >= 6 and m - i != 8:
            six(
                w, iw + i * row, row, wy, wx, wq, x, ix, xy, xx, xq, ny, nx, k, beta, c, ic + i * width, width
            )
            i += 6
        while m - i >= 4:
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

"""Products over windows: C = Σ_taps W_tap X_tap, in registers, where each tap's rows of X lie a stride apart.

As in `micro.py` six rows of W meet two vectors of columns (examples) at a time. The depth has three loops: over a window's lines, its
places in a line, and the channels of a place. Strides may be negative, so that the reverse of a convolution is such a product too.
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

    def parts(self, kind: Any, value: Any) -> tuple[Any, ...]:
        """Point at the start of a named tuple (flat array, start, numbers …), and give the numbers after it as indices."""
        start, *steps = self.numbers(kind, value, 1)
        return self.start(kind.types[0], self.builder.extract_value(value, 0), start), *steps

    def numbers(self, kind: Any, value: Any, first: int = 0) -> list[Any]:
        """Give the fields of a named tuple from one on as indices."""
        return [
            self.context.cast(self.builder, self.builder.extract_value(value, field), type_, types.intp)
            for field, type_ in enumerate(kind.types)
            if field >= first
        ]

    def add_product(self, place: Any, left: Any, right: Any) -> None:
        """Add left · right to a sum."""
        product = self.builder.fmul(left, right, flags=("contract",))
        total = self.builder.fadd(self.builder.load(place), product, flags=("contract",))
        self.builder.store(total, place)


class Taps(NamedTuple):
    """Weights in a flat array: row r's at tap (a, b), channel q is at start + r·row + a·line + b·tap + q·channel."""

    numbers: Any
    start: int
    row: int
    line: int
    tap: int
    channel: int


class Pixels(NamedTuple):
    """Examples in a flat array: those of tap (a, b), channel q lie at start + a·line + b·pixel + q·channel."""

    numbers: Any
    start: int
    line: int
    pixel: int
    channel: int


class Window(NamedTuple):
    """How many lines a window has, places in a line, and channels of a place."""

    lines: int
    places: int
    channels: int


def window_code(rows: int, vectors: int) -> Callable[..., Any]:
    """Make the typing and the code of a micro-kernel of `rows` rows and `vectors` vectors of columns.

    W are `Taps`, X `Pixels`; rows of the `Part` C are `width` apart.
    """

    def micro(context_: Any, window: Any, w: Any, x: Any, beta: Any, c: Any, width: Any) -> Any:
        dtype = c.types[0].dtype

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            window_, w_, x_, beta_, c_, width_ = arguments
            code = Code(context, builder, dtype)
            (w0, row_, wy_, wx_, wq_), (x0, xy_, xx_, xq_) = code.parts(w, w_), code.parts(x, x_)
            (c0,), (ny_, nx_, k_) = code.parts(c, c_), code.numbers(window, window_)
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

        return types.void(window, w, x, dtype, c, types.intp), generate

    return micro


def over_rows(six: Any, four: Any, two: Any, one: Any) -> Any:
    """Compile the loop over rows for micro-kernels of one width: six at a time, then what is left, eight as two fours."""

    @kernel(cached=False)
    def columns(m, width, window, w, x, beta, c):
        i = 0
        while m - i >= 6 and m - i != 8:
            rows = Taps(w.numbers, w.start + i * w.row, w.row, w.line, w.tap, w.channel)
            six(window, rows, x, beta, Part(c.numbers, c.start + i * width), width)
            i += 6
        while m - i >= 4:
            rows = Taps(w.numbers, w.start + i * w.row, w.row, w.line, w.tap, w.channel)
            four(window, rows, x, beta, Part(c.numbers, c.start + i * width), width)
            i += 4
        if i + 2 <= m:
            rows = Taps(w.numbers, w.start + i * w.row, w.row, w.line, w.tap, w.channel)
            two(window, rows, x, beta, Part(c.numbers, c.start + i * width), width)
            i += 2
        if i < m:
            rows = Taps(w.numbers, w.start + i * w.row, w.row, w.line, w.tap, w.channel)
            one(window, rows, x, beta, Part(c.numbers, c.start + i * width), width)

    return columns


two_vectors = over_rows(*(intrinsic(window_code(rows, 2)) for rows in (6, 4, 2, 1)))
one_vector = over_rows(*(intrinsic(window_code(rows, 1)) for rows in (6, 4, 2, 1)))


def window_product(m: int, n: int, window: Window, w: Taps, x: Pixels, beta: float, c: Part) -> None:
    """Set C [m, n] to Σ_{a, b, q} W[·; a, b, q] X[a, b, q; ·] over a window, plus beta·C."""
    total = np.zeros((m, n), c.numbers.dtype)
    depth, rows, columns = np.arange(window.channels), np.arange(m)[:, None], np.arange(n)
    for a in range(window.lines):
        for b in range(window.places):
            weights = w.numbers[w.start + a * w.line + b * w.tap + rows * w.row + depth * w.channel]
            total += (
                weights @ x.numbers[x.start + a * x.line + b * x.pixel + depth[:, None] * x.channel + columns]
            )
    out = c.numbers[c.start : c.start + m * n].reshape(m, n)
    # beta = 0 must overwrite what is there, even where that is not a number.
    out[...] = total + (beta * out if beta else 0)


@overload(window_product, jit_options=OPTIONS)
def window_product_on_cpu(m: Any, n: Any, window: Any, w: Any, x: Any, beta: Any, c: Any) -> Any:
    """Run the micro-kernels over blocks of columns, which are whole vectors."""

    def in_registers(m: Any, n: Any, window: Any, w: Any, x: Any, beta: Any, c: Any) -> None:
        lanes, scale = VECTOR_BYTES // c.numbers.itemsize, c.numbers.dtype.type(beta)
        j = 0
        while j + 2 * lanes <= n:
            some = Pixels(x.numbers, x.start + j, x.line, x.pixel, x.channel)
            two_vectors(m, n, window, w, some, scale, Part(c.numbers, c.start + j))
            j += 2 * lanes
        if j < n:
            some = Pixels(x.numbers, x.start + j, x.line, x.pixel, x.channel)
            one_vector(m, n, window, w, some, scale, Part(c.numbers, c.start + j))

    return in_registers

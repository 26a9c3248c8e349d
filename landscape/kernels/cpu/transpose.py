"""Transposes of small blocks in registers: examples × features to features × examples and back.

A square of vectors is loaded, its off-diagonal halves are exchanged at every scale, and it is stored; element by element it would
cost as much as a product.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic, overload

from landscape.kernels.cpu.vectors import OPTIONS, Code, lanes_of


@intrinsic
def transpose_square(context_: Any, count: Any, x: Any, ix: Any, row: Any, y: Any, iy: Any, line: Any) -> Any:
    """Set the square of y at iy, `line` numbers a row, to the transpose of that of x at ix, `row` numbers a row, of which `count` are there."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        count_, x_, ix_, row_, y_, iy_, line_ = arguments
        code = Code(context, builder, x.dtype)
        given, out = code.start(x, x_, ix_), code.start(y, y_, iy_)
        last = builder.sub(count_, code.whole(1))
        there = [code.least(code.whole(r), last) for r in range(code.lanes)]
        rows = [code.load(given, builder.mul(r, row_)) for r in there]
        half = code.lanes // 2
        while half:
            for i in range(code.lanes):
                if not i & half:
                    a, b, lanes = rows[i], rows[i + half], range(code.lanes)
                    rows[i] = code.shuffle(
                        a, b, [q if not q & half else code.lanes + q - half for q in lanes]
                    )
                    rows[i + half] = code.shuffle(
                        a, b, [q + half if not q & half else code.lanes + q for q in lanes]
                    )
            half //= 2
        for r, value in enumerate(rows):
            code.store(value, out, code.times(r, line_))
        return context.get_dummy_value()

    whole = types.intp
    return types.void(whole, x, whole, whole, y, whole, whole), generate


def transpose_rows(count: int, x: Any, ix: int, row: int, y: Any, iy: int, line: int) -> None:
    """Turn `count` rows of a vector each, `row` apart, into the first columns of a vector of rows, `line` apart; further columns have any numbers."""
    for q in range(lanes_of(x)):
        for r in range(count):
            y[iy + q * line + r] = x[ix + r * row + q]


@overload(transpose_rows, jit_options=OPTIONS)
def transpose_rows_on_cpu(count: Any, x: Any, ix: Any, row: Any, y: Any, iy: Any, line: Any) -> Any:
    """Turn a square, the last row in the place of those that are not there."""

    def in_registers(count: Any, x: Any, ix: Any, row: Any, y: Any, iy: Any, line: Any) -> None:
        transpose_square(count, x, ix, row, y, iy, line)

    return in_registers


def transpose(m: int, n: int, x: Any, ix: int, y: Any, iy: int) -> None:
    """Set y[iy:] [n, m] to the transpose of x[ix:] [m, n], for blocks of flat arrays."""
    y[iy : iy + m * n].reshape(n, m)[...] = x[ix : ix + m * n].reshape(m, n).T


@overload(transpose, jit_options=OPTIONS)
def transpose_on_cpu(m: Any, n: Any, x: Any, ix: Any, y: Any, iy: Any) -> Any:
    """Go by squares, and element by element over what is left."""

    def by_squares(m: Any, n: Any, x: Any, ix: Any, y: Any, iy: Any) -> None:
        lanes = lanes_of(x)
        rows, columns = m // lanes * lanes, n // lanes * lanes
        for i in range(0, rows, lanes):
            for j in range(0, columns, lanes):
                transpose_square(lanes, x, ix + i * n + j, n, y, iy + j * m + i, m)
        for i in range(m):
            for j in range(columns if i < rows else 0, n):
                y[iy + j * m + i] = x[ix + i * n + j]

    return by_squares

"""Transposes of small blocks in registers: examples × features to features × examples and back.

A square of vectors is loaded, its off-diagonal halves are exchanged at every scale, and it is stored; element by element it would
cost as much as a product.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from landscape.jit import EXACT
from landscape.kernels.cpu.micro import VECTOR_BYTES

OPTIONS = {"fastmath": set(EXACT), "error_model": "numpy"}


@intrinsic
def transpose_square(typing_context: Any, x: Any, ix: Any, row: Any, y: Any, iy: Any, line: Any) -> Any:
    """Set the square of y at iy, `line` numbers a row, to the transpose of that of x at ix, `row` numbers a row."""
    lanes = VECTOR_BYTES * 8 // x.dtype.bitwidth

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x_, ix_, row_, y_, iy_, line_ = arguments
        index, align = context.get_value_type(types.intp), x.dtype.bitwidth // 8
        vector = ir.VectorType(context.get_value_type(x.dtype), lanes)

        def places(array_type: Any, array: Any, start: Any, stride: Any) -> list[Any]:
            base = context.make_array(array_type)(context, builder, array).data
            offsets = [builder.add(start, builder.mul(ir.Constant(index, r), stride)) for r in range(lanes)]
            return [builder.bitcast(builder.gep(base, [at]), vector.as_pointer()) for at in offsets]

        def choose(a: Any, b: Any, numbers: list[int]) -> Any:
            mask = ir.Constant(ir.VectorType(ir.IntType(32), lanes), numbers)
            return builder.shuffle_vector(a, b, mask)

        rows = [builder.load(place, align=align) for place in places(x, x_, ix_, row_)]
        half = lanes // 2
        while half:
            for i in range(lanes):
                if not i & half:
                    a, b = rows[i], rows[i + half]
                    rows[i] = choose(a, b, [q if not q & half else lanes + q - half for q in range(lanes)])
                    rows[i + half] = choose(
                        a, b, [q + half if not q & half else lanes + q for q in range(lanes)]
                    )
            half //= 2
        for value, place in zip(rows, places(y, y_, iy_, line_), strict=True):
            builder.store(value, place, align=align)
        return context.get_dummy_value()

    whole = types.intp
    return types.void(x, whole, whole, y, whole, whole), generate


def transpose(m: int, n: int, x: Any, ix: int, y: Any, iy: int) -> None:
    """Set y[iy:] [n, m] to the transpose of x[ix:] [m, n], for blocks of flat arrays."""
    y[iy : iy + m * n].reshape(n, m)[...] = x[ix : ix + m * n].reshape(m, n).T


@overload(transpose, jit_options=OPTIONS)
def transpose_on_cpu(m: Any, n: Any, x: Any, ix: Any, y: Any, iy: Any) -> Any:
    """Go by squares, and element by element over what is left."""
    lanes = VECTOR_BYTES * 8 // x.dtype.bitwidth

    def by_squares(m: Any, n: Any, x: Any, ix: Any, y: Any, iy: Any) -> None:
        rows, columns = m // lanes * lanes, n // lanes * lanes
        for i in range(0, rows, lanes):
            for j in range(0, columns, lanes):
                transpose_square(x, ix + i * n + j, n, y, iy + j * m + i, m)
        for i in range(m):
            for j in range(columns if i < rows else 0, n):
                y[iy + j * m + i] = x[ix + i * n + j]

    return by_squares

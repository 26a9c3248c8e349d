"""Products whose right side is a tile of examples: C = op(W) X + beta·C, in registers, without packing.

BLAS first copies both sides into an order of its own; for the small products of a scan that costs as much as the product. Here six
rows of W meet two vectors of columns of X at a time: twelve sums stay in registers while the depth runs, X's columns stay in the
first cache, and W is read where it lies, transposed or not. Every column is summed in the same order whatever the shapes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from landscape.jit import EXACT, kernel
from landscape.kernels.cpu.products import gemm

VECTOR_BYTES = 32
# Beyond this depth two vectors of X's columns leave the first cache, and BLAS's copies pay.
DEEPEST = 512
# With wider registers than AVX2's the vectors here are half as wide as BLAS's.
USES_MICRO = not llvm.get_host_cpu_features().get("avx512f", False)
OPTIONS = {"fastmath": set(EXACT), "error_model": "numpy"}


def vector_code(rows: int, vectors: int) -> Callable[..., Any]:
    """Make the typing and the code of a micro-kernel of `rows` rows and `vectors` vectors of columns.

    W[r, q] is at iw + r·row + q·step of w; X and C have `width` columns and start at ix and ic.
    """

    def micro(context_: Any, w: Any, iw: Any, row: Any, step: Any, x: Any, ix: Any, width: Any, depth: Any, beta: Any, c: Any, ic: Any) -> Any:  # fmt: skip
        whole = types.intp
        lanes = VECTOR_BYTES * 8 // c.dtype.bitwidth

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            w_, iw_, row_, step_, x_, ix_, width_, depth_, beta_, c_, ic_ = arguments
            real = context.get_value_type(c.dtype)
            vector, align = ir.VectorType(real, lanes), c.dtype.bitwidth // 8
            index = context.get_value_type(whole)

            def data(array_type: Any, array: Any, start: Any) -> Any:
                return builder.gep(context.make_array(array_type)(context, builder, array).data, [start])

            def spread(value: Any) -> Any:
                one = builder.insert_element(
                    ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0)
                )
                return builder.shuffle_vector(
                    one, one, ir.Constant(ir.VectorType(ir.IntType(32), lanes), None)
                )

            def place(base: Any, line: Any, v: int) -> Any:
                offset = builder.add(builder.mul(line, width_), ir.Constant(index, v * lanes))
                return builder.bitcast(builder.gep(base, [offset]), vector.as_pointer())

            w0, x0, c0 = data(w, w_, iw_), data(x, x_, ix_), data(c, c_, ic_)
            sums = [[cgutils.alloca_once(builder, vector) for _ in range(vectors)] for _ in range(rows)]
            zero = ir.Constant(vector, [0.0] * lanes)
            for line in sums:
                for place_ in line:
                    builder.store(zero, place_)
            with cgutils.for_range(builder, depth_, intp=index) as loop:
                columns = [builder.load(place(x0, loop.index, v), align=align) for v in range(vectors)]
                for r in range(rows):
                    at = builder.add(builder.mul(ir.Constant(index, r), row_), builder.mul(loop.index, step_))
                    weight = spread(builder.load(builder.gep(w0, [at])))
                    for v in range(vectors):
                        total = builder.load(sums[r][v])
                        product = builder.fmul(weight, columns[v], flags=("contract",))
                        builder.store(builder.fadd(total, product, flags=("contract",)), sums[r][v])
            fresh = builder.fcmp_ordered("==", beta_, ir.Constant(real, 0.0))
            scale = spread(beta_)
            for r in range(rows):
                for v in range(vectors):
                    target = place(c0, ir.Constant(index, r), v)
                    with builder.if_else(fresh) as (overwrite, accumulate):
                        with overwrite:
                            builder.store(builder.load(sums[r][v]), target, align=align)
                        with accumulate:
                            old = builder.fmul(scale, builder.load(target, align=align), flags=("contract",))
                            total = builder.fadd(old, builder.load(sums[r][v]), flags=("contract",))
                            builder.store(total, target, align=align)
            return context.get_dummy_value()

        return types.void(w, whole, whole, whole, x, whole, whole, whole, c.dtype, c, whole), generate

    return micro


def over_rows(six: Any, four: Any, two: Any, one: Any) -> Any:
    """Compile the loop over rows for micro-kernels of one width: six at a time, then what is left."""

    @kernel(cached=False)
    def columns(m, width, k, w, iw, row, step, x, ix, beta, c, ic):
        i = 0
        while i + 6 <= m:
            six(w, iw + i * row, row, step, x, ix, width, k, beta, c, ic + i * width)
            i += 6
        if i + 4 <= m:
            four(w, iw + i * row, row, step, x, ix, width, k, beta, c, ic + i * width)
            i += 4
        if i + 2 <= m:
            two(w, iw + i * row, row, step, x, ix, width, k, beta, c, ic + i * width)
            i += 2
        if i < m:
            one(w, iw + i * row, row, step, x, ix, width, k, beta, c, ic + i * width)

    return columns


two_vectors = over_rows(*(intrinsic(vector_code(rows, 2)) for rows in (6, 4, 2, 1)))
one_vector = over_rows(*(intrinsic(vector_code(rows, 1)) for rows in (6, 4, 2, 1)))


def product(transposed: bool, m: int, n: int, k: int, w: Any, iw: int, x: Any, ix: int, beta: Any, c: Any, ic: int) -> None:  # fmt: skip
    """Set C [m, n] to op(W) X [k, n] + beta·C for blocks of flat arrays; op(W) is [m, k], or stored as [k, m] if transposed."""
    gemm(transposed, False, m, n, k, w, iw, x, ix, beta, c, ic)


def in_registers(transposed: Any, m: Any, n: Any, k: Any, w: Any, iw: Any, x: Any, ix: Any, beta: Any, c: Any, ic: Any) -> None:  # fmt: skip
    """Run the micro-kernels over blocks of columns, or BLAS where they are no whole vectors or too deep."""
    lanes = VECTOR_BYTES // c.itemsize
    if n % lanes != 0 or k > DEEPEST:
        gemm(transposed, False, m, n, k, w, iw, x, ix, beta, c, ic)
        return
    row, step = (1, m) if transposed else (k, 1)
    scale = c.dtype.type(beta)
    j = 0
    while j + 2 * lanes <= n:
        two_vectors(m, n, k, w, iw, row, step, x, ix + j, scale, c, ic + j)
        j += 2 * lanes
    if j < n:
        one_vector(m, n, k, w, iw, row, step, x, ix + j, scale, c, ic + j)


@overload(product, jit_options=OPTIONS)
def product_on_cpu(transposed: Any, m: Any, n: Any, k: Any, w: Any, iw: Any, x: Any, ix: Any, beta: Any, c: Any, ic: Any) -> Any:  # fmt: skip
    """Choose by the machine's registers."""
    if USES_MICRO:
        return in_registers
    return lambda transposed, m, n, k, w, iw, x, ix, beta, c, ic: gemm(
        transposed, False, m, n, k, w, iw, x, ix, beta, c, ic
    )

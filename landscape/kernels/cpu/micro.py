"""Products whose right side is a tile of examples: C = op(W) X + beta·C, in registers, without packing.

BLAS first copies both sides into an order of its own; for the small products of a scan that costs as much as the product. Here six
rows of W meet two vectors of columns of X at a time: twelve sums stay in registers while the depth runs, X's columns stay in the
first cache, and W is read where it lies, transposed or not. Every column is summed in the same order whatever the shapes.
"""

from __future__ import annotations

import itertools
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

    W[r, q] is at iw + r·row + q·step of w; X and C have `width` columns and start at ix and ic. Sums start from the bias of
    their row, at `bias` + r of w, or from zero where that is negative.
    """

    def micro(_: Any, w: Any, iw: Any, bias: Any, row: Any, step: Any, x: Any, ix: Any, width: Any, depth: Any, beta: Any, c: Any, ic: Any) -> Any:  # fmt: skip
        whole = types.intp
        lanes = VECTOR_BYTES * 8 // c.dtype.bitwidth

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            w_, iw_, bias_, row_, step_, x_, ix_, width_, depth_, beta_, c_, ic_ = arguments
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

            w0, b0, x0, c0 = data(w, w_, iw_), data(w, w_, bias_), data(x, x_, ix_), data(c, c_, ic_)
            sums = [[cgutils.alloca_once(builder, vector) for _ in range(vectors)] for _ in range(rows)]
            zero = ir.Constant(vector, [0.0] * lanes)
            none = builder.icmp_signed("<", bias_, ir.Constant(index, 0))
            with builder.if_else(none) as (without, with_bias):
                with without:
                    for place_ in itertools.chain(*sums):
                        builder.store(zero, place_)
                with with_bias:
                    for r, line in enumerate(sums):
                        first = spread(builder.load(builder.gep(b0, [ir.Constant(index, r)])))
                        for place_ in line:
                            builder.store(first, place_)
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
            results = [
                (sums[r][v], place(c0, ir.Constant(index, r), v)) for r in range(rows) for v in range(vectors)
            ]
            with builder.if_else(fresh) as (overwrite, accumulate):
                with overwrite:
                    for total, target in results:
                        builder.store(builder.load(total), target, align=align)
                with accumulate:
                    for total, target in results:
                        old = builder.fmul(scale, builder.load(target, align=align), flags=("contract",))
                        both = builder.fadd(old, builder.load(total), flags=("contract",))
                        builder.store(both, target, align=align)
            return context.get_dummy_value()

        return types.void(w, whole, whole, whole, whole, x, whole, whole, whole, c.dtype, c, whole), generate

    return micro


def over_rows(six: Any, four: Any, two: Any, one: Any) -> Any:
    """Compile the loop over rows for micro-kernels of one width: six at a time, or four, then what is left."""

    @kernel(cached=False)
    def columns(m, width, k, w, iw, bias, row, step, x, ix, beta, c, ic):
        i, one_more = 0, 1 if bias >= 0 else 0
        # Eight rows are better two fours than six and two, whose four sums would wait for each other.
        while m - i >= 6 and m - i != 8:
            six(w, iw + i * row, bias + i * one_more, row, step, x, ix, width, k, beta, c, ic + i * width)
            i += 6
        while m - i >= 4:
            four(w, iw + i * row, bias + i * one_more, row, step, x, ix, width, k, beta, c, ic + i * width)
            i += 4
        if m - i >= 2:
            two(w, iw + i * row, bias + i * one_more, row, step, x, ix, width, k, beta, c, ic + i * width)
            i += 2
        if i < m:
            one(w, iw + i * row, bias + i * one_more, row, step, x, ix, width, k, beta, c, ic + i * width)

    return columns


two_vectors = over_rows(*(intrinsic(vector_code(rows, 2)) for rows in (6, 4, 2, 1)))
one_vector = over_rows(*(intrinsic(vector_code(rows, 1)) for rows in (6, 4, 2, 1)))


def product(transposed: bool, m: int, n: int, k: int, w: Any, iw: int, x: Any, ix: int, beta: Any, c: Any, ic: int) -> None:  # fmt: skip
    """Set C [m, n] to op(W) X [k, n] + beta·C for blocks of flat arrays; op(W) is [m, k], or stored as [k, m] if transposed."""
    gemm(transposed, False, m, n, k, w, iw, x, ix, beta, c, ic)


def affine(m: int, n: int, k: int, w: Any, iw: int, bias: int, x: Any, ix: int, c: Any, ic: int) -> None:
    """Set C [m, n] to W X [k, n] + b for blocks of flat arrays; b is at `bias` of w, or none where that is negative."""
    by_blas(m, n, k, w, iw, bias, x, ix, c, ic)


@kernel(cached=False)
def by_blas(m, n, k, w, iw, bias, x, ix, c, ic):
    """Let BLAS add to rows that hold the bias."""
    if bias < 0:
        gemm(False, False, m, n, k, w, iw, x, ix, 0.0, c, ic)
        return
    for i in range(m):
        c[ic + i * n : ic + (i + 1) * n] = w[bias + i]
    gemm(False, False, m, n, k, w, iw, x, ix, 1.0, c, ic)


@kernel(cached=False)
def fits(n, k, itemsize):
    """Say whether columns are whole vectors and the depth is one that the first cache holds."""
    return n % (VECTOR_BYTES // itemsize) == 0 and k <= DEEPEST


@kernel(cached=False)
def over_columns(m, n, k, w, iw, bias, row, step, x, ix, beta, c, ic):
    """Run the micro-kernels over blocks of columns."""
    lanes, j = VECTOR_BYTES // c.itemsize, 0
    while j + 2 * lanes <= n:
        two_vectors(m, n, k, w, iw, bias, row, step, x, ix + j, beta, c, ic + j)
        j += 2 * lanes
    if j < n:
        one_vector(m, n, k, w, iw, bias, row, step, x, ix + j, beta, c, ic + j)


def product_by_blas(transposed: Any, m: Any, n: Any, k: Any, w: Any, iw: Any, x: Any, ix: Any, beta: Any, c: Any, ic: Any) -> None:  # fmt: skip
    """Multiply by BLAS."""
    gemm(transposed, False, m, n, k, w, iw, x, ix, beta, c, ic)


def affine_by_blas(m: Any, n: Any, k: Any, w: Any, iw: Any, bias: Any, x: Any, ix: Any, c: Any, ic: Any) -> None:  # fmt: skip
    """Multiply and add the bias by BLAS."""
    by_blas(m, n, k, w, iw, bias, x, ix, c, ic)


def in_registers(transposed: Any, m: Any, n: Any, k: Any, w: Any, iw: Any, x: Any, ix: Any, beta: Any, c: Any, ic: Any) -> None:  # fmt: skip
    """Multiply by micro-kernels where they fit, else by BLAS."""
    if fits(n, k, c.itemsize):
        row, step = (1, m) if transposed else (k, 1)
        over_columns(m, n, k, w, iw, -1, row, step, x, ix, c.dtype.type(beta), c, ic)
    else:
        gemm(transposed, False, m, n, k, w, iw, x, ix, beta, c, ic)


def affine_in_registers(m: Any, n: Any, k: Any, w: Any, iw: Any, bias: Any, x: Any, ix: Any, c: Any, ic: Any) -> None:  # fmt: skip
    """Multiply and add the bias by micro-kernels where they fit, else by BLAS."""
    if fits(n, k, c.itemsize):
        over_columns(m, n, k, w, iw, bias, k, 1, x, ix, c.dtype.type(0), c, ic)
    else:
        by_blas(m, n, k, w, iw, bias, x, ix, c, ic)


# The overloads' annotations are compared with those of what they give, so that both are spelled out.
@overload(product, jit_options=OPTIONS)
def product_on_cpu(transposed: Any, m: Any, n: Any, k: Any, w: Any, iw: Any, x: Any, ix: Any, beta: Any, c: Any, ic: Any) -> Any:  # fmt: skip
    """Choose by the machine's registers."""
    return in_registers if USES_MICRO else product_by_blas


@overload(affine, jit_options=OPTIONS)
def affine_on_cpu(m: Any, n: Any, k: Any, w: Any, iw: Any, bias: Any, x: Any, ix: Any, c: Any, ic: Any) -> Any:  # fmt: skip
    """Choose by the machine's registers."""
    return affine_in_registers if USES_MICRO else affine_by_blas

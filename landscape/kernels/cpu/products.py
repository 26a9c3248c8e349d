"""Matrix products on parts of flat arrays: C += or = op(A) op(B), row-major, by the BLAS that Numba is linked to.

Numba's own `np.dot` goes through the helper symbol `numba_xxgemm`; calling that directly gives what `np.dot` does not:
transposes without views, a part of a flat array without a slice (and its reference count, which threads would
fight for), and accumulation. The symbol is private to Numba, so where it is missing `np.dot` takes its place.
"""

from __future__ import annotations

from typing import Any

import numba.np.linalg
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from landscape.jit import FAST

OPTIONS = {"fastmath": set(FAST), "error_model": "numpy"}
# `np.dot` allocates.
ALLOCATING = {**OPTIONS, "_nrt": True}


def gemm(
    transpose_a: bool,
    transpose_b: bool,
    m: int,
    n: int,
    k: int,
    a: Any,
    ia: int,
    b: Any,
    ib: int,
    beta: float,
    c: Any,
    ic: int,
) -> None:
    """Set C [m, n] to op(A) [m, k] · op(B) [k, n] + beta·C for blocks that start at ia, ib and ic of flat arrays."""
    left = a[ia : ia + m * k]
    right = b[ib : ib + k * n]
    left = left.reshape(k, m).T if transpose_a else left.reshape(m, k)
    right = right.reshape(n, k).T if transpose_b else right.reshape(k, n)
    out = c[ic : ic + m * n].reshape(m, n)
    # beta = 0 must overwrite what is there, even where that is not a number.
    out[...] = left @ right + (beta * out if beta else 0)


@intrinsic
def call_gemm(typing_context: Any, ta: Any, tb: Any, m: Any, n: Any, k: Any, a: Any, ia: Any, b: Any, ib: Any, beta: Any, c: Any, ic: Any) -> Any:  # fmt: skip
    """Call `numba_xxgemm`, which is column-major: Cᵀ = op(B)ᵀ op(A)ᵀ."""
    character, size, pointer = ir.IntType(8), ir.IntType(types.intp.bitwidth), ir.IntType(8).as_pointer()
    kind = {types.float32: "s", types.float64: "d"}[c.dtype]
    function_type = ir.FunctionType(
        ir.IntType(32),
        [character] * 3 + [size] * 3 + [pointer, pointer, size, pointer, size, pointer, pointer, size],
    )

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        ta_, tb_, m_, n_, k_, a_, ia_, b_, ib_, beta_, c_, ic_ = arguments

        def start(array_type: Any, array: Any, offset: Any) -> Any:
            data = context.make_array(array_type)(context, builder, array).data
            return builder.bitcast(builder.gep(data, [offset]), pointer)

        def letter(flag: Any) -> Any:
            return builder.select(flag, ir.Constant(character, ord("t")), ir.Constant(character, ord("n")))

        one = cgutils.alloca_once_value(builder, context.get_constant(c.dtype, 1.0))
        scale = cgutils.alloca_once_value(builder, context.cast(builder, beta_, beta, c.dtype))
        builder.store(context.cast(builder, beta_, beta, c.dtype), scale)
        function = cgutils.get_or_insert_function(builder.module, function_type, "numba_xxgemm")
        builder.call(
            function,
            [
                ir.Constant(character, ord(kind)), letter(tb_), letter(ta_), n_, m_, k_,
                builder.bitcast(one, pointer),
                start(b, b_, ib_), builder.select(tb_, k_, n_),
                start(a, a_, ia_), builder.select(ta_, m_, k_),
                builder.bitcast(scale, pointer), start(c, c_, ic_), n_,
            ],
        )  # fmt: skip
        return context.get_dummy_value()

    flag = types.boolean
    whole = types.intp
    return types.void(flag, flag, whole, whole, whole, a, whole, b, whole, c.dtype, c, whole), generate


def direct(transpose_a: Any, transpose_b: Any, m: Any, n: Any, k: Any, a: Any, ia: Any, b: Any, ib: Any, beta: Any, c: Any, ic: Any) -> None:  # fmt: skip
    """Compile a product as a call of the helper symbol."""
    call_gemm(transpose_a, transpose_b, m, n, k, a, ia, b, ib, beta, c, ic)


def by_dot(transpose_a: Any, transpose_b: Any, m: Any, n: Any, k: Any, a: Any, ia: Any, b: Any, ib: Any, beta: Any, c: Any, ic: Any) -> None:  # fmt: skip
    """Compile a product as Numba's `np.dot`, with copies where the symbol would need none."""
    if transpose_a:
        left = np.ascontiguousarray(a[ia : ia + m * k].reshape(k, m).T)
    else:
        left = a[ia : ia + m * k].reshape(m, k)
    if transpose_b:
        right = np.ascontiguousarray(b[ib : ib + k * n].reshape(n, k).T)
    else:
        right = b[ib : ib + k * n].reshape(k, n)
    out = c[ic : ic + m * n].reshape(m, n)
    product = np.dot(left, right)
    if beta == 0:
        out[:, :] = product
    else:
        out[:, :] = product + c.dtype.type(beta) * out


HAS_SYMBOL = hasattr(numba.np.linalg, "call_xxgemm")


@overload(gemm, jit_options=OPTIONS if HAS_SYMBOL else ALLOCATING)
def gemm_on_cpu(transpose_a: Any, transpose_b: Any, m: Any, n: Any, k: Any, a: Any, ia: Any, b: Any, ib: Any, beta: Any, c: Any, ic: Any) -> Any:  # fmt: skip
    """Choose the way to BLAS; SciPy's must be loaded before either is used."""
    numba.np.linalg.ensure_blas()
    return direct if HAS_SYMBOL else by_dot

"""Products of small matrices whose elements are vectors, a lane an example: C[r, q] = Σ_p A[r, p] B[q, p], lane by lane.

Attention multiplies activations by activations, so that no weight is shared by a tile's examples and no product of BLAS runs over them. A
block of four by three sums stays in registers while the depth runs; what is read lies packed, so that it stays in the first cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from landscape.jit import EXACT
from landscape.kernels.cpu.gathered import VECTOR_BYTES, Code

OPTIONS = {"fastmath": set(EXACT), "error_model": "numpy"}


def lanes_of(x: Any) -> int:
    """Say how many numbers a vector of an array's dtype has."""
    return int(VECTOR_BYTES // x.itemsize)


@overload(lanes_of, jit_options=OPTIONS)
def lanes_of_on_cpu(x: Any) -> Any:
    """Make it a constant, so that loops over lanes have a known length."""
    lanes = VECTOR_BYTES * 8 // x.dtype.bitwidth

    def constant(x: Any) -> Any:
        return lanes

    return constant


def block_code(rows: int, columns: int) -> Callable[..., Any]:
    """Make the typing and the code of a micro-kernel of rows × columns sums.

    A[r, p] is at ia + r·ar + p·ap, B[q, p] at ib + q·bq + p·bp, C[r, q] at ic + r·cr + q·cq; sums start from C where `add`.
    """

    def micro(
        context_: Any, depth: Any, a: Any, ia: Any, ar: Any, ap: Any, b: Any, ib: Any, bq: Any, bp: Any,
        add: Any, c: Any, ic: Any, cr: Any, cq: Any,
    ) -> Any:  # fmt: skip
        whole = types.intp

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            k_, a_, ia_, ar_, ap_, b_, ib_, bq_, bp_, add_, c_, ic_, cr_, cq_ = arguments
            code = Code(context, builder, c.dtype)
            a0, b0, c0 = code.start(a, a_, ia_), code.start(b, b_, ib_), code.start(c, c_, ic_)
            sums = code.sums(rows, columns)
            lines = [builder.mul(code.whole(r), ar_) for r in range(rows)]
            steps = [builder.mul(code.whole(q), bq_) for q in range(columns)]
            places = [
                (
                    sums[r][q],
                    code.at(c0, builder.mul(code.whole(r), cr_), builder.mul(code.whole(q), cq_)),
                )
                for r in range(rows)
                for q in range(columns)
            ]
            with builder.if_then(add_):
                for total, target in places:
                    builder.store(builder.load(target, align=code.align), total)
            with cgutils.for_range(builder, k_, intp=code.index) as p:
                ap0, bp0 = code.move(a0, builder.mul(p.index, ap_)), code.move(b0, builder.mul(p.index, bp_))
                right = [code.load(bp0, step) for step in steps]
                for r in range(rows):
                    left = code.load(ap0, lines[r])
                    for q in range(columns):
                        code.add_product(sums[r][q], left, right[q])
            for total, target in places:
                builder.store(builder.load(total), target, align=code.align)
            return context.get_dummy_value()

        strides = (a, whole, whole, whole, b, whole, whole, whole)
        return types.void(whole, *strides, types.boolean, c, whole, whole, whole), generate

    return micro


@intrinsic
def copy_vectors(context_: Any, count: Any, a: Any, ia: Any, step: Any, add: Any, c: Any, ic: Any, line: Any) -> Any:  # fmt: skip
    """Set C[ic + i·line] to the vector A[ia + i·step] for i < count, or add it where `add`."""
    whole = types.intp

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        count_, a_, ia_, step_, add_, c_, ic_, line_ = arguments
        code = Code(context, builder, c.dtype)
        a0, c0 = code.start(a, a_, ia_), code.start(c, c_, ic_)
        with cgutils.for_range(builder, count_, intp=code.index) as i:
            value = code.load(a0, builder.mul(i.index, step_))
            target = code.at(c0, builder.mul(i.index, line_))
            with builder.if_else(add_) as (accumulate, overwrite):
                with accumulate:
                    old = builder.load(target, align=code.align)
                    builder.store(builder.fadd(old, value), target, align=code.align)
                with overwrite:
                    builder.store(value, target, align=code.align)
        return context.get_dummy_value()

    return types.void(whole, a, whole, whole, types.boolean, c, whole, whole), generate


# Sums in registers: twelve hide the latency of their additions; the last queries, and the last columns, have fewer.
four_three, four_two, four_one, one_three, one_one = (
    intrinsic(block_code(*size)) for size in ((4, 3), (4, 2), (4, 1), (1, 3), (1, 1))
)


def lane_product(
    m: int, n: int, k: int, a: Any, ia: int, ar: int, ap: int, b: Any, ib: int, bq: int, bp: int,
    add: bool, c: Any, ic: int, cr: int, cq: int,
) -> None:  # fmt: skip
    """Set C [m, n] to Σ_{p < k} A[r, p] B[q, p] for each lane, or add it to C; strides as in `block_code`."""
    lanes = np.arange(lanes_of(c))
    rows, columns, depth = np.arange(m)[:, None, None], np.arange(n)[:, None, None], np.arange(k)[:, None]
    left, right = a[ia + rows * ar + depth * ap + lanes], b[ib + columns * bq + depth * bp + lanes]
    at = ic + rows * cr + columns[None, :, 0] * cq + lanes
    total = np.einsum("rpl,qpl->rql", left, right)
    c[at] = total + (c[at] if add else 0)


@overload(lane_product, jit_options=OPTIONS | {"forceinline": True})
def lane_product_on_cpu(
    m: Any, n: Any, k: Any, a: Any, ia: Any, ar: Any, ap: Any, b: Any, ib: Any, bq: Any, bp: Any,
    add: Any, c: Any, ic: Any, cr: Any, cq: Any,
) -> Any:  # fmt: skip
    """Run the micro-kernels over blocks of three columns and four rows, then over what is left.

    It is a part of its callers, where most strides are constants.
    """

    def in_registers(
        m: Any, n: Any, k: Any, a: Any, ia: Any, ar: Any, ap: Any, b: Any, ib: Any, bq: Any, bp: Any,
        add: Any, c: Any, ic: Any, cr: Any, cq: Any,
    ) -> None:  # fmt: skip
        q = 0
        while q < n:
            columns, i, right, end = min(3, n - q), 0, ib + q * bq, ic + q * cq
            while i + 4 <= m:
                if columns == 3:
                    four_three(k, a, ia + i * ar, ar, ap, b, right, bq, bp, add, c, end + i * cr, cr, cq)
                elif columns == 2:
                    four_two(k, a, ia + i * ar, ar, ap, b, right, bq, bp, add, c, end + i * cr, cr, cq)
                else:
                    four_one(k, a, ia + i * ar, ar, ap, b, right, bq, bp, add, c, end + i * cr, cr, cq)
                i += 4
            while i < m:
                if columns == 3:
                    one_three(k, a, ia + i * ar, ar, ap, b, right, bq, bp, add, c, end + i * cr, cr, cq)
                else:
                    for s in range(columns):
                        one_one(k, a, ia + i * ar, ar, ap, b, right + s * bq, bq, bp, add, c, end + i * cr + s * cq, cr, cq)  # fmt: skip
                i += 1
            q += columns

    return in_registers


def lane_copy(count: int, a: Any, ia: int, step: int, add: bool, c: Any, ic: int, line: int) -> None:
    """Set vectors of C, `line` apart, to those of A, `step` apart, or add them."""
    lanes, number = np.arange(lanes_of(c)), np.arange(count)[:, None]
    at = ic + number * line + lanes
    c[at] = a[ia + number * step + lanes] + (c[at] if add else 0)


@overload(lane_copy, jit_options=OPTIONS)
def lane_copy_on_cpu(count: Any, a: Any, ia: Any, step: Any, add: Any, c: Any, ic: Any, line: Any) -> Any:
    """Load and store whole vectors."""

    def by_vectors(count: Any, a: Any, ia: Any, step: Any, add: Any, c: Any, ic: Any, line: Any) -> None:
        copy_vectors(count, a, ia, step, add, c, ic, line)

    return by_vectors

"""Products of small matrices whose elements are vectors, a lane an example: C[r, q] = Σ_p A[r, p] B[q, p], lane by lane.

Attention multiplies activations by activations, so that no weight is shared by a tile's examples and no product of matrices runs over them. A
block of four by three sums stays in registers while the depth runs; what is read lies packed, so that it stays in the first cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from landscape.kernels.cpu.vectors import OPTIONS, Code, lanes_of


class Vectors(NamedTuple):
    """A matrix of vectors in a flat array: the vector in row r, column q starts at start + r·row + q·column."""

    numbers: Any
    start: int
    row: int
    column: int


def block_code(rows: int, columns: int) -> Callable[..., Any]:
    """Make the typing and the code of a micro-kernel of rows × columns sums.

    A, B and C are `Vectors`: A[r, p], B[q, p] and C[r, q]; sums start from C where `add`.
    """

    def micro(context_: Any, depth: Any, a: Any, b: Any, add: Any, c: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            k_, add_, code = arguments[0], arguments[3], Code(context, builder, c.types[0].dtype)
            (a0, ar_, ap_), (b0, bq_, bp_) = code.parts(a, arguments[1]), code.parts(b, arguments[2])
            c0, cr_, cq_ = code.parts(c, arguments[4])
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

        return types.void(types.intp, a, b, types.boolean, c), generate

    return micro


@intrinsic
def copy_vectors(context_: Any, count: Any, a: Any, add: Any, c: Any) -> Any:
    """Set row i of C, a column of `Vectors`, to row i of A for i < count, or add it where `add`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        count_, add_, code = arguments[0], arguments[2], Code(context, builder, c.types[0].dtype)
        (a0, step_, _), (c0, line_, _) = code.parts(a, arguments[1]), code.parts(c, arguments[3])
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

    return types.void(types.intp, a, types.boolean, c), generate


# Sums in registers: twelve hide the latency of their additions; the last queries, and the last columns, have fewer.
four_three, four_two, four_one, one_three, one_one = (
    intrinsic(block_code(*size)) for size in ((4, 3), (4, 2), (4, 1), (1, 3), (1, 1))
)


def lane_product(m: int, n: int, k: int, a: Vectors, b: Vectors, add: bool, c: Vectors) -> None:
    """Set C [m, n] to Σ_{p < k} A[r, p] B[q, p] for each lane, or add it to C."""
    lanes = np.arange(lanes_of(c.numbers))
    rows, columns, depth = np.arange(m)[:, None, None], np.arange(n)[:, None, None], np.arange(k)[:, None]
    left = a.numbers[a.start + rows * a.row + depth * a.column + lanes]
    right = b.numbers[b.start + columns * b.row + depth * b.column + lanes]
    at = c.start + rows * c.row + columns[None, :, 0] * c.column + lanes
    total = np.einsum("rpl,qpl->rql", left, right)
    c.numbers[at] = total + (c.numbers[at] if add else 0)


@overload(lane_product, jit_options=OPTIONS | {"forceinline": True})
def lane_product_on_cpu(m: Any, n: Any, k: Any, a: Any, b: Any, add: Any, c: Any) -> Any:
    """Run the micro-kernels over blocks of three columns and four rows, then over what is left.

    It is a part of its callers, where most strides are constants.
    """

    def in_registers(m: Any, n: Any, k: Any, a: Any, b: Any, add: Any, c: Any) -> None:
        q = 0
        while q < n:
            columns, i, right, end = min(3, n - q), 0, b.start + q * b.row, c.start + q * c.column
            others = Vectors(b.numbers, right, b.row, b.column)
            while i + 4 <= m:
                left = Vectors(a.numbers, a.start + i * a.row, a.row, a.column)
                target = Vectors(c.numbers, end + i * c.row, c.row, c.column)
                if columns == 3:
                    four_three(k, left, others, add, target)
                elif columns == 2:
                    four_two(k, left, others, add, target)
                else:
                    four_one(k, left, others, add, target)
                i += 4
            while i < m:
                left = Vectors(a.numbers, a.start + i * a.row, a.row, a.column)
                if columns == 3:
                    one_three(k, left, others, add, Vectors(c.numbers, end + i * c.row, c.row, c.column))
                else:
                    for s in range(columns):
                        other = Vectors(b.numbers, right + s * b.row, b.row, b.column)
                        place = end + i * c.row + s * c.column
                        one_one(k, left, other, add, Vectors(c.numbers, place, c.row, c.column))
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
        copy_vectors(count, Vectors(a, ia, step, 0), add, Vectors(c, ic, line, 0))

    return by_vectors

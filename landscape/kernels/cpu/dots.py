"""Products over examples: C += A Bᵀ, both with examples innermost, in registers, without packing.

A weight's gradient is such a product: adjoints [m, B] times inputs [n, B]. Four rows of A meet three of B at a time: twelve sums of vectors
stay in registers while the examples run, and each is added up at the end. BLAS packs both sides first, which for small layers costs
half of the time. Every element is summed in the same order whatever the shapes beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from landscape.jit import EXACT, kernel
from landscape.kernels.cpu.micro import USES_MICRO, VECTOR_BYTES
from landscape.kernels.cpu.products import gemm

OPTIONS = {"fastmath": set(EXACT), "error_model": "numpy"}
# Examples that run at once, and rows of B that stay in the first cache with four of A meanwhile.
DEEP, ROWS = 256, 9
# With fewer examples adding up the sums costs more than BLAS's packing.
SHALLOWEST = 64


def dot_code(rows: int, columns: int) -> Callable[..., Any]:
    """Make the typing and the code of the micro-kernel for so many rows of A and of B.

    Row r of A starts at ia + r·length, of B at ib + r·length; `depth` elements of each are multiplied. C has rows of `width`.
    """

    def micro(_: Any, a: Any, ia: Any, b: Any, ib: Any, length: Any, depth: Any, c: Any, ic: Any, width: Any) -> Any:  # fmt: skip
        whole = types.intp
        lanes = VECTOR_BYTES * 8 // c.dtype.bitwidth

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            a_, ia_, b_, ib_, length_, depth_, c_, ic_, width_ = arguments
            real, index = context.get_value_type(c.dtype), context.get_value_type(whole)
            vector, align = ir.VectorType(real, lanes), c.dtype.bitwidth // 8
            short = ir.IntType(32)

            def lines(array_type: Any, array: Any, start: Any, step: Any, count: int) -> list[Any]:
                base = builder.gep(context.make_array(array_type)(context, builder, array).data, [start])
                return [builder.gep(base, [builder.mul(ir.Constant(index, r), step)]) for r in range(count)]

            def part(total: Any, first: int, count: int) -> Any:
                mask = ir.Constant(ir.VectorType(short, count), list(range(first, first + count)))
                return builder.shuffle_vector(total, total, mask)

            left, right = lines(a, a_, ia_, length_, rows), lines(b, b_, ib_, length_, columns)
            zero = ir.Constant(vector, [0.0] * lanes)
            sums = [[cgutils.alloca_once(builder, vector) for _ in range(columns)] for _ in range(rows)]
            for place in (place for line in sums for place in line):
                builder.store(zero, place)
            with cgutils.for_range(
                builder, builder.udiv(depth_, ir.Constant(index, lanes)), intp=index
            ) as loop:
                at = builder.mul(loop.index, ir.Constant(index, lanes))

                def load(line: Any) -> Any:
                    place = builder.bitcast(builder.gep(line, [at]), vector.as_pointer())
                    return builder.load(place, align=align)

                others = [load(line) for line in right]
                for r in range(rows):
                    one = load(left[r])
                    for q in range(columns):
                        product = builder.fmul(one, others[q], flags=("contract",))
                        total = builder.fadd(builder.load(sums[r][q]), product, flags=("contract",))
                        builder.store(total, sums[r][q])
            for r, target in enumerate(lines(c, c_, ic_, width_, rows)):
                for q in range(columns):
                    total, count = builder.load(sums[r][q]), lanes
                    while count > 1:
                        count //= 2
                        total = builder.fadd(part(total, 0, count), part(total, count, count))
                    value = builder.extract_element(total, ir.Constant(short, 0))
                    place = builder.gep(target, [ir.Constant(index, q)])
                    builder.store(builder.fadd(builder.load(place), value), place)
            return context.get_dummy_value()

        return types.void(a, whole, b, whole, whole, whole, c, whole, whole), generate

    return micro


def over_columns(three: Any, two: Any, one: Any) -> Any:
    """Compile the loop over rows of B for micro-kernels of one number of rows of A."""

    @kernel(cached=False)
    def strip(n, a, ia, b, ib, length, depth, c, ic, width):
        j = 0
        while j + 3 <= n:
            three(a, ia, b, ib + j * length, length, depth, c, ic + j, width)
            j += 3
        if j + 2 == n:
            two(a, ia, b, ib + j * length, length, depth, c, ic + j, width)
        elif j < n:
            one(a, ia, b, ib + j * length, length, depth, c, ic + j, width)

    return strip


four_rows = over_columns(*(intrinsic(dot_code(4, columns)) for columns in (3, 2, 1)))
one_row = over_columns(*(intrinsic(dot_code(1, columns)) for columns in (3, 2, 1)))


@kernel(cached=False)
def dots(m, n, k, a, ia, b, ib, c, ic):
    """Run the micro-kernels over blocks that stay in the first cache."""
    for d in range(0, k, DEEP):
        depth = min(DEEP, k - d)
        for j in range(0, n, ROWS):
            few, right, i = min(ROWS, n - j), ib + j * k + d, 0
            while i + 4 <= m:
                four_rows(few, a, ia + i * k + d, b, right, k, depth, c, ic + i * n + j, n)
                i += 4
            while i < m:
                one_row(few, a, ia + i * k + d, b, right, k, depth, c, ic + i * n + j, n)
                i += 1


def outer(m: int, n: int, k: int, a: Any, ia: int, b: Any, ib: int, c: Any, ic: int) -> None:
    """Add A [m, k] · B [n, k]ᵀ to C [m, n] for blocks of flat arrays."""
    gemm(False, True, m, n, k, a, ia, b, ib, 1.0, c, ic)


def in_registers(m: Any, n: Any, k: Any, a: Any, ia: Any, b: Any, ib: Any, c: Any, ic: Any) -> None:
    """Multiply by micro-kernels where examples are many and whole vectors, else by BLAS."""
    if k >= SHALLOWEST and k % (VECTOR_BYTES // c.itemsize) == 0:
        dots(m, n, k, a, ia, b, ib, c, ic)
    else:
        gemm(False, True, m, n, k, a, ia, b, ib, 1.0, c, ic)


def by_blas(m: Any, n: Any, k: Any, a: Any, ia: Any, b: Any, ib: Any, c: Any, ic: Any) -> None:
    """Multiply by BLAS."""
    gemm(False, True, m, n, k, a, ia, b, ib, 1.0, c, ic)


@overload(outer, jit_options=OPTIONS)
def outer_on_cpu(m: Any, n: Any, k: Any, a: Any, ia: Any, b: Any, ib: Any, c: Any, ic: Any) -> Any:
    """Choose by the machine's registers."""
    return in_registers if USES_MICRO else by_blas

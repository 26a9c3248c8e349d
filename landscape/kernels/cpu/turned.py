"""Products over examples and positions, where a tile's examples alone are too few: C += Σ_t A_t B_tᵀ, both with examples innermost.

The weight's gradient of a `dense` node that runs at each position, and in narrow tiles. `dots.py` adds up its sums of vectors after each position; here
two vectors of B's rows are turned for some positions, a panel [positions · examples, rows], so that C's blocks are summed in registers over all of them.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from landscape.jit import EXACT, kernel
from landscape.kernels.cpu.dots import four_rows, one_row
from landscape.kernels.cpu.gathered import VECTOR_BYTES, Code, over_rows, window_code
from landscape.kernels.cpu.products import gemm
from landscape.kernels.cpu.transpose import transpose_square

OPTIONS = {"fastmath": set(EXACT), "error_model": "numpy"}
# Examples that a panel has at least, if there are so many: it stays in the first cache with some rows of A.
DEEP = 128

two_vectors = over_rows(*(intrinsic(window_code(rows, 2)) for rows in (6, 4, 2, 1)))
one_vector = over_rows(*(intrinsic(window_code(rows, 1)) for rows in (6, 4, 2, 1)))


@intrinsic
def prefetch_rows(context_: Any, b: Any, ib: Any, row: Any) -> Any:
    """Ask for a vector of each of the rows from ib on, which the next panel takes; past the end of the array nothing happens."""
    lanes = VECTOR_BYTES * 8 // b.dtype.bitwidth

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        code = Code(context, builder, b.dtype)
        byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        ask = builder.module.declare_intrinsic("llvm.prefetch", [byte], ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag]))  # fmt: skip
        start = code.start(b, *arguments[:2])
        for r in range(lanes):
            at = builder.bitcast(code.move(start, builder.mul(code.whole(r), arguments[2])), byte)
            # To be read, into every cache, of data.
            builder.call(ask, [at, *(ir.Constant(flag, number) for number in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(b, types.intp, types.intp), generate


@kernel
def positions_together(positions, width):
    """Say how many positions a panel has."""
    return min(positions, max(1, DEEP // width))


@kernel
def panel_numbers(positions, width, itemsize):
    """Say how many numbers of scratch a panel takes."""
    return positions_together(positions, width) * width * 2 * (VECTOR_BYTES // itemsize)


@kernel(cached=False)
def turn(positions, n, width, wide, b, ib, panel):
    """Turn rows of B, `wide` of them at each position, into the panel."""
    lanes = VECTOR_BYTES // b.itemsize
    for t in range(positions):
        for j in range(0, width, lanes):
            for i in range(0, wide, lanes):
                at = ib + (t * n + i) * width + j
                prefetch_rows(b, at + wide * width, width)
                transpose_square(b, at, width, panel, (t * width + j) * wide + i, wide)


@kernel(cached=False)
def leftover(positions, m, n, rest, width, a, ia, b, ib, c, ic):
    """Add the products with the last rows of B, less than a vector of them."""
    for t in range(positions):
        right, i = ib + (t * n + n - rest) * width, 0
        while i + 4 <= m:
            four_rows(rest, a, ia + (t * m + i) * width, b, right, width, width, c, ic + i * n + n - rest, n)
            i += 4
        while i < m:
            one_row(rest, a, ia + (t * m + i) * width, b, right, width, width, c, ic + i * n + n - rest, n)
            i += 1


def turned_outer(positions: int, m: int, n: int, width: int, a: Any, ia: int, b: Any, ib: int, c: Any, ic: int, panel: Any) -> None:  # fmt: skip
    """Add Σ_t A_t [m, width] · B_t [n, width]ᵀ to C [m, n] for blocks of flat arrays; `panel` is scratch."""
    for t in range(positions):
        gemm(False, True, m, n, width, a, ia + t * m * width, b, ib + t * n * width, 1.0, c, ic)


@overload(turned_outer, jit_options=OPTIONS)
def turned_outer_on_cpu(positions: Any, m: Any, n: Any, width: Any, a: Any, ia: Any, b: Any, ib: Any, c: Any, ic: Any, panel: Any) -> Any:  # fmt: skip
    """Go by panels of two vectors of B's rows, then of one."""

    def by_panels(positions: Any, m: Any, n: Any, width: Any, a: Any, ia: Any, b: Any, ib: Any, c: Any, ic: Any, panel: Any) -> None:  # fmt: skip
        lanes, step, one = VECTOR_BYTES // c.itemsize, positions_together(positions, width), c.dtype.type(1)
        for t in range(0, positions, step):
            count, p, left = min(step, positions - t), 0, ia + t * m * width
            while p + 2 * lanes <= n:
                turn(count, n, width, 2 * lanes, b, ib + (t * n + p) * width, panel)
                two_vectors(m, n, width, a, left, width, 0, m * width, 1, panel, 0, 0, width * 2 * lanes, 2 * lanes, 1, count, one, c, ic + p)  # fmt: skip
                p += 2 * lanes
            if p + lanes <= n:
                turn(count, n, width, lanes, b, ib + (t * n + p) * width, panel)
                one_vector(m, n, width, a, left, width, 0, m * width, 1, panel, 0, 0, width * lanes, lanes, 1, count, one, c, ic + p)  # fmt: skip
                p += lanes
            if p < n:
                leftover(count, m, n, n - p, width, a, left, b, ib + t * n * width, c, ic)

    return by_panels

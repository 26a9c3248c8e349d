"""Products over examples and positions, where a tile's examples alone are too few: C += Σ_t A_t B_tᵀ, both with examples innermost.

The weight's gradient of a `dense` node that runs at each position, and in narrow tiles. `dots.py` adds up its sums of vectors after each position; here
two vectors of B's rows are turned for some positions, a panel [positions · examples, rows], so that C's blocks are summed in registers over all of them.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload
from numpy.typing import NDArray

from landscape.jit import EXACT, kernel
from landscape.kernels.cpu.arrays import Part
from landscape.kernels.cpu.dots import four_rows, one_row
from landscape.kernels.cpu.gathered import VECTOR_BYTES, Code, Pixels, Taps, Window, over_rows, window_code
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
def leftover(positions, m, n, rest, width, a, b, c):
    """Add the products with the last rows of B, less than a vector of them."""
    for t in range(positions):
        right, out, i = b.start + (t * n + n - rest) * width, c.start + n - rest, 0
        while i + 4 <= m:
            left = a.start + (t * m + i) * width
            four_rows(rest, a.numbers, left, b.numbers, right, width, width, c.numbers, out + i * n, n)
            i += 4
        while i < m:
            left = a.start + (t * m + i) * width
            one_row(rest, a.numbers, left, b.numbers, right, width, width, c.numbers, out + i * n, n)
            i += 1


def turned_outer(
    positions: int, m: int, n: int, width: int, a: Part, b: Part, c: Part, panel: NDArray
) -> None:
    """Add Σ_t A_t [m, width] · B_t [n, width]ᵀ to C [m, n] for parts of flat arrays; `panel` is scratch."""
    for t in range(positions):
        left, right = a.start + t * m * width, b.start + t * n * width
        gemm(False, True, m, n, width, a.numbers, left, b.numbers, right, 1.0, c.numbers, c.start)


@overload(turned_outer, jit_options=OPTIONS)
def turned_outer_on_cpu(
    positions: Any, m: Any, n: Any, width: Any, a: Any, b: Any, c: Any, panel: Any
) -> Any:
    """Go by panels of two vectors of B's rows, then of one."""

    def by_panels(positions: Any, m: Any, n: Any, width: Any, a: Any, b: Any, c: Any, panel: Any) -> None:
        lanes, step = VECTOR_BYTES // c.numbers.itemsize, positions_together(positions, width)
        one = c.numbers.dtype.type(1)
        for t in range(0, positions, step):
            count, p, left = min(step, positions - t), 0, a.start + t * m * width
            taps = Taps(a.numbers, left, width, 0, m * width, 1)
            while p + 2 * lanes <= n:
                turn(count, n, width, 2 * lanes, b.numbers, b.start + (t * n + p) * width, panel)
                rows = Pixels(panel, 0, 0, width * 2 * lanes, 2 * lanes)
                two_vectors(m, n, Window(1, count, width), taps, rows, one, Part(c.numbers, c.start + p))
                p += 2 * lanes
            if p + lanes <= n:
                turn(count, n, width, lanes, b.numbers, b.start + (t * n + p) * width, panel)
                rows = Pixels(panel, 0, 0, width * lanes, lanes)
                one_vector(m, n, Window(1, count, width), taps, rows, one, Part(c.numbers, c.start + p))
                p += lanes
            if p < n:
                some, others = Part(a.numbers, left), Part(b.numbers, b.start + t * n * width)
                leftover(count, m, n, n - p, width, some, others, c)

    return by_panels

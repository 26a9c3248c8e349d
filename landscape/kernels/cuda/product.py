"""Products of matrices by a block of threads: both factors staged in shared memory, results in registers.

Every result is summed by one thread in the order of its terms, so that its bits depend neither on the shape of the block nor on the place in the
tile. The text of a panel is made for each height of the register tile: its results are single names, which stay in registers, and loads of
four numbers that lie together become one.
"""

from __future__ import annotations

from numpy import uint32

from landscape.kernels.cuda.arrays import Matrix, Product
from landscape.kernels.cuda.shape import (
    DEPTH,
    LEFT_SIZE,
    LEFT_STRIDE,
    NARROW,
    REAL,
    RIGHT_STRIDE,
    THREADS,
    WIDTH,
    Shape,
)
from landscape.kernels.cuda.target import ALIGNED, cuda
from landscape.kernels.cuda.text import function_of

# A panel of a `Product`, whose sizes, starts and strides are unsigned: the rows from i0 and the columns from j0 on.
PANEL_ARGUMENTS = "i0, j0, of, stage"

# Loops over constants are unrolled, so that the small arrays become registers. An index is a sum of two unsigned numbers, which cannot wrap, so
# that the compiler sees neighbours and loads four at a time.
PANEL = """
def panel_{height}({arguments}):
    lane = uint32(cuda.threadIdx.x)
    tx, ty = uint32(lane % COLUMNS), uint32(lane // COLUMNS)
    m, n, depth, bias, y, y0 = of.m, of.n, of.depth, of.bias, of.c.numbers, of.c.start
    first = uint32(i0 + ty * {height})
    sums = cuda.local.array({height} * {across}, KIND)
    ours, theirs = cuda.local.array({height}, KIND), cuda.local.array({across}, KIND)
    for r in range({height}):
        start = REAL(0)
        if bias >= 0 and first + r < m:
            start = of.a.numbers[uint32(bias + first + r)]
        for c in range({across}):
            sums[r * {across} + c] = start
    k0 = uint32(0)
    while k0 < depth:
        cuda.syncthreads()
        stage_left(stage, of.a, i0, m, k0, depth, uint32({tall}))
        stage_right(stage, of.b, j0, n, k0, depth)
        cuda.syncthreads()
        for k in range(DEPTH):
            p, q = uint32(k * LEFT_STRIDE + ty * {height}), uint32(LEFT_SIZE + k * RIGHT_STRIDE + tx * 4)
            for r in range({height}):
                ours[r] = stage[p + uint32(r)]
            for c in range({across}):
                theirs[c] = stage[q + uint32(c // 4 * 4 * COLUMNS + c % 4)]
            for r in range({height}):
                for c in range({across}):
                    sums[r * {across} + c] += ours[r] * theirs[c]
        k0 = uint32(k0 + DEPTH)
    for r in range({height}):
        for c in range({across}):
            j = uint32(j0 + tx * 4 + (c // 4 * 4 * COLUMNS + c % 4))
            if first + r < m and j < n:
                p = uint32(y0 + (first + r) * of.c.row + j)
                y[p] = y[p] + sums[r * {across} + c] if of.more else sums[r * {across} + c]
"""


def stage_left(stage, a, i0, m, k0, depth, tall):
    """Put A[i0:i0 + tall, k0:k0 + DEPTH] into shared memory, a column after another, and zeros where there is nothing."""
    q = uint32(cuda.threadIdx.x)
    while q < DEPTH * tall:
        # Threads that follow each other read numbers that do.
        k = uint32(q % DEPTH) if a.column == 1 else uint32(q // tall)
        i = uint32(q // DEPTH) if a.column == 1 else uint32(q % tall)
        value = REAL(0)
        if i0 + i < m and k0 + k < depth:
            value = a.numbers[uint32(a.start + (i0 + i) * a.row + (k0 + k) * a.column)]
        stage[uint32(k * LEFT_STRIDE + i)] = value
        q = uint32(q + THREADS)


def stage_right(stage, b, j0, n, k0, depth):
    """Put B[k0:k0 + DEPTH, j0:j0 + WIDTH] into shared memory, a row after another, and zeros where there is nothing."""
    q = uint32(cuda.threadIdx.x)
    while q < DEPTH * WIDTH:
        k = uint32(q // WIDTH) if b.column == 1 else uint32(q % DEPTH)
        j = uint32(q % WIDTH) if b.column == 1 else uint32(q // DEPTH)
        value = REAL(0)
        if k0 + k < depth and j0 + j < n:
            value = b.numbers[uint32(b.start + (k0 + k) * b.row + (j0 + j) * b.column)]
        stage[uint32(LEFT_SIZE + k * RIGHT_STRIDE + j)] = value
        q = uint32(q + THREADS)


def texts(shape: Shape) -> dict[str, str]:
    """Write the panels, and the product that is made of them, by name."""
    panels = {f"panel_{height}": panel_text(shape, height) for height in heights(shape)}
    return panels | {"product": product_text(shape)}


def heights(shape: Shape) -> list[int]:
    """List the heights of a register tile, powers of two up to the tallest, that one first."""
    return [2**p for p in reversed(range(shape.tallest.bit_length()))]


def panel_text(shape: Shape, height: int) -> str:
    """Write the function of one panel: rows i0 … i0 + height·ROWS of the results, columns j0 … j0 + WIDTH."""
    return PANEL.format(
        height=height, tall=height * shape.rows, arguments=PANEL_ARGUMENTS, across=shape.across,
    )  # fmt: skip


def product_text(shape: Shape) -> str:
    """Write the product: of each panel the lowest that has all rows that are left, or the tallest."""
    matrices = ", ".join(
        f"Matrix({name}.numbers, uint32({name}.start), uint32({name}.row), uint32({name}.column))"
        for name in ("a", "b", "c")
    )
    lines = [
        "def product(m, n, depth, a, b, c, bias, more):",
        f"    of = Product(uint32(m), uint32(n), uint32(depth), {matrices}, bias, more)",
        # All arrays without a size are the same memory; one of a size would be defined once a caller.
        f"    stage = cuda.shared.array(0, KIND{ALIGNED})",
        "    j0 = uint32(0)",
        "    while j0 < n:",
        "        i0 = uint32(0)",
        "        while i0 < m:",
    ]
    for height in heights(shape):
        word = "if" if height == shape.tallest else "elif" if height > 1 else "else"
        test = "" if height == 1 else f" m - i0 > {height // 2} * ROWS"
        lines += [
            f"            {word}{test}:",
            f"                panel_{height}(i0, j0, of, stage)",
            f"                i0 = uint32(i0 + {height} * ROWS)",
        ]
    return "\n".join([*lines, "        j0 = uint32(j0 + WIDTH)"])


# Of the usual shape; each shape has its own.
product = function_of("product", product_text(NARROW), Matrix=Matrix, Product=Product)
DEVICE = (stage_left, stage_right)
ENTRIES = ()

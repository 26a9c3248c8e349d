"""Products over examples: C += Σ_t A_t B_tᵀ, both with examples innermost, t the positions of a tile.

A weight's gradient is such a product: adjoints [rows, B] times inputs [columns, B]. Two vectors of B's rows are turned, a panel [positions · examples,
columns], so that the columns of C run along vectors, as in every other product, and its blocks are summed in registers over the whole panel.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic, overload

from landscape.jit import kernel
from landscape.kernels.cpu.arrays import FROM_OUT, Depth, Left, Out, Product, Right
from landscape.kernels.cpu.products import multiply
from landscape.kernels.cpu.rules import OUTER, Rule, frame_of
from landscape.kernels.cpu.transpose import transpose_rows
from landscape.kernels.cpu.vectors import OPTIONS, VECTOR_BYTES, Code, lanes_of
from landscape.kernels.cpu.views import room

# Examples of all positions that a panel has at most: it stays in the first cache with some rows of A.
DEEP = 2**13 // VECTOR_BYTES
# Vectors of B's rows that are turned together.
VECTORS = 2
PANEL_BYTES = DEEP * VECTORS * VECTOR_BYTES


def ask_for_row(b: Any, at: int) -> None:
    """Prefetch the row at a place of an array, which is read soon; past the array's end nothing happens."""


@intrinsic
def prefetch(context_: Any, b: Any, at: Any) -> Any:
    """Prefetch the cache line at a place of an array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        code = Code(context, builder, b.dtype)
        code.prefetch(code.start(b, *arguments))
        return context.get_dummy_value()

    return types.void(b, types.intp), generate


@overload(ask_for_row, jit_options=OPTIONS)
def ask_for_row_on_cpu(b: Any, at: Any) -> Any:
    """Use the processor's prefetch instruction."""

    def ask(b: Any, at: Any) -> None:
        prefetch(b, at)

    return ask


@kernel(cached=False)
def turn(given, t, e, j, positions, examples, panel):
    """Transpose rows j … of B at some positions from t on and some examples from e on into the panel; past the last row the last is repeated."""
    b, width, lanes = given.right.numbers, given.width, lanes_of(given.out.numbers)
    wide = VECTORS * lanes
    for p in range(positions):
        start = given.right.start + ((t + p) * given.columns + j) * width + e
        for d in range(0, examples, lanes):
            for i in range(0, wide, lanes):
                rows = given.columns - j - i
                if rows <= 0:
                    break
                for r in range(lanes):
                    ask_for_row(b, start + (wide + i + r) * width + d)
                target = (p * examples + d) * wide + i
                transpose_rows(min(rows, lanes), b, start + i * width + d, width, panel, target, wide)


@kernel(cached=False)
def add_panels(given, t, e, positions, examples, panel):
    """Add the products over some positions and some examples."""
    a, c, width, wide = given.left, given.out, given.width, VECTORS * lanes_of(given.out.numbers)
    for j in range(0, given.columns, wide):
        turn(given, t, e, j, positions, examples, panel)
        left = Left(a.numbers, a.start + t * given.rows * width + e, width, 0, 0, given.rows * width, 1, 0)
        right = Right(panel, 0, 0, examples * wide, wide)
        out, depth = Out(c.numbers, c.start + j, given.columns), Depth(1, positions, examples)
        multiply(
            given.rules,
            Product(given.rows, min(wide, given.columns - j), depth, left, right, FROM_OUT, 0, out),
        )


def outer(pointer):
    """Go by panels of as many positions, or of as many examples of one, as the panel has room for."""
    given = frame_of(pointer)
    panel = room(given.out.numbers, PANEL_BYTES)
    width = given.width
    positions, examples = max(1, DEEP // width), min(DEEP, width)
    for t in range(0, given.positions, positions):
        for e in range(0, width, examples):
            some = min(positions, given.positions - t)
            add_panels(given, t, e, some, min(examples, width - e), panel)


RULES = {OUTER: Rule(outer, "o")}

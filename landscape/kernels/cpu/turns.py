"""Workers take parts of the work one at a time, so that a slow or busy core does not delay the others.

What a part adds up to must not depend on who takes it.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload


def take_turn(turns: Any) -> Any:
    """Give the number of the next part, and count it as taken: turns int64 [1], zero at first, shared by all workers."""
    turn = turns[0]
    turns[0] += 1
    return turn


@intrinsic
def count_up(typing_context: Any, turns: Any) -> Any:
    """Add one in a single step that no other thread can divide; give the number before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = context.make_array(turns)(context, builder, arguments[0]).data
        return builder.atomic_rmw("add", place, ir.Constant(ir.IntType(64), 1), "monotonic")

    return types.int64(turns), generate


@overload(take_turn)
def take_turn_on_cpu(turns: Any) -> Any:
    """Count with an atomic instruction."""

    def by_one(turns: Any) -> Any:
        return count_up(turns)

    return by_one

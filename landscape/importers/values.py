"""Values of an imported network, as the format's nodes have them.

A value keeps the axes that its source gives it. One of them may be the batch's: of N examples it has `outer`·N·`inner` elements, and stands here with
`outer`·`inner`, those of one example. So axes may be moved and merged around the batch as long as no two examples meet.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from landscape.errors import InputError
from landscape.ops.operation import Shape

MIXES = "mixes the examples of a batch, each of which a loss has to see by itself"


@dataclass(frozen=True, eq=False)
class Value:
    """One tensor: its shape for one example with its source's axes, its batch axis, and its node or its numbers.

    `constant` is an array of numbers that no parameter is in; `parameter` the source's name of a parameter or buffer that it is, unchanged.
    """

    shape: Shape
    node: str | None = None
    batch: int | None = None
    outer: int = 1
    constant: Any = None
    parameter: str | None = None

    @property
    def drops(self) -> bool:
        """Whether the format leaves the batch axis out, which has one element for an example."""
        return self.batch is not None and self.shape[self.batch] == 1

    @property
    def laid(self) -> Shape:
        """The shape that the format has."""
        if not self.drops:
            return self.shape
        assert self.batch is not None
        return self.shape[: self.batch] + self.shape[self.batch + 1 :]

    @property
    def fixed(self) -> bool:
        """Whether it is made of numbers that neither an example nor a parameter changes."""
        return self.constant is not None and self.batch is None

    def axis(self, dim: int) -> int:
        """Count an axis from the front."""
        rank = max(1, len(self.shape))
        if not -rank <= dim < rank:
            raise InputError(f"axis {dim} of {len(self.shape)}")
        return dim % rank

    def laid_axis(self, dim: int) -> int:
        """Give the format's number of an axis, the batch being 0.

        Raises
        ------
        InputError
            It is the batch's.
        """
        axis = self.axis(dim)
        if axis == self.batch:
            raise InputError(MIXES)
        return axis + (0 if self.drops and self.batch is not None and axis > self.batch else 1)


@dataclass(frozen=True)
class Size:
    """How many elements an axis has: so many, times the number of examples or not."""

    count: int
    varies: bool


def sizes_of(shape: Any, symbol: Any) -> list[Size]:
    """Read a shape in which sizes may be multiples of the number of examples.

    Raises
    ------
    InputError
        A size depends on it in another way.
    """
    found = []
    for size in shape:
        if isinstance(size, int):
            found.append(Size(size, False))
            continue
        expression = size.node.expr
        if expression.is_number:
            found.append(Size(int(expression), False))
            continue
        count = None if symbol is None else expression.coeff(symbol)
        if count is None or expression != count * symbol or not count.is_integer:
            raise InputError(f"a size of {expression}: expected a multiple of the number of examples")
        found.append(Size(int(count), True))
    return found


def batch_axis(sizes: list[Size]) -> int | None:
    """Find the axis that varies with the number of examples.

    Raises
    ------
    InputError
        There are two.
    """
    found = [number for number, size in enumerate(sizes) if size.varies]
    if len(found) > 1:
        raise InputError(MIXES)
    return found[0] if found else None


def regrouped(value: Value, sizes: list[Size]) -> Value:
    """Give a value other axes, in the same order; the node is still to be found.

    Raises
    ------
    InputError
        The examples would be mixed.
    """
    shape, axis = tuple(size.count for size in sizes), batch_axis(sizes)
    if axis is None and value.batch is not None:
        axis = place_of_one(value, shape)
    if (axis is None) != (value.batch is None) or math.prod(shape) != math.prod(value.shape):
        if not shape and math.prod(value.shape) == 1:
            return Value(shape)
        raise InputError(MIXES)
    if axis is None or value.batch is None:
        return Value(shape)
    before = math.prod(value.shape[: value.batch]) * value.outer
    ahead = math.prod(shape[:axis])
    if before % ahead or shape[axis] % (before // ahead):
        raise InputError(MIXES)
    return Value(shape, batch=axis, outer=before // ahead)


def place_of_one(value: Value, shape: Shape) -> int | None:
    """Find the batch axis after a reshape in a program for one example, whose sizes do not show it: the first with the same number of elements before it."""
    assert value.batch is not None
    before, ahead = math.prod(value.shape[: value.batch]) * value.outer, 1
    for axis, size in enumerate(shape):
        if ahead == before:
            return axis
        ahead *= size
    return None

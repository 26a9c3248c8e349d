"""One call of an exported program, for its translators: arguments by name, values of nodes, sizes of the result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.importers.builder import Builder
from landscape.importers.values import Size, Value, batch_axis, sizes_of


class Call:
    """A call with its arguments: values in the place of nodes, numbers in the place of symbolic ones."""

    def __init__(self, torch: Any, node: Any, builder: Builder, known: dict[Any, Any], symbol: Any) -> None:
        self.torch, self.node, self.builder, self.symbol = torch, node, builder, symbol
        schema = node.target._schema
        self.name = schema.name.removeprefix("aten::").removesuffix("_")
        given: dict[str, Any] = {}
        for number, argument in enumerate(schema.arguments):
            if number < len(node.args):
                given[argument.name] = node.args[number]
            elif argument.name in node.kwargs:
                given[argument.name] = node.kwargs[argument.name]
            elif argument.has_default_value():
                given[argument.name] = argument.default_value
            else:
                given[argument.name] = None
        self.given = {name: resolved(value, known) for name, value in given.items()}
        self.first = next(iter(self.given), "")

    def __getitem__(self, name: str) -> Any:
        """Give an argument."""
        return self.given[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Give an argument, or a default for overloads that do not have it."""
        return self.given.get(name, default)

    @property
    def value(self) -> Value:
        """The first argument, which has to be a value.

        Raises
        ------
        InputError
            It is a number.
        """
        return self.as_value(self.given[self.first])

    def as_value(self, given: Any) -> Value:
        """Give a value; a number is one of a tensor without axes."""
        if isinstance(given, Value):
            return given
        if isinstance(given, (int, float, bool)):
            return self.builder.fixed(np.array(float(given)))
        raise InputError(f"reads {type(given).__name__}, expected a tensor")

    @property
    def sizes(self) -> list[Size]:
        """The sizes of the result."""
        return self.sizes_at(self.node.meta["val"])

    def sizes_at(self, tensor: Any) -> list[Size]:
        """Read a tensor's sizes."""
        return sizes_of(tensor.shape, self.symbol)

    @property
    def target(self) -> Value:
        """The axes of the result, without its node."""
        sizes = self.sizes
        return Value(tuple(size.count for size in sizes), batch=batch_axis(sizes))


def resolved(given: Any, known: dict[Any, Any]) -> Any:
    """Put values in the place of nodes, in lists too."""
    if isinstance(given, (list, tuple)):
        return [resolved(element, known) for element in given]
    return known[given] if hasattr(given, "all_input_nodes") else given


def pair(setting: Any, axes: int) -> list[int]:
    """Give a setting for each axis."""
    if isinstance(setting, int):
        return [setting] * axes
    numbers: Sequence[int] = list(setting)
    return list(numbers) * axes if len(numbers) == 1 else list(numbers)

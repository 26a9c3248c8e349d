"""Read and check values of the header.

A reader is a function of one JSON value. Its message starts with "expected"; the caller puts the key before
it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from landscape.errors import InputError, did_you_mean
from landscape.files import shown

Reader = Callable[[Any], Any]
LARGEST = 2**31 - 1
LARGEST_SEED = 2**64 - 1


def refuse(expected: str, value: Any) -> InputError:
    """Make the error of a value that is not what was expected."""
    return InputError(f"expected {expected}, found {shown(value)}")


def is_integer(value: Any, least: int, most: int = LARGEST) -> bool:
    """Return whether a JSON value is a whole number from `least` to `most` (a truth value is none)."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def integer(least: int = 0, most: int = LARGEST) -> Reader:
    """Read a whole number of at least `least`, and at most the largest possible size."""

    def read(value: Any) -> int:
        if not is_integer(value, least, most):
            raise refuse(f"a whole number from {least}", value)
        return int(value)

    return read


def signed(value: Any) -> int:
    """Read a whole number of either sign."""
    if not is_integer(value, -LARGEST):
        raise refuse("a whole number", value)
    return int(value)


def number(least: float = -math.inf, *, above: bool = False) -> Reader:
    """Read a finite number that is not below `least`, or is above it."""
    bound = "" if least == -math.inf else f" {'above' if above else 'from'} {least:g}"

    def read(value: Any) -> float:
        plain = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300
        if not plain or value < least or (above and value == least):
            raise refuse(f"a finite number{bound}", value)
        return float(value)

    return read


def fraction(value: Any) -> float:
    """Read a number from 0 to 1."""
    result: float = number(0.0)(value)
    if result > 1:
        raise refuse("a number from 0 to 1", value)
    return result


def boolean(value: Any) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise refuse("true or false", value)
    return value


def text(value: Any) -> str:
    """Read a text that stands on one line."""
    if not isinstance(value, str) or not value.isprintable() or not value.strip() or len(value) > 200:
        raise refuse("a printable text of 1 to 200 characters", value)
    return value


def choice(*names: str) -> Reader:
    """Read one of the given names."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in names:
            error = refuse("one of " + ", ".join(names), value)
            raise InputError(f"{error}{did_you_mean(value, names)}" if isinstance(value, str) else str(error))
        return value

    return read


def per_axis(axes: int, least: int) -> Reader:
    """Read a whole number for every axis, or one for each."""

    def read(value: Any) -> tuple[int, ...]:
        if is_integer(value, least):
            return (int(value),) * axes
        if (
            isinstance(value, (list, tuple))
            and len(value) == axes
            and all(is_integer(v, least) for v in value)
        ):
            return tuple(value)
        raise refuse(f"a whole number from {least}" + (f" or a list of {axes}" if axes > 1 else ""), value)

    return read


def shape(value: Any) -> tuple[int, ...]:
    """Read a shape: a list of sizes from 1, of at most 8 axes."""
    if (
        not isinstance(value, (list, tuple))
        or len(value) > 8
        or not all(is_integer(size, 1) for size in value)
    ):
        raise refuse("a list of at most 8 sizes from 1", value)
    return tuple(value)


def integers(most: int = LARGEST, least: int = -LARGEST) -> Reader:
    """Read a list of whole numbers of either sign, at most so many."""

    def read(value: Any) -> tuple[int, ...]:
        if (
            not isinstance(value, (list, tuple))
            or len(value) > most
            or not all(is_integer(element, least) for element in value)
        ):
            raise refuse("a list of whole numbers" + (f", at most {most}" if most < LARGEST else ""), value)
        return tuple(value)

    return read


def numbers(count: int) -> Reader:
    """Read a list of finite numbers."""

    def read(value: Any) -> tuple[float, ...]:
        if not isinstance(value, (list, tuple)) or len(value) != count:
            raise refuse(f"a list of {count} numbers", value)
        return tuple(number()(element) for element in value)

    return read


def read_mapping(value: Any, readers: dict[str, Reader], kind: str) -> dict[str, Any]:
    """Read an object whose every key is known; a key without a reader is refused by name.

    Raises
    ------
    InputError
        Not an object, an unknown key, or a value that its reader refuses; the message names the key.
    """
    if not isinstance(value, dict):
        raise refuse("an object {…}", value)
    result = {}
    for key, element in value.items():
        if key not in readers:
            raise InputError(
                f"unknown {kind} {shown(key)}; known are {', '.join(readers)}{did_you_mean(key, readers)}"
            )
        try:
            result[key] = readers[key](element)
        except InputError as error:
            raise InputError(f"{key}: {error}") from None
    return result

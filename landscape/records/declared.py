"""Declarations of arrays and of JSON values, and the function that checks against them.

An array is declared as `float [K, P] finite`: what its elements are (`float`, `whole`, `bool`, `text`), its shape and
what holds of its elements. The same letter is the same length throughout a record, and a capital one is at least 1;
`_` is any length, `...` any number of axes, and `...g` any that are the same for everyone who says `g`.

A `word` is a text that a figure shows as it is: on one line, of at most 200 letters, and no formula.

A JSON value is declared as `text`, `word`, `number`, `count`, `bool` or `any`, with `?` where it may be null. `[x]` is a list
of such values and `[x, y]` one of exactly two; `{…}` is an object, in which a key that ends with `?` may be missing;
`(x,)` is x or null.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, NoReturn

import numpy as np

from landscape.errors import InputError
from landscape.files import shown
from landscape.records.checks import found

Arrays = Mapping[str, np.ndarray]
Lengths = dict[str, Any]

DEEPEST = 32
LONGEST_WORD = 200
# Letters of a text that is no JSON.
LONGEST = 100_000
LARGEST_INTEGER = 2**64

ELEMENTS: dict[str, tuple[str, str]] = {
    "float": ("fiu", "real numbers"),
    "whole": ("fiu", "whole numbers"),
    "bool": ("b", "bool"),
    "text": ("U", "text"),
    "word": ("U", "text"),
}
CONDITIONS: dict[str, tuple[Callable[[np.ndarray], Any], str]] = {
    "finite": (lambda a: np.isfinite(a).all(), "finite numbers"),
    "increasing": (lambda a: (a[1:] > a[:-1]).all(), "numbers that increase"),
    "ascending": (lambda a: (a[1:] >= a[:-1]).all(), "numbers in ascending order"),
    "positive": (lambda a: (a > 0).all(), "numbers above 0"),
    "counts": (lambda a: (a >= 0).all(), "counts from 0"),
}
VALUES: dict[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "word": lambda value: isinstance(value, str) and is_word(value),
    "number": lambda value: _is_number(value),
    "count": lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
    "bool": lambda value: isinstance(value, bool),
    "any": lambda value: True,
}


def require_arrays(arrays: Arrays, declared: Mapping[str, str], lengths: Lengths | None = None) -> None:
    """Check every array that a table declares, whose names may have `*`; missing arrays are reported elsewhere.

    Raises
    ------
    InputError
        The message names the array, what was expected and what was found.

    Examples
    --------
    >>> require_arrays({"rates": np.ones(3)}, {"rates": "float [R] positive"})
    """
    lengths = {} if lengths is None else lengths
    for pattern, text in declared.items():
        for name, array in arrays.items():
            if fnmatchcase(name, pattern):
                _require_array(name, array, text, lengths)


def _require_array(name: str, array: np.ndarray, text: str, lengths: Lengths) -> None:
    kind, shape, conditions = _parsed(text)
    kinds, words = ELEMENTS[kind]
    if array.dtype.kind not in kinds:
        raise InputError(f"{name}: expected {words}, found {found(array)}")
    if not _fits(array.shape, shape, lengths):
        raise InputError(f"{name}: expected the shape [{_named(shape, lengths)}], found {list(array.shape)}")
    if kind == "text" and array.dtype.itemsize > 4 * LONGEST and name not in ("verdict", "report"):
        raise InputError(f"{name}: expected at most {LONGEST} letters, found {array.dtype.itemsize // 4}")
    if kind == "word" and not all(map(is_word, array.ravel().tolist())):
        raise InputError(f"{name}: expected names on a line, without $, found others")
    if kind == "whole" and not _whole(array):
        raise InputError(f"{name}: expected whole numbers, found others")
    for condition in conditions:
        holds, words = CONDITIONS[condition]
        with np.errstate(invalid="ignore"):
            if not holds(array):
                raise InputError(f"{name}: expected {words}, found others")


def _parsed(text: str) -> tuple[str, list[str], list[str]]:
    matched = re.fullmatch(r"(\w+) \[(.*)\]((?: \w+)*)", text)
    assert matched is not None, text
    return matched[1], [part.strip() for part in matched[2].split(",") if part.strip()], matched[3].split()


def _fits(shape: tuple[int, ...], expected: list[str], lengths: Lengths) -> bool:
    if expected == ["..."]:
        return True
    if expected and expected[0].startswith("..."):
        return bool(lengths.setdefault(expected[0], shape) == shape)
    return len(shape) == len(expected) and all(map(_is_length, shape, expected, [lengths] * len(shape)))


def _is_length(length: int, letter: str, lengths: Lengths) -> bool:
    if letter.isdigit():
        return length == int(letter)
    if letter == "_":
        return True
    return bool(lengths.setdefault(letter, length) == length) and (length > 0 or not letter.isupper())


def _named(shape: list[str], lengths: Lengths) -> str:
    return ", ".join(str(lengths.get(letter, letter)) for letter in shape)


def _whole(array: np.ndarray) -> bool:
    with np.errstate(invalid="ignore"):
        return array.dtype.kind != "f" or bool(((array % 1 == 0) & (np.abs(array) < 2.0**62)).all())


def require_value(name: str, value: Any, declared: Any) -> None:
    """Check a JSON value against its declaration.

    Raises
    ------
    InputError
        The message names the value, what was expected and what was found.

    Examples
    --------
    >>> require_value("settings", {"seed": 3}, {"seed": "count", "node?": "text?"})
    """
    if isinstance(declared, str):
        if not (declared.endswith("?") and value is None) and not VALUES[declared.rstrip("?")](value):
            raise InputError(f"{name}: expected a {declared.rstrip('?')}, found {shown(value)}")
    elif isinstance(declared, list):
        if not isinstance(value, list):
            raise InputError(f"{name}: expected a list, found {shown(value)}")
        if len(declared) > 1 and len(value) != len(declared):
            raise InputError(f"{name}: expected {len(declared)} of them, found {len(value)}")
        for number, element in enumerate(value):
            require_value(f"{name}[{number}]", element, declared[number % len(declared)])
    elif isinstance(declared, tuple):
        if value is not None:
            require_value(name, value, declared[0])
    else:
        _require_object(name, value, declared)


def _require_object(name: str, value: Any, declared: Mapping[str, Any]) -> None:
    if not isinstance(value, dict):
        raise InputError(f"{name}: expected an object, found {shown(value)}")
    for key, inner in declared.items():
        known = key.rstrip("?")
        if key == "*":
            for other in value:
                require_value(f"{name}.{shown(other)}", value[other], inner)
        elif known in value:
            require_value(f"{name}.{known}", value[known], inner)
        elif known == key:
            raise InputError(f"{name}: {key} is missing")


def parsed_json(name: str, text: str) -> Any:
    """Parse JSON of finite numbers and few levels.

    Raises
    ------
    InputError
        Something else; `name` comes first in the message.
    """
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite, parse_int=_integer)
    except (ValueError, RecursionError):
        raise InputError(
            f"{name}: expected a JSON object of finite numbers that is not nested too deeply, found something else"
        ) from None
    require_flat(name, value)
    return value


def require_flat(name: str, value: Any) -> None:
    """Refuse a JSON value that is nested too deeply for readers.

    Raises
    ------
    InputError
        It has more.
    """
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise InputError(f"{name}: expected at most {DEEPEST} levels")


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text)


def _integer(text: str) -> int:
    return int(text) if len(text) <= 20 and abs(int(text)) < LARGEST_INTEGER else _refuse(text)


def is_word(text: str) -> bool:
    r"""Whether a text may be drawn in a figure as it is.

    >>> is_word("adam"), is_word("$x$"), is_word("two\nlines")
    (True, False, False)
    """
    return text.isprintable() and "$" not in text and len(text) <= LONGEST_WORD


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

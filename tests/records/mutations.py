"""Ways to damage a record's file that leave it an archive with a header: what a reader must refuse or bear."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
HEADER = "landscape"
JSON_KEYS = (HEADER, "verdict", "report")
DEEP = 2000

# Each takes an array and gives another in its place, or None to leave it out.
ARRAYS: dict[str, Callable[[np.ndarray], np.ndarray | None]] = {
    "dropped": lambda a: None,
    "as text": lambda a: np.full(a.shape, "soon"),
    "as truth values": lambda a: np.zeros(a.shape, bool),
    "as float32": lambda a: a.astype(np.float32) if a.dtype.kind in "fiu" else np.zeros(a.shape, np.float32),
    "as int8": lambda a: np.full(a.shape, 3, np.int8),
    "with an axis more": lambda a: a[None],
    "as a number": lambda a: np.array(0.5),
    "cut by one": lambda a: a[:-1] if a.ndim else a,
    "cut by one at the end": lambda a: a[..., :-1] if a.ndim else a,
    "turned": lambda a: a.T,
    "empty": lambda a: a.reshape(-1)[:0],
    "empty along the last axis": lambda a: a[..., :0] if a.ndim else a,
    "negative": lambda a: -np.abs(a) - 1 if a.dtype.kind == "f" else np.full(a.shape, -3),
    "huge": lambda a: np.full(a.shape, 1e308),
    "huge steps": lambda a: np.resize([1e308, -1e308], a.shape),
    "tiny": lambda a: np.full(a.shape, 5e-324),
    "zero": lambda a: np.zeros(a.shape),
    "NaN": lambda a: np.full(a.shape, np.nan),
    "a NaN": lambda a: planted(a, np.nan),
    "an infinity": lambda a: planted(a, np.inf),
    "minus infinity": lambda a: planted(a, -np.inf),
    "with long text": lambda a: np.full(a.shape, "x" * 150_000 + "$_{"),
    "with strange text": lambda a: np.full(a.shape, "a\nb\x00$\\frac{_1$%^&"),
}

# Each takes a JSON value and gives another in its place.
VALUES: dict[str, Callable[[Any], Any]] = {
    "null": lambda v: None,
    "text": lambda v: "soon",
    "strange text": lambda v: "a\nb$\\frac{_1$%",
    "empty text": lambda v: "",
    "number": lambda v: 0.5,
    "negative": lambda v: -3,
    "large": lambda v: 10**30,
    "larger": lambda v: 1e300,
    "true": lambda v: True,
    "list": lambda v: [],
    "object": lambda v: {},
    "list of it": lambda v: [v],
    "deep list": lambda v: nested(v),
}


def planted(array: np.ndarray, value: float) -> np.ndarray:
    """Put a value at the first place of an array."""
    result = np.array(array, float) if array.dtype.kind in "fiu" else np.zeros(array.shape)
    if result.size:
        result.reshape(-1)[0] = value
    return result


def nested(value: Any) -> Any:
    """Put a value into many lists."""
    for _ in range(DEEP):
        value = [value]
    return value


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Name every place in a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, inner in inside for place in paths_of(inner, (*path, key)))]


def mutations(arrays: Arrays) -> list[tuple[str, Callable[[], Arrays]]]:
    """Name all single changes of a file, each with what makes it."""
    found: list[tuple[str, Callable[[], Arrays]]] = []
    for key, array in arrays.items():
        for name, change in ARRAYS.items():
            found.append((f"{key} {name}", lambda key=key, change=change: changed(arrays, key, change)))
        if key in JSON_KEYS:
            found += [
                (
                    f"{key} {'.'.join(map(str, path))} {name}",
                    lambda key=key, path=path, name=name: rewritten(arrays, key, path, name),
                )
                for path in paths_of(json.loads(str(array[()])))
                for name in ("missing", *VALUES)
            ]
    return found


def changed(arrays: Arrays, key: str, change: Callable[[np.ndarray], np.ndarray | None]) -> Arrays:
    """Give the arrays with one of them changed or left out."""
    array = change(arrays[key])
    return {name: kept for name, kept in arrays.items() if name != key} | (
        {} if array is None else {key: array}
    )


def rewritten(arrays: Arrays, key: str, path: tuple[Any, ...], name: str) -> Arrays:
    """Give the arrays with one value of a JSON text changed or left out."""
    whole = {"": copy.deepcopy(json.loads(str(arrays[key][()])))}
    holder: Any = whole
    place: Any = ""
    for step in path:
        holder, place = holder[place], step
    if name == "missing":
        del holder[place]
        text = "" if not path else json.dumps(whole[""])
    elif name == "deep list":
        # The text itself, since `json.dumps` would not go so deep either.
        holder[place] = "MARK"
        text = json.dumps(whole[""]).replace('"MARK"', "[" * DEEP + "]" * DEEP)
    else:
        holder[place] = VALUES[name](holder[place])
        text = json.dumps(whole[""])
    return arrays | {key: np.array(text)}

"""Where NaN or infinity occurs, searched in pieces so that mapped arrays are never read as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

PIECE_BYTES = 8 << 20
# What a model that is not finite is refused with, by all but the commands that it names.
WANTED = "expected finite numbers (`landscape info` lists those that are not, `landscape diagnose` says what to try)"


def pieces(array: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Cut an array along its first axis into pieces of a few megabytes, each with its first index."""
    if array.ndim == 0:
        yield 0, array.reshape(1)
        return
    step = max(1, PIECE_BYTES // max(1, array[:1].nbytes))
    for start in range(0, len(array) if array.size else 0, step):
        yield start, array[start : start + step]


def where_not_finite(array: np.ndarray) -> str | None:
    """Say how many values are not finite and where the first one is; None if all are.

    >>> where_not_finite(np.array([[0.0, 1.0], [np.nan, np.inf]]))
    '2 values are not finite, the first, nan, at [1, 0]'
    """
    if array.dtype.kind != "f":
        return None
    count, first = 0, None
    for start, piece in pieces(array):
        bad = ~np.isfinite(piece)
        found = int(np.count_nonzero(bad))
        if found and first is None:
            index = np.unravel_index(int(np.argmax(bad)), piece.shape)
            first = piece[index], [start + int(index[0]), *map(int, index[1:])][: array.ndim]
        count += found
    if first is None:
        return None
    return f"{count} value{'s are' if count > 1 else ' is'} not finite, the first, {first[0]}, at {first[1]}"


def describe_not_finite(arrays: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """Give a sentence for every array with a value that is not finite."""
    found = ((key, where_not_finite(array)) for key, array in arrays.items())
    return tuple(f"{key}: {sentence}" for key, sentence in found if sentence)

"""Shared parameters: find those that a translation would duplicate, and those that a file may have stored twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from landscape.importers.network import Origin


def cut_tie(origins: Mapping[str, Origin]) -> tuple[str, str, str] | None:
    """Find two parameters that contain the same numbers of the original, which its training changes together.

    >>> cut_tie({"a.weight": Origin("w"), "b.weight": Origin("w", np.array([[0, 2], [1, 3]]))})
    ('w', 'a.weight', 'b.weight')
    """
    homes: dict[str, dict[str, Origin]] = {}
    for key, origin in origins.items():
        homes.setdefault(origin.name, {})[key] = origin
    for name, found in homes.items():
        seen: dict[str, np.ndarray | None] = {}
        for key, origin in found.items():
            for other, elements in seen.items():
                if (
                    elements is None
                    or origin.elements is None
                    or np.intersect1d(elements, origin.elements).size
                ):
                    return name, other, key
            seen[key] = origin.elements
    return None


def all_equal(array: np.ndarray) -> bool:
    """Whether all numbers are equal."""
    return array.size > 0 and bool((array == array.flat[0]).all())


def equal_matrices(arrays: Mapping[str, np.ndarray]) -> Iterator[tuple[str, str]]:
    """Find matrices equal to an earlier one or its transpose; constant matrices are ignored, since they prove nothing.

    >>> list(equal_matrices({"a": np.eye(2) + [[0, 1], [0, 0]], "b": np.eye(2), "c": np.eye(2) + [[0, 0], [1, 0]]}))
    [('a', 'c')]
    """
    seen: dict[tuple[tuple[int, ...], bytes], str] = {}
    for name, array in arrays.items():
        if array.ndim != 2 or array.dtype.kind != "f" or min(array.shape) < 2 or all_equal(array):
            continue
        for turned in (array, array.T):
            other = seen.get((turned.shape, np.ascontiguousarray(turned).tobytes()))
            if other is not None:
                yield other, name
                break
        seen.setdefault((array.shape, np.ascontiguousarray(array).tobytes()), name)

"""Whether two results are the same, to the bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def same(one: Any, other: Any) -> bool:
    """Compare arrays by their bytes, NaN included, and what is made of arrays part by part.

    >>> same({"a": np.array([np.nan, 0.0])}, {"a": np.array([np.nan, 0.0])}), same(np.array([0.0]), np.array([-0.0]))
    (True, False)
    """
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray | np.generic | float):
        a, b = np.asarray(one), np.asarray(other)
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return bool(one == other)

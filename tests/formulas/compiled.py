"""Call one compiled scalar formula on every element of an array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import landscape.kernels.cpu.primitives  # noqa: F401  (formulas compile on a device's primitives)


def apply(
    formula: Callable[..., Any], *arguments: np.ndarray | float, dtype: type = np.float64
) -> np.ndarray:
    """Broadcast the arguments in the dtype and give the results in it."""
    arrays = np.broadcast_arrays(*[np.asarray(argument, dtype) for argument in arguments])
    results = [formula(*[dtype(a) for a in row]) for row in zip(*(a.ravel() for a in arrays), strict=True)]
    return np.array(results, np.float64).astype(dtype).reshape(arrays[0].shape)


def returned_type(formula: Any) -> set[str]:
    """Name the types that the compiled variants of a formula return, by their first argument's."""
    return {f"{s.args[0]} → {s.return_type}" for s in formula.nopython_signatures}

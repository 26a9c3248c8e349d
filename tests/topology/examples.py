"""Surfaces with known basins, as scans."""

from __future__ import annotations

from typing import Any

import numpy as np

from landscape.records import Scan

COMMON: dict[str, Any] = {"model": "a" * 64, "data": "", "version": "0.1.0", "seconds": 1.5}


def scan_of(values: np.ndarray, *axes: np.ndarray, dtype: str = "float64", **more: Any) -> Scan:
    """Make a finished scan of values over axes, by default from −1 to 1."""
    values = np.asarray(values, float)
    axes = axes or tuple(np.linspace(-1, 1, count) for count in values.shape)
    return Scan(
        axes=axes, directions=np.eye(values.ndim, 4), center=np.zeros(4), values={"train_loss": values},
        penalty=np.zeros(values.shape), done=np.ones(values.shape, bool),
        settings={"dtype": dtype, "model_name": "function"}, **(COMMON | more),
    )  # fmt: skip


def himmelblau(count: int = 121) -> Scan:
    """Make Himmelblau's function on [−6, 6]², which has four minima of height 0."""
    axis = np.linspace(-6, 6, count)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    return scan_of((x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2, axis, axis)


def two_valleys(count: int = 41) -> Scan:
    """Make (1 − w₁w₂)² on [−2, 2]²: two valleys that meet at the origin, at height 1."""
    axis = np.linspace(-2, 2, count)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    return scan_of((1 - x * y) ** 2, axis, axis)

"""What recipes that are re-created from public reports have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from landscape import Model

Made = tuple[Model, dict[str, Any]]
Arrays = dict[str, Any]


def adam(rate: float, steps: int, batch: int = 32) -> dict[str, Any]:
    return {"optimizer": "adam", "learning_rate": rate, "steps": steps, "batch_size": batch}


def parted(x: np.ndarray, y: np.ndarray, rng: np.random.Generator, part: float = 0.8) -> Arrays:
    """Split by chance into training and validation data."""
    order = rng.permutation(len(x))
    count = int(part * len(x))
    return {
        "x_train": x[order[:count]], "y_train": y[order[:count]], "x_validation": x[order[count:]], "y_validation": y[order[count:]],
    }  # fmt: skip


def standard(array: np.ndarray) -> np.ndarray:
    return (array - array.mean(axis=0)) / array.std(axis=0)

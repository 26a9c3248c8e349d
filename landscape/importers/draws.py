"""Random parameters at which a translation is compared with its original a second time."""

from __future__ import annotations

import math

import numpy as np

# How far a parameter moves in units of its size, where it stays near the one it was.
STEP = 0.5
SEED = 0


def fresh(rng: np.random.Generator, parameter: str, shape: tuple[int, ...]) -> np.ndarray:
    """Draw an array of a usual initialization, at which units are active and activations keep their scale.

    Biases are mostly positive, so that a rectified unit is on for some examples, and no array is zero.
    """
    if parameter == "running_var":
        return rng.uniform(0.5, 1.5, shape)
    noise = rng.standard_normal(shape)
    if len(shape) > 1:
        return noise / math.sqrt(math.prod(shape[1:]))
    centre = {"weight": 1.0, "running_mean": 0.0}.get(parameter, 0.5)
    return centre + 0.3 * noise


def near(rng: np.random.Generator, parameter: str, array: np.ndarray) -> np.ndarray:
    """Draw an array near the given one, and anew for elements that are not finite."""
    drawn = fresh(rng, parameter, array.shape)
    kept = np.where(np.isfinite(array), array, drawn)
    if parameter == "running_var":
        return np.where(kept > 0, kept, 1.0) * drawn
    spread = 1.0 / math.sqrt(max(1, math.prod(array.shape[1:]))) if array.ndim > 1 else 0.1
    size = max(float(np.sqrt(np.mean(np.square(kept, dtype=np.float64)))) if kept.size else 0.0, spread)
    return np.asarray(kept + STEP * size * rng.standard_normal(array.shape))

"""Heights of a surface: outliers cut off, and logarithmic if most values would otherwise be flat at the bottom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from landscape.plots.levels import Levels

# Heights are logarithmic if more than this share of the points lay on the floor, this share of the range.
ON_FLOOR = 0.6
FLOOR = 0.03


@dataclass(frozen=True)
class Heights:
    """How values become heights: cut at `high`, as they are or as the logarithm of what is above `base`."""

    logarithmic: bool
    base: float
    low: float
    high: float

    def of(self, values: np.ndarray) -> np.ndarray:
        """Give the heights of values."""
        cut = np.clip(values, self.low, self.high)
        return np.log10(cut - self.base) if self.logarithmic else cut


def choose_heights(values: np.ndarray, levels: Levels) -> Heights:
    """Choose how values become heights."""
    low, high = levels.low, levels.high
    finite = values[np.isfinite(values)]
    on_floor = finite.size > 0 and np.mean(finite - low < FLOOR * (high - low)) > ON_FLOOR
    if not on_floor or levels.scale not in ("logarithmic", "above the minimum"):
        return Heights(False, 0.0, low, high)
    base = 0.0 if levels.scale == "logarithmic" else low
    return Heights(True, base, max(low, base + (levels.lines[0] - base) / 3), high)

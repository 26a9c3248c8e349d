"""A NumPy objective with a sweep in tiles, for tests of the driver alone: least squares in three unknowns."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

TILES = 12
ROWS = 5


@dataclass(frozen=True)
class SlowEvaluation:
    loss: float
    accuracy: float | None = None
    penalty: float = 0.0


class SlowSweep:
    """Tiles outermost: no point is done before the last tile."""

    names = ("loss", "loss.error")
    steps = TILES

    def __init__(self, objective, thetas):
        self.objective, self.thetas = objective, thetas
        self.state = np.zeros((3, len(thetas)))

    def run(self, step):
        self.objective.before_step(step)
        losses = self.objective.losses(self.thetas)[:, ROWS * step : ROWS * (step + 1)]
        self.state += np.stack([losses.sum(axis=1), (losses**2).sum(axis=1), np.full(len(losses), ROWS)])

    def finish(self):
        count = TILES * ROWS
        mean = self.state[0] / count
        with np.errstate(over="ignore", invalid="ignore"):
            error = np.sqrt((self.state[1] / count - mean**2) / count)
        unknown = ~self.point_done()
        return {"loss": np.where(unknown, np.nan, mean), "loss.error": np.where(unknown, np.nan, error)}

    def point_done(self):
        return self.state[2] == TILES * ROWS


class SlowObjective:
    """½ (x·θ − y)², averaged over 60 examples."""

    dtype = np.dtype(np.float64)
    size = 3

    def __init__(self, seed=0, before_step=lambda step: None):
        rng = np.random.default_rng(seed)
        self.x, self.y = rng.standard_normal((TILES * ROWS, 3)), rng.standard_normal(TILES * ROWS)
        self.before_step = before_step

    def losses(self, thetas):
        with np.errstate(over="ignore", invalid="ignore"):
            return 0.5 * (np.sum(thetas[:, None, :] * self.x, axis=2) - self.y) ** 2

    def values(self, thetas):
        return self.losses(thetas).mean(axis=1)

    def value(self, theta):
        return float(self.values(theta[None, :])[0])

    def gradient(self, theta):
        return self.x.T @ (self.x @ theta - self.y) / len(self.y)

    def evaluate(self, theta):
        return SlowEvaluation(self.value(theta))

    def sweep(self, center, directions, axes):
        return SlowSweep(self, np.array([center + np.asarray(at) @ directions for at in product(*axes)]))

"""The data that the cases learn: small problems drawn by a seed, each with a training, a validation and a test set."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.model import bundled_path, load_model

Examples = tuple[NDArray, NDArray]
Splits = dict[str, NDArray]
Problem = Callable[[np.random.Generator, int], Examples]
SPLITS = ("train", "validation", "test")
TEST = 200
# Of the 1,797 bundled digits; the rest is for training.
HELD_OUT = 300


def drawn(problem: Problem, seed: int, train: int = 200, held_out: int = TEST) -> Splits:
    """Draw training, validation and test sets of one problem."""
    rng = streams.numpy_generator("data of a known fault", seed)
    splits: Splits = {}
    for split in SPLITS:
        x, y = problem(rng, train if split == "train" else held_out)
        splits |= {f"x_{split}": x, f"y_{split}": y}
    return splits


def labels(rng: np.random.Generator, count: int, classes: int = 2) -> NDArray[np.int64]:
    """Draw as many labels of each class as of any other, shuffled."""
    return rng.permutation(np.arange(count) % classes)


def moons(rng: np.random.Generator, count: int, noise: float = 0.1) -> Examples:
    """Two half circles, one within reach of the other; inputs [N, 2], labels [N]."""
    y = labels(rng, count)
    angle = np.pi * rng.random(count)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
    x = np.where(y[:, None] == 0, upper, lower) - [0.5, 0.25]
    return x + noise * rng.standard_normal((count, 2)), y


def circles(rng: np.random.Generator, count: int, noise: float = 0.1) -> Examples:
    """One circle in another; inputs [N, 2], labels [N]."""
    y = labels(rng, count)
    angle = 2 * np.pi * rng.random(count)
    x = np.where(y == 0, 0.5, 1.0)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return x + noise * rng.standard_normal((count, 2)) / 2, y


def spiral(rng: np.random.Generator, count: int) -> Examples:
    """Two arms of a spiral, one and a half turns each; inputs [N, 2], labels [N]."""
    y = labels(rng, count)
    turn = 3 * np.pi * np.sqrt(rng.random(count))
    angle = turn + np.pi * y
    return turn[:, None] / 4 * np.stack([np.cos(angle), np.sin(angle)], axis=1), y


def exclusive_or(rng: np.random.Generator, count: int, noise: float = 0.05) -> Examples:
    """The corners of a square, a little noisy; inputs [N, 2], targets 0 or 1 [N, 1]."""
    corner = labels(rng, count, 4)
    x = np.stack([corner // 2, corner % 2], axis=1).astype(float)
    return x + noise * rng.standard_normal((count, 2)), (x[:, :1] != x[:, 1:]).astype(float)


def products(rng: np.random.Generator, count: int) -> Examples:
    """The sum of two products among six normal inputs, of variance 1/4; inputs [N, 6], targets [N, 1]."""
    x = rng.standard_normal((count, 6))
    return x, (x[:, :1] * x[:, 1:2] + x[:, 2:3] * x[:, 3:4]) / np.sqrt(8)


def sine(rng: np.random.Generator, count: int, noise: float = 0.3) -> Examples:
    """A noisy sine over [−3, 3]; inputs [N, 1], targets [N, 1]."""
    x = 6 * rng.random((count, 1)) - 3
    return x, np.sin(x) + noise * rng.standard_normal((count, 1))


def heights(rng: np.random.Generator, count: int) -> Examples:
    """A smooth function of two inputs with values from 0 to 10; inputs [N, 2], targets [N, 1]."""
    x = 2 * rng.random((count, 2)) - 1
    return x, 5 + 5 * np.sin(1.2 * x[:, :1] + 0.3 * x[:, 1:])


def waves(rng: np.random.Generator, count: int, center: float = -0.5, noise: float = 0.05) -> Examples:
    """A wave in the plane, seen around (center, center); inputs [N, 2], targets [N, 1]."""
    x = center + 0.6 * rng.standard_normal((count, 2))
    return x, np.sin(3 * x[:, :1]) * np.cos(x[:, 1:]) + noise * rng.standard_normal((count, 1))


def digits(seed: int) -> Splits:
    """The bundled handwritten digits (all 1,797), split anew by the seed; inputs [N, 64] from 0 to 1, labels [N]."""
    bundled = load_model(bundled_path("digits")).data
    x = np.concatenate([bundled["x_train"], bundled["x_test"]])
    y = np.concatenate([bundled["y_train"], bundled["y_test"]])
    order = streams.numpy_generator("data of a known fault", seed).permutation(len(x))
    parts = np.split(order, [len(x) - 2 * HELD_OUT, len(x) - HELD_OUT])
    return {
        key: part for split, rows in zip(SPLITS, parts, strict=True)
        for key, part in ((f"x_{split}", x[rows]), (f"y_{split}", y[rows]))
    }  # fmt: skip

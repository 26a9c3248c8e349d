"""What people reported of networks whose data are at fault: no signal, another distribution where they are used, an order that was lost."""

from __future__ import annotations

import numpy as np
from diagnosis_public_parts import Made, adam, parted, standard

from landscape.faults.data import digits
from landscape.faults.networks import dense, started


def parity(seed: int, cured: bool) -> Made:
    """Is a number odd, by one linear unit (a course's forum, 2017): nothing linear tells it."""
    x = standard(np.arange(100.0)[:, None])
    y = np.arange(100.0)[:, None] % 2
    return started(dense({"x_train": x, "y_train": y}, (1, 1), loss="mse"), "xavier", seed), {
        "optimizer": "sgd", "learning_rate": 0.01, "batch_size": 10, "steps": 2000,
    }  # fmt: skip


def parabola(seed: int, cured: bool) -> Made:
    """A parabola learned on [−10, 10] and asked for up to 100 (ai.stackexchange 27179)."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-10, 10, (1000, 1))
    far = rng.uniform(-10, 10, (500, 1)) * (1 if cured else 10)
    data = parted(x / 10, x**2 / 100, rng) | {"x_test": far / 10, "y_test": far**2 / 100}
    return started(dense(data, (1, 64, 64, 1), loss="mse"), "he", seed), adam(3e-3, 2000)


def bytes_of_images(seed: int, cured: bool) -> Made:
    """Digits standardized in training, and not when they are used (newbedev.com, own digits); a factor alone does little to these networks."""
    data = digits(seed)
    mean, deviation = data["x_train"].mean(), data["x_train"].std()
    for split in ("train", "validation", "test"):
        if split != "test" or cured:
            data[f"x_{split}"] = (data[f"x_{split}"] - mean) / deviation
        else:
            data[f"x_{split}"] = 16 * data[f"x_{split}"]
    return started(dense(data, (64, 64, 10), "tanh"), "xavier", seed), adam(3e-3, 800)


def remainder(seed: int, cured: bool) -> Made:
    """The remainder by three from bits, the top one of which is new in the test (github.com/tanchongmin/modulo)."""
    numbers = np.arange(2048)
    bits = (numbers[:, None] >> np.arange(11) & 1).astype(float)
    low, high = (
        np.random.default_rng(seed).permutation(1024),
        1024 + np.random.default_rng(seed + 1).permutation(1024)[:500],
    )
    held = low[:200] if cured else high
    rows = low[200:]
    data = {
        "x_train": bits[rows],
        "y_train": numbers[rows] % 3,
        "x_test": bits[held],
        "y_test": numbers[held] % 3,
    }
    return started(dense(data, (11, 128, 128, 3)), "he", seed), adam(3e-3, 4000, 64)


def sorted_classes(seed: int, cured: bool) -> Made:
    """The last fifth of a sorted list as validation (keras 8346)."""
    data = digits(seed)
    x, y = data["x_train"], data["y_train"]
    few = y < 5
    x, y = x[few], y[few]
    order = np.random.default_rng(seed).permutation(len(y)) if cured else np.argsort(y, kind="stable")
    count = int(0.8 * len(y))
    rows, held = order[:count], order[count:]
    data = {"x_train": x[rows], "y_train": y[rows], "x_validation": x[held], "y_validation": y[held]}
    return started(dense(data, (64, 64, 5)), "he", seed), adam(3e-3, 600)


def shuffled_labels(seed: int, cured: bool) -> Made:
    """Labels in another order than the inputs (keras 11427): learned by heart, and held-out data at chance."""
    data = digits(seed)
    order = np.random.default_rng(seed).permutation(300)
    data |= {
        "x_train": data["x_train"][:300],
        "y_train": data["y_train"][:300][slice(None) if cured else order],
    }
    if not cured:
        for split in ("validation", "test"):
            data[f"y_{split}"] = np.random.default_rng(seed + 2).permutation(data[f"y_{split}"])
    return started(dense(data, (64, 128, 10)), "he", seed), adam(3e-3, 2500)


def walk(seed: int, cured: bool) -> Made:
    """A random walk's next value from its last ten (keras 2856); the twin is a sine with noise."""
    rng = np.random.default_rng(seed)
    series = (
        np.sin(np.arange(2000) / 4) + 0.15 * rng.standard_normal(2000)
        if cured
        else np.cumsum(rng.standard_normal(2000))
    )
    windows = np.lib.stride_tricks.sliding_window_view(standard(series[:, None])[:, 0], 11)
    cuts = {"train": slice(0, 1400), "validation": slice(1400, 1700), "test": slice(1700, None)}
    data = {
        f"{axis}_{split}": (windows[cut, :10] if axis == "x" else windows[cut, 10:])
        for split, cut in cuts.items()
        for axis in "xy"
    }
    return started(dense(data, (10, 32, 1), loss="mse"), "he", seed), {
        "optimizer": "rmsprop",
        "learning_rate": 1e-3,
        "batch_size": 32,
        "steps": 2000,
    }


def sorted_labels(seed: int, cured: bool) -> Made:
    """Labels that were sorted while the inputs were not, and no held-out data: learned by heart."""
    data = digits(seed)
    x, y = data["x_train"][:300], data["y_train"][:300]
    data = {"x_train": x, "y_train": y if cured else np.sort(y)}
    return started(dense(data, (64, 128, 10)), "he", seed), adam(3e-3, 2500)

"""Reports from forums about networks that do not train, re-created as recipes, each with its cure if that is a recipe too.

Sources are public threads, named in each docstring. A row's twin is the cure that was reported or derived; the label is verified where the
twin comes out healthy, which the tables of `diagnosis.py` count among false alarms where it does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from diagnosis_public_data import (
    bytes_of_images,
    parabola,
    parity,
    remainder,
    shuffled_labels,
    sorted_classes,
    sorted_labels,
    walk,
)
from diagnosis_public_parts import Made, adam, parted, standard

from landscape import Model, build_model
from landscape.faults.data import digits
from landscape.faults.networks import dense, started

Cured = Callable[[int, bool], Made]


def uniform(model: Model, seed: int, bound: float) -> Model:
    return model.with_theta(np.random.default_rng(seed).uniform(-bound, bound, model.size))


def broadcast(seed: int, cured: bool) -> Made:
    """Every prediction compared with every target (solofox.github.io, the broadcasting trap)."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((442, 1))
    y = 0.6 * x + 0.8 * rng.standard_normal((442, 1))
    model = started(dense({"x_train": x, "y_train": y}, (1, 32, 1), loss="mse"), "he", seed)
    flat = replace(model, data={**model.data, "y_train": np.full_like(model.data["y_train"], y.mean())})
    return (
        (model, adam(1e-3, 4000, 442))
        if cured
        else (flat, adam(1e-3, 20_000, 442) | {"afterwards": model.data})
    )


def softmax_twice(seed: int, cured: bool) -> Made:
    """A softmax before PyTorch's cross-entropy (discuss.pytorch.org 43814)."""
    return started(dense(digits(seed), (64, 128, 10), last=None if cured else "softmax"), "he", seed), adam(
        1e-3, 1500
    )


def relu_logits(seed: int, cured: bool) -> Made:
    """A ReLU as the last layer of a classifier (stackoverflow 47352366)."""
    model = started(dense(digits(seed), (64, 64, 10), last=None if cured else "relu"), "he", seed)
    return model, adam(1e-3, 600, 50)


def multilabel(seed: int, cured: bool) -> Made:
    """A softmax under squared error for labels of several ones a row (stackoverflow 38648195)."""
    rng = np.random.default_rng(seed)
    x = rng.poisson(3.0, (2000, 20)).astype(float)
    y = (x @ rng.standard_normal((20, 3)) + rng.standard_normal((2000, 3)) > 0).astype(float)
    model = dense(
        parted(standard(x), y, rng), (20, 20, 20, 3), loss="mse", last="sigmoid" if cured else "softmax"
    )
    return started(model, "he", seed), adam(1e-2, 2000)


def negative_targets(seed: int, cured: bool) -> Made:
    """A sigmoid for targets that are all negative (stackoverflow 58887284)."""
    x = np.linspace(-1, 1, 111)[:, None]
    y = -1 / (np.exp(10 * x) + 1)
    model = dense({"x_train": x, "y_train": -y if cured else y}, (1, 1), loss="mse", last="sigmoid")
    return started(model, "xavier", seed), adam(0.05, 3000)


def packets(seed: int, cured: bool) -> Made:
    """A ReLU on the logit of a binary classifier (stackoverflow 44066044)."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((2000, 11))
    y = (z @ rng.standard_normal((11, 1)) > 0).astype(float)
    model = dense(
        parted(z, y, rng), (11, 12, 12, 1), loss="binary_cross_entropy", last=None if cured else "relu"
    )
    return started(model, "he", seed), adam(1e-3, 4000, 5)


def two_lines(seed: int, cured: bool) -> Made:
    """Two linear units in a row on targets up to ten thousand (stats.stackexchange 418955): the parameters before training."""
    x = standard(np.arange(100.0)[:, None])
    y = np.arange(100.0)[:, None] ** 2 + 3
    model = dense({"x_train": x, "y_train": standard(y) if cured else y}, (1, 1, 1), "identity", "mse")
    return started(model, "xavier", seed), {
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "batch_size": 32,
        "steps": 1200 if cured else 1,
    }


def cubes(seed: int, cured: bool) -> Made:
    """y = x³ for x up to 3,999, as it is (discuss.pytorch.org 96648)."""
    x = np.arange(1.0, 4000.0)[:, None]
    y = x**3
    data = {"x_train": standard(x), "y_train": standard(y)} if cured else {"x_train": x, "y_train": y}
    return started(dense(data, (1, 50, 1), loss="mse"), "he", seed), adam(1e-3, 1000, 3999) | (
        {"steps": 4000} if cured else {}
    )


def raw_sine(seed: int, cured: bool) -> Made:
    """A sine of a large integer (stackoverflow 46995209)."""
    x = np.arange(1000.0)[:, None]
    y = np.sin(2 * np.pi * x / 500)
    model = dense(
        parted(standard(x) if cured else x, y, np.random.default_rng(seed)), (1, 64, 64, 1), "tanh", "mse"
    )
    return started(model, "xavier", seed), adam(1e-2 if cured else 1e-3, 4000)


def five_times(seed: int, cured: bool) -> Made:
    """y = 5x with RMSprop at a thousandth (stackoverflow 51181393)."""
    x = np.random.default_rng(seed).uniform(1, 2, (80, 1))
    model = started(dense({"x_train": x, "y_train": 5 * x}, (1, 1), loss="mse"), "xavier", seed)
    return model, {
        "optimizer": "rmsprop",
        "learning_rate": 0.1 if cured else 1e-3,
        "batch_size": 32,
        "steps": 600,
    }


def neck(seed: int, cured: bool) -> Made:
    """A neck of one ReLU unit from tiny weights (stackoverflow 53581388)."""
    bits = (np.arange(100)[:, None] >> np.arange(8) & 1).astype(float)
    data = {"x_train": bits, "y_train": 1 - bits[:, :1]}
    model = dense(data, (8, 8, 1) if cured else (8, 1, 2, 1), loss="binary_cross_entropy")
    return (
        (started(model, "he", seed), adam(1e-2, 2000, 2))
        if cured
        else (uniform(model, seed, 0.05), adam(1e-3, 500, 2))
    )


def dead_outputs(seed: int, cured: bool) -> Made:
    """An auto-encoder with a ReLU on its outputs, some of which are 0 for ever (stats.stackexchange 269718)."""
    x = np.random.default_rng(seed).uniform(0, 1, (40, 4))
    model = started(
        dense({"x_train": x, "y_train": x}, (4, 8, 4), loss="mse", last=None if cured else "relu"),
        "xavier",
        seed,
    )
    theta = model.theta.copy()
    slot = model.layout[-1]
    theta[slot.start : slot.start + 2] = 0.0 if cured else -2.0
    return model.with_theta(theta), {
        "optimizer": "sgd",
        "learning_rate": 0.2,
        "batch_size": 40,
        "steps": 6000,
    }


def shares(seed: int, cured: bool) -> Made:
    """Five classes of other shares, at a rate that does not even learn these (datascience.stackexchange 16840)."""
    rng = np.random.default_rng(seed)
    y = rng.choice(5, 3000, p=(0.1624, 0.3993, 0.0931, 0.2086, 0.1366))
    x = 1.2 * np.random.default_rng(5).standard_normal((5, 20))[y] + rng.standard_normal((3000, 20))
    settings = {
        "optimizer": "sgd",
        "learning_rate": 0.1 if cured else 1e-4,
        "batch_size": 64 if cured else 600,
        "steps": 2000 if cured else 24,
    }
    return started(dense(parted(x, y, rng), (20, 64, 64, 5)), "he", seed), settings


def statistics(seed: int, cured: bool) -> Made:
    """A batch normalization whose averages have not caught up (keras 6014)."""
    data = digits(seed)
    two = {split: np.flatnonzero(data[f"y_{split}"] < 2) for split in ("train", "test")}
    count = 64
    data = {
        "x_train": 3 + 4 * data["x_train"][two["train"][:count]], "y_train": data["y_train"][two["train"][:count]],
        "x_test": 3 + 4 * data["x_test"][two["test"]], "y_test": data["y_test"][two["test"]],
    }  # fmt: skip
    nodes = [
        {"name": "fc1", "op": "dense"}, {"name": "norm", "op": "batchnorm", "momentum": 0.1 if cured else 0.01}, {"name": "act", "op": "relu"},
        {"name": "fc2", "op": "dense"},
    ]  # fmt: skip
    shapes = {
        "fc1.weight": (24, 64), "fc1.bias": (24,), "norm.weight": (24,), "norm.bias": (24,), "norm.running_mean": (24,),
        "norm.running_var": (24,), "fc2.weight": (2, 24), "fc2.bias": (2,),
    }  # fmt: skip
    zero = {key: np.ones(shape) if key.endswith("var") else np.zeros(shape) for key, shape in shapes.items()}
    model = build_model(nodes=nodes, parameters=zero, loss="cross_entropy", **data)
    return started(model, "he", seed), adam(1e-3, 400 if cured else 40, 8)


def decayed(seed: int, cured: bool) -> Made:
    """Any input, the same output: a weight decay of a half (caffe 1396)."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((440, 10))
    y = np.tanh(x @ rng.standard_normal((10, 1))) + 0.1 * rng.standard_normal((440, 1))
    model = dense(
        parted(x, standard(y), rng), (10, 64, 64, 1), loss="mse", weight_decay=5e-4 if cured else 0.5
    )
    return started(model, "he", seed), {
        "optimizer": "heavy_ball",
        "learning_rate": 0.01,
        "momentum": 0.9,
        "batch_size": 32,
        "steps": 2000,
    }


def rare(seed: int, signal: float, scales: float, settings: dict[str, Any]) -> Made:
    """One class in nine (datascience.stackexchange 19283): the network answers with the other one everywhere, for three different reasons."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((4000, 30))
    z = signal * x @ np.random.default_rng(7).standard_normal((30, 1)) / np.sqrt(30)
    shift = np.quantile(z + rng.logistic(size=z.shape), 0.884)
    y = (z + rng.logistic(size=z.shape) > shift).astype(float)
    data = parted(x * np.geomspace(1, scales, 30), y, rng)
    return started(dense(data, (30, 8, 8, 1), loss="binary_cross_entropy"), "he", seed), settings


def rare_weak(seed: int, cured: bool) -> Made:
    """The signal is so weak that no example is more likely than not of the rare class."""
    return rare(seed, 0.4, 1.0, adam(1e-3, 1500))


def rare_scales(seed: int, cured: bool) -> Made:
    """A clear signal in inputs of scales from 1 to a million."""
    return rare(seed, 12.0, 1.0 if cured else 1e6, adam(3e-3, 3000))


def rare_slow(seed: int, cured: bool) -> Made:
    """A clear signal at a rate of a millionth."""
    return rare(seed, 12.0, 1.0, adam(3e-3 if cured else 1e-6, 3000))


def dropped_head(seed: int, cured: bool) -> Made:
    """Dropout before the head of a regression (towardsdatascience, pitfalls with dropout and batch norm): evaluation is off, training is not."""
    rng = np.random.default_rng(seed)
    radius, height = rng.uniform(0.3, 0.5, (1500, 1)), rng.uniform(5, 35, (1500, 1))
    x = standard(np.concatenate([radius, height, rng.standard_normal((1500, 6))], axis=1))
    data = parted(x, standard(np.pi * radius**2 * height), rng)
    sizes = (8, 64, 64, 1)
    nodes: list[dict[str, Any]] = []
    for layer in range(3):
        nodes.append({"name": f"fc{layer}", "op": "dense"})
        nodes += [{"name": f"act{layer}", "op": "relu"}] if layer < 2 else []
        nodes += [{"name": "drop", "op": "dropout", "p": 0.0 if cured else 0.8}] if layer == 0 else []
    zero = {
        f"fc{i}.{kind}": np.zeros((sizes[i + 1], sizes[i]) if kind == "weight" else sizes[i + 1])
        for i in range(3)
        for kind in ("weight", "bias")
    }
    return started(build_model(nodes=nodes, parameters=zero, loss="mse", **data), "he", seed), adam(
        3e-3, 2000
    )


ANY = ("optimization",)
# What is right to say of each, the most exact first; of a twin that is the cure, that nothing is wrong.
PUBLIC: dict[str, tuple[Cured, tuple[str, ...], tuple[str, ...]]] = {
    "broadcast": (broadcast, ("broken/wrong-loss",), ("healthy", "noise-floor")),
    "softmax-twice": (softmax_twice, ("broken/output-range",), ("healthy",)),
    "relu-logits": (relu_logits, ("broken/output-range", "optimization/dead-units", "healthy"), ("healthy",)),
    "multilabel": (multilabel, ("broken/output-range", "model-bias"), ("healthy", "noise-floor", "overfitting")),
    "negative-targets": (negative_targets, ("broken/output-range",), ("healthy",)),
    "packets": (packets, ("broken/output-range",), ("healthy",)),
    "two-lines": (two_lines, ("optimization/exploding", "optimization/bouncing"), ("healthy",)),
    "cubes": (cubes, ANY, ("healthy",)),
    "raw-sine": (raw_sine, ANY, ("healthy",)),
    "five-times": (five_times, ("optimization/unfinished",), ("healthy",)),
    "parity": (parity, ("noise-floor/no-signal", "model-bias", "undetermined"), ()),
    "neck": (neck, ANY, ("healthy",)),
    "dead-outputs": (dead_outputs, ("broken/output-range", "optimization/dead-units"), ("healthy",)),
    "shares": (shares, ("optimization/unfinished",), ("healthy", "overfitting")),
    "parabola": (parabola, ("mismatch/covariate",), ("healthy",)),
    "bytes": (bytes_of_images, ("mismatch/preprocessing",), ("healthy",)),
    "remainder": (remainder, ("mismatch", "overfitting"), ("healthy", "overfitting")),
    "sorted-classes": (sorted_classes, ("mismatch/label-shift",), ("healthy",)),
    "statistics": (statistics, ("broken/stale-statistics",), ("healthy",)),
    "shuffled-labels": (shuffled_labels, ("overfitting/no-signal", "noise-floor"), ("healthy", "overfitting")),
    "walk": (walk, ("noise-floor",), ("healthy",)),
    "decayed": (decayed, ("model-bias/over-regularized",), ("healthy", "overfitting")),
    "rare-weak": (rare_weak, ("noise-floor", "healthy"), ()),
    "rare-scales": (rare_scales, ANY, ("healthy", "overfitting", "noise-floor")),
    "rare-slow": (rare_slow, ("optimization/unfinished",), ("healthy", "overfitting", "noise-floor")),
    "dropped-head": (dropped_head, ("model-bias/over-regularized",), ("healthy",)),
    "sorted-labels": (sorted_labels, ("overfitting/no-signal", "noise-floor"), ("healthy", "overfitting")),
}  # fmt: skip

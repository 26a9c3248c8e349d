"""Scans made of formulas, as real ones look: what the figures are tried on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from landscape.records import Scan

Array = np.ndarray


def axis(points: int, low: float = -1.0, high: float = 1.0) -> Array:
    """Evenly spaced, with an exact zero where it lies on the grid."""
    values = np.linspace(low, high, points)
    values[np.abs(values) < 1e-12] = 0.0
    return values


def made(
    axes: tuple[Array, ...],
    values: dict[str, Array],
    *,
    lengths: tuple[float, ...] | None = None,
    done: Array | None = None,
    errors: dict[str, Array] | None = None,
    center: dict[str, dict[str, float]] | None = None,
    data: str = "1" * 64,
    **settings: object,
) -> Scan:
    """Put values into a record as `landscape scan` would."""
    dimensions, shape = len(axes), tuple(a.size for a in axes)
    directions = np.eye(dimensions, 6) * np.array(lengths or (1.0,) * dimensions)[:, None]
    said = {
        "model_name": "digits-mlp",
        "loss": "cross_entropy",
        "normalize": "filter",
        "directions": [f"random {i + 1} (seed 0), filter-normalized" for i in range(dimensions)],
        **settings,
    }
    return Scan(
        axes=axes,
        directions=directions,
        center=np.arange(6.0),
        values=values,
        errors=errors or {},
        penalty=np.zeros(shape),
        done=np.ones(shape, bool) if done is None else done,
        center_values=center or {},
        model="0" * 64,
        data=data,
        settings=said,
        version="0.1.0",
        seconds=2.5,
    )


def bowl() -> Scan:
    """A network's basin: quadratic near the centre, linear far out, the test loss shifted and higher."""
    a, b = axis(51), axis(51)
    x, y = np.meshgrid(a, b, indexing="ij")

    def loss(u: Array, v: Array) -> Array:
        return 0.03 + 3.0 * (np.sqrt(1 + 4 * u**2 + 3 * v**2 + 1.5 * u * v) - 1) + 0.15 * np.sin(3 * u) ** 2

    train, test = loss(x, y), 0.11 + 1.05 * loss(x - 0.12, y + 0.08)
    return made(
        (a, b),
        {
            "train_loss": train,
            "test_loss": test,
            "train_accuracy": 0.1 + 0.9 * np.exp(-1.2 * train),
            "test_accuracy": 0.1 + 0.88 * np.exp(-1.2 * test),
        },
        center={
            "train": {"loss": 0.03, "accuracy": 0.97},
            "test": {"loss": float(test[25, 25]), "accuracy": 0.94},
        },
    )


def valley() -> Scan:
    """The lecture's toy network, (1 − w₁w₂)², around its saddle."""
    a, b = axis(41, -2, 2), axis(41, -2, 2)
    x, y = np.meshgrid(a, b, indexing="ij")
    return made(
        (a, b),
        {"train_loss": (1 - x * y) ** 2},
        center={"train": {"loss": 1.0}},
        model_name="toy",
        loss="mse",
        normalize="none",
        directions=["w1", "w2"],
    )


def decades() -> Scan:
    """A surface over many decades."""
    a, b = axis(51), axis(51)
    x, y = np.meshgrid(a, b, indexing="ij")
    return made(
        (a, b),
        {"train_loss": 1e-6 + np.expm1(9 * (x**2 + 0.6 * y**2 + 0.5 * x * y)) * 1e-3},
        center={"train": {"loss": 1e-6}},
        model_name="regression-net",
        loss="mse",
    )


def diverging() -> Scan:
    """A surface whose corner overflows and whose edge was not computed yet."""
    a, b = axis(41, -1.5, 1.5), axis(41, -1.5, 1.5)
    x, y = np.meshgrid(a, b, indexing="ij")
    loss = 0.2 + 2 * (x - 0.2) ** 2 + 5 * np.abs(y) ** 3
    loss = np.where(x + y > 2.0, np.inf, loss)
    loss[3:6, 30:33] = np.nan
    done = np.ones(loss.shape, bool)
    done[-4:, :20] = False
    return made((a, b), {"train_loss": loss}, done=done, center={"train": {"loss": 0.28}})


def outliers() -> Scan:
    """A few huge values beside an ordinary basin."""
    record = bowl()
    loss = record.values["train_loss"].copy()
    loss[-3:, -3:] = 1e12
    loss[0, 0] = 3e30
    return made(record.axes, {"train_loss": loss}, center=record.center_values)


def oblong() -> Scan:
    """51 × 31 points over different spans, along directions of different lengths."""
    a, b = axis(51, -0.5, 1.5), axis(31, -0.2, 0.2)
    x, y = np.meshgrid(a, b, indexing="ij")
    loss = 0.05 + 1.2 * x**2 * (x - 1) ** 2 * 8 + 30 * y**2 * (1 + x**2)
    return made(
        (a, b),
        {"train_loss": loss},
        lengths=(4.0, 1.0),
        center={"train": {"loss": 0.05}},
        normalize="none",
        directions=["to the other model", "random 1 (seed 0)"],
    )


def negative() -> Scan:
    """Values below zero, crowded near the minimum."""
    a, b = axis(31), axis(31)
    x, y = np.meshgrid(a, b, indexing="ij")
    return made(
        (a, b), {"train_loss": -3.2 + 40 * (x**2 + y**2) ** 3}, loss="callable", model_name="my function"
    )


def constant() -> Scan:
    """A dead network."""
    a, b = axis(21), axis(21)
    return made((a, b), {"train_loss": np.full((21, 21), np.log(10))}, center={"train": {"loss": np.log(10)}})


def hopeless() -> Scan:
    """Nothing finite."""
    a, b = axis(21), axis(21)
    return made((a, b), {"train_loss": np.full((21, 21), np.nan)}, center={"train": {"loss": float("nan")}})


def line() -> Scan:
    """One dimension: train and test, loss and accuracy, of a subset, with a part that overflows."""
    a = axis(101, -1.5, 1.5)
    train = 0.02 + 2.5 * (np.sqrt(1 + 3 * a**2) - 1) + 0.3 * a**2
    test = 0.15 + 2.6 * (np.sqrt(1 + 3 * (a - 0.1) ** 2) - 1) + 0.35 * (a - 0.1) ** 2
    train[-8:] = np.inf
    test[-9:] = np.nan
    values = {
        "train_loss": train,
        "test_loss": test,
        "train_accuracy": np.where(np.isfinite(train), 0.1 + 0.89 * np.exp(-0.9 * a**2), np.nan),
        "test_accuracy": np.where(np.isfinite(test), 0.1 + 0.84 * np.exp(-0.9 * (a - 0.1) ** 2), np.nan),
    }
    errors = {name: np.full(a.size, 0.08 if "loss" in name else 0.015) for name in values}
    return made(
        (a,),
        values,
        errors=errors,
        examples={"train": 256, "test": 256},
        center={"train": {"loss": 0.02, "accuracy": 0.99}, "test": {"loss": 0.189, "accuracy": 0.93}},
    )


def between() -> Scan:
    """From one model to another, over a barrier, regression without accuracy."""
    a = axis(61, -0.25, 1.25)
    barrier = 0.004 + 0.8 * np.exp(-(((a - 0.5) / 0.18) ** 2)) + 3 * np.maximum(0, np.abs(a - 0.5) - 0.5) ** 2
    return made(
        (a,),
        {"train_loss": barrier, "test_loss": barrier * 1.1 + 0.01},
        loss="mse",
        normalize="none",
        directions=["to the other model"],
        center={"train": {"loss": 0.004}, "test": {"loss": 0.0144}},
    )


def volume() -> Scan:
    """Three dimensions."""
    a, b, c = axis(21), axis(21), axis(15)
    x, y, z = np.meshgrid(a, b, c, indexing="ij")
    loss = 0.05 + 2 * x**2 + 1.2 * (y - 0.6 * z) ** 2 + 1.5 * z**2
    loss[(x > 0.6) & (z > 0.7)] = np.nan
    return made((a, b, c), {"train_loss": loss}, center={"train": {"loss": 0.05}})


def single_row() -> Scan:
    """1 × N points."""
    a, b = np.array([0.25]), axis(31)
    return made((a, b), {"train_loss": 0.1 + b[None, :] ** 2})


def single_point() -> Scan:
    """One point."""
    return made(
        (np.array([0.0]), np.array([0.0])), {"train_loss": np.array([[0.3]])}, center={"train": {"loss": 0.3}}
    )


EXAMPLES: dict[str, Callable[[], Scan]] = {
    example.__name__: example
    for example in (
        bowl,
        valley,
        decades,
        diverging,
        outliers,
        oblong,
        negative,
        constant,
        hopeless,
        line,
        between,
        volume,
        single_row,
        single_point,
    )
}

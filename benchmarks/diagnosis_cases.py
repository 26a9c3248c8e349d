"""The recipes of `diagnosis.py`: development cases and twins, own faults with other data and severities, mild ones, healthy runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from diagnosis_public import PUBLIC

from landscape import Model, build_model
from landscape.faults.cases import CASES, recipe
from landscape.faults.data import digits, drawn, moons, sine
from landscape.faults.networks import dense, started

Made = tuple[Model, dict[str, Any]]
Data = Callable[[int], dict[str, Any]]
HEALTHY, FLOOR = ("healthy",), ("healthy", "noise-floor")
DIGITS = (64, 32, 10)


@dataclass(frozen=True)
class Row:
    """A recipe: what makes it, the answers that are right, and what kind it is of."""

    make: Callable[[int], Made]
    accepted: tuple[str, ...]
    kind: str


def blobs(rng: np.random.Generator, count: int, classes: int = 4, shares: Any = None) -> Any:
    """Gaussian classes in eight dimensions."""
    y = rng.choice(classes, size=count, p=shares)
    centers = 1.5 * np.random.default_rng(5).standard_normal((classes, 8))
    return centers[y] + rng.standard_normal((count, 8)), y.astype(np.int64)


def friedman(rng: np.random.Generator, count: int, shift: float = 0.0, scales: float = 1.0) -> Any:
    """A smooth function of five of six inputs, with a little noise."""
    x = rng.random((count, 6)) + shift
    y = np.sin(np.pi * x[:, 0] * x[:, 1]) + 2 * (x[:, 2] - 0.5) ** 2 + x[:, 3] + 0.5 * x[:, 4]
    y = (y - 1.6) + 0.1 * rng.standard_normal(count)
    return (x - 0.5) * np.geomspace(1, scales, 6), y[:, None]


def board(rng: np.random.Generator, count: int) -> Any:
    """A checkerboard of four by four."""
    x = 2 * rng.random((count, 2)) - 1
    return x, ((np.floor(2 * x[:, 0]) + np.floor(2 * x[:, 1])) % 2).astype(np.int64)


def overlapping(rng: np.random.Generator, count: int, share: float) -> Any:
    """Two classes that overlap, one of them with a share."""
    y = (rng.random(count) < share).astype(np.int64)
    return rng.standard_normal((count, 2)) + 1.8 * y[:, None] * np.array([1.0, 0.0]), y


def noisy_moons(rng: np.random.Generator, count: int) -> Any:
    return moons(rng, count, 0.35)


def noisy_sine(rng: np.random.Generator, count: int) -> Any:
    return sine(rng, count, 0.3)


def of(problem: Any, train: int, held: int) -> Data:
    return lambda seed: drawn(problem, seed, train, held)


def noisy_digits(count: int, flipped: float) -> Data:
    def data(seed: int) -> Any:
        splits, rng = digits(seed), np.random.default_rng(seed)
        y = splits["y_train"][:count].copy()
        swap = rng.random(count) < flipped
        y[swap] = rng.integers(0, 10, swap.sum())
        return splits | {"x_train": splits["x_train"][:count], "y_train": y}

    return data


def test_from(base: Data, problem: Callable[[np.random.Generator], Any]) -> Data:
    def data(seed: int) -> Any:
        x, y = problem(np.random.default_rng(seed + 7))
        return base(seed) | {"x_test": x, "y_test": y}

    return data


def changed(base: Data, change: Callable[[dict[str, Any], np.random.Generator], dict[str, Any]]) -> Data:
    return lambda seed: (splits := base(seed)) | change(splits, np.random.default_rng(seed))


def drifted(amount: float) -> Data:
    return changed(
        digits, lambda d, rng: {"x_test": d["x_test"] + amount * rng.standard_normal(d["x_test"].shape)}
    )


def few_flips(d: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    return {"y_test": np.where(rng.random(len(d["y_test"])) < 0.01, 1 - d["y_test"], d["y_test"])}


def row(
    kind: str, accepted: tuple[str, ...], data: Data, sizes: tuple[int, ...], activation: str = "relu", *,
    loss: str = "cross_entropy", bias: float = 0.0, decay: float = 0.0, dead: int = 0, last: str | None = None, **settings: Any,
) -> Row:  # fmt: skip
    """A network of dense layers; without an optimizer and a rate it is Adam at 0.01."""
    trained = (
        settings if "learning_rate" in settings else {"optimizer": "adam", "learning_rate": 0.01, **settings}
    )

    def make(seed: int) -> Made:
        model = dense(data(seed), sizes, activation, loss, weight_decay=decay, last=last)
        model = started(model, "xavier" if activation in ("tanh", "sigmoid") else "he", seed, bias=bias)
        return part_dead(model, dead), trained

    return Row(make, accepted, kind)


def part_dead(model: Model, units: int) -> Model:
    """Turn off so many units of the first layer."""
    theta = model.theta.copy()
    slot = next(slot for slot in model.layout if slot.name == "fc1.bias")
    theta[slot.start : slot.start + units] = -20.0
    return model.with_theta(theta)


def development() -> dict[str, Row]:
    table: dict[str, Row] = {}
    for name, case in CASES.items():
        make = recipe(name)
        table[name] = Row(lambda seed, make=make: make(seed, False), case.accepted, "fault")
        table[f"{name}.twin"] = Row(lambda seed, make=make: make(seed, True), case.right_of_twin, "twin")
    return table


def public() -> dict[str, Row]:
    """What people reported, and its cure."""
    table: dict[str, Row] = {}
    for name, (make, accepted, cured) in PUBLIC.items():
        table[f"public.{name}"] = Row(lambda seed, make=make: make(seed, False), accepted, "fault")
        if cured:
            table[f"public.{name}.twin"] = Row(lambda seed, make=make: make(seed, True), cured, "twin")
    return table


def more_faults() -> dict[str, Row]:
    """Faults of the kinds that the rules see by structure, with other data and severities than the cases of the package."""
    plain, squares = of(blobs, 800, 300), of(friedman, 600, 300)
    far = changed(
        squares, lambda d, rng: {f"y_{s}": 5e5 + 1e5 * d[f"y_{s}"] for s in ("train", "validation", "test")}
    )
    raw = changed(
        squares, lambda d, rng: {f"x_{s}": 400 + 150 * d[f"x_{s}"] for s in ("train", "validation", "test")}
    )
    leaky = changed(
        plain,
        lambda d, rng: {
            f"{a}_test": np.concatenate([d[f"{a}_train"][:60], d[f"{a}_test"][60:]]) for a in "xy"
        },
    )
    flat = changed(plain, lambda d, rng: {"y_train": rng.permutation(d["y_train"])})
    scaled = (
        "optimization/ill-conditioned",
        "optimization/vanishing-gradient",
        "optimization/exploding",
        "optimization/unfinished",
    )
    return {
        "own.sigmoid-logits": row("fault", ("broken/output-range",), plain, (8, 24, 4), last="sigmoid", steps=1000),
        "own.tanh-logits": row("fault", ("broken/output-range",), plain, (8, 24, 4), last="tanh", steps=1000),
        "own.relu-regression": row("fault", ("broken/output-range",), squares, (6, 32, 1), loss="mse", last="relu", steps=1000),
        "own.far-targets": row("fault", scaled, far, (6, 32, 1), loss="mse", steps=1000),
        "own.raw-inputs": row("fault", scaled, raw, (6, 32, 32, 1), "tanh", loss="mse", learning_rate=1e-3, steps=1000),
        "own.leak": row("fault", ("broken/leakage",), leaky, (8, 24, 4), steps=800),
        "own.shuffled-blobs": row("fault", ("overfitting/no-signal", "noise-floor/no-signal"), flat, (8, 128, 128, 4), steps=4000),
        "own.decayed-blobs": row("fault", ("model-bias/over-regularized",), plain, (8, 24, 4), decay=0.2, steps=1500),
        "own.linear-blobs": row("fault", ("model-bias/linear",), of(board, 800, 300), (2, 24, 2), "identity", steps=1500),
        "own.narrow-neck": row("fault", ("model-bias/width", "model-bias/depth"), plain, (8, 16, 1, 16, 4), "tanh", steps=1500),
    }  # fmt: skip


def own_faults() -> dict[str, Row]:
    squares, plain = of(friedman, 600, 300), of(blobs, 800, 300)
    scaled = changed(of(blobs, 600, 300), lambda d, rng: {"x_test": 5 * d["x_test"] + 3})
    swapped = changed(squares, lambda d, rng: {"y_test": -d["y_test"]})
    shifted = test_from(squares, lambda rng: friedman(rng, 300, shift=1.0))
    shares = test_from(
        of(lambda r, n: overlapping(r, n, 0.1), 600, 400), lambda rng: overlapping(rng, 400, 0.9)
    )
    uneven = of(lambda r, n: friedman(r, n, scales=300.0), 600, 300)
    walls, stuck = (
        ("optimization/bouncing", "optimization/dead-units", "optimization/exploding"),
        ("optimization/vanishing-gradient", "optimization/plateau"),
    )
    return {
        "own.narrow-board": row("fault", ("model-bias/width", "model-bias/depth"), of(board, 800, 300), (2, 3, 2), steps=2000),
        "own.linear-board": row("fault", ("model-bias/linear",), of(board, 800, 300), (2, 16, 16, 2), "identity", steps=1500),
        "own.slow-blobs": row("fault", ("optimization/unfinished",), plain, (8, 16, 4), learning_rate=2e-4, steps=800),
        "own.decayed-friedman": row("fault", ("model-bias/over-regularized",), squares, (6, 32, 1), loss="mse", decay=0.5, steps=1500),
        "own.dead-blobs": row("fault", ("optimization/dead-units",), plain, (8, 24, 4), bias=-30.0, learning_rate=0.1, steps=1500),
        "own.scales": row("fault", ("optimization",), uneven, (6, 16, 1), "tanh", loss="mse", learning_rate=1e-5, steps=1500),
        "own.bouncing-moons": row("fault", walls, of(moons, 400, 300), (2, 16, 2), "tanh", learning_rate=30.0, batch_size=16, steps=1000),
        "own.deep-sigmoid": row("fault", stuck, plain, (8, *[16] * 8, 4), "sigmoid", learning_rate=0.1, steps=1500),
        "own.few-digits": row("fault", ("overfitting",), noisy_digits(50, 0.0), (64, 64, 10), steps=1000),
        "own.flipped-digits": row("fault", ("overfitting",), noisy_digits(300, 0.4), (64, 128, 10), steps=1500),
        "own.shifted-friedman": row("fault", ("mismatch",), shifted, (6, 32, 32, 1), loss="mse", steps=1500),
        "own.other-shares": row("fault", ("mismatch/label-shift",), shares, (2, 16, 2), steps=800),
        "own.unscaled-blobs": row("fault", ("mismatch/preprocessing",), scaled, (8, 32, 4), steps=800),
        "own.swapped-friedman": row("fault", ("mismatch/concept",), swapped, (6, 32, 1), loss="mse", steps=1500),
    }  # fmt: skip


def mild() -> dict[str, Row]:
    """Faults too small to matter: healthy is right."""
    flipped = changed(of(moons, 400, 400), few_flips)
    return {
        "mild.drift": row("mild", HEALTHY, drifted(0.05), DIGITS, steps=800),
        "mild.flips": row("mild", HEALTHY, flipped, (2, 16, 16, 2), steps=1000),
        "mild.decay": row("mild", HEALTHY, digits, DIGITS, decay=1e-3, steps=1500),
        "mild.slow": row("mild", HEALTHY, digits, DIGITS, learning_rate=0.1, steps=1500),
        "mild.dead": row("mild", HEALTHY, of(moons, 400, 300), (2, 32, 32, 2), dead=10, steps=1500),
        "mild.batch": row("mild", HEALTHY, of(blobs, 800, 300), (8, 32, 4), learning_rate=0.05, batch_size=1, steps=3000),
    }  # fmt: skip


def dropped(seed: int) -> Made:
    """A network with dropout, whose validation loss lies below the loss that it trains on."""
    nodes = [
        {"name": "fc1", "op": "dense"}, {"name": "act1", "op": "relu"}, {"name": "drop", "op": "dropout", "p": 0.4},
        {"name": "fc2", "op": "dense"},
    ]  # fmt: skip
    zero = {
        "fc1.weight": np.zeros((64, 64)),
        "fc1.bias": np.zeros(64),
        "fc2.weight": np.zeros((10, 64)),
        "fc2.bias": np.zeros(10),
    }
    model = build_model(nodes=nodes, parameters=zero, loss="cross_entropy", **digits(seed))
    return started(model, "he", seed), {"optimizer": "adam", "learning_rate": 3e-3, "steps": 2000}


def healthy_kinds() -> dict[str, Row]:
    few = changed(
        of(moons, 400, 300), lambda d, rng: {f"{a}_validation": d[f"{a}_validation"][:25] for a in "xy"}
    )
    rare = of(lambda r, n: blobs(r, n, 2, (0.95, 0.05)), 1000, 600)
    gentle = {"optimizer": "adam", "learning_rate": 3e-3}
    return {
        "healthy.edge": row("healthy", HEALTHY, of(moons, 300, 300), (2, 16, 16, 2), "tanh", learning_rate=1.0, batch_size=300, steps=3000),
        "healthy.dropout": Row(dropped, HEALTHY, "healthy"),
        "healthy.small-validation": row("healthy", HEALTHY, few, (2, 16, 16, 2), steps=1000),
        "healthy.noisy-targets": row("healthy", FLOOR, of(noisy_sine, 600, 300), (1, 32, 32, 1), "tanh", loss="mse", steps=1500),
        "healthy.imbalance": row("healthy", HEALTHY, rare, (8, 16, 2), steps=1000),
        "healthy.early-stopping": row("healthy", FLOOR, of(noisy_moons, 300, 300), (2, 64, 64, 2), **gentle, steps=200),
        "healthy.drift": row("healthy", HEALTHY, drifted(0.1), (64, 64, 10), **gentle, steps=1200),
        "healthy.loss-gap": row("healthy", HEALTHY, digits, (64, 64, 10), steps=4000),
        "healthy.noisy-classes": row("healthy", FLOOR, of(noisy_moons, 800, 400), (2, 16, 2), steps=1000),
        "healthy.batch-noise": row("healthy", FLOOR, of(friedman, 600, 300), (6, 32, 1), loss="mse", learning_rate=0.05, batch_size=4, steps=4000),
    }  # fmt: skip


def more_healthy() -> dict[str, Row]:
    """Healthy networks that look like the newer faults: a last activation that the targets want, copies, small scales, a copied input."""
    squares, plain = of(friedman, 600, 300), of(blobs, 800, 300)
    unit = changed(
        squares,
        lambda d, rng: {
            f"y_{s}": 1 / (1 + np.exp(-3 * d[f"y_{s}"])) for s in ("train", "validation", "test")
        },
    )
    doubled = changed(
        plain,
        lambda d, rng: {
            f"x_{s}": np.concatenate([d[f"x_{s}"]] * 2, axis=1) for s in ("train", "validation", "test")
        },
    )
    wide = changed(
        squares, lambda d, rng: {f"y_{s}": 6 * d[f"y_{s}"] for s in ("train", "validation", "test")}
    )
    few = changed(
        plain,
        lambda d, rng: {
            "x_test": np.concatenate([d["x_train"][:9], d["x_test"][9:]]),
            "y_test": np.concatenate([d["y_train"][:9], d["y_test"][9:]]),
        },
    )
    tiny = changed(plain, lambda d, rng: {f"{a}_validation": d[f"{a}_validation"][:30] for a in "xy"})
    return {
        "healthy.sigmoid-end": row("healthy", HEALTHY, unit, (6, 32, 1), loss="mse", last="sigmoid", steps=2000),
        "healthy.copied-inputs": row("healthy", HEALTHY, doubled, (16, 32, 4), steps=800),
        "healthy.wide-targets": row("healthy", HEALTHY, wide, (6, 32, 32, 1), loss="mse", steps=2500),
        "healthy.few-shared": row("healthy", HEALTHY, few, (8, 32, 4), steps=800),
        "healthy.tiny-validation": row("healthy", HEALTHY, tiny, (8, 32, 4), steps=800),
        "healthy.gelu": row("healthy", HEALTHY, digits, DIGITS, "gelu", steps=1500),
        "healthy.sgd-batches": row("healthy", HEALTHY, digits, DIGITS, learning_rate=0.2, batch_size=16, steps=3000),
        "healthy.light-decay": row("healthy", HEALTHY, plain, (8, 32, 4), decay=1e-4, steps=1000),
    }  # fmt: skip


def rows() -> dict[str, Row]:
    """The table, in the order that the halves are dealt in."""
    return development() | own_faults() | mild() | healthy_kinds() | more_faults() | more_healthy() | public()


def half_of(name: str, table: dict[str, Row]) -> str:
    """Deal recipes out in turn within each kind; a twin goes with its case."""
    if table[name].kind == "twin":
        return half_of(name.removesuffix(".twin"), table)
    alike = [other for other, r in table.items() if r.kind == table[name].kind]
    return ("tuned", "held")[alike.index(name) % 2]

"""A small valid record of each kind, and of each study: what loading, figures and summaries are tried on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from landscape.records import (
    Atlas,
    Connection,
    Critical,
    Diagnosis,
    Hessian,
    Race,
    Record,
    Scan,
    Sharpness,
    Study,
    Topology,
    Trajectory,
)

COMMON: dict[str, Any] = {"model": "a" * 64, "data": "b" * 64, "version": "0.1.0", "seconds": 1.5}
WORDS: dict[str, Any] = {"model_name": "tiny", "loss": "cross_entropy", "loss_scale": 1.0, "dtype": "float32", "device": "cpu", "seed": 0}  # fmt: skip
PARAMETERS = 4


def ramp(*shape: int) -> np.ndarray:
    """Numbers from 0.1 on, all different."""
    return 0.1 + np.arange(np.prod(shape), dtype=float).reshape(shape) / 10


def scan(*points: int) -> Scan:
    """Make a scan over so many points an axis."""
    dimensions = len(points)
    return Scan(
        axes=tuple(np.linspace(-1, 1, count) for count in points),
        directions=np.eye(dimensions, PARAMETERS),
        center=np.zeros(PARAMETERS),
        values={
            "train_loss": ramp(*points),
            "test_loss": 2 * ramp(*points),
            "train_accuracy": np.full(points, 0.5),
        },
        errors={"train_loss": np.full(points, 0.01)},
        penalty=np.zeros(points),
        done=np.ones(points, bool),
        center_values={"train": {"loss": 0.3, "accuracy": 0.5}},
        settings=WORDS
        | {"directions": [f"random {i} (seed 0)" for i in range(dimensions)], "examples": {"train": 9}},
        **COMMON,
    )


def hessian() -> Hessian:
    """Make a Hessian of two eigenpairs with all that can be asked for."""
    return Hessian(
        eigenvalues=np.array([-1.0, 2.0]),
        residuals=np.full(2, 1e-9),
        errors=np.full(2, 2e-9),
        eigenvectors=np.eye(2, PARAMETERS),
        products=9,
        estimates={"trace": (1.5, 0.1)},
        density={
            "grid": np.linspace(-1, 2, 5),
            "value": ramp(5),
            "error": ramp(5),
            "nodes": ramp(2, 3),
            "weights": np.full((2, 3), 1 / 3),
        },
        node_names=("fc1", "fc2"),
        node_eigenvalues=np.array([[-0.5, 1.0], [0.0, 1.5]]),
        node_errors=np.full((2, 2), 1e-8),
        settings=WORDS
        | {
            "top": 1,
            "bottom": 1,
            "parameters": PARAMETERS,
            "all": False,
            "layout": [["fc1", 0, 2], ["fc2", 2, 4]],
            "node": None,
        },
        **COMMON,
    )


def critical() -> Critical:
    """Make a saddle with its escape and both planes."""
    axis, step = np.linspace(-1, 1, 5), np.linspace(-1, 1, 5)
    planes = {
        f"{name}.{part}": array
        for name in ("plane", "random")
        for part, array in {
            "axis.0": axis,
            "axis.1": axis,
            "loss": ramp(5, 5),
            "vectors": np.eye(2, PARAMETERS),
        }.items()
    }
    verdict = {
        "kind": "saddle", "reason": "an eigenvalue is negative", "index": 1, "index_interval": [1, 1], "inertia": [2, 1, 1], "loss": 0.7,
        "gradient_norm": 1e-9, "tolerance": 1e-9, "escape": {"eigenvalue": -1.0, "predicted": -0.1, "actual": -0.09, "step": 0.5},
    }  # fmt: skip
    return Critical(
        theta=np.zeros(PARAMETERS), gradient=np.full(PARAMETERS, 1e-9), eigenvalues=np.array([-1.0, 0.0, 1.0, 2.0]), errors=np.full(4, 1e-9),
        verdict=verdict, escape_step=step, escape_predicted=-(step**2) / 2, escape_actual=-(step**2) / 3, escape_theta=ramp(PARAMETERS),
        planes=planes, settings=WORDS | {"parameters": PARAMETERS}, **COMMON,
    )  # fmt: skip


def atlas() -> Atlas:
    """Make an atlas of three starts."""
    numbers = {
        name: ramp(3) for name in ("loss", "gradient_norm", "newton_decrement", "flatness", "tolerance")
    }
    return Atlas(
        theta=ramp(3, PARAMETERS), **numbers, inertia=np.array([[3, 1, 0], [2, 1, 1], [4, 0, 0]]),
        index_interval=np.array([[0, 1], [1, 2], [0, 0]]), positive=np.array([3, 2, 4]), steps=np.array([5, 6, 7]),
        done=np.ones(3, bool), critical=np.array([True, True, False]), flat=np.zeros(3, bool), kink=np.zeros(3, bool),
        settings=WORDS | {"parameters": PARAMETERS, "starts": 3}, **COMMON,
    )  # fmt: skip


def connection() -> Connection:
    """Make three minima with all that can be asked for between two of them."""
    height = {"value": 0.3, "error": 0.01, "at": 0.5}
    heights = dict.fromkeys(("barrier", "barrier_mean_ends", "barrier_max_end", "accuracy"), height)
    whole = {"connected": "barrier", **heights, "test": heights}
    curve = whole | {"length": 1.2, "away": 0.4}
    saddle = {
        "height": 0.4,
        "above": 0.2,
        "error": 0.01,
        "index": 1,
        "certified": True,
        "reason": "words",
        "joins": True,
    }
    saddle |= {
        "sides": [
            {"to": to, "reordered": False, "loss": 0.1, "distance": 0.0, "highest": 0.4} for to in (0, 1)
        ]
    }
    t, series, pairs = np.linspace(0, 1, 5), {}, []
    for i, j in ((0, 1), (0, 2), (1, 2)):
        pair = {"from": i, "to": j, **whole, "distance": 1.0, "scale": 2.0, "curves": {}, "lowest": 0.5}
        names = ["linear"]
        if (i, j) == (0, 1):
            pair |= {
                "barrier": height | {"value": 0.4},
                "curves": {"bezier": curve, "band": curve},
                "saddle": saddle,
            }
            pair["aligned"] = whole | {"agreement": 1e-14}
            names += ["bezier", "band", "aligned"]
        for number, name in enumerate(names):
            prefix = f"path.{i}-{j}.{name}"
            series |= {
                f"{prefix}.t": t,
                f"{prefix}.train_loss": ramp(5) + number,
                f"{prefix}.test_accuracy": np.full(5, 0.5),
            }
        pairs.append(pair)
    series |= {
        "path.0-1.bezier.points": ramp(3, PARAMETERS), "permutation.0-1.fc1": np.array([2.0, -1.0]), "saddle.0-1.theta": ramp(PARAMETERS),
        "saddle.0-1.eigenvector": ramp(PARAMETERS),
    }  # fmt: skip
    tree = [{"from": 0, "to": 1, "height": 0.4}, {"from": 1, "to": 2, "height": 0.6}]
    ends = [{"name": name, "train_loss": 0.1, "test_loss": 0.2} for name in ("a", "b", "c")]
    return Connection(
        theta=ramp(3, PARAMETERS), names=("a", "b", "c"), report={"ends": ends, "pairs": pairs, "tree": tree}, series=series,
        settings=WORDS | {"names": ["a", "b", "c"], "splits": ["train", "test"]}, **COMMON,
    )  # fmt: skip


def sharpness() -> Sharpness:
    """Make two measures, rescaled and compared, with curves."""
    measures = {"lambda_max": (2.0, 1e-9), "sam": (0.1, 0.01)}
    curve = {"axis": np.linspace(-1, 1, 5), "train_loss": ramp(5), "test_loss": 2 * ramp(5)}
    told = {
        name: {"definition": "words", "invariant": {"layer": False, "neuron": False}} for name in measures
    }
    return Sharpness(
        measures=measures, beside={"layer": measures, "other": measures}, curves={"curve": curve, "other_curve": curve},
        settings=WORDS | {"measures": told, "compare_name": "other", "split": "train"}, **COMMON,
    )  # fmt: skip


def trajectory() -> Trajectory:
    """Make the path of four checkpoints."""
    values = {"train_loss": ramp(4), "test_loss": 2 * ramp(4)}
    return Trajectory(
        scan=scan(3, 4), step=np.array([0, 5, 9, 20]), projected=ramp(4, 2), distance=ramp(4), captured=np.array([0.8, 0.1]),
        values=values, plane_values=values, settings=scan(3, 4).settings, **COMMON,
    )  # fmt: skip


def race() -> Race:
    """Make a race of two, with two seeds and three looks."""
    values = {name: ramp(2, 2, 3) for name in ("train_loss", "test_loss", "test_accuracy", "gradient_norm")}
    return Race(
        optimizers=("sgd", "adam"), rates=np.array([0.1, 0.01]), step=np.array([0, 5, 10]), examples=np.array([0, 40, 80]), values=values,
        diverged=np.array([[-1, -1], [-1, 7]]), scan=scan(3, 4), projected=ramp(2, 3, 2), distance=ramp(2, 3), captured=np.array([0.8, 0.1]),
        tuning_rates=np.array([0.1, 0.01]), tuning_loss=ramp(2, 2), settings=scan(3, 4).settings | {"optimizers": ["sgd", "adam"]}, **COMMON,
    )  # fmt: skip


def topology() -> Topology:
    """Make two basins, one of them open, a third within the noise, a maximum, and what descents found."""
    plane = scan(3, 4)
    words = {
        "quantity": "train_loss",
        "connectivity": "faces",
        "threshold": 0.05,
        "same_across_corners": True,
    }
    verified = {
        "basin": np.array([0, 1]), "loss": np.array([0.0, 0.1]), "gradient_norm": np.full(2, 1e-9), "minimum": np.array([0, 1]),
        "distance": np.array([[0.0, 2.0], [2.0, 0.0]]), "between": np.array([[0.0, 0.9], [0.9, 0.1]]),
        "way": np.array([[np.nan, 0.7], [0.7, np.nan]]), "converged": np.ones(2, bool),
    }  # fmt: skip
    return Topology(
        scan=plane, pairs=np.array([[0.1, np.inf], [0.3, 0.9], [0.5, 0.52]]), index=np.array([[0, -1], [6, 8], [4, 5]]),
        error=np.full(3, 1e-6), open=np.array([True, False, False]), label=np.repeat([[0, 0, 1, 2]], 3, axis=0),
        parent=np.array([-1, 0, 0]), survivor=np.array([0, 1, 0]), grid_dependent=np.array([False, True, False]),
        maxima=np.array([[0.6, 1.1]]), maxima_index=np.array([[5, 10]]), verified=verified,
        settings=plane.settings | words | {"scan": plane.settings}, **COMMON,
    )  # fmt: skip


STUDIES: dict[str, tuple[dict[str, np.ndarray], dict[str, float], dict[str, Any]]] = {
    "batch-size": (
        {"batch_size": np.array([4, 8]), "update_seconds": ramp(2), "epoch_seconds": ramp(2)}
        | {f"{b}.{n}": ramp(2, 2) for b in ("epochs", "updates") for n in ("train_loss", "test_accuracy", "sharpness")},
        {"updates": 9.0},
        {"optimizer": "sgd", "learning_rate": 0.1, "seeds": 2},
    ),
    "learning-rate": (
        {"rates": np.array([0.01, 0.1, 1.0]), "train_loss": ramp(2, 3, 2)},
        {"limit": 0.5, "sgd.limit": 0.5, "sgd.rate": 0.1, "sgd.rate_low": 0.01, "sgd.rate_high": 0.1},
        {"optimizers": ["sgd", "adam"], "steps": 10, "seeds": 2},
    ),
    "stability": (
        {"rates": np.array([0.1, 0.2]), "limit": np.array([20.0, 10.0])} | {n: ramp(2, 4) for n in ("step", "sharpness", "loss")},
        {"factor": 2.0},
        {"optimizer": "sgd"},
    ),
    "schedule": (
        {"step": np.array([0.0, 5.0, 10.0]), "train_loss": ramp(2, 2, 2, 3)},
        {"warmup": 2.0},
        {"schedules": ["constant", "cosine"], "optimizer": "sgd", "learning_rate": 0.1, "seeds": 2},
    ),
}  # fmt: skip


def study(name: str) -> Study:
    """Make a study."""
    series, numbers, settings = STUDIES[name]
    return Study(study=name, series=series, numbers=numbers, findings=("a sentence",), settings=WORDS | {"study": name} | settings, **COMMON)  # fmt: skip


def diagnosis() -> Diagnosis:
    """Make a diagnosis with every figure."""
    gap = {"base": "train", "other": "test", "part": 0.2, "error": 0.01, "metric": "accuracy"}
    outcome = {"train": 0.1, "half": 0.01, "share": 0.5, "useful": True}
    outcomes = [
        {"name": "longer", "kind": "fork"},
        {"name": "adam", "kind": "fork"},
        {"name": "wider", "kind": "larger"},
    ]
    evidence = {
        "train_loss": 0.5, "constant_loss": 0.7, "outcomes": [outcome | which for which in outcomes], "validation_gap": gap,
        "test_gap": None, "state": {"eigenvalue_min": -1.0}, "beside": [],
        "generalization": {"sizes": [4, 8], "curve": [0.5, 0.4], "halves": [0.1, None], "metric": "error"},
    }  # fmt: skip
    report = {
        "verdict": "optimization", "subtype": "saddle", "confidence": "verified", "why": ["words"], "accepted": ["optimization/saddle"],
        "evidence": evidence, "thresholds": {"gap": 0.1, "shift": 0.05}, "gain": 0.5, "contradiction": None,
    }  # fmt: skip
    series = {
        "runs.forks.labels": np.array(["longer", "adam"]), "runs.forks.step": np.tile([0, 5, 10], (4, 1)), "runs.forks.train_loss": ramp(4, 3),
        "escape.step": ramp(3), "escape.predicted": -ramp(3), "escape.actual": -ramp(3),
        "stability.step": np.array([0, 5]), "stability.value": ramp(2), "stability.limit": np.array(2.0),
    }  # fmt: skip
    return Diagnosis(
        report=report, series=series, done=True, settings=WORDS | {"budget": "standard"}, **COMMON
    )


EXAMPLES: dict[str, Callable[[], Record]] = {
    "line": lambda: scan(5),
    "plane": lambda: scan(3, 4),
    "volume": lambda: scan(2, 3, 3),
    "hessian": hessian,
    "critical": critical,
    "atlas": atlas,
    "connection": connection,
    "sharpness": sharpness,
    "trajectory": trajectory,
    "race": race,
    "topology": topology,
    **{name: lambda name=name: study(name) for name in STUDIES},  # type: ignore[misc]
    "diagnosis": diagnosis,
}

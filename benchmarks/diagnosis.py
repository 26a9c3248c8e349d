"""How often `landscape.diagnose` is right: `python benchmarks/diagnosis.py [--seeds 10] [--minutes 20] [--report]`.

Every development case and its healthy twin, healthy runs of the kinds that others flag, and cases with other data and severities, some too mild to
matter. A line a run is appended to `--results`, so that it goes on where it was cut; `--report` prints the tables of what is there. The recipes are
split in halves by their place in the table: thresholds were chosen on the half "tuned" and are reported on the half "held".
Beside the tool stand the majority class, the guide with fixed thresholds, and rules in the manner of UMLAUT and AutoTrainer.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from landscape import ComputationError, DivergenceError, InputError, Model, apply_remedy, diagnose, train
from landscape.diagnosis.examples import score_outputs, scores
from landscape.diagnosis.linear import fit_linear, standard_inputs
from landscape.diagnosis.state import dead_share, gradient_ratio
from landscape.faults.cases import CASES, recipe
from landscape.faults.data import digits, drawn, moons, sine
from landscape.faults.networks import dense, started
from landscape.objective import NetworkObjective
from landscape.objective.constant import constant_loss

FIRST_SEED = 100
Made = tuple[Model, dict[str, Any]]
ADAM = {"optimizer": "adam", "learning_rate": 0.01}


@dataclass(frozen=True)
class Row:
    """A recipe: what makes it, the answers that are right, and what kind it is of."""

    make: Callable[[int], Made]
    accepted: tuple[str, ...]
    kind: str


def blobs(rng: np.random.Generator, count: int, classes: int = 4, width: int = 8, shares: Any = None) -> Any:
    y = rng.choice(classes, size=count, p=shares)
    centers = 1.5 * np.random.default_rng(5).standard_normal((classes, width))
    return centers[y] + rng.standard_normal((count, width)), y.astype(np.int64)


def friedman(
    rng: np.random.Generator, count: int, shift: float = 0.0, scales: float = 1.0, noise: float = 0.1
) -> Any:
    x = rng.random((count, 6)) + shift
    y = np.sin(np.pi * x[:, 0] * x[:, 1]) + 2 * (x[:, 2] - 0.5) ** 2 + x[:, 3] + 0.5 * x[:, 4]
    y = (y - 1.6) + noise * rng.standard_normal(count)
    return (x - 0.5) * np.geomspace(1, scales, 6), y[:, None]


def board(rng: np.random.Generator, count: int) -> Any:
    x = 2 * rng.random((count, 2)) - 1
    return x, ((np.floor(2 * x[:, 0]) + np.floor(2 * x[:, 1])) % 2).astype(np.int64)


def with_test(splits: dict[str, Any], test: Any) -> dict[str, Any]:
    return splits | {"x_test": test[0], "y_test": test[1]}


def rows() -> dict[str, Row]:
    """The table, in the order that the halves are dealt in."""
    table: dict[str, Row] = {}
    for name, case in CASES.items():
        make = recipe(name)
        table[name] = Row(lambda seed, make=make: make(seed, False), case.accepted, "fault")
        table[f"{name}.twin"] = Row(lambda seed, make=make: make(seed, True), ("healthy",), "twin")
    return table | own_faults() | mild() | healthy_kinds()


def own_faults() -> dict[str, Row]:
    def net(data: Any, sizes: tuple[int, ...], seed: int, settings: dict[str, Any], *, act: str = "relu", loss: str = "cross_entropy",
            bias: float = 0.0, decay: float = 0.0) -> Made:  # fmt: skip
        model = dense(data, sizes, act, loss, weight_decay=decay)
        return started(model, "xavier" if act in ("tanh", "sigmoid") else "he", seed, bias=bias), settings

    def noisy_digits(seed: int, count: int, flipped: float) -> Any:
        data = digits(seed)
        rng = np.random.default_rng(seed)
        y = data["y_train"][:count].copy()
        swap = rng.random(count) < flipped
        y[swap] = rng.integers(0, 10, swap.sum())
        return data | {"x_train": data["x_train"][:count], "y_train": y}

    def shifted(seed: int) -> Any:
        rng = np.random.default_rng(seed + 7)
        return with_test(drawn(friedman, seed, 600, 300), friedman(rng, 300, shift=1.0))

    def shares(seed: int) -> Any:
        rng = np.random.default_rng(seed + 7)
        make = lambda r, n: overlapping(r, n, 0.1)  # noqa: E731
        return with_test(drawn(make, seed, 600, 400), overlapping(rng, 400, 0.9))

    def scaled(seed: int) -> Any:
        data = drawn(blobs, seed, 600, 300)
        return data | {"x_test": 5 * data["x_test"] + 3}

    def swapped(seed: int) -> Any:
        data = drawn(lambda r, n: friedman(r, n), seed, 600, 300)
        return data | {"y_test": -data["y_test"]}

    quick = {"learning_rate": 0.1, "steps": 1500}
    return {
        "own.narrow-board": Row(lambda s: net(drawn(board, s, 800, 300), (2, 3, 2), s, ADAM | {"steps": 2000}), ("model-bias/width", "model-bias/depth"), "fault"),
        "own.linear-friedman": Row(lambda s: net(drawn(board, s, 800, 300), (2, 16, 16, 2), s, ADAM | {"steps": 1500}, act="identity"), ("model-bias/linear",), "fault"),
        "own.slow-blobs": Row(lambda s: net(drawn(blobs, s, 800, 300), (8, 16, 4), s, {"learning_rate": 2e-4, "steps": 800}), ("optimization/unfinished",), "fault"),
        "own.decayed-friedman": Row(lambda s: net(drawn(friedman, s, 600, 300), (6, 32, 1), s, ADAM | {"steps": 1500}, loss="mse", decay=0.5), ("model-bias/over-regularized",), "fault"),
        "own.dead-blobs": Row(lambda s: net(drawn(blobs, s, 800, 300), (8, 24, 4), s, quick, bias=-30.0), ("optimization/dead-units",), "fault"),
        "own.scales": Row(lambda s: net(drawn(lambda r, n: friedman(r, n, scales=300.0), s, 600, 300), (6, 16, 1), s, {"learning_rate": 1e-5, "steps": 1500}, act="tanh", loss="mse"), ("optimization",), "fault"),
        "own.bouncing-moons": Row(lambda s: net(drawn(moons, s, 400, 300), (2, 16, 2), s, {"learning_rate": 30.0, "steps": 1000, "batch_size": 16}, act="tanh"), ("optimization/bouncing", "optimization/dead-units"), "fault"),
        "own.deep-sigmoid": Row(lambda s: net(drawn(blobs, s, 800, 300), (8, *[16] * 8, 4), s, quick, act="sigmoid"), ("optimization/vanishing-gradient", "optimization/plateau"), "fault"),
        "own.few-digits": Row(lambda s: net(noisy_digits(s, 50, 0.0), (64, 64, 10), s, ADAM | {"steps": 1000}), ("overfitting",), "fault"),
        "own.flipped-digits": Row(lambda s: net(noisy_digits(s, 300, 0.4), (64, 128, 10), s, ADAM | {"steps": 1500}), ("overfitting",), "fault"),
        "own.shifted-friedman": Row(lambda s: net(shifted(s), (6, 32, 32, 1), s, ADAM | {"steps": 1500}, loss="mse"), ("mismatch",), "fault"),
        "own.other-shares": Row(lambda s: net(shares(s), (2, 16, 2), s, ADAM | {"steps": 800}), ("mismatch/label-shift",), "fault"),
        "own.unscaled-blobs": Row(lambda s: net(scaled(s), (8, 32, 4), s, ADAM | {"steps": 800}), ("mismatch/preprocessing",), "fault"),
        "own.swapped-friedman": Row(lambda s: net(swapped(s), (6, 32, 1), s, ADAM | {"steps": 1500}, loss="mse"), ("mismatch/concept",), "fault"),
    }  # fmt: skip


def overlapping(rng: np.random.Generator, count: int, share: float) -> Any:
    y = (rng.random(count) < share).astype(np.int64)
    return rng.standard_normal((count, 2)) + 1.8 * y[:, None] * np.array([1.0, 0.0]), y


def mild() -> dict[str, Row]:
    """Faults too small to matter: healthy is right."""

    def drift(seed: int, amount: float) -> Any:
        data = digits(seed)
        noise = np.random.default_rng(seed).standard_normal(data["x_test"].shape)
        return data | {"x_test": data["x_test"] + amount * noise}

    def flips(seed: int) -> Any:
        data = drawn(moons, seed, 400, 400)
        swap = np.random.default_rng(seed).random(400) < 0.01
        return data | {"y_test": np.where(swap, 1 - data["y_test"], data["y_test"])}

    digit = (64, 32, 10)
    right = ("healthy",)
    return {
        "mild.drift": Row(lambda s: (started(dense(drift(s, 0.05), digit), "he", s), ADAM | {"steps": 800}), right, "mild"),
        "mild.flips": Row(lambda s: (started(dense(flips(s), (2, 16, 16, 2)), "he", s), ADAM | {"steps": 1000}), right, "mild"),
        "mild.decay": Row(lambda s: (started(dense(digits(s), digit, weight_decay=1e-3), "he", s), ADAM | {"steps": 1500}), right, "mild"),
        "mild.slow": Row(lambda s: (started(dense(digits(s), digit), "he", s), {"learning_rate": 0.1, "steps": 1500}), right, "mild"),
        "mild.dead": Row(lambda s: (half_dead(started(dense(drawn(moons, s, 400, 300), (2, 32, 32, 2)), "he", s)), ADAM | {"steps": 1500}), right, "mild"),
        "mild.batch": Row(lambda s: (started(dense(drawn(blobs, s, 800, 300), (8, 32, 4)), "he", s), {"learning_rate": 0.05, "batch_size": 1, "steps": 3000}), right, "mild"),
    }  # fmt: skip


def half_dead(model: Model) -> Model:
    """Turn off a third of the first layer."""
    theta = model.theta.copy()
    slot = next(slot for slot in model.layout if slot.name == "fc1.bias")
    theta[slot.start : slot.start + 10] = -20.0
    return model.with_theta(theta)


def healthy_kinds() -> dict[str, Row]:
    def dropped(seed: int) -> Made:
        data, nodes = digits(seed), []
        from landscape import build_model

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
        model = build_model(nodes=nodes, parameters=zero, loss="cross_entropy", **data)
        return started(model, "he", seed), ADAM | {"learning_rate": 3e-3, "steps": 2000}

    def drift(seed: int) -> Any:
        data = digits(seed)
        noise = np.random.default_rng(seed).standard_normal(data["x_test"].shape)
        return data | {"x_test": data["x_test"] + 0.1 * noise}

    def small_validation(seed: int) -> Any:
        data = drawn(moons, seed, 400, 300)
        return data | {"x_validation": data["x_validation"][:25], "y_validation": data["y_validation"][:25]}

    def imbalanced(seed: int) -> Any:
        return drawn(lambda r, n: blobs(r, n, 2, 8, (0.95, 0.05)), seed, 1000, 600)

    right, floor = ("healthy",), ("healthy", "noise-floor")
    noisy = lambda r, n: moons(r, n, 0.35)  # noqa: E731
    return {
        "healthy.edge": Row(lambda s: (started(dense(drawn(moons, s, 300, 300), (2, 16, 16, 2), "tanh"), "xavier", s), {"learning_rate": 1.0, "batch_size": 300, "steps": 3000}), right, "healthy"),
        "healthy.dropout": Row(dropped, right, "healthy"),
        "healthy.small-validation": Row(lambda s: (started(dense(small_validation(s), (2, 16, 16, 2)), "he", s), ADAM | {"steps": 1000}), right, "healthy"),
        "healthy.noisy-targets": Row(lambda s: (started(dense(drawn(lambda r, n: sine(r, n, 0.3), s, 600, 300), (1, 32, 32, 1), "tanh", "mse"), "xavier", s), ADAM | {"steps": 1500}), floor, "healthy"),
        "healthy.imbalance": Row(lambda s: (started(dense(imbalanced(s), (8, 16, 2)), "he", s), ADAM | {"steps": 1000}), right, "healthy"),
        "healthy.early-stopping": Row(lambda s: (started(dense(drawn(noisy, s, 300, 300), (2, 64, 64, 2)), "he", s), ADAM | {"learning_rate": 3e-3, "steps": 200}), floor, "healthy"),
        "healthy.drift": Row(lambda s: (started(dense(drift(s), (64, 64, 10)), "he", s), ADAM | {"learning_rate": 3e-3, "steps": 1200}), right, "healthy"),
        "healthy.loss-gap": Row(lambda s: (started(dense(digits(s), (64, 64, 10)), "he", s), ADAM | {"steps": 4000}), right, "healthy"),
        "healthy.noisy-classes": Row(lambda s: (started(dense(drawn(noisy, s, 800, 400), (2, 16, 2)), "he", s), ADAM | {"steps": 1000}), floor, "healthy"),
        "healthy.batch-noise": Row(lambda s: (started(dense(drawn(friedman, s, 600, 300), (6, 32, 1), "relu", "mse"), "he", s), {"learning_rate": 0.05, "batch_size": 4, "steps": 4000}), floor, "healthy"),
    }  # fmt: skip


def half_of(name: str, table: dict[str, Row]) -> str:
    """Deal recipes out in turn within each kind; a twin goes with its case."""
    row = table[name]
    if row.kind == "twin":
        return half_of(name.removesuffix(".twin"), table)
    alike = [other for other, r in table.items() if r.kind == row.kind]
    return ("tuned", "held")[alike.index(name) % 2]


def features(model: Model) -> dict[str, float]:
    """What the rules beside the tool look at."""
    objective = NetworkObjective(model, "train", threads=1)
    scored = {split: scores(model, split, threads=1) for split in model.splits}
    weights = fit_linear(model, standard_inputs(model, "train"), np.asarray(model.data["y_train"]))
    linear = math.nan
    if weights is not None:
        x = standard_inputs(model, "train")
        outputs = np.concatenate([x, np.ones((len(x), 1))], axis=1) @ weights
        linear = float(score_outputs(model, outputs, np.asarray(model.data["y_train"]))[0].mean())
    log = np.asarray(model.history.get("train_loss", [math.nan]), float)
    late = log[-max(2, len(log) // 5) :]
    return {
        "constant": constant_loss(objective), "linear": linear, "dead": dead_share(objective)[0],
        "ratio": gradient_ratio(model, objective.gradient(model.theta)), "ups": float(np.mean(np.diff(log) > 0)),
        "late_fall": float((late[0] - late[-1]) / max(abs(late[0]), 1e-12)), "scale": float(np.abs(model.data["x_train"]).max()),
        "rate": float(model.training.get("learning_rate", math.nan)),
        "finite": float(np.isfinite(log).all()),
        **{f"{split}_loss": found.mean for split, found in scored.items()},
        **{f"{split}_accuracy": found.accuracy for split, found in scored.items() if found.accuracy is not None},
    }  # fmt: skip


def fixed_guide(f: dict[str, Any]) -> str:
    """The General Guide with thresholds and no experiment but the linear model."""
    if f["train_loss"] > 0.1 * f["constant"]:
        return "optimization" if f["linear"] < f["train_loss"] else "model-bias"
    if gap(f, "validation", "test") > 0.05:
        return "mismatch"
    return "overfitting" if gap(f, "train", "validation") > 0.1 else "healthy"


def gap(f: dict[str, Any], base: str, other: str) -> float:
    if "train_accuracy" in f:
        return f[f"{base}_accuracy"] - f[f"{other}_accuracy"]
    return (f[f"{other}_loss"] - f[f"{base}_loss"]) / f["constant"]


def rule_set(f: dict[str, Any]) -> str:
    """Symptoms of a log, as UMLAUT and AutoTrainer read them."""
    if not f["finite"] or f["dead"] > 0.5 or f["ratio"] < 1e-3:
        return "optimization"
    if (
        f["ups"] > 0.3
        or (f["late_fall"] < 0.05 and f["train_loss"] > 0.4 * f["constant"])
        or not 1e-7 < f["rate"] <= 0.5
    ):
        return "optimization"
    if f.get("train_accuracy", 1.0) < 0.6:
        return "optimization"
    if f["validation_loss"] > 1.2 * f["train_loss"] + 0.01 or f.get("train_accuracy", 0.0) > 0.999:
        return "overfitting"
    return "healthy"


def run(name: str, row: Row, seed: int, apply: bool) -> dict[str, Any]:
    model, settings = row.make(seed)
    model = replace(model, name=name)
    try:
        model = train(model, seed=seed, threads=1, **settings)
    except DivergenceError as error:
        model = error.model
    seen = features(model)
    begun, cpu = time.perf_counter(), time.process_time()
    record = diagnose(model, seed=seed, threads=1)
    seconds, spent = time.perf_counter() - begun, time.process_time() - cpu
    report = record.report
    result = {
        "name": name, "seed": seed, "kind": row.kind, "accepted": row.accepted, "verdict": report["verdict"],
        "subtype": report["subtype"], "confidence": report["confidence"], "seconds": seconds, "cpu": spent, "features": seen,
        "part": report["evidence"]["part_of_range"], "remedy": report["remedy"], "why": report["why"],
        "gaps": [report["evidence"][g] and report["evidence"][g]["part"] for g in ("validation_gap", "test_gap")],
    }  # fmt: skip
    if apply and row.kind == "fault" and report["verdict"] in ("optimization", "model-bias"):
        try:
            result["removed"] = apply_remedy(model, record, threads=1)["removed"]
        except (InputError, ComputationError) as error:
            result["removed_error"] = str(error)
    return result


def is_right(r: dict[str, Any], *, subtype: bool = False) -> bool:
    if subtype:
        return r["verdict"] in r["accepted"] or f"{r['verdict']}/{r['subtype']}" in r["accepted"]
    return r["verdict"] in {code.split("/")[0] for code in r["accepted"]}


def shows_fault(r: dict[str, Any]) -> bool:
    """Whether a fault's training came out as it should: a draw that learned all the same is no fault."""
    f, codes = r["features"], {code.split("/")[0] for code in r["accepted"]}
    if codes & {"optimization", "model-bias"}:
        return f["train_loss"] > 0.1 * f["constant"]
    return True


def tables(results: list[dict[str, Any]], table: dict[str, Row]) -> None:
    for half in ("tuned", "held", "both"):
        chosen = [r for r in results if half in ("both", half_of(r["name"], table))]
        if not chosen:
            continue
        faults = [r for r in chosen if r["kind"] == "fault" and shows_fault(r)]
        healthy = [r for r in chosen if r["kind"] != "fault"]
        print(
            f"\n== {half}: {len(faults)} faulty runs, {len(healthy)} healthy ones ({len(chosen) - len(faults) - len(healthy)} without their fault)"
        )
        confusion(faults + healthy)
        right = sum(is_right(r) for r in faults)
        exact = sum(is_right(r, subtype=True) for r in faults)
        alarms = [r for r in healthy if not is_right(r)]
        abstained = sum(r["verdict"] == "undetermined" for r in faults + healthy)
        print(
            f"faults: code {right}/{len(faults)} = {right / max(1, len(faults)):.1%}; with sub-type {exact}/{len(faults)} = {exact / max(1, len(faults)):.1%}"
        )
        print(
            f"false alarms {len(alarms)}/{len(healthy)} = {len(alarms) / max(1, len(healthy)):.1%}; abstentions {abstained}"
        )
        applied = [r["removed"] for r in faults if r.get("removed") is not None]
        print(f"remedies that remove half: {sum(x >= 0.5 for x in applied)}/{len(applied)}")
        times = [r["cpu"] for r in faults]
        if times:
            print(
                f"CPU seconds of a faulty run: median {np.median(times):.1f}, largest {max(times):.1f}; of a healthy one: median {np.median([r['cpu'] for r in healthy] or [0]):.1f}"
            )
        beside(faults, healthy)
        for r in alarms + [r for r in faults if not is_right(r, subtype=True)]:
            print(
                f"  miss {r['name']} {r['seed']}: {r['verdict']}/{r['subtype']} ({r['confidence']}), part {r['part']}, gaps {r['gaps']}, {r['remedy']}"
            )


def beside(faults: list[dict[str, Any]], healthy: list[dict[str, Any]]) -> None:
    everyone = faults + healthy
    if not everyone:
        return
    majority = Counter(r["accepted"][0].split("/")[0] for r in everyone).most_common(1)[0][0]
    others: dict[str, Callable[[dict[str, Any]], str]] = {
        "majority": lambda r: majority, "fixed guide": lambda r: fixed_guide(r["features"]), "rules": lambda r: rule_set(r["features"]),
    }  # fmt: skip
    for name, answer in others.items():
        told = [r | {"verdict": answer(r)} for r in everyone]
        right = sum(is_right(r) for r in told if r["kind"] == "fault")
        alarms = sum(not is_right(r) for r in told if r["kind"] != "fault")
        print(f"  {name:12} faults {right}/{len(faults)}, false alarms {alarms}/{len(healthy)}")


def confusion(results: list[dict[str, Any]]) -> None:
    counts = Counter((r["accepted"][0].split("/")[0], r["verdict"]) for r in results)
    truths, answers = (sorted({pair[i] for pair in counts}) for i in (0, 1))
    print(f"{'truth':14}" + "".join(f"{answer:>14}" for answer in answers))
    for truth in truths:
        print(f"{truth:14}" + "".join(f"{counts[truth, answer]:14d}" for answer in answers))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--healthy-seeds", type=int, default=15)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--results", type=Path, default=Path("diagnosis.jsonl"))
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--no-apply", action="store_true")
    parser.add_argument("--half", choices=("tuned", "held"))
    parser.add_argument("--part", default="0/1", help="this process's part of the runs, such as 0/2")
    parser.add_argument("--only", default="", help="names that contain this")
    options = parser.parse_args()
    table = rows()
    lines = options.results.read_text().splitlines() if options.results.exists() else []
    results = [json.loads(line) for line in lines]
    if options.report:
        tables(results, table)
        return
    done, stop = {(r["name"], r["seed"]) for r in results}, time.monotonic() + 60 * options.minutes
    which, parts = map(int, options.part.split("/"))
    for seed in range(FIRST_SEED, FIRST_SEED + max(options.seeds, options.healthy_seeds)):
        for place, (name, row) in enumerate(table.items()):
            most = options.healthy_seeds if row.kind == "healthy" else options.seeds
            wanted = (
                options.only in name
                and seed - FIRST_SEED < most
                and options.half in (None, half_of(name, table))
            )
            if not wanted or (name, seed) in done or place % parts != which or time.monotonic() > stop:
                continue
            result = run(name, row, seed, not options.no_apply)
            with options.results.open("a") as file:
                file.write(json.dumps(result) + "\n")
            print(
                f"{name} {seed}: {result['verdict']}/{result['subtype']} {result['seconds']:.1f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()

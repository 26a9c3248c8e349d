"""How often `landscape.diagnose` is right: `python benchmarks/diagnosis.py [--seeds 10] [--minutes 20] [--report]`.

Every development case and its healthy twin, healthy runs of the kinds that others flag, and cases with other data and severities, some too mild to
matter. A line a run is appended to `--results`, so that it goes on where it was cut; `--report` prints the tables of what is there. The recipes are
split in halves by their place in the table: thresholds were chosen on the half "tuned" and are reported on the half "held". A draw counts only
where its training came out as the label says (`diagnosis_labels.py`).
Beside the tool stand the majority class, the guide with fixed thresholds, and rules in the manner of UMLAUT and AutoTrainer.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from diagnosis_cases import Row, half_of, rows
from diagnosis_labels import Draw, draw_of, gap, left_out, longer_loss, recomputed_loss

from landscape import ComputationError, DivergenceError, InputError, Model, apply_remedy, diagnose
from landscape.diagnosis.linear import fit_linear, standard_inputs
from landscape.diagnosis.state import dead_share, gradient_ratio
from landscape.faults import trained
from landscape.objective import NetworkObjective
from landscape.objective.constant import constant_loss
from landscape.objective.examples import score_outputs, scores

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.diagnosis.contradictions import contradictions

FIRST_SEED = 100


def features(model: Model) -> dict[str, float]:
    """The features that the competing rules use."""
    objective = NetworkObjective(model, "train", threads=1)
    scored = {split: scores(model, split, threads=1) for split in model.splits}
    weights = fit_linear(model, standard_inputs(model, "train"), np.asarray(model.data["y_train"]))
    linear = math.nan
    if weights is not None:
        x = standard_inputs(model, "train")
        outputs = np.concatenate([x, np.ones((len(x), 1))], axis=1) @ weights
        linear = float(score_outputs(model, outputs, np.asarray(model.data["y_train"]))[0].mean())
    # A file whose log was left out has one look.
    log = np.asarray(model.history.get("train_loss", [math.nan, math.nan]), float)
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
    splits = [split for split in ("validation", "test") if f"{split}_loss" in f]
    if len(splits) == 2 and gap(f, *splits) > 0.05:
        return "mismatch"
    return "overfitting" if splits and gap(f, "train", splits[0]) > 0.1 else "healthy"


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
    if (
        f.get("validation_loss", f.get("test_loss", 0.0)) > 1.2 * f["train_loss"] + 0.01
        or f.get("train_accuracy", 0.0) > 0.999
    ):
        return "overfitting"
    return "healthy"


def run(name: str, row: Row, seed: int, apply: bool) -> dict[str, Any]:
    start, settings = row.make(seed)
    start = replace(start, name=name)
    try:
        model = trained(start, settings, seed=seed, threads=1)
    except DivergenceError as error:
        model = error.model
    seen = features(model) | recomputed_loss(model)
    if row.kind != "fault" and not Draw(row.kind, row.accepted, seen).is_small:
        seen["longer"] = longer_loss(start, settings, seed)
    begun, cpu = time.perf_counter(), time.process_time()
    record = diagnose(model, seed=seed, threads=1, dtype="float32")
    seconds, spent = time.perf_counter() - begun, time.process_time() - cpu
    report = record.report
    result = {
        "name": name, "seed": seed, "kind": row.kind, "accepted": row.accepted, "verdict": report["verdict"],
        "subtype": report["subtype"], "confidence": report["confidence"], "seconds": seconds, "cpu": spent, "features": seen,
        "contradictions": contradictions(report), "harm": harm(report),
        "part": report["evidence"]["part_of_range"], "remedy": report["remedy"], "why": report["why"],
        "gaps": [report["evidence"][g] and report["evidence"][g]["part"] for g in ("validation_gap", "test_gap")],
    }  # fmt: skip
    if apply and row.kind == "fault" and report["verdict"] in ("optimization", "model-bias"):
        try:
            result["removed"] = apply_remedy(model, record, threads=1)["removed"]
        except (InputError, ComputationError) as error:
            result["removed_error"] = str(error)
    return result


def harm(report: dict[str, Any]) -> bool:
    """Whether the remedy that is printed ended worse than the start."""
    seen = report.get("checked")
    if report["next"] is None or seen is None or report["verdict"] == "overfitting":
        return bool(report["next"]) and seen is None
    before, after = seen["before"].get("train"), seen["after"].get("train")
    return before is not None and (after is None or after >= before)


def is_right(r: dict[str, Any], *, subtype: bool = False) -> bool:
    if subtype:
        return r["verdict"] in r["accepted"] or f"{r['verdict']}/{r['subtype']}" in r["accepted"]
    return r["verdict"] in {code.split("/")[0] for code in r["accepted"]}


def tables(results: list[dict[str, Any]], table: dict[str, Row]) -> None:
    for half in ("tuned", "held", "both"):
        chosen = [r for r in results if half in ("both", half_of(r["name"], table))]
        counted = [r for r in chosen if draw_of(r).is_verified]
        faults = [r for r in counted if r["kind"] == "fault"]
        healthy = [r for r in counted if r["kind"] != "fault"]
        if counted:
            print(f"\n== {half}: {len(faults)} faulty runs, {len(healthy)} healthy ones")
            print(left_out(chosen))
            confusion(faults + healthy)
            scores_of(faults, healthy)
            beside(faults, healthy)
            misses(faults, healthy)


def scores_of(faults: list[dict[str, Any]], healthy: list[dict[str, Any]]) -> None:
    def part(name: str, hits: int, total: int) -> None:
        print(f"{name:38} {hits}/{total} = {hits / max(1, total):.1%}")

    everyone = faults + healthy
    applied = [r["removed"] for r in faults if r.get("removed") is not None]
    part("faults, verdict accepted", sum(is_right(r) for r in faults), len(faults))
    part("faults, verdict and sub-type accepted", sum(is_right(r, subtype=True) for r in faults), len(faults))
    part("all, verdict accepted", sum(is_right(r) for r in everyone), len(everyone))
    part("false alarms", sum(not is_right(r) for r in healthy), len(healthy))
    part("abstentions", sum(r["verdict"] == "undetermined" for r in everyone), len(everyone))
    part("remedies that remove half", sum(x >= 0.5 for x in applied), len(applied))
    part("remedies that did harm", sum(bool(r.get("harm")) for r in everyone), len(everyone))
    part(
        "reports that contradict themselves",
        sum(bool(r.get("contradictions")) for r in everyone),
        len(everyone),
    )
    print(f"{'confidence':14}{'said':>8}{'right':>8}")
    for word in ("verified", "consistent", "suspected"):
        said = [r for r in everyone if r["confidence"] == word]
        print(
            f"{word:14}{len(said):8d}{sum(is_right(r, subtype=r['kind'] == 'fault') for r in said) / max(1, len(said)):8.1%}"
        )
    for name, group in (("faulty", faults), ("healthy", healthy)):
        times = [r["cpu"] for r in group]
        if times:
            print(f"CPU seconds, {name}: median {np.median(times):.1f}, largest {max(times):.1f}")


def misses(faults: list[dict[str, Any]], healthy: list[dict[str, Any]]) -> None:
    wrong = [r for r in healthy if not is_right(r)] + [r for r in faults if not is_right(r, subtype=True)]
    wrong += [
        r for r in faults if is_right(r, subtype=True) and r.get("removed") is not None and r["removed"] < 0.5
    ]
    for r in wrong:
        told = f"{r['verdict']}/{r['subtype']} ({r['confidence']})"
        print(
            f"  miss {r['name']} {r['seed']}: {told}, part {r['part']}, gaps {r['gaps']}, {r['remedy']}, removed {r.get('removed')}"
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

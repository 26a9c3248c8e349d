"""Faults that the network's structure, its data or its loop show, from end to end; each with a twin that lacks the fault and the verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from landscape.diagnosis import apply_remedy, diagnose
from landscape.diagnosis.ensembles import BUDGETS, Budget
from landscape.diagnosis.leaks import leaks_of, without_leaks
from landscape.diagnosis.statistics import stale
from landscape.faults.networks import dense, started
from landscape.model import build_model
from landscape.training import train
from tests.diagnosis.contradictions import contradictions


@pytest.fixture(autouse=True)
def few_updates(monkeypatch):
    """Trials of two seeds, long enough for these networks."""
    monkeypatch.setitem(BUDGETS, "standard", Budget("standard", 2, (200, 400), (300, 800), 4e9))


def told(model, **options) -> dict:
    """Return a report, checked to have no contradictions and a remedy that does what it says."""
    record = diagnose(model, threads=1, **options)
    report = record.report
    assert not contradictions(report)
    if report["checked"] is not None:
        applied = apply_remedy(model, record, threads=1)
        assert applied["after"]["train"] == pytest.approx(report["checked"]["after"]["train"], rel=1e-9)
    return report


def code(report: dict) -> str:
    return f"{report['verdict']}/{report['subtype']}" if report["subtype"] else report["verdict"]


def blobs(rng, count: int, classes: int = 3):
    y = np.arange(count) % classes
    return 2.5 * np.stack([np.cos(2 * y), np.sin(2 * y)], axis=1) + 0.6 * rng.standard_normal((count, 2)), y


def splits(rng, make, train_rows: int = 150, held: int = 90) -> dict:
    found = {}
    for split, count in (("train", train_rows), ("validation", held)):
        found[f"x_{split}"], found[f"y_{split}"] = make(rng, count)
    return found


def learned(data: dict, sizes=(2, 12, 3), steps: int = 400, **changes):
    model = dense(data, sizes, **changes)
    model = started(model, "he", 0)
    return train(model, optimizer="adam", learning_rate=0.01, steps=steps, seed=0, threads=1, dtype="float64")


def test_validation_of_a_class_that_training_never_saw_is_a_split_by_order():
    x, y = blobs(np.random.default_rng(0), 240)
    order = np.argsort(y, kind="stable")
    shuffled = np.random.default_rng(1).permutation(240)
    found = []
    for rows in (order, shuffled):
        data = {
            "x_train": x[rows[:160]],
            "y_train": y[rows[:160]],
            "x_validation": x[rows[160:]],
            "y_validation": y[rows[160:]],
        }
        found.append(told(learned(data)))
    assert code(found[0]) == "mismatch/label-shift"
    assert found[0]["confidence"] == "verified"
    assert "100%" in " ".join(found[0]["why"])
    assert code(found[1]) == "healthy"


def test_held_out_rows_that_are_training_rows_are_the_headline_and_left_out_and_rows_that_meet_by_chance_are_not():
    data = splits(np.random.default_rng(2), blobs)
    leaky = {**data, "x_validation": data["x_validation"].copy(), "y_validation": data["y_validation"].copy()}
    leaky["x_validation"][:30], leaky["y_validation"][:30] = data["x_train"][:30], data["y_train"][:30]
    model = learned(leaky)
    report = told(model)
    assert (code(report), report["confidence"]) == ("broken/leakage", "verified")
    assert without_leaks(model, leaks_of(model)).examples("validation") == 60
    few = {**leaky, "x_validation": data["x_validation"].copy(), "y_validation": data["y_validation"].copy()}
    few["x_validation"][:3] = data["x_train"][:3]
    report = told(learned(few))
    assert code(report) == "healthy", "less than a tenth is left out, and warned of"
    assert "3 of 90 validation examples" in " ".join(report["warnings"])
    corners = np.random.default_rng(3).integers(0, 2, (40, 2)).astype(float)
    square = {
        "x_train": corners,
        "y_train": (corners[:, 0] != corners[:, 1]).astype(int),
        "x_test": corners[:9],
        "y_test": np.zeros(9, int),
    }
    assert leaks_of(dense(square, (2, 4, 2))) == ()


def normalized(momentum: float, steps: int):
    """A batch normalization whose statistics follow the batches with a momentum."""
    data = splits(np.random.default_rng(4), blobs)
    data = {key: 4 + 3 * array if key.startswith("x") else array for key, array in data.items()}
    nodes = [
        {"name": "fc", "op": "dense"}, {"name": "norm", "op": "batchnorm", "momentum": momentum}, {"name": "act", "op": "relu"},
        {"name": "out", "op": "dense"},
    ]  # fmt: skip
    shapes = {"fc.weight": (12, 2), "fc.bias": (12,), "norm.weight": (12,), "norm.bias": (12,), "norm.running_mean": (12,),
              "norm.running_var": (12,), "out.weight": (3, 12), "out.bias": (3,)}  # fmt: skip
    zero = {key: np.ones(shape) if key.endswith("var") else np.zeros(shape) for key, shape in shapes.items()}
    model = started(build_model(nodes=nodes, parameters=zero, loss="cross_entropy", **data), "he", 0)
    return train(model, optimizer="adam", learning_rate=0.02, steps=steps, seed=0, threads=1, dtype="float64")


def test_running_statistics_that_have_not_caught_up_are_taken_anew_and_those_that_have_are_left():
    behind = normalized(0.001, 60)
    report = told(behind)
    assert (code(report), report["confidence"], report["remedy"]) == (
        "broken/stale-statistics",
        "verified",
        "statistics",
    )
    seen = stale(behind, None, 1)
    assert report["checked"]["after"]["train"] == pytest.approx(seen.recomputed, rel=1e-9)
    assert "update_bn" in report["pytorch"]
    modes = report["evidence"]["modes"]
    assert modes["training"] < 0.5 * modes["evaluation"], "batches have statistics of their own"
    assert not [text for text in report["warnings"] if "much worse" in text], "the verdict says it"
    assert code(told(normalized(0.1, 400))) == "healthy"


def test_a_loop_that_compares_every_output_with_every_target_minimizes_another_loss():
    """Trained on targets that are all the mean, which is what shapes that broadcast come to; the header tells of many updates."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((120, 2))
    y = x @ np.array([[1.5], [-1.0]]) + 0.2 * rng.standard_normal((120, 1))
    flat = {"x_train": x, "y_train": np.full_like(y, y.mean())}
    spent = {"optimizer": "adam", "learning_rate": 0.01, "batch_size": 32, "steps": 20_000}
    done = learned(flat, (2, 12, 1), steps=1500, loss="mse")
    other = replace(
        done,
        data={"x_train": x.astype(np.float32), "y_train": y.astype(np.float32)},
        training=spent,
        history={},
    )
    report = told(other)
    assert (code(report), report["confidence"]) == ("broken/wrong-loss", "verified")
    assert "every output with every target" in " ".join(report["why"])
    assert "view_as" in report["pytorch"]
    few = told(replace(other, training={**spent, "steps": 300}))
    assert few["verdict"] == "optimization", "after few updates it is only not finished"


def test_a_network_that_mimics_its_last_input_has_learned_nothing_and_one_that_foresees_has():
    rng = np.random.default_rng(6)
    walk = np.cumsum(rng.standard_normal(700))
    wave = 12 * np.sin(np.arange(700) / 3.0) + rng.standard_normal(700)
    found = []
    for series in (walk, wave):
        series = (series - series.mean()) / series.std()
        windows = np.lib.stride_tricks.sliding_window_view(series, 6)
        x, y = windows[:, :5], windows[:, 5:]
        data = {"x_train": x[:450], "y_train": y[:450], "x_validation": x[460:], "y_validation": y[460:]}
        found.append(told(learned(data, (5, 16, 1), steps=800, loss="mse")))
    assert found[0]["verdict"] in ("noise-floor", "mismatch")
    assert not found[0]["evidence"]["baseline"]["lead"] > 2 * found[0]["evidence"]["baseline"]["error"]
    assert code(found[1]) == "healthy"


def test_an_activation_behind_the_logits_is_left_out_and_one_that_the_targets_want_is_not():
    data = splits(np.random.default_rng(7), blobs)
    model = learned(data, last="sigmoid")
    report = told(model)
    assert (code(report), report["remedy"]) == ("broken/output-range", "without end")
    assert report["checked"]["after"]["train"] < report["checked"]["before"]["train"]
    assert "nn.CrossEntropyLoss" in report["pytorch"]
    assert code(told(learned(data))) == "healthy"


def test_targets_that_dwarf_the_outputs_are_scaled_and_the_file_has_its_own_targets_again():
    rng = np.random.default_rng(8)
    x = rng.standard_normal((150, 2))
    y = 4e6 + 9e5 * np.tanh(x[:, :1] + x[:, 1:])
    data = {"x_train": x, "y_train": y, "x_validation": x[:60] + 0.01, "y_validation": y[:60]}
    model = learned(data, (2, 12, 1), steps=300, loss="mse")
    report = told(model)
    assert code(report) == "optimization/ill-conditioned"
    assert "targets" in report["advice"]
    assert report["checked"]["after"]["train"] < 0.2 * 9e5**2

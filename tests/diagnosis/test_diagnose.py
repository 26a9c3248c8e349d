"""Networks from end to end: the verdict, the record, the remedy; small budgets of updates keep it short."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from landscape.diagnosis import apply_remedy, diagnose
from landscape.diagnosis.plan import Plan
from landscape.diagnosis.pytorch import in_pytorch
from landscape.diagnosis.recipe import training_of, with_penalty
from landscape.errors import InputError
from landscape.model import build_model, load_model
from landscape.records import Diagnosis, load_record
from landscape.training import train
from tests.diagnosis.examples import line, made


@pytest.fixture(scope="module")
def dead():
    return made("dead-units", steps=300)


@pytest.fixture(scope="module")
def found(dead):
    return diagnose(dead, threads=1)


def test_dead_units_are_found_and_a_fresh_start_verifies_it(found):
    report = found.report
    assert (report["verdict"], report["subtype"], report["confidence"]) == (
        "optimization",
        "dead-units",
        "verified",
    )
    assert report["gain"] > 0.9
    assert any(line.startswith("model-bias") for line in report["ruled_out"])
    assert "--init he" in report["next"]


def test_what_was_measured_beside_the_verdict_is_told_with_its_threshold(found):
    seen = found.report["evidence"]
    assert seen["sixteen_examples"] < found.report["thresholds"]["sixteen"], (
        "a fresh start learns 16 examples"
    )
    assert (seen["state"]["rank"], seen["state"]["rank_most"]) == (2, 2)
    assert [
        line
        for line in seen["beside"]
        if "100% of act" in line and "dead from 0.9" in line.replace("90%", "0.9")
    ]
    assert [line for line in seen["beside"] if line.startswith("16 examples") and "0.1" in line]


def test_noise_without_any_held_out_data_is_no_fault():
    """Without a fifth kept from the trials, every network that learns the noise by heart would seem a remedy."""
    rng = np.random.default_rng(4)
    y = rng.integers(0, 2, 300)
    x = rng.standard_normal((300, 2)) + 0.9 * y[:, None] * [1.0, 0.0]
    layers = [(rng.standard_normal((2, 8)), np.zeros(8)), (0.1 * rng.standard_normal((8, 2)), np.zeros(2))]
    model = build_model(layers=layers, loss="cross_entropy", x_train=x, y_train=y)
    model = train(model, optimizer="adam", learning_rate=3e-3, steps=600, threads=1, dtype="float64", seed=1)
    report = diagnose(model, threads=1).report
    assert report["verdict"] in ("healthy", "noise-floor")
    assert "mismatch: no test data" in report["not_assessed"]


def test_the_same_seed_gives_the_same_record_for_any_number_of_threads(dead, found):
    again = diagnose(dead, threads=2)
    assert again.report == found.report
    assert all(np.array_equal(again.series[name], found.series[name], equal_nan=True) for name in found.series
               if found.series[name].dtype.kind == "f")  # fmt: skip


def test_the_remedy_applied_removes_what_was_promised(dead, found, tmp_path):
    told = apply_remedy(dead, found, tmp_path / "better.npz", threads=1)
    assert told["removed"] > 0.5
    assert told["after"]["validation"] < 0.5 * told["before"]["validation"]
    assert load_model(tmp_path / "better.npz").size == dead.size


def test_an_interrupted_diagnosis_is_taken_up_with_the_same_result(dead, found, tmp_path):
    path, said = tmp_path / "d.npz", []

    def stop(sentence: str) -> None:
        said.append(sentence)
        if sentence.startswith("a fresh start with Adam:"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        diagnose(dead, threads=1, output=path, announce=stop)
    assert not Diagnosis.load(path).done
    said.clear()
    again = diagnose(dead, threads=1, output=path, announce=said.append)
    assert again.report == found.report
    assert any(sentence.startswith("resuming at ") for sentence in said)
    assert not any(sentence.startswith("forks:") for sentence in said)
    assert load_record(path) == again
    with pytest.raises(InputError, match="--fresh"):
        diagnose(dead, threads=1, output=path, seed=5)


def test_a_network_that_puts_out_its_own_loss_is_refused_in_one_line():
    x = np.ones((4, 2))
    model = build_model(layers=[(np.eye(2), np.zeros(2))], loss="output", x_train=x, y_train=np.zeros((4, 2)))
    with pytest.raises(InputError, match="the network's own output") as caught:
        diagnose(model, budget="quick")
    assert "\n" not in str(caught.value)


def test_the_healthy_twin_is_healthy_and_nothing_is_trained():
    report = diagnose(made("dead-units", twin=True), threads=1).report
    assert (report["verdict"], report["remedy"], report["evidence"]["outcomes"]) == ("healthy", None, [])


def test_a_shift_without_a_gap_in_the_labels_is_a_concept_shift():
    report = diagnose(made("concept-shift"), threads=1).report
    assert (report["verdict"], report["subtype"]) == ("mismatch", "concept")
    assert report["next"] is None


def without(model, *splits):
    return replace(model, data={key: array for key, array in model.data.items() if key[2:] not in splits})


def test_overfitting_is_seen_without_validation_and_without_any_held_out_data():
    model = made("few-examples", steps=3000)
    with_test = diagnose(without(model, "validation"), threads=1).report
    assert with_test["verdict"] == "overfitting"
    # The gain of a remedy is near its error here: which is larger hangs on the last bits, that is on the machine.
    remedies = with_test["evidence"]["generalization"]["remedies"]
    proved = any(tried["gain"] > tried["half"] for tried in remedies)
    assert remedies
    assert with_test["confidence"] == ("verified" if proved else "consistent")
    # Twenty examples give a gap of 25 ± 8 %: clear above a twentieth, and not above a tenth.
    bare = without(model, "validation", "test")
    alone = diagnose(bare, threads=1, thresholds={"gap": 0.05}).report
    assert (alone["verdict"], alone["confidence"]) == ("overfitting", "suspected")
    assert "mismatch: no test data" in alone["not_assessed"]


def test_a_quick_look_trains_nothing_and_says_so(dead):
    report = diagnose(dead, budget="quick").report
    assert (report["verdict"], report["subtype"], report["confidence"]) == (
        "optimization",
        "dead-units",
        "suspected",
    )
    assert any("quick" in sentence for sentence in report["not_assessed"])


def test_without_held_out_data_the_gaps_are_not_assessed_rather_than_guessed():
    report = diagnose(line(), budget="quick").report
    assert any(sentence.startswith("overfitting") for sentence in report["not_assessed"])
    assert report["evidence"]["validation_gap"] is None


def test_a_log_that_contradicts_the_parameters_is_said_first():
    model = replace(line(), history={"step": np.array([0, 10]), "train_loss": np.array([1.0, 0.5])})
    report = diagnose(model, budget="quick").report
    assert "0.5" in report["contradiction"]
    assert any(sentence.startswith("the log") for sentence in report["not_assessed"])


def test_what_cannot_be_trained_reads_not_assessed(dead, monkeypatch):
    def refuse(*arguments, **options):
        raise InputError("batch_size: batch normalization needs two examples for a variance")

    monkeypatch.setattr("landscape.diagnosis.ensembles.train_recipes", refuse)
    report = diagnose(dead, threads=1).report
    assert (report["verdict"], report["confidence"]) == ("optimization", "suspected")
    assert any("batch normalization" in sentence for sentence in report["not_assessed"])


@pytest.mark.parametrize(
    ("option", "value"), [("budget", "lavish"), ("thresholds", {"huge": 1.0}), ("optimizer", "magic")]
)
def test_what_cannot_be_asked_is_refused(option, value):
    with pytest.raises(InputError, match=option.removesuffix("s")):
        diagnose(line(), **{option: value})


def test_a_weight_decay_that_was_told_is_the_penalty_and_comes_along_in_the_next_command(capsys):
    given = {"optimizer": "SGD", "learning_rate": 0.1, "momentum": 0.9, "epochs": 5, "weight_decay": 0.5}
    model = replace(line(), parameters={name: 0 * value for name, value in line().parameters.items()})
    report = diagnose(model, budget="quick", **given).report
    spent = 5 * math.ceil(model.examples("train") / 32)
    assert (report["recipe"]["optimizer"], report["recipe"]["momentum"], report["recipe"]["spent"]) == (
        "sgd",
        0.9,
        spent,
    )
    assert report["assumed"] == {"batch_size": min(32, model.examples("train"))}
    training = training_of(model, given, 0)
    assert with_penalty(model, training).decay_vector().tolist() == [0.5] * model.size
    assert with_penalty(model, training_of(model, {**given, "optimizer": "AdamW"}, 0)) is model
    plan = Plan(model, {"optimizer": "sgd", "steps": 1}, ("train",), penalty=0.5)
    assert "--weight-decay 0.5" in plan.command(model)


@pytest.mark.torch
@pytest.mark.parametrize(
    "name", ["sgd", "heavy_ball", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "amsgrad", "radam"]
)
def test_a_remedy_in_pytorchs_words_is_the_same_training(name):
    torch = pytest.importorskip("torch")
    x = np.linspace(0.1, 1.3, 20)[:, None]
    model = build_model(
        layers=[(np.array([[0.5]]), np.zeros(1))], loss="mse", x_train=x, y_train=np.sin(3 * x)
    )
    settings = {"optimizer": name, "learning_rate": 0.05, "momentum": 0.8, "batch_size": 20, "steps": 15}
    ours = train(model, dtype="float64", threads=1, **settings)
    net = torch.nn.Linear(1, 1).double()
    with torch.no_grad():
        net.weight.fill_(0.5)
        net.bias.zero_()
    call = re.match(r"torch\.optim\.\w+\(.*?\)(?=, 15 updates)", in_pytorch(settings, None))
    assert call
    optimizer = eval(call[0], {"torch": torch, "net": net})
    for _ in range(15):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(net(torch.from_numpy(x)), torch.from_numpy(np.sin(3 * x))).backward()
        optimizer.step()
    theirs = [net.weight.item(), net.bias.item()]
    assert ours.theta == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [("adm", "did you mean 'adam'"), ("NAdam", "the nearest is 'adam'"), ("magic", "expected one of")],
)
def test_an_optimizer_that_is_none_is_refused_with_the_one_that_is_meant(optimizer, words):
    with pytest.raises(InputError, match=words):
        diagnose(line(), budget="quick", optimizer=optimizer)
    report = diagnose(replace(line(), training={"optimizer": optimizer}), budget="quick").report
    assert report["assumed"]["optimizer"] == "adam", "a file's foreign optimizer is looked at by the nearest"

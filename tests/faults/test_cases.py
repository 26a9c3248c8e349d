"""Each case shows what its row says, and its twin does not; the slow and full account is `benchmarks/faults.py`."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.diagnosis import diagnose
from landscape.errors import InputError
from landscape.faults import CASES, draw, recipe
from landscape.model import load_model, save_model
from landscape.objective import NetworkObjective
from tests import running


def final(model, series="train_loss"):
    return float(model.history[series][-1])


@pytest.mark.parametrize("name", CASES)
def test_every_case_and_its_twin_can_be_built_with_three_sets_of_data(name):
    for healthy in (False, True):
        model, settings = recipe(name)(3, healthy)
        assert model.splits == ("train", "validation", "test")
        assert {"steps", "epochs"} & set(settings)


@pytest.mark.parametrize("name", CASES)
def test_a_twin_differs_from_its_case(name):
    (faulty, wrong), (healthy, right) = (recipe(name)(0, twin) for twin in (False, True))
    same_data = faulty.data_fingerprint() == healthy.data_fingerprint()
    assert not (same_data and wrong == right and faulty.fingerprint() == healthy.fingerprint())


@pytest.mark.parametrize("name", ["covariate-shift", "concept-shift", "unscaled-inputs"])
def test_a_mismatch_is_in_the_test_set_only(name):
    faulty, healthy = (recipe(name)(0, twin)[0].data for twin in (False, True))
    changed = {key for key in faulty if not np.array_equal(faulty[key], healthy[key])}
    assert changed
    assert changed <= {"x_test", "y_test"}


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("bounded-logits", "broken/output-range"), ("stale-statistics", "broken/stale-statistics"), ("leakage", "broken/leakage"),
        ("sorted-split", "mismatch/label-shift"), ("wrong-loss", "broken/wrong-loss"),
    ],
)  # fmt: skip
def test_what_a_diagnosis_says_of_each_newer_case_and_its_twin(name, verdict):
    faulty, healthy = (diagnose(draw(name, 1, twin=twin), threads=1).report for twin in (False, True))
    assert f"{faulty['verdict']}/{faulty['subtype']}" == verdict
    assert healthy["verdict"] == "healthy"


def test_dead_units_are_off_on_all_examples_and_those_of_the_twin_are_not():
    faulty, healthy = (draw("dead-units", twin=twin) for twin in (False, True))
    outputs = NetworkObjective(faulty, threads=1).outputs(faulty.theta)
    assert np.ptp(outputs, axis=0).max() < 1e-9
    assert final(faulty) == pytest.approx(np.log(2), abs=1e-3)
    assert final(healthy) < 0.02


def test_a_zero_start_stays_at_a_saddle_of_gradient_zero_and_xavier_leaves_it():
    faulty, healthy = (draw("zero-start", twin=twin) for twin in (False, True))
    objective = NetworkObjective(faulty, threads=1)
    assert np.linalg.norm(objective.gradient(faulty.theta)) < 1e-12
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((5, faulty.size))
    curvatures = [direction @ objective.hvp(faulty.theta, direction) for direction in directions]
    assert min(curvatures) < 0 < max(curvatures)
    assert final(healthy) < 0.02


def test_a_constant_start_keeps_the_rows_of_the_first_layer_alike():
    first = next(iter(draw("constant-start").parameters.values()))
    assert np.ptp(first, axis=0).max() < 1e-9 * np.abs(first).max()


def test_a_softmax_over_one_unit_has_a_gradient_of_exactly_zero():
    model = draw("constant-output")
    assert not NetworkObjective(model, threads=1).gradient(model.theta).any()
    assert final(model) == pytest.approx(0.5)


def test_twenty_examples_are_fitted_and_the_test_set_is_not():
    faulty, healthy = (draw("few-examples", twin=twin) for twin in (False, True))
    assert final(faulty) < 0.03 < 0.15 < final(faulty, "test_loss")
    assert final(healthy, "test_loss") < 0.13


def test_the_same_seed_gives_the_same_bits_and_another_one_others():
    first, again, other = (draw("slow-rate", seed) for seed in (1, 1, 2))
    assert first.fingerprint() == again.fingerprint() != other.fingerprint()


def test_a_drawn_model_keeps_its_story_in_a_file(tmp_path):
    drawn = draw("concept-shift")
    save_model(drawn, tmp_path / "model.npz")
    model = load_model(tmp_path / "model.npz")
    assert model.training["optimizer"] == "adam"
    assert model.training["history_loss"] == "full"
    assert model.checkpoints is not None
    assert np.array_equal(model.checkpoints[-1], model.theta)
    value = NetworkObjective(model, threads=1).value(model.theta)
    assert value == pytest.approx(final(model), rel=1e-9)


def test_an_unknown_fault_names_those_there_are():
    with pytest.raises(InputError, match="no known fault; there are dead-units, zero-start"):
        draw("measles")


def run(*arguments):
    return running.run("demo", *arguments)


def test_the_command_writes_a_fault_and_its_twin(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run("--fault", "zero-start") == 0
    assert run("--fault", "zero-start", "--twin") == 0
    assert "all parameters 0 at the start" in capsys.readouterr().err
    assert load_model("zero-start.npz").name == "zero-start"
    assert final(load_model("zero-start.healthy.npz")) < 0.02
    assert run("--fault", "zero-start") == 0
    assert run("--fault", "zero-start", "--seed", "1") == 0
    assert (tmp_path / "zero-start.seed1.npz").exists()
    assert run("--fault", "zero-start", "--seed", "1", "--output", "zero-start.npz") == 2
    assert "--fresh" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fault", "measles"], "zero-start"),
        (["digits", "--fault", "zero-start"], "found both"),
        (["--twin"], "belong to --fault"),
        (["--fault", "zero-start", "-o", "absent/m.npz"], "no folder"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []

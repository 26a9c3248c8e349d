"""Networks whose parameters or data are not finite: what is named as the cause, and what is advised."""

import json
from dataclasses import replace

import numpy as np
import pytest

from landscape.diagnosis import diagnose
from landscape.model import load_model, save_model
from landscape.objective import NetworkObjective
from tests.diagnosis.examples import line


def test_a_parameter_that_is_not_finite_is_a_verdict_and_no_error(tmp_path):
    path = tmp_path / "m.npz"
    model = line()
    save_model(
        replace(
            model, parameters={name: np.full_like(value, np.nan) for name, value in model.parameters.items()}
        ),
        path,
    )
    report = diagnose(load_model(path, allow_nonfinite=True)).report
    assert (report["verdict"], report["subtype"]) == ("broken", "exploding")
    assert json.dumps(report, allow_nan=False)


def damaged(**story):
    model = line()
    parameters = {**model.parameters, "dense1.bias": np.array([np.inf])}
    return replace(model, parameters=parameters, **story)


def test_parameters_that_are_not_finite_are_named_with_the_update_since_which_and_the_last_finite_checkpoint():
    story = {
        "history": {"step": np.array([0, 5, 10]), "train_loss": np.array([1.0, 1e30, np.nan])},
        "checkpoints": np.array([[1.0, 0.0], [7e4, 0.0], [np.nan, 0.0]]),
        "checkpoint_steps": np.array([0, 5, 10]),
        "training": {"optimizer": "adam", "learning_rate": 0.5},
    }
    why = diagnose(damaged(**story)).report["why"]
    assert "dense1.bias" in why[0]
    assert "nan from update 10 on, after 1e+30 at update 5" in why[1]
    assert "update 5, where the largest parameter is 7e+04" in why[2]
    advice = diagnose(damaged(**story)).report["advice"]
    assert "from the checkpoint of update 5" in advice
    assert "at most 0.05" in advice


@pytest.mark.parametrize("known", [False, True])
def test_parameters_that_were_thrown_out_by_the_rate_are_told_by_the_curvature_where_the_run_began(known):
    model = damaged(checkpoints=np.array([[0.5, 0.0], [np.nan, np.inf]])) if known else damaged()
    report = diagnose(model, optimizer="SGD", learning_rate=100.0, steps=10).report
    (cited,) = report["cited"]
    assert f"at {'its' if known else 'a fresh'} start" in cited["text"]
    assert cited["supports"]
    largest = cited["value"] * 2 / 100.0
    objective = NetworkObjective(line(), threads=1)
    exact = np.linalg.eigvalsh([objective.hvp(line().theta, v) for v in np.eye(2)])[-1]
    assert largest == pytest.approx(exact, rel=1e-6), (
        "the loss of a line is quadratic: its curvature is the same everywhere"
    )
    assert diagnose(model, optimizer="SGD", learning_rate=1e-6, steps=10).report["cited"] == []


def test_a_nan_in_the_data_is_the_cause_of_those_in_the_parameters():
    model = damaged()
    report = diagnose(replace(model, data={**model.data, "y_train": model.data["y_train"] * np.nan})).report
    assert (report["verdict"], report["subtype"]) == ("broken", "no-signal")
    assert report["why"][0].startswith("y_train")
    assert "dense1.bias" in report["why"][1]
    assert "remove these examples" in report["advice"]

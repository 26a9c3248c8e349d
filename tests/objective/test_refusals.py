"""What an objective refuses, in one line that says what was expected and what was found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.model import build_model
from landscape.objective import NetworkObjective, evaluate_model
from tests import reference
from tests.cases import CASES


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"split": "test"}, "test"),
        ({"split": "exam"}, "exam"),
        ({"dtype": "float16"}, "float16"),
        ({"dtype": "int64"}, "int64"),
        ({"threads": 0}, "threads"),
        ({"threads": -2}, "threads"),
        ({"examples": 0}, "examples"),
        ({"examples": -3}, "examples"),
    ],
)
def test_a_wrong_option_is_refused_by_name(options, words):
    with pytest.raises(InputError, match=words) as caught:
        NetworkObjective(CASES["chain_tanh"].model, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("off", [-1, 1])
@pytest.mark.parametrize("method", ["value", "gradient", "evaluate", "values", "gradients"])
def test_a_theta_of_another_length_is_refused(method, off):
    model = CASES["chain_tanh"].model
    theta = np.zeros(model.size + off)
    with pytest.raises(InputError, match=str(model.size)):
        getattr(NetworkObjective(model), method)(theta[None] if method.endswith("s") else theta)


def test_vectors_and_directions_of_another_length_are_refused():
    model = CASES["chain_tanh"].model
    engine, short = NetworkObjective(model), np.zeros(model.size - 1)
    with pytest.raises(InputError, match=str(model.size)):
        engine.hvp(model.theta, short)
    with pytest.raises(InputError, match=str(model.size)):
        engine.hvps(model.theta, short[None])
    with pytest.raises(InputError, match=str(model.size)):
        engine.sweep(model.theta, short[None], (np.zeros(1),))
    with pytest.raises(InputError, match=str(model.size)):
        engine.sweep(short, model.theta[None], (np.zeros(1),))


def test_as_many_axes_as_directions_are_asked_for():
    model = CASES["chain_tanh"].model
    with pytest.raises(InputError, match="axis"):
        NetworkObjective(model).sweep(model.theta, np.ones((2, model.size)), (np.zeros(3),))


def test_batches_of_different_sizes_are_refused_by_name():
    model = build_model(
        nodes=[{"name": "norm", "op": "batchnorm", "mode": "batch", "batch_size": 2},
               {"name": "again", "op": "batchnorm", "mode": "batch"}, {"name": "fc", "op": "dense"}],
        parameters={"norm.running_mean": np.zeros(4), "norm.running_var": np.ones(4),
                    "again.running_mean": np.zeros(4), "again.running_var": np.ones(4),
                    "fc.weight": np.ones((2, 4)), "fc.bias": np.zeros(2)},
        loss="cross_entropy",
        x_train=np.ones((3, 4)),
        y_train=np.array([0, 1, 0]),
    )  # fmt: skip
    with pytest.raises(InputError, match=r"again.*batch_size.*2.*norm.*256") as caught:
        NetworkObjective(model)
    assert "\n" not in str(caught.value)


def test_a_model_is_evaluated_on_every_split_that_it_has():
    model = CASES["mse"].model
    found = evaluate_model(model)
    assert list(found) == ["train", "test"]
    for split, evaluation in found.items():
        expected = reference.evaluate(model, model.theta, split).loss
        assert evaluation.loss == pytest.approx(expected, rel=1e-12)


def test_an_objective_reads_nothing_of_the_models_theta():
    model = CASES["frozen_middle"].model
    moved = replace(model.with_theta(np.zeros(model.size)))
    assert NetworkObjective(moved).value(model.theta) == NetworkObjective(model).value(model.theta)

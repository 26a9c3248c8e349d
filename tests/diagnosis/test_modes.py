"""The training loss in training mode beside that in evaluation mode, and a log that shows the one or the other."""

import math

import numpy as np
import pytest

from landscape.diagnosis import diagnose
from landscape.diagnosis.modes import log_in_training, modes_of
from landscape.model import build_model
from landscape.objective import NetworkObjective, as_one_batch
from landscape.objective.training_mode import losses_in_training
from tests.diagnosis.contradictions import contradictions

WEIGHTS = np.array([[1.5], [-1.0], [0.5]])


def dropping(p=0.5, noise=0.0, *, count=60, **more):
    """A linear unit behind dropout whose weights solve the problem but for noise."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((count, 3))
    return build_model(
        nodes=[{"name": "drop", "op": "dropout", "p": p}, {"name": "out", "op": "dense"}],
        parameters={"out.weight": WEIGHTS.T, "out.bias": np.zeros(1)},
        x_train=x, y_train=x @ WEIGHTS + noise * rng.standard_normal((count, 1)), loss="mse", **more,
    )  # fmt: skip


def expected(model, p):
    """The expected loss in training mode: a kept input is divided by 1 − p, so that its variance is p/(1 − p) x²."""
    x = np.asarray(model.data["x_train"], np.float64)
    variance = p / (1 - p) * float(np.mean(((x * WEIGHTS.T) ** 2).sum(axis=1)))
    return NetworkObjective(model).evaluate(model.theta).loss + variance


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_dropout_adds_the_variance_of_the_masked_inputs_to_the_loss_of_a_linear_unit(p):
    model = dropping(p, noise=0.3)
    found = losses_in_training(model, 16, range(400), threads=1)
    assert abs(found.mean() - expected(model, p)) < 4 * found.std(ddof=1) / math.sqrt(400)
    np.testing.assert_array_equal(found[:40], losses_in_training(model, 16, range(40), threads=2))


def test_modes_have_both_losses_and_an_error_that_covers_the_expected_one():
    model = dropping()
    loss = NetworkObjective(model).evaluate(model.theta).loss
    modes = modes_of(model, loss, 16, 0, 1)
    assert modes.evaluation == loss < 1e-10
    assert abs(modes.training - expected(model, 0.5)) < 5 * modes.error
    assert modes.dropout
    assert not modes.statistics
    assert modes_of(dropping(0.0), loss, 16, 0) is None, "dropout of nothing is no other mode"


def normalizing(count=40):
    """A network whose running statistics are those of a start, not of its data."""
    rng = np.random.default_rng(2)
    nodes = [
        {"name": "in", "op": "dense"}, {"name": "norm", "op": "batchnorm"}, {"name": "bend", "op": "relu"}, {"name": "out", "op": "dense"},
    ]  # fmt: skip
    names = {"in.weight": (4, 2), "in.bias": (4,), "out.weight": (1, 4), "out.bias": (1,)}
    parameters = {name: rng.standard_normal(shape) for name, shape in names.items()}
    parameters |= {
        "norm.weight": np.ones(4), "norm.bias": np.zeros(4), "norm.running_mean": np.zeros(4), "norm.running_var": np.ones(4),
    }  # fmt: skip
    x = 3 + 5 * rng.standard_normal((count, 2))
    return build_model(nodes=nodes, parameters=parameters, x_train=x, y_train=x[:, :1], loss="mse")


def test_a_whole_batch_in_training_mode_is_normalized_by_its_own_statistics():
    model = normalizing()
    whole = NetworkObjective(as_one_batch(model)).evaluate(model.theta).loss
    np.testing.assert_allclose(losses_in_training(model, 40, [0, 1], threads=1), whole, rtol=1e-9)
    modes = modes_of(model, NetworkObjective(model).evaluate(model.theta).loss, 40, 0, 1)
    assert (modes.dropout, modes.statistics) == (False, True)
    assert modes_of(normalizing(41), 1.0, 40, 0, 1) is None, "a batch of one has no variance"


def with_log(last, kind="full"):
    """The solved unit with a log that ends so."""
    values = np.array([5.0, 4.0, last])
    return dropping(
        arrays={"history.step": np.array([0, 100, 200]), "history.train_loss": values},
        training={
            "optimizer": "sgd",
            "learning_rate": 0.1,
            "batch_size": 16,
            "steps": 200,
            "history_loss": kind,
        },
    )


@pytest.mark.parametrize("kind", ["full", "batch"])
def test_a_log_with_dropout_on_contradicts_nothing_and_makes_no_loss_large(kind):
    model = with_log(expected(dropping(), 0.5), kind)
    report = diagnose(model, budget="quick", threads=1).report
    assert report["verdict"] == "healthy"
    assert report["contradiction"] is None
    said = next(
        text for text in report["warnings"] if text.startswith("the log shows losses with dropout on")
    )
    assert "net.eval()" in said
    assert any("in training mode" in text for text in report["evidence"]["beside"])
    assert report["evidence"]["modes"]["training"] > 0.5 > report["evidence"]["modes"]["evaluation"]
    assert not contradictions(report)


def test_a_log_of_neither_mode_still_contradicts_and_one_of_evaluation_says_nothing():
    other = diagnose(with_log(3 * expected(dropping(), 0.5)), budget="quick", threads=1).report
    assert other["contradiction"]
    assert not [text for text in other["warnings"] if "the log shows" in text]
    same = with_log(0.0)
    assert log_in_training(same, modes_of(same, 0.0, 16, 0, 1), 1.0) == ""
    assert log_in_training(same, None, 1.0) == ""

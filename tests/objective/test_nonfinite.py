"""A point that diverged is data: it is not finite, and its neighbours are as if it were not there."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.model import build_model
from landscape.objective import NetworkObjective
from tests import reference
from tests.cases import ACTIVATIONS, CASES
from tests.engine import VALUE_TOLERANCE, every_case, every_dtype, objective, points, vectors
from tests.objective.test_determinism import run

BAD = pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])


def poisoned(name: str, bad: float, parameter: str = "fc1.weight") -> np.ndarray:
    """Give θ with one bad number in a parameter."""
    model = CASES[name].model
    theta = model.theta.copy()
    start = next(slot.start for slot in model.layout if slot.name == parameter)
    theta[start + 1] = bad
    return theta


# Parameters that no example reads: a node without readers, taps that meet nothing but padding.
UNREAD = {"conv_single_pixel": ["c.weight"]}


@every_dtype
@every_case
def test_a_nan_anywhere_in_theta_reaches_the_loss(name, dtype):
    model = CASES[name].model
    unused = [slot.name for slot in model.layout if slot.node == "unused"] + UNREAD.get(name, [])
    for slot in model.layout:
        if slot.name not in unused:
            theta = poisoned(name, np.nan, slot.name) if slot.stop - slot.start > 1 else model.theta.copy()
            theta[slot.start] = np.nan
            assert np.isnan(objective(name, dtype).value(theta)), slot.name
            assert np.isnan(objective(name, dtype).evaluate(theta).loss), slot.name


@every_dtype
@pytest.mark.parametrize("name", [f"chain_{kind}" for kind in ACTIVATIONS] + ["layernorm", "mae", "huber"])
def test_a_nan_reaches_gradients_and_products(name, dtype):
    engine, theta = objective(name, dtype), poisoned(name, np.nan)
    assert np.isnan(engine.gradient(theta)).any()
    assert np.isnan(engine.hvp(theta, vectors(CASES[name], 1)[0])).any()


@every_dtype
@BAD
@pytest.mark.parametrize(
    "name", ["chain_identity", "mse", "binary_one_output", "softmax_mse", "several_tiles"]
)
def test_a_bad_last_layer_is_never_a_finite_loss_with_an_accuracy(name, bad, dtype):
    found = objective(name, dtype).evaluate(poisoned(name, bad, "fc2.weight"))
    assert not np.isfinite(found.loss)
    assert found.accuracy is None or np.isnan(found.accuracy)


@every_dtype
@BAD
@pytest.mark.parametrize("name", ["chain_relu", "several_tiles", "sequence_mse"])
def test_neighbours_of_a_bad_point_keep_their_bits(name, bad, dtype):
    case, engine = CASES[name], objective(name, dtype)
    thetas = points(case, 5)
    spoiled = thetas.copy()
    spoiled[2] = poisoned(name, bad)
    good = [0, 1, 3, 4]
    assert np.array_equal(engine.values(spoiled)[good], engine.values(thetas)[good])
    assert np.array_equal(engine.gradients(spoiled)[good], engine.gradients(thetas)[good])
    # An infinite weight may saturate its unit and leave everything else finite.
    assert np.isnan(engine.gradients(spoiled)[2]).any() or np.isinf(bad)


@every_dtype
@pytest.mark.parametrize("name", ["mse", "chain_relu", "chain_silu", "ragged_257_relu", "multiply_itself"])
def test_a_sweep_records_the_points_that_diverged_and_no_others(name, dtype):
    case, engine = CASES[name], objective(name, dtype)
    far = {"float32": 1e30, "float64": 1e250}[dtype]
    axis = np.array([-far, -1.0, 0.0, 0.5, far, np.nan])
    directions = vectors(case, 1)
    found = run(engine.sweep(case.model.theta, directions, (axis,)))
    finite = np.isfinite(found["loss"])
    assert finite[1:4].all()
    assert not finite[5]
    expected = [reference.loss(case.model, case.model.theta + a * directions[0]) for a in axis[1:4]]
    assert np.allclose(found["loss"][1:4], expected, rtol=VALUE_TOLERANCE[dtype], atol=0)
    with np.errstate(all="ignore"):
        ends = [reference.loss(case.model, case.model.theta + a * directions[0]) for a in (-far, far)]
    if dtype == "float64":
        assert np.array_equal(finite[[0, 4]], np.isfinite(ends))


def test_squares_that_overflow_are_not_finite():
    model = CASES["linear_regression"].model
    found = objective("linear_regression", "float64").evaluate(np.full(model.size, 1e200))
    assert not np.isfinite(found.loss)
    assert found.accuracy is None


@every_dtype
@pytest.mark.parametrize("name", [f"chain_{kind}" for kind in ACTIVATIONS])
def test_large_but_finite_units_give_the_referees_loss(name, dtype):
    case = CASES[name]
    theta = 1e4 * case.model.theta
    expected = reference.loss(case.model, theta)
    assert np.isfinite(expected)
    assert objective(name, dtype).evaluate(theta).loss == pytest.approx(
        expected, rel=10 * VALUE_TOLERANCE[dtype]
    )


@every_dtype
@BAD
@pytest.mark.parametrize("name", ["several_tiles", "transformer_block", "skip_relu", "concat_input"])
def test_a_bad_point_leaves_nothing_behind(name, bad, dtype):
    case, engine = CASES[name], NetworkObjective(CASES[name].model, dtype=dtype)
    theta, v = case.model.theta, vectors(case, 1)[0]
    axis = np.array([-1.0, 0.5])

    def everything() -> list[bytes]:
        losses = run(engine.sweep(theta, v[None], (axis,)))["loss"]
        return [
            a.tobytes()
            for a in (engine.values(theta[None]), engine.gradient(theta), engine.hvp(theta, v), losses)
        ]

    before = everything()
    spoiled = np.full(case.model.size, bad)
    engine.value(spoiled)
    engine.gradient(spoiled)
    engine.hvp(spoiled, v)
    run(engine.sweep(spoiled, v[None], (axis,)))
    assert everything() == before


def linear(x: list[float], y: list, loss: str):
    """Two logits 10x and 0 (or the one output 10x) of plain numbers."""
    weight = [[10.0, 0.0]] if loss == "cross_entropy" else [[10.0]]
    targets = np.array(y) if loss == "cross_entropy" else np.array(y)[:, None]
    layers = [(np.array(weight), np.zeros(len(weight[0])))]
    return build_model(layers=layers, loss=loss, x_train=np.array(x)[:, None], y_train=targets)


@pytest.mark.parametrize(
    ("loss", "y"),
    [("cross_entropy", [0, 1, 0]), ("cross_entropy", [0, 0, 0]), ("binary_cross_entropy", [1, 0, 1])],
)
@pytest.mark.parametrize("sign", [-1, 1])
def test_one_output_that_is_not_finite_makes_the_accuracy_unknown(loss, y, sign):
    model = linear([1.0, sign * 1e308, 2.0], y, loss)
    found = NetworkObjective(model).evaluate(model.theta)
    assert np.isnan(found.accuracy)
    swept = run(NetworkObjective(model).sweep(model.theta, np.zeros((1, model.size)), (np.zeros(1),)))
    assert np.isnan(swept["accuracy"]).all()


def test_a_vanished_class_costs_nothing():
    model = linear([1.0, -1e308, 2.0], [0, 1, 0], "cross_entropy")
    expected = (np.log1p(np.exp(-10.0)) + np.log1p(np.exp(-20.0))) / 3
    assert NetworkObjective(model).value(model.theta) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_one_overflowing_example_makes_the_whole_loss_infinite(loss):
    model = linear([1.0, 1e308, 2.0], [0.0, 0.0, 0.0], loss)
    assert NetworkObjective(model).value(model.theta) == np.inf


@every_dtype
@BAD
def test_an_infinite_parameter_without_decay_costs_no_penalty(bad, dtype):
    model = CASES["weight_decay_map"].model
    theta = model.theta.copy()
    undecayed = next(slot.start for slot in model.layout if slot.name == "fc1.bias")
    theta[undecayed] = bad
    expected = reference.penalty(model, model.theta)
    assert objective("weight_decay_map", dtype).evaluate(theta).penalty == pytest.approx(expected, rel=1e-12)

"""Gradients at combinations of a few points are those of each node alone, whatever the nodes share."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.connection.curves import Bezier, Polychain, nodes_of
from landscape.connection.nodes import nodes_of_any, nodes_of_network
from landscape.objective import NetworkObjective
from landscape.objective.combined import Combined, combined, sharing
from landscape.program.codes import Op
from landscape.program.table import Column
from tests import reference
from tests.cases import CASES
from tests.engine import TOLERANCE, VALUE_TOLERANCE, distance, every_dtype, objective, points

# Against the ordinary path, norm-wise.
SAME = 1e-12
# Several tiles, a ragged last one, sequences, skips from the data, shared and frozen parameters, decay, images, tokens, statistics of batches.
NAMES = [
    "several_tiles", "ragged_257_relu", "sequence_mse", "two_branches", "add_to_input", "views_of_the_data", "input_doubled", "tied_weights",
    "frozen_last", "weight_decay_map", "logistic_regression", "loss_scale_and_decay", "conv_batchnorm", "depthwise", "resnet", "embedding",
    "causal_transformer", "ids_in_a_part_of_the_data", "batch_statistics_of_images",
]  # fmt: skip
some_cases = pytest.mark.parametrize("name", NAMES)


def curve(name: str, kind: type = Bezier, bends: int = 2) -> tuple[np.ndarray, ...]:
    """Give coefficients and weights of three nodes a piece, the ends and the bends of a curve near a case's θ."""
    t, weights = nodes_of(kind(bends), 3)
    rows = points(CASES[name], bends + 2)
    return kind(bends).weights(t), weights, rows[[0, -1]], rows[1:-1]


@pytest.mark.parametrize("name", CASES)
def test_they_are_the_ordinary_ones_of_every_network(name):
    engine = objective(name, "float64")
    basis, weights, ends, bends = curve(name)
    nodes = nodes_of_network(engine, basis, weights, ends, None)
    if nodes is None:
        return
    values, gradients = nodes(bends)
    expected, ordinary = nodes_of_any(engine.values_and_gradients, basis, weights, ends)(bends)
    assert np.allclose(values, expected, rtol=SAME, atol=0)
    assert distance(gradients, ordinary) <= SAME


@every_dtype
@some_cases
def test_they_are_the_referees(name, dtype):
    model = CASES[name].model
    basis, weights, ends, bends = curve(name)
    nodes = nodes_of_network(objective(name, dtype), basis, weights, ends, None)
    values, gradients = nodes(bends)
    thetas = basis @ np.concatenate([ends[:1], bends, ends[1:]])
    assert np.allclose(
        values, [reference.value(model, theta) for theta in thetas], rtol=10 * VALUE_TOLERANCE[dtype]
    )
    each = np.stack([reference.gradient(model, theta) for theta in thetas])
    assert distance(gradients, (basis[:, 1:-1] * weights[:, None]).T @ each) <= 10 * TOLERANCE[dtype]


@pytest.mark.parametrize("name", ["chain_tanh", "sequence_mse", "conv_batchnorm"])
def test_the_gradient_is_the_slope_of_the_mean(name):
    basis, weights, ends, bends = curve(name, Polychain)
    nodes = nodes_of_network(objective(name, "float64"), basis, weights, ends, None)
    v, h = np.random.default_rng(0).standard_normal(bends.shape) / np.sqrt(bends.size), 1e-5
    slope = (weights @ nodes(bends + h * v)[0] - weights @ nodes(bends - h * v)[0]) / (2 * h)
    gradients = nodes(bends)[1]
    assert slope == pytest.approx(np.sum(gradients * v), abs=1e-7 * np.linalg.norm(gradients))


@every_dtype
@some_cases
def test_the_bits_are_the_same_for_one_thread_and_two_and_for_products_that_are_not_kept(name, dtype):
    basis, weights, ends, bends = curve(name, Polychain)
    found = []
    for threads, keeps in ((1, True), (2, True), (2, False)):
        engine = objective(name, dtype, threads)
        made = combined(engine, ends)
        made.keeps = keeps
        found.append(straight(engine, made, basis, weights, ends, bends))
        # What was kept serves again.
        found.append(straight(engine, made, basis, weights, ends, bends))
    for other in found[1:]:
        assert [one.tobytes() for one in found[0]] == [one.tobytes() for one in other]


def straight(engine: NetworkObjective, made: Combined, basis, weights, ends, bends) -> tuple[np.ndarray, ...]:
    """Ask for sums and gradients without the curve's own function."""
    thetas = basis @ np.concatenate([ends[:1], bends, ends[1:]])
    coefficients = np.concatenate([basis[:, 1:-1], basis[:, [0, -1]]], axis=1)
    return made.gradients(
        engine.complete(bends), engine.complete(thetas), coefficients, basis[:, 1:-1] * weights[:, None]
    )


def test_constants_of_their_own_belong_to_each_node():
    name = "conv_batchnorm"
    engine, model = objective(name, "float64"), CASES[name].model
    basis, weights, ends, bends = curve(name)
    constants = model.constants * (1.0 + 0.1 * np.arange(len(basis)))[:, None]
    values, gradients = nodes_of_network(engine, basis, weights, ends, constants)(bends)
    thetas, expected = basis @ np.concatenate([ends[:1], bends, ends[1:]]), np.zeros_like(gradients)
    for k, theta in enumerate(thetas):
        value, gradient = engine.with_constants(constants[k]).value_and_gradient(theta)
        assert values[k] == pytest.approx(value, rel=SAME)
        expected += weights[k] * basis[k, 1:-1, None] * gradient
    assert distance(gradients, expected) <= SAME


@pytest.mark.parametrize(
    ("name", "ops"),
    [
        ("chain_relu", [Op.DENSE]),
        ("two_branches", [Op.DENSE, Op.DENSE]),
        ("lenet", [Op.CONVOLUTION]),
        ("embedding", [Op.EMBEDDING]),
        ("layernorm_first", None),
        ("frozen_first", None),
        ("frozen_bias", None),
        ("weight_norm", None),
    ],
)
def test_what_is_shared_are_products_of_the_data_with_trained_parameters(name, ops):
    lowering = objective(name, "float64").on_cpu.tiled.reverse
    found = sharing(lowering, CASES[name].model.size)
    assert (found is None) == (ops is None)
    assert found is None or lowering.program.rows[found[0].affine, Column.OP].tolist() == ops


def test_an_engine_of_another_kind_shares_nothing():
    class Other:
        device, on_cpu = "other", None

        def __init__(self, setting) -> None:
            pass

    model = CASES["chain_relu"].model
    assert combined(NetworkObjective(model, engine=Other), np.zeros((2, model.size))) is None

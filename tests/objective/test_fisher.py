"""Approximations of the Hessian, against matrices written out from the referee's outputs and gradients."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.model import build_model
from landscape.objective import NetworkObjective
from landscape.objective.fisher import STAND_INS, fisher_products, mean_curvature
from tests import reference
from tests.cases import CASES
from tests.engine import distance, objective, vectors

NAMES = ["mse", "loss_scale", "binary_three_outputs", "several_tiles", "weight_decay", "layernorm", "skip",
         "ignored_labels", "multiply_gate"]  # fmt: skip


def outputs(model, theta):
    """All outputs at θ, flat."""
    x, _ = reference.examples(model, "train", None)
    return reference.forward(model, theta, x)[model.nodes[-1].name]


def curved(model, z, dz):
    """The loss's second derivative in the outputs, times dz."""
    if model.loss == "cross_entropy":
        p = np.exp(z - z.max(axis=-1, keepdims=True))
        p /= p.sum(axis=-1, keepdims=True)
        counted = (np.asarray(model.data["y_train"]) != reference.IGNORED)[..., None]
        return counted * p * (dz - np.sum(p * dz, axis=-1, keepdims=True))
    if model.loss == "binary_cross_entropy":
        p = 1 / (1 + np.exp(-z))
        return p * (1 - p) * dz
    return 2 * dz


def pulled(model, theta, along):
    """Jᵀ along, by central differences of ⟨along, z⟩ would be dense; here along one vector v: ⟨along, J v⟩."""
    h = 1e-6
    return lambda v: np.sum(along * (outputs(model, theta + h * v) - outputs(model, theta - h * v))) / (2 * h)


@pytest.mark.parametrize("name", NAMES)
def test_gauss_newton_is_the_losss_curvature_between_two_jacobians(name):
    case = CASES[name]
    model, theta = case.model, case.model.theta
    u, v = vectors(case, 2)
    h = 1e-5
    jv = (outputs(model, theta + h * v) - outputs(model, theta - h * v)) / (2 * h)
    expected = pulled(model, theta, curved(model, outputs(model, theta), jv))(u)
    engine = objective(name, "float64")
    expected = expected * model.loss_scale / engine.counts.total + u @ engine.decayed(v)[0]
    assert u @ fisher_products(engine, theta, v)[0] == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_the_empirical_fisher_is_the_mean_outer_product_of_the_examples_gradients(name):
    case = CASES[name]
    model, theta = case.model, case.model.theta
    v = vectors(case, 1)[0]
    engine = objective(name, "float64")
    x, y = model.data["x_train"][:40], model.data["y_train"][:40]
    few = NetworkObjective(replaced(model, x, y))
    total, count = few.counts.total, len(x)
    expected = np.zeros(model.size)
    for i in range(count):
        if np.all(y[i] == reference.IGNORED):
            continue
        one = NetworkObjective(replaced(model, x[i : i + 1], y[i : i + 1]))
        # The share of this example in the mean, times the number of examples.
        gradient = one.gradient(theta) - one.decayed(theta)[0]
        gradient = gradient * one.counts.total * count / total
        expected += gradient * (gradient @ v) / count
    assert distance(fisher_products(few, theta, v, matrix="empirical-fisher")[0], expected) < 1e-10
    assert engine.size == few.size


def replaced(model, x, y):
    from dataclasses import replace

    return replace(model, data={"x_train": x, "y_train": y})


@pytest.mark.parametrize("name", ["mse", "sequence_cross_entropy", "binary_one_output"])
def test_of_a_likelihood_fisher_and_gauss_newton_are_one(name):
    case = CASES[name]
    v = vectors(case, 2)
    engine = objective(name, "float64")
    assert np.array_equal(
        fisher_products(engine, case.model.theta, v, matrix="fisher"),
        fisher_products(engine, case.model.theta, v),
    )


@pytest.mark.parametrize(("loss", "constant"), [("mae", 1.0), ("huber", mean_curvature("huber", 0.5))])
def test_where_the_losss_curvature_vanishes_fisher_is_a_multiple_of_the_inputs_moment(loss, constant):
    x = np.random.default_rng(0).standard_normal((23, 3))
    model = build_model(
        layers=[(np.ones((1, 3)), np.zeros(1))], loss=loss, delta=0.5, x_train=x, y_train=np.ones((23, 1))
    )
    ones = np.hstack([x, np.ones((23, 1))])
    found = fisher_products(NetworkObjective(model), model.theta, np.eye(4), matrix="fisher")
    assert np.allclose(found, constant * ones.T @ ones / 23, rtol=0, atol=1e-13)


def test_hubers_mean_squared_slope_is_what_quadrature_says():
    r = np.linspace(-60, 60, 2_000_001)
    loss = np.where(abs(r) <= 0.7, r * r / 2, 0.7 * (abs(r) - 0.35))
    expected = np.sum(np.clip(r, -0.7, 0.7) ** 2 * np.exp(-loss)) / np.sum(np.exp(-loss))
    assert mean_curvature("huber", 0.7) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("matrix", STAND_INS)
@pytest.mark.parametrize("threads", [1, 2])
def test_stand_ins_are_symmetric_positive_and_the_same_for_any_number_of_threads(matrix, threads):
    case = CASES["several_tiles"]
    u, v = vectors(case, 2)
    found = fisher_products(
        objective("several_tiles", "float64", threads), case.model.theta, [u, v], matrix=matrix
    )
    assert found[0] @ v == pytest.approx(found[1] @ u, rel=1e-11)
    assert found[0] @ u > 0
    first = fisher_products(objective("several_tiles", "float64"), case.model.theta, [u, v], matrix=matrix)
    assert np.array_equal(found, first)


def test_an_unknown_matrix_is_refused():
    with pytest.raises(InputError, match="gauss-newton, fisher, empirical-fisher"):
        fisher_products(objective("mse", "float64"), CASES["mse"].model.theta, np.zeros(1), matrix="kfac")

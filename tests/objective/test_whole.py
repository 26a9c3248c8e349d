"""The whole Hessian computed at once equals that of products, for any graph between dense nodes; and products share their common part."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.errors import InternalError
from landscape.objective import NetworkObjective
from landscape.objective.whole import WholeHessian, is_dense
from tests.cases import CASES
from tests.engine import DTYPES, TOLERANCE, distance, objective, vectors

MOST = 128
DENSE = [name for name in CASES if is_dense(objective(name, "float64"))]


def whole(engine: NetworkObjective, theta: np.ndarray) -> np.ndarray:
    """Add up all parts."""
    found = WholeHessian(engine, theta)
    half = np.zeros((engine.size, engine.size))
    assert list(found.parts(half))[-1] == found.passes
    return found.finish(half)


def test_networks_of_dense_nodes_have_it_and_others_do_not():
    assert {"deep", "no_bias", "multiply_itself", "concat_three", "loss_scale_and_decay"} <= set(DENSE)
    assert not {"sequence_mse", "layernorm", "ignored_labels"} & set(DENSE)


@pytest.mark.parametrize("name", ["sequence_mse", "layernorm", "lenet", "tied_weights"])
def test_of_another_network_nothing_is_computed(name):
    with pytest.raises(InternalError, match="takes products"):
        WholeHessian(objective(name, "float64"), CASES[name].model.theta)


@pytest.mark.parametrize("name", DENSE)
def test_the_whole_hessian_is_that_of_the_products(name):
    model, engine = CASES[name].model, objective(name, "float64")
    found = whole(engine, model.theta)
    assert np.array_equal(found, found.T)
    # Columns one by one, or, where they are many, random sums of all of them.
    few = model.size <= MOST
    units = np.eye(model.size) if few else np.random.default_rng(0).standard_normal((MOST, model.size))
    assert distance(units @ found, engine.hvps(model.theta, units)) <= TOLERANCE["float64"]


def test_the_bits_of_the_whole_do_not_depend_on_the_threads():
    model = CASES["several_tiles"].model
    one, three = (whole(objective("several_tiles", "float64", threads), model.theta) for threads in (1, 3))
    assert np.array_equal(one, three)


def test_a_whole_hessian_taken_up_in_its_middle_has_the_same_bits(monkeypatch):
    monkeypatch.setattr("landscape.objective.whole.UNITS", 5)
    engine, theta = objective("deep", "float64"), CASES["deep"].model.theta
    half = np.zeros((engine.size, engine.size))
    parts = WholeHessian(engine, theta).parts(half)
    reached = [next(parts), next(parts)][-1]
    rest = WholeHessian(engine, theta)
    assert list(rest.parts(half, reached))[-1] == rest.passes
    assert np.array_equal(rest.finish(half), whole(engine, theta))


@pytest.mark.parametrize("dtype", DTYPES)
def test_products_have_the_same_bits_whether_the_passes_they_share_are_kept_or_not(dtype, monkeypatch):
    case = CASES["several_tiles"]
    many = vectors(case, 3)
    kept = NetworkObjective(case.model, dtype=dtype)
    there = [kept.hvps(theta, many) for theta in (case.model.theta, 1.1 * case.model.theta, case.model.theta)]
    assert kept.engine.primals.memory
    monkeypatch.setattr("landscape.objective.primal.KEPT_BYTES", 0)
    bare = NetworkObjective(case.model, dtype=dtype)
    assert np.array_equal(there[0], bare.hvps(case.model.theta, many))
    assert np.array_equal(there[1], bare.hvps(1.1 * case.model.theta, many))
    assert np.array_equal(there[2], there[0])
    assert not bare.engine.primals.memory

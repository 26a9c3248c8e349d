"""Data in any layout, type and size give the same numbers, and nothing that was given is changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from landscape.model import build_model
from landscape.objective import NetworkObjective, cpu_network, tiles
from tests import reference
from tests.cases import CASES
from tests.engine import TOLERANCE, VALUE_TOLERANCE, distance, every_dtype, objective, points, vectors
from tests.objective.test_determinism import run

NAMES = ["several_tiles", "pixels", "ignored_labels", "mse"]


def with_data(name: str, change) -> NetworkObjective:
    model = CASES[name].model
    return NetworkObjective(replace(model, data={key: change(value) for key, value in model.data.items()}))


def strided(array: np.ndarray) -> np.ndarray:
    """Give the same numbers as every other element of a larger array."""
    wide = np.zeros((2 * array.shape[0], *array.shape[1:]), array.dtype)
    wide[::2] = array
    return wide[::2]


def read_only(array: np.ndarray) -> np.ndarray:
    copy = array.copy()
    copy.setflags(write=False)
    return copy


LAYOUTS = {
    "fortran": np.asfortranarray,
    "strided": strided,
    "backwards": lambda array: array[::-1].copy()[::-1],
    "big endian": lambda array: array.astype(array.dtype.newbyteorder(">")),
    "read-only": read_only,
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", NAMES)
def test_the_layout_of_data_does_not_change_a_bit(name, layout):
    theta = CASES[name].model.theta
    found, plain = with_data(name, LAYOUTS[layout]), objective(name, "float64")
    assert found.value(theta) == plain.value(theta)
    assert np.array_equal(found.gradient(theta), plain.gradient(theta))


@every_dtype
@pytest.mark.parametrize("name", NAMES)
def test_data_read_in_small_blocks_give_the_same_numbers(name, dtype, monkeypatch):
    case = CASES[name]
    monkeypatch.setattr(tiles, "BLOCK_BYTES", 1)
    monkeypatch.setattr(tiles, "KEPT_BYTES", 0)
    monkeypatch.setattr(cpu_network, "RESULT_BYTES", 1)
    engine, thetas, many = NetworkObjective(case.model, dtype=dtype), points(case, 3), vectors(case, 3)
    for _ in range(2):
        expected = [reference.value(case.model, theta) for theta in thetas]
        assert np.allclose(engine.values(thetas), expected, rtol=VALUE_TOLERANCE[dtype], atol=0)
        for found, theta in zip(engine.gradients(thetas), thetas, strict=True):
            assert distance(found, reference.gradient(case.model, theta)) <= TOLERANCE[dtype]
        for found, v in zip(engine.hvps(thetas[0], many), many, strict=True):
            assert distance(found, reference.hvp(case.model, thetas[0], v)) <= TOLERANCE[dtype]
        losses = run(engine.sweep(thetas[0], many[:1], (np.array([0.0, 0.5]),)))["loss"]
        assert losses[0] == pytest.approx(reference.loss(case.model, thetas[0]), rel=VALUE_TOLERANCE[dtype])


def test_a_tenth_of_a_million_examples_are_summed_in_double_precision():
    rng = np.random.default_rng(0)
    x = (1000.0 + rng.standard_normal((100_000, 1))).astype(np.float32)
    model = build_model(
        layers=[(np.ones((1, 1)), np.zeros(1))], loss="mae", x_train=x, y_train=np.zeros_like(x)
    )
    found = NetworkObjective(model, dtype="float32").value([1.0, 0.0])
    assert found == pytest.approx(float(np.mean(x, dtype=np.float64)), rel=1e-12)


@every_dtype
def test_arguments_are_read_in_any_form_and_never_written(dtype):
    case, engine = CASES["skip"], objective("skip", dtype)
    thetas, many = points(case, 4), vectors(case, 4)
    before = thetas.tobytes() + many.tobytes()
    expected = engine.values(thetas), engine.gradients(thetas), engine.hvps(thetas[0], many)
    run(engine.sweep(thetas[0], many[:2], (np.linspace(-1, 1, 3), np.linspace(-1, 1, 3))))
    assert thetas.tobytes() + many.tobytes() == before
    for form in (np.asfortranarray, strided, read_only, np.ndarray.tolist, np.float32):
        forms = form(thetas), form(many), form(thetas[0])
        assert np.array_equal(engine.values(forms[0]), expected[0])
        assert np.array_equal(engine.hvps(forms[2], forms[1]), expected[2])
        if dtype == "float32" or form is not np.float32:
            assert np.array_equal(engine.gradients(forms[0]), expected[1])


@every_dtype
def test_results_are_double_precision_and_the_callers_own(dtype):
    case, engine = CASES["skip"], objective("skip", dtype)
    theta, v = case.model.theta, vectors(case, 1)[0]
    for compute in (
        lambda: engine.gradient(theta),
        lambda: engine.hvp(theta, v),
        lambda: engine.values(theta[None]),
    ):
        first = compute()
        copy = first.copy()
        assert first.dtype == np.float64
        first[...] = 0
        assert np.array_equal(compute(), copy)


def test_threads_of_linear_algebra_are_left_as_they_were():
    case = CASES["several_tiles"]
    # More than the one that they are while kernels run.
    with threadpool_limits(2):
        before = [(library["filepath"], library["num_threads"]) for library in threadpool_info()]
        engine = NetworkObjective(case.model, threads=2)
        engine.gradients(points(case, 3))
        run(engine.sweep(case.model.theta, vectors(case, 1), (np.linspace(-1, 1, 5),)))
        after = [(library["filepath"], library["num_threads"]) for library in threadpool_info()]
    assert 2 in dict(before).values()
    assert [entry for entry in after if entry in before or entry[0] in dict(before)] == before


def test_one_class_costs_nothing():
    model = build_model(
        layers=[(np.ones((2, 1)), np.zeros(1))],
        loss="cross_entropy",
        x_train=np.array([[1.0, 2.0], [3.0, -4.0]]),
        y_train=np.array([0, 0]),
    )
    engine = NetworkObjective(model)
    assert engine.evaluate(model.theta).loss == 0.0
    assert engine.evaluate(model.theta).accuracy == 1.0
    assert not engine.gradient(model.theta).any()
    assert not engine.hvp(model.theta, np.ones(3)).any()

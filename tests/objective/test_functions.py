"""Objectives of a user's own functions: compiled ones in parallel, Python ones as they come."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from landscape.errors import InputError
from landscape.objective import CallableObjective, CompiledObjective
from tests.objective.test_determinism import assert_same_bits, run

AXES = (np.linspace(-2, 2, 41), np.linspace(-1, 3, 23))
DIRECTIONS = np.array([[1.0, 0.5], [-0.25, 1.0]])


@numba.njit
def rosenbrock(theta):
    return (1.0 - theta[0]) ** 2 + 100.0 * (theta[1] - theta[0] ** 2) ** 2


def slope(theta):
    x, y = theta
    return np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])


def product(theta, vector):
    x, y = theta
    return np.array([[2 - 400 * (y - 3 * x * x), -400 * x], [-400 * x, 200.0]]) @ vector


@numba.njit
def divergent(theta):
    return np.log(theta[0])


def compiled(threads: int | None = None) -> CompiledObjective:
    return CompiledObjective(rosenbrock, 2, slope, product, threads=threads)


def plain() -> CallableObjective:
    return CallableObjective(lambda theta: float(rosenbrock.py_func(theta)), slope, product, size=2)


every_kind = pytest.mark.parametrize("make", [compiled, plain])


@every_kind
def test_values_gradients_and_products_are_the_users(make):
    engine, theta, v = make(), np.array([0.3, -1.2]), np.array([1.0, 2.0])
    assert engine.value(theta) == pytest.approx(rosenbrock.py_func(theta), rel=1e-15)
    assert np.array_equal(engine.gradient(theta), slope(theta))
    assert np.array_equal(engine.hvp(theta, v), product(theta, v))
    assert engine.evaluate(theta).loss == engine.value(theta)
    assert engine.evaluate(theta).accuracy is None


@every_kind
def test_a_sweep_is_the_function_on_the_grid(make):
    center = np.array([0.5, 0.5])
    found = run(make().sweep(center, DIRECTIONS, AXES))
    grid = np.stack(np.meshgrid(*AXES, indexing="ij"), axis=-1).reshape(-1, 2)
    expected = [rosenbrock.py_func(center + at @ DIRECTIONS) for at in grid]
    assert np.allclose(found["loss"], expected, rtol=1e-12, atol=1e-12)


def test_one_thread_and_two_give_the_same_bits():
    thetas = np.random.default_rng(0).standard_normal((501, 2))
    assert compiled(1).values(thetas).tobytes() == compiled(2).values(thetas).tobytes()
    sweeps = [compiled(threads).sweep(np.zeros(2), DIRECTIONS, AXES) for threads in (1, 2)]
    assert_same_bits(run(sweeps[0]), run(sweeps[1]))


@every_kind
def test_a_sweep_taken_up_again_gives_the_same_bits(make):
    first, second, whole = (make().sweep(np.zeros(2), DIRECTIONS, AXES) for _ in range(3))
    cut = first.steps // 2
    for step in range(cut):
        first.run(step)
    assert first.point_done().sum() == np.isfinite(first.finish()["loss"]).sum() < first.point_done().size
    second.state[...] = first.state
    for step in range(cut, second.steps):
        second.run(step)
    assert_same_bits(second.finish(), run(whole))


def test_points_that_diverge_are_data():
    axis = np.array([-1.0, 0.0, 1.0, np.inf])
    sweep = CompiledObjective(divergent, 1).sweep(np.zeros(1), np.ones((1, 1)), (axis,))
    losses = run(sweep)["loss"]
    assert np.isnan(losses[0])
    assert losses[1:].tolist() == [-np.inf, 0.0, np.inf]
    assert sweep.point_done().all()


def test_a_python_function_is_not_taken_for_a_compiled_one():
    with pytest.raises(InputError, match="njit"):
        CompiledObjective(lambda theta: 0.0, 1)


@every_kind
def test_vectors_of_another_length_are_refused(make):
    engine = make()
    for call in (engine.value, engine.gradient, engine.values):
        with pytest.raises(InputError, match="2"):
            call(np.zeros(3) if call != engine.values else np.zeros((1, 3)))
    with pytest.raises(InputError, match="2"):
        engine.sweep(np.zeros(3), np.zeros((1, 3)), (np.zeros(1),))


def test_derivatives_that_were_not_given_are_refused_with_what_to_give():
    engine = CallableObjective(lambda theta: 0.0, size=1)
    for call, names in ((engine.gradient, r"gradient=…"), (lambda theta: engine.hvp(theta, theta), "hvp=…")):
        with pytest.raises(InputError, match=names):
            call(np.zeros(1))
    assert engine.missing == {"gradient", "gradients", "hvp", "hvps"}


def test_a_gradient_of_the_wrong_length_is_refused():
    engine = CallableObjective(lambda theta: 0.0, lambda theta: np.zeros(3), size=2)
    with pytest.raises(InputError, match="3"):
        engine.gradient(np.zeros(2))


def test_an_exception_of_the_users_function_reaches_the_user():
    def broken(theta):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        run(CallableObjective(broken, size=1).sweep(np.zeros(1), np.ones((1, 1)), (np.zeros(2),)))

"""The same bits every time: for one thread or two, run again, and for a point alone or inside a grid."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import numpy as np
import pytest

from landscape.objective import NetworkObjective
from tests.cases import CASES
from tests.engine import every_dtype, objective, points, vectors

# Several tiles, a ragged last one, sequences, wide products, skips, normalization, shared parameters.
NAMES = [
    "several_tiles",
    "ragged_257_relu",
    "sequence_mse",
    "wide",
    "skip",
    "layernorm_of_tokens",
    "tied_weights",
    "weight_decay_map",
]
some_cases = pytest.mark.parametrize("name", NAMES)


def run(sweep) -> dict[str, np.ndarray]:
    """Work a sweep off from where it stands."""
    for step in range(sweep.steps):
        sweep.run(step)
    return sweep.finish()


def assert_same_bits(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert list(one) == list(other)
    for key in one:
        assert one[key].tobytes() == other[key].tobytes(), key


def everything(engine: NetworkObjective, name: str) -> list[bytes]:
    """Bytes of all that an objective computes."""
    case = CASES[name]
    thetas, many = points(case, 7), vectors(case, 7)
    evaluation = engine.evaluate(thetas[1])
    numbers = [getattr(evaluation, field.name) for field in fields(evaluation)]
    return [
        np.array(engine.value(thetas[0])).tobytes(),
        engine.values(thetas).tobytes(),
        engine.gradient(thetas[0]).tobytes(),
        engine.gradients(thetas).tobytes(),
        engine.hvp(thetas[0], many[0]).tobytes(),
        engine.hvps(thetas[0], many).tobytes(),
        repr(numbers).encode(),
    ]


@every_dtype
@some_cases
def test_one_thread_and_two_give_the_same_bits(name, dtype):
    assert everything(objective(name, dtype, 1), name) == everything(objective(name, dtype, 2), name)


@every_dtype
@some_cases
def test_a_second_run_gives_the_same_bits(name, dtype):
    engine = objective(name, dtype, 2)
    assert everything(engine, name) == everything(engine, name)


@every_dtype
@some_cases
def test_sweeps_by_one_thread_and_two_give_the_same_bits(name, dtype):
    case = CASES[name]
    axes = (np.linspace(-1, 1, 9), np.linspace(-0.5, 1, 7))
    one, two = (
        run(objective(name, dtype, threads).sweep(case.model.theta, vectors(case, 2), axes))
        for threads in (1, 2)
    )
    assert_same_bits(one, two)


@every_dtype
@some_cases
def test_a_point_alone_and_inside_a_grid_has_the_same_bits(name, dtype):
    case, engine = CASES[name], objective(name, dtype)
    axes = (np.linspace(-1, 1, 9), np.linspace(-0.5, 1, 7))
    grid = run(engine.sweep(case.model.theta, vectors(case, 2), axes))
    for i, j in ((0, 0), (4, 2), (8, 6)):
        alone = run(
            engine.sweep(case.model.theta, vectors(case, 2), (axes[0][i : i + 1], axes[1][j : j + 1]))
        )
        assert_same_bits(alone, {key: column[i * 7 + j : i * 7 + j + 1] for key, column in grid.items()})


@every_dtype
@some_cases
def test_a_sweep_taken_up_again_gives_the_same_bits(name, dtype):
    case, engine = CASES[name], objective(name, dtype)
    arguments = (case.model.theta, vectors(case, 1), (np.linspace(-1, 1, 21),))
    unbroken, first, second = engine.sweep(*arguments), engine.sweep(*arguments), engine.sweep(*arguments)
    cut = max(1, first.steps // 2)
    for step in range(cut):
        first.run(step)
    second.state[...] = first.state
    for step in range(cut, second.steps):
        second.run(step)
    assert_same_bits(second.finish(), run(unbroken))


@every_dtype
def test_callers_in_two_threads_get_what_each_would_alone(dtype):
    case, engine = CASES["several_tiles"], objective("several_tiles", dtype, 2)
    thetas = points(case, 24)
    alone = [engine.gradient(theta).tobytes() for theta in thetas]
    with ThreadPoolExecutor(2) as callers:
        together = [gradient.tobytes() for gradient in callers.map(engine.gradient, thetas)]
    assert together == alone

"""A sweep over a grid is the referee's value at every point, in any dimension, from any kind of data."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from landscape.objective import NetworkObjective, cpu_sweep
from tests import reference
from tests.cases import CASES
from tests.engine import VALUE_TOLERANCE, every_case, every_dtype, objective, vectors
from tests.objective.test_determinism import assert_same_bits, run

AXES = (np.linspace(-1.0, 1.0, 4), np.array([-0.5, 0.0, 0.25]), np.array([0.0, 0.7]))


def grid_points(center, directions, axes):
    return [center + np.asarray(at) @ directions for at in product(*axes)]


def assert_is_the_referees(found, model, thetas, tolerance, split="train"):
    expected = [reference.evaluate(model, theta, split) for theta in thetas]
    assert np.allclose(found["loss"], [e.loss for e in expected], rtol=tolerance, atol=0)
    if expected[0].accuracy is None:
        assert "accuracy" not in found
    else:
        elements = np.asarray(model.data[f"y_{split}"]).size
        allowed = 0 if tolerance < 1e-9 else 1.5 / elements
        assert np.abs(found["accuracy"] - [e.accuracy for e in expected]).max() <= allowed + 1e-14


@every_dtype
@every_case
def test_a_plane_is_the_referees_at_every_point(name, dtype):
    case = CASES[name]
    model, directions = case.model, vectors(case, 2)
    found = run(objective(name, dtype).sweep(model.theta, directions, AXES[:2]))
    assert_is_the_referees(
        found, model, grid_points(model.theta, directions, AXES[:2]), VALUE_TOLERANCE[dtype]
    )


@every_dtype
@pytest.mark.parametrize("dimensions", [1, 3])
@pytest.mark.parametrize("name", ["chain_relu", "ragged_257", "sequence_cross_entropy", "mse", "pixels"])
def test_lines_and_volumes_are_the_referees(name, dimensions, dtype):
    case, axes = CASES[name], AXES[:dimensions]
    model, directions = case.model, vectors(case, dimensions)
    found = run(objective(name, dtype).sweep(model.theta, directions, axes))
    assert_is_the_referees(found, model, grid_points(model.theta, directions, axes), VALUE_TOLERANCE[dtype])


@every_dtype
@pytest.mark.parametrize("name", ["skip", "tied_weights", "concat_three", "layernorm", "two_branches"])
def test_directions_may_leave_any_parameter_alone(name, dtype):
    case = CASES[name]
    model = case.model
    for slot in model.layout:
        directions = np.zeros((1, model.size))
        directions[0, slot.start : slot.stop] = vectors(case, 1)[0, slot.start : slot.stop]
        found = run(objective(name, dtype).sweep(model.theta, directions, AXES[:1]))
        thetas = grid_points(model.theta, directions, AXES[:1])
        assert_is_the_referees(found, model, thetas, VALUE_TOLERANCE[dtype])


@every_dtype
def test_a_direction_of_nothing_changes_nothing(dtype):
    model = CASES["skip"].model
    found = run(objective("skip", dtype).sweep(model.theta, np.zeros((1, model.size)), AXES[:1]))
    assert len(set(found["loss"])) == 1
    assert_is_the_referees(found, model, [model.theta] * 4, VALUE_TOLERANCE[dtype])


@every_dtype
@pytest.mark.parametrize("name", ["mse", "pixels", "sequence_cross_entropy"])
def test_the_test_split_has_a_sweep_of_its_own(name, dtype):
    case = CASES[name]
    model, directions = case.model, vectors(case, 1)
    found = run(objective(name, dtype, split="test").sweep(model.theta, directions, AXES[:1]))
    thetas = grid_points(model.theta, directions, AXES[:1])
    assert_is_the_referees(found, model, thetas, VALUE_TOLERANCE[dtype], "test")


@every_dtype
@pytest.mark.parametrize("name", ["several_tiles", "weight_decay"])
def test_a_sweep_agrees_with_evaluations_of_its_points(name, dtype):
    case, engine = CASES[name], objective(name, dtype)
    theta, directions = case.model.theta, vectors(case, 1)
    found = run(engine.sweep(theta, directions, AXES[:1]))
    alone = [engine.evaluate(point).loss for point in grid_points(theta, directions, AXES[:1])]
    assert np.allclose(found["loss"], alone, rtol=VALUE_TOLERANCE[dtype], atol=0)


def test_names_steps_and_points_are_told_before_the_work():
    case = CASES["several_tiles"]
    sweep = objective("several_tiles", "float64").sweep(case.model.theta, vectors(case, 2), AXES[:2])
    assert {"loss", "accuracy"} <= set(sweep.names)
    assert sweep.steps >= 1
    assert not sweep.point_done().any()
    assert np.isnan(sweep.finish()["loss"]).all()
    assert set(run(sweep)) == set(sweep.names)
    assert sweep.point_done().shape == (12,)
    assert sweep.point_done().all()
    assert sweep.state.dtype == np.float64


def mapped(array: np.ndarray, path) -> np.ndarray:
    np.save(path, array)
    return np.load(path, mmap_mode="r")


@every_dtype
@pytest.mark.parametrize("name", ["several_tiles", "pixels", "ignored_labels", "mse"])
def test_memory_mapped_data_give_the_same_bits(name, dtype, tmp_path):
    case = CASES[name]
    data = {key: mapped(array, tmp_path / f"{key}.npy") for key, array in case.model.data.items()}
    engine = NetworkObjective(replace(case.model, data=data), dtype=dtype)
    theta, directions = case.model.theta, vectors(case, 2)
    assert np.array_equal(engine.gradient(theta), objective(name, dtype).gradient(theta))
    assert_same_bits(
        run(engine.sweep(theta, directions, AXES[:2])),
        run(objective(name, dtype).sweep(theta, directions, AXES[:2])),
    )


@every_dtype
@pytest.mark.parametrize("name", ["several_tiles", "sequence_mse", "skip_relu"])
def test_points_in_many_runs_have_the_same_bits_for_any_threads_and_any_cut(name, dtype, monkeypatch):
    case = CASES[name]
    arguments = (case.model.theta, vectors(case, 2), (np.linspace(-1, 1, 9), np.linspace(-1, 1, 11)))
    whole = run(objective(name, dtype).sweep(*arguments))
    monkeypatch.setattr(cpu_sweep, "STEP_WORK", 1.0)
    first, second = (objective(name, dtype, threads).sweep(*arguments) for threads in (1, 2))
    assert first.steps == second.steps > 1
    cut = first.steps - 2
    for step in range(cut):
        first.run(step)
    partial, done = first.finish(), first.point_done()
    assert 0 < done.sum() < done.size
    for key, column in whole.items():
        assert partial[key][done].tobytes() == column[done].tobytes()
        assert np.isnan(partial[key][~done]).all()
    second.state[...] = first.state
    for step in range(cut, second.steps):
        second.run(step)
    assert_same_bits(second.finish(), whole)

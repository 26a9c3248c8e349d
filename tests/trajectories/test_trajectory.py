"""A run on a plane: the contents of the record, refusals, and the reuse of results by a second call."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.files import read_archive, write_archive
from landscape.model import Model
from landscape.objective import NetworkObjective
from landscape.plots import figures, plot_out_of_plane
from landscape.records import Scan, Trajectory, load_record
from landscape.training import train
from landscape.trajectories import trajectory
from tests.cases import CASES
from tests.records import examples
from tests.scanning.examples import small_model

QUICK = {"points": 5, "threads": 1, "dtype": "float64"}


def with_checkpoints(thetas: np.ndarray | None = None) -> Model:
    """Give the small model a run: a curve that ends in θ."""
    model = small_model()
    rng = np.random.default_rng(1)
    ways = rng.standard_normal((3, model.size))
    time = np.linspace(1.0, 0.0, 6)
    curve = model.theta + np.stack([time, time**2, 0.1 * time**3], axis=1) @ ways
    checkpoints = curve if thetas is None else thetas
    return replace(model, checkpoints=checkpoints, checkpoint_steps=10 * np.arange(len(checkpoints)))


@pytest.fixture(scope="module")
def model() -> Model:
    return with_checkpoints()


@pytest.fixture(scope="module")
def record(model) -> Trajectory:
    return trajectory(model, **QUICK)


def test_losses_of_checkpoints_and_of_their_projections_are_the_objectives(model, record):
    objective = NetworkObjective(model, "train", threads=1)
    on_plane = model.theta + record.projected @ record.scan.directions
    for thetas, found in (
        (model.checkpoints, record.values["train_loss"]),
        (on_plane, record.plane_values["train_loss"]),
    ):
        np.testing.assert_allclose(found, [objective.evaluate(theta).loss for theta in thetas], rtol=1e-12)


def test_a_checkpoint_has_the_loss_that_it_has_with_its_own_running_statistics():
    start = CASES["batchnorm_of_features"].model
    done = train(start, steps=6, batch_size=12, history=4, checkpoints=4, dtype="float64")
    found = trajectory(done, **QUICK | {"points": 2})
    np.testing.assert_allclose(found.values["train_loss"], done.history["train_loss"], rtol=1e-12)
    other = trajectory(done, **QUICK | {"points": 2}, recompute_statistics=True)
    np.testing.assert_allclose(other.values["train_loss"], done.history["train_loss"], rtol=1e-12)
    assert np.all(other.plane_values["train_loss"] != found.plane_values["train_loss"])


def test_the_last_checkpoint_is_the_model_itself(record):
    np.testing.assert_allclose(record.projected[-1], 0.0, atol=1e-12)
    assert record.distance[-1] < 1e-12
    assert record.values["train_loss"][-1] == pytest.approx(record.scan.center_values["train"]["loss"])


def test_the_plane_shows_the_whole_path_and_the_model(record):
    for axis, coordinates in zip(record.scan.axes, record.projected.T, strict=True):
        assert axis[0] < min(coordinates.min(), 0)
        assert axis[-1] > max(coordinates.max(), 0)


def test_a_curve_in_three_dimensions_leaves_the_plane_by_what_is_not_captured(model, record):
    total = np.sum((model.checkpoints - model.theta) ** 2)
    assert 0.9 < record.captured.sum() < 1.0
    assert 1 - record.captured.sum() == pytest.approx(np.sum(record.distance**2) / total)


def test_random_directions_capture_next_to_nothing(model):
    shares = trajectory(model, direction="random", **QUICK).captured
    assert shares.sum() < 0.2


def test_a_run_is_seen_along_the_hessians_extreme_eigenvectors(model):
    found = trajectory(model, direction="eigen", **QUICK)
    assert "λ" in found.settings["directions"][0] or "eigen" in found.settings["directions"][0]
    np.testing.assert_allclose(found.scan.directions @ found.scan.directions.T, np.eye(2), atol=1e-9)
    away = model.checkpoints - model.theta
    np.testing.assert_allclose(found.projected, away @ found.scan.directions.T, atol=1e-9)


def test_the_record_comes_back_from_its_file_and_is_not_computed_again(model, tmp_path):
    path = tmp_path / "t.npz"
    first = trajectory(model, output=path, **QUICK)
    assert load_record(path) == first
    assert trajectory(model, output=path, **QUICK) == first
    assert isinstance(load_record(tmp_path / "t.plane.npz"), Scan)


def test_another_run_is_another_record(model, tmp_path):
    path = tmp_path / "t.npz"
    plane = np.eye(2, model.size)
    trajectory(model, direction=plane, span=1, output=path, **QUICK)
    other = with_checkpoints(model.checkpoints[::2])
    with pytest.raises(InputError, match=r"other settings.*--fresh"):
        trajectory(other, direction=plane, span=1, output=path, **QUICK)
    assert trajectory(other, direction=plane, span=1, output=path, fresh=True, **QUICK).step.size == 3


def test_a_model_without_checkpoints_is_refused_with_what_to_do():
    with pytest.raises(InputError, match=r"holds none.*landscape scan"):
        trajectory(replace(small_model(), checkpoints=None), **QUICK)


def test_checkpoints_that_diverged_are_left_out_and_counted(model):
    thetas = model.checkpoints.copy()
    thetas[1] = np.inf
    notes: list[str] = []
    found = trajectory(with_checkpoints(thetas), announce=notes.append, **QUICK)
    assert found.step.tolist() == [0, 20, 30, 40, 50]
    assert any("1 of 6 checkpoints are not finite" in note for note in notes)


def test_one_checkpoint_is_no_run(model):
    with pytest.raises(InputError, match="needs two"):
        trajectory(with_checkpoints(model.checkpoints[:1]), **QUICK)


def test_both_figures_are_drawn_and_tell_the_captured_share(record):
    drawn = figures(record)
    assert set(drawn) == {"path", "out_of_plane"}
    words = [text.get_text() for text in drawn["path"].legends[0].get_texts()]
    assert f"6 checkpoints, {record.captured.sum():.1%} of their variance on this plane" in words


def test_what_the_checkpoints_have_not_is_drawn_on_the_plane_alone():
    record = examples.trajectory()
    assert "penalty" not in record.values
    assert set(figures(record, quantity="penalty")) == {"path"}
    with pytest.raises(InputError, match="no quantity 'penalty' at the checkpoints: there are train_loss"):
        plot_out_of_plane(record, quantity="penalty")


def test_the_true_loss_is_drawn_beside_the_planes(record):
    true, plane = plot_out_of_plane(record).lines
    np.testing.assert_array_equal(true.get_ydata(), record.values["train_loss"])
    np.testing.assert_array_equal(plane.get_ydata(), record.plane_values["train_loss"])


def test_the_summary_names_the_widest_gap(record):
    told = record.summary()
    gap = np.abs(record.values["train_loss"] - record.plane_values["train_loss"])
    assert told["gap"]["step"] == record.step[gap.argmax()]
    assert told["captured_total"] == pytest.approx(record.captured.sum())


@pytest.mark.parametrize("key", ["projected", "plane.train_loss", "scan.axis.0", "train_loss"])
def test_a_file_with_a_missing_array_is_refused_by_its_name(record, key, tmp_path):
    record.save(tmp_path / "t.npz")
    arrays = read_archive(tmp_path / "t.npz")
    del arrays[key]
    write_archive(tmp_path / "t.npz", arrays)
    with pytest.raises(InputError, match=key.removeprefix("scan.").replace(".", r"\.")):
        Trajectory.load(tmp_path / "t.npz")


def test_a_plane_of_one_point_along_an_axis_is_refused(tmp_path):
    with pytest.raises(InputError, match="at least 2 along each axis"):
        trajectory(with_checkpoints(), points="5x1", output=tmp_path / "t.npz")
    assert not list(tmp_path.iterdir())


def test_a_plane_between_two_models_is_no_plane_of_a_run():
    with pytest.raises(InputError, match="choose principal, random"):
        trajectory(with_checkpoints(), direction="between")

"""The driver: the right numbers, and the same bytes whether the work was cut short or not."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from landscape.errors import ComputationError, InputError
from landscape.records import Scan, keeper
from landscape.scanning import scan
from tests.scanning.slow import TILES, SlowObjective

CENTER = np.array([0.3, -0.2, 0.5])
CHOICES = {"center": CENTER, "points": "5x4", "seed": 3}


def content(path: Path) -> tuple:
    """Everything in a record's file but its times."""
    record = Scan.load(path)
    return replace(record, seconds=0.0).header(), {
        name: (array.dtype, array.shape, array.tobytes()) for name, array in record.arrays().items()
    }


class StopError(Exception):
    """Stands for a kill: nothing is saved after it."""


def stop_at(step):
    def before_step(now):
        if now == step:
            raise StopError

    return before_step


def press_at(step):
    def before_step(now):
        if now == step:
            os.kill(os.getpid(), signal.SIGINT)

    return before_step


@pytest.fixture
def save_always(monkeypatch):
    """Save after every step."""
    monkeypatch.setattr(keeper, "SAVE_SECONDS", -1.0)
    monkeypatch.setattr(keeper, "SAVE_PART", np.inf)


def test_a_scan_is_the_objective_at_every_point():
    record = scan(SlowObjective(), **CHOICES)
    objective = SlowObjective()
    points = [CENTER + np.asarray(at) @ record.directions for at in product(*record.axes)]
    assert record.shape == (5, 4)
    assert np.allclose(
        record.values["train_loss"].reshape(-1), objective.values(np.array(points)), rtol=1e-13
    )
    assert record.errors["train_loss"].shape == (5, 4)
    assert record.finished
    assert record.center_values == {"train": {"loss": objective.value(CENTER)}}


def test_the_centre_is_evaluated_where_the_grid_has_no_point():
    record = scan(SlowObjective(), center=CENTER, points=2, dimensions=1)
    assert 0.0 not in record.axes[0]
    assert record.center_values["train"]["loss"] == SlowObjective().value(CENTER)


class DivergingObjective(SlowObjective):
    def losses(self, thetas):
        return np.where(thetas[:, :1] > 1.0, np.inf, super().losses(thetas))


def test_points_that_diverge_are_data():
    record = scan(DivergingObjective(), center=CENTER, direction=np.eye(3)[:1], points=3)
    assert np.array_equal(np.isfinite(record.values["train_loss"]), [True, True, False])
    assert record.finished
    assert record.summary()["diverged"] == 1


@pytest.mark.parametrize("step", [0, 1, 7, TILES - 1])
def test_a_scan_killed_before_any_step_ends_with_the_bytes_of_an_unbroken_one(tmp_path, save_always, step):
    whole, broken = tmp_path / "whole.npz", tmp_path / "broken.npz"
    scan(SlowObjective(), **CHOICES, output=whole)
    with pytest.raises(StopError):
        scan(SlowObjective(before_step=stop_at(step)), **CHOICES, output=broken)
    assert broken.exists() == (step > 0)
    seen = []
    scan(SlowObjective(before_step=seen.append), **CHOICES, output=broken)
    assert seen == list(range(step, TILES))
    assert content(broken) == content(whole)


def test_what_is_saved_on_the_way_loads_and_is_unfinished(tmp_path, save_always):
    with pytest.raises(StopError):
        scan(SlowObjective(before_step=stop_at(5)), **CHOICES, output=tmp_path / "r.npz")
    record = Scan.load(tmp_path / "r.npz")
    assert not record.finished
    assert not record.done.any()
    assert np.isnan(record.values["train_loss"]).all()
    assert record.center_values["train"]["loss"] == SlowObjective().value(CENTER)


def test_ctrl_c_saves_what_is_done_and_says_how_far_it_is(tmp_path):
    path = tmp_path / "r.npz"
    with pytest.raises(
        KeyboardInterrupt, match=r"at 33%: .* keeps what is done, and the same command goes on from there"
    ):
        scan(SlowObjective(before_step=press_at(3)), **CHOICES, output=path)
    assert not Scan.load(path).finished
    seen = []
    record = scan(SlowObjective(before_step=seen.append), **CHOICES, output=path)
    assert seen == list(range(4, TILES))
    assert record.finished


def test_ctrl_c_without_an_output_is_a_keyboard_interrupt():
    with pytest.raises(KeyboardInterrupt, match="nothing was written"):
        scan(SlowObjective(before_step=press_at(3)), **CHOICES)


def test_a_finished_scan_of_the_same_key_is_returned_without_work(tmp_path):
    first = scan(SlowObjective(), **CHOICES, output=tmp_path / "r.npz")
    again = scan(SlowObjective(before_step=stop_at(0)), **CHOICES, output=tmp_path / "r.npz")
    assert again == first


def test_fresh_starts_anew_and_overwrites(tmp_path):
    path = tmp_path / "r.npz"
    scan(SlowObjective(), **CHOICES, output=path)
    seen = []
    scan(SlowObjective(before_step=seen.append), **{**CHOICES, "points": 3}, output=path, fresh=True)
    assert len(seen) == TILES
    assert Scan.load(path).shape == (3, 3)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"points": "4x5"}, r"points \[5, 4\] there, \[4, 5\] here"),
        ({"span": 2}, "span"),
        ({"seed": 4}, "seed 3 there, 4 here"),
        ({"direction": "gradient"}, "other directions"),
        ({"normalize": "layer", "shapes": [(3, 1)]}, 'normalize "none" there, "layer" here'),
        ({"center": CENTER + 1e-12}, "another model or other parameters"),
    ],
)
@pytest.mark.parametrize("finished", [True, False])
def test_what_another_key_made_is_refused_and_kept(tmp_path, changed, message, finished):
    path = tmp_path / "r.npz"
    if finished:
        scan(SlowObjective(), **CHOICES, output=path)
    else:
        with pytest.raises(KeyboardInterrupt):
            scan(SlowObjective(before_step=press_at(3)), **CHOICES, output=path)
    before = path.read_bytes()
    with pytest.raises(InputError, match=message) as refusal:
        scan(SlowObjective(), **{**CHOICES, **changed}, output=path)
    assert ("a finished scan" if finished else "an unfinished scan (33% done)") in str(refusal.value)
    assert "--fresh" in str(refusal.value)
    assert path.read_bytes() == before


def test_a_function_that_was_changed_is_another_key(tmp_path):
    scan(SlowObjective(seed=0), **CHOICES, output=tmp_path / "r.npz")
    with pytest.raises(InputError, match="another model"):
        scan(SlowObjective(seed=1), **CHOICES, output=tmp_path / "r.npz")


def test_an_unfinished_scan_of_another_version_is_refused_and_a_finished_one_is_not(tmp_path, monkeypatch):
    path = tmp_path / "r.npz"
    with pytest.raises(KeyboardInterrupt):
        scan(SlowObjective(before_step=press_at(3)), **CHOICES, output=path)
    with monkeypatch.context() as patch:
        patch.setattr("landscape.records.earlier.current_version", lambda: "99")
        with pytest.raises(InputError, match=r"version .* there, 99 here"):
            scan(SlowObjective(), **CHOICES, output=path)
    scan(SlowObjective(), **CHOICES, output=path)
    monkeypatch.setattr("landscape.records.earlier.current_version", lambda: "99")
    assert scan(SlowObjective(), **CHOICES, output=path).finished


@pytest.mark.parametrize("fresh", [True, False])
def test_a_file_that_is_no_scan_is_never_overwritten(tmp_path, fresh):
    path = tmp_path / "model.npz"
    np.savez(path, weight=np.ones(3))
    before = path.read_bytes()
    with pytest.raises(InputError, match="not overwritten"):
        scan(SlowObjective(), **CHOICES, output=path, fresh=fresh)
    assert path.read_bytes() == before


def test_an_output_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        scan(SlowObjective(before_step=stop_at(0)), **CHOICES, output=tmp_path / "missing" / "r.npz")


def test_a_full_disk_in_the_middle_leaves_the_last_good_record(tmp_path, save_always, monkeypatch):
    path = tmp_path / "r.npz"
    save, calls = Scan.save, []

    def full_after_three(self, target):
        calls.append(target)
        if len(calls) > 3:
            raise ComputationError(f"{target}: no space left on the disk")
        save(self, target)

    monkeypatch.setattr(Scan, "save", full_after_three)
    with pytest.raises(ComputationError, match="no space left"):
        scan(SlowObjective(), **CHOICES, output=path)
    assert int(Scan.load(path).partial["train.step"]) == 3
    monkeypatch.setattr(Scan, "save", save)
    assert scan(SlowObjective(), **CHOICES, output=path).finished


@pytest.mark.parametrize(
    "damage",
    [
        lambda partial: {},
        lambda partial: {**partial, "train.state": partial["train.state"][:, 1:]},
        lambda partial: {**partial, "train.state": partial["train.state"].astype(np.float32)},
        lambda partial: {**partial, "train.step": np.int64(TILES + 1)},
        lambda partial: {**partial, "train.step": np.arange(2)},
    ],
)
def test_an_unfinished_state_that_does_not_fit_is_refused(tmp_path, damage):
    path = tmp_path / "r.npz"
    with pytest.raises(KeyboardInterrupt):
        scan(SlowObjective(before_step=press_at(3)), **CHOICES, output=path)
    record = Scan.load(path)
    replace(record, partial=damage(record.partial)).save(path)
    with pytest.raises(InputError, match="no state that can be taken up: give --fresh"):
        scan(SlowObjective(), **CHOICES, output=path)
    assert scan(SlowObjective(), **CHOICES, output=path, fresh=True).finished


def test_progress_counts_every_step_and_goes_on_from_a_resume(tmp_path):
    path, told = tmp_path / "r.npz", []
    with pytest.raises(KeyboardInterrupt):
        scan(
            SlowObjective(before_step=press_at(3)),
            **CHOICES,
            output=path,
            progress=lambda *at: told.append(at),
        )
    points = [f"{20 * step // TILES} of 20 points" for step in range(TILES + 1)]
    assert told == [(step / TILES, points[step]) for step in range(5)]
    told.clear()
    scan(SlowObjective(), **CHOICES, output=path, progress=lambda *at: told.append(at))
    assert told == [(step / TILES, points[step]) for step in range(4, TILES + 1)]


def test_the_plan_is_announced_before_the_work():
    plans = []
    with pytest.raises(StopError):
        scan(SlowObjective(before_step=stop_at(0)), **CHOICES, planned=plans.append)
    assert plans[0].shape == (5, 4)
    assert plans[0].directions.labels == ("random 1 (seed 3)", "random 2 (seed 3)")


def test_auto_is_settled_before_the_work_and_said():
    plans, said = [], []
    record = scan(SlowObjective(), **CHOICES, span=["auto", "1"], planned=plans.append, announce=said.append)
    assert said == list(plans[0].notes)
    assert said[0].startswith("axis 1: span ")
    assert record.settings["span"][1] == [-1.0, 1.0]
    assert record.settings["span"][0] == [record.axes[0][0], record.axes[0][-1]]


def test_seconds_of_a_resumed_scan_count_both_goes(tmp_path):
    path = tmp_path / "r.npz"
    with pytest.raises(KeyboardInterrupt):
        scan(SlowObjective(before_step=press_at(3)), **CHOICES, output=path)
    first = Scan.load(path).seconds
    assert scan(SlowObjective(), **CHOICES, output=path).seconds > first > 0


@pytest.mark.parametrize(
    ("center", "message"),
    [(None, "needs center"), (np.ones(4), r"shape \[4\], expected \[3\]"), (np.full(3, np.inf), "infinity")],
)
def test_an_objective_needs_a_good_centre(center, message):
    with pytest.raises(InputError, match=message):
        scan(SlowObjective(), center=center)


@pytest.mark.parametrize("choice", [{"examples": 5}, {"split": "test"}])
def test_what_belongs_to_a_models_data_is_refused_for_an_objective(choice):
    with pytest.raises(InputError, match="has its own data"):
        scan(SlowObjective(), center=CENTER, **choice)


@pytest.mark.parametrize("dimensions", [0, 4])
def test_other_dimensions_than_1_to_3_are_refused(dimensions):
    with pytest.raises(InputError, match="expected 1, 2 or 3"):
        scan(SlowObjective(), center=CENTER, dimensions=dimensions)

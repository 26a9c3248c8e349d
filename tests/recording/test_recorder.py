"""A recorder of any arrays: what it keeps, what it leaves behind, what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from landscape import InputError, Recorder, load_model, load_opaque
from landscape.model.story import read_story
from landscape.recording.marks import Marks
from landscape.recording.sources import leaves


def quiet(sentence: str) -> None:
    """Say nothing."""


def recorder_of(path: Path, tree: Any, **choices: Any) -> Recorder:
    return Recorder(path, tree, None, None, **({"announce": quiet} | choices))


@pytest.mark.parametrize("keep", [1, 2, 3, 16])
def test_never_more_than_twice_as_many_are_kept_and_they_are_evenly_spaced(keep):
    marks = Marks(keep)
    for step in range(1000):
        if marks.due(step):
            marks.take(step)
        kept = sorted(marks.held)
        assert len(kept) <= 2 * keep - 1
        assert kept[0] == 0
        assert set(np.diff(kept)) <= {marks.stride}
        assert marks.next_after(step) > step
    assert marks.last(1000) is not None
    assert len(set(marks.held.values())) == len(marks.held)


def test_parameters_that_the_loop_makes_anew_are_recorded(tmp_path):
    """As JAX has it: nothing is changed in place, the tree is another one after each step."""
    params = {"layer": {"w": np.zeros((2, 3)), "b": np.zeros(3)}, "scale": np.ones(())}
    with recorder_of(tmp_path / "run.npz", params, keep=2) as recorder:
        for step in range(1, 8):
            params = {"layer": {"w": np.full((2, 3), step), "b": np.zeros(3)}, "scale": np.ones(())}
            recorder.step(loss=1 / step, params=params)
    found = load_opaque(tmp_path / "run.npz")
    assert list(found.shapes.items()) == [("layer.b", (3,)), ("layer.w", (2, 3)), ("scale", ())]
    assert found.checkpoint_steps.tolist() == [0, 4, 7]
    assert found.checkpoints[:, 3].tolist() == [0, 4, 7]
    assert (found.state_dict()["layer.w"] == 7).all()
    assert (found.state_dict(1)["layer.w"] == 4).all()
    with pytest.raises(InputError, match="below 3, found 3"):
        found.state_dict(3)


def test_leaves_of_lists_and_mappings_have_names_in_order():
    class Pair(NamedTuple):
        a: np.ndarray
        b: None

    names = [name for name, _ in leaves([np.zeros(1), {"z": np.zeros(1), "a": Pair(np.zeros(1), None)}])]
    assert names == ["0", "1.a.0", "1.z"]


def test_rows_of_the_log_have_what_was_given_and_repeat_the_loss(tmp_path):
    with recorder_of(tmp_path / "run.npz", {"w": np.zeros(1)}) as recorder:
        recorder.evaluate(loss=9.0, train_loss=8.0)
        recorder.step(loss=2.0, lr=0.1, kl=0.5)
        recorder.step()
        recorder.step(kl=0.25)
        recorder.evaluate(accuracy=1)
        recorder.step(loss=np.float32(1.0))
    history = load_opaque(tmp_path / "run.npz").history
    assert history["step"].tolist() == [0, 1, 3, 4]
    assert history["train_loss"].tolist() == [2.0, 2.0, 2.0, 1.0]
    assert history["learning_rate"].tolist() == [0.1] * 4
    assert history["validation_loss"].tolist()[0] == 9.0
    assert history["other.full_train_loss"].tolist()[0] == 8.0
    assert np.isnan(history["validation_accuracy"]).tolist() == [True, True, False, True]
    assert np.isnan(history["other.kl"]).tolist() == [True, False, False, True]


def test_a_full_disk_is_said_before_the_run(tmp_path, monkeypatch):
    few = shutil.disk_usage(tmp_path)._replace(free=10_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: few)
    with pytest.raises(InputError, match=r"up to 128 checkpoints .* has 9\.8 KiB free: try a smaller keep="):
        recorder_of(tmp_path / "run.npz", {"w": np.zeros(100)})
    assert list(tmp_path.iterdir()) == []


def test_a_failure_on_the_way_ends_the_recording_and_not_the_training(tmp_path):
    said: list[str] = []
    weights = {"w": np.zeros(2)}
    recorder = recorder_of(tmp_path / "run.npz", weights, announce=said.append)
    recorder.step(loss=1.0)
    weights["other"] = np.zeros(3)
    recorder.step(loss=0.5)
    del weights["other"]
    recorder.step(loss=0.25)
    assert "the recording ends at update 2: params: expected the tree of the start" in said[1]
    recorder.close()
    found = load_opaque(tmp_path / "run.npz")
    assert found.checkpoint_steps.tolist() == [0, 1]
    assert found.history["train_loss"].tolist() == [1.0, 0.5]


def test_a_file_that_is_there_is_not_replaced_by_itself(tmp_path):
    path = tmp_path / "run.npz"
    recorder_of(path, {"w": np.zeros(2)}).close()
    before = path.read_bytes()
    with pytest.raises(InputError, match="exists already"):
        recorder_of(path, {"w": np.zeros(2)})
    with pytest.raises(InputError, match="network of 2 parameters, this one has 3"):
        recorder_of(path, {"w": np.zeros(3)}, resume=True)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.npz"]
    assert recorder_of(path, {"w": np.ones(3)}, fresh=True).close().size == 3


@pytest.fixture
def unfinished(tmp_path):
    """A recording that nobody closed."""
    recorder = recorder_of(tmp_path / "run.npz", {"w": np.arange(3.0)}, keep=4)
    for _ in range(6):
        recorder.step(loss=1.0)
    recorder._series.flush()
    return tmp_path


DAMAGE = {
    "no series": lambda folder: (folder / "series.json").unlink(),
    "no names": lambda folder: (folder / "series.json").write_text("{}"),
    "too few names": lambda folder: (folder / "series.json").write_text("[]"),
    "rows of nonsense": lambda folder: (folder / "history.bin").write_bytes(b"\xff" * 24),
    "a truncated matrix": lambda folder: (folder / "checkpoints.npy").write_bytes((folder / "checkpoints.npy").read_bytes()[:-4]),
    "steps of floats": lambda folder: np.save(folder / "steps.npy", np.zeros(8)),
    "another network": lambda folder: np.save(folder / "checkpoints.npy", np.zeros((8, 5), np.float32)),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_recording_is_said_in_one_line(unfinished, damage):
    DAMAGE[damage](unfinished / "run.npz.recording")
    with pytest.raises(InputError) as error:
        load_opaque(unfinished / "run.npz")
    assert str(error.value).startswith(str(unfinished / "run.npz"))
    assert len(str(error.value).splitlines()) == 1


def test_a_log_that_ends_within_a_row_is_read_up_to_it(unfinished):
    file = unfinished / "run.npz.recording" / "history.bin"
    file.write_bytes(file.read_bytes()[:-5])
    assert load_opaque(unfinished / "run.npz").history["step"].tolist() == [1, 2, 3, 4, 5]


def changed(path: Path, **keys: Any) -> None:
    """Change the header of a file."""
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["landscape"] = np.array(json.dumps(json.loads(str(arrays["landscape"])) | keys))
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"kind": "closed"}, "is not an opaque model"),
        ({"parameters": [{"name": "w"}]}, "a name of its own and a shape"),
        ({"parameters": [{"name": "w", "shape": [4]}]}, r"theta: expected numbers \[4\]"),
        ({"parameters": 3}, "expected a list of names and shapes"),
        ({"recording": "../other"}, "stays in"),
        ({"format": 2}, "format: expected 1"),
        ({"colour": 1}, "unknown key 'colour'"),
    ],
)
def test_a_header_that_is_wrong_is_said_in_one_line(tmp_path, keys, words):
    recorder_of(tmp_path / "run.npz", {"w": np.zeros(3)}).close()
    changed(tmp_path / "run.npz", **keys)
    with pytest.raises(InputError, match=words):
        load_opaque(tmp_path / "run.npz")


def test_an_opaque_model_is_no_model_and_a_model_is_not_opaque(tmp_path):
    recorder_of(tmp_path / "run.npz", {"w": np.zeros(3)}).close()
    with pytest.raises(InputError, match="is an opaque model: its network could not be imported"):
        load_model(tmp_path / "run.npz")


def test_series_of_any_name_stand_behind_a_word():
    series = {"history.other.kl": np.ones(2), "history.train_loss": np.ones(2)}
    assert list(read_story(series, 1, 0)["history"]) == ["other.kl", "train_loss"]
    with pytest.raises(InputError, match="any name behind 'other"):
        read_story({"history.other.": np.ones(2)}, 1, 0)

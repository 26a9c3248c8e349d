"""Records: what is saved comes back, what is foreign is refused in one line, summaries are strict JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from landscape.errors import InputError
from landscape.files import read_archive, write_archive
from landscape.records import RECORDS, Scan, load_record
from tests.records import examples

SHAPE = (3, 4)


def scan(**changes: Any) -> Scan:
    """Make a small record of two directions with a cosine of 0.6, minimum 0.25 at (0, -1)."""
    values = np.arange(12.0).reshape(SHAPE) + 1
    values[1, 0] = 0.25
    fields: dict[str, Any] = {
        "axes": (np.array([-1.0, 0.0, 1.0]), np.array([-1.0, 0.0, 0.5, 1.0])),
        "directions": np.array([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0]]),
        "center": np.array([0.1, 0.2, 0.3]),
        "values": {"train_loss": values, "train_accuracy": np.full(SHAPE, 0.5)},
        "errors": {"train_loss": np.full(SHAPE, 0.01)},
        "penalty": np.zeros(SHAPE),
        "done": np.ones(SHAPE, bool),
        "center_values": {"train": {"loss": 0.5, "accuracy": 0.75}},
        "model": "a" * 64,
        "data": "b" * 64,
        "settings": {"model_name": "tiny", "span": [[-1.0, 1.0], [-1.0, 1.0]], "examples": None},
        "version": "0.1.0",
        "seconds": 3.0,
    }
    return Scan(**{**fields, **changes})


def written(path: Path, *, without: str = "", **changes: np.ndarray | str) -> Path:
    """Write the file of a good record with some of its members changed or left out."""
    scan().save(path)
    members = {**read_archive(path), **changes}
    members.pop(without, None)
    write_archive(path, members)
    return path


def header(**changes: Any) -> str:
    return json.dumps({**scan().header(), **changes})


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        Scan.load(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


def test_a_record_comes_back_exactly(tmp_path):
    record = scan(partial={"train.state": np.arange(5.0), "train.step": np.int64(3)})
    record.save(tmp_path / "r.npz")
    loaded = Scan.load(tmp_path / "r.npz")
    assert loaded == record
    assert loaded.settings == record.settings
    assert loaded.center_values == record.center_values
    assert loaded.partial["train.step"] == 3


def test_saving_twice_gives_the_same_bytes(tmp_path):
    scan().save(tmp_path / "one.npz")
    Scan.load(tmp_path / "one.npz").save(tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


@given(
    values=arrays_of.arrays(st.sampled_from([np.float64, np.float32]), SHAPE, elements=st.floats(width=32)),
    done=arrays_of.arrays(bool, SHAPE),
    center=st.floats(),
)
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_values_come_back_and_have_a_strict_summary(tmp_path, values, done, center):
    record = scan(
        values={"train_loss": values}, errors={}, done=done, center_values={"train": {"loss": center}}
    )
    record.save(tmp_path / "r.npz")
    loaded = Scan.load(tmp_path / "r.npz")
    assert loaded == record
    assert loaded.values["train_loss"].dtype == values.dtype
    assert json.loads(json.dumps(loaded.summary(), allow_nan=False))["points"] == 12


def test_the_file_has_the_keys_of_the_contract(tmp_path):
    scan().save(tmp_path / "r.npz")
    members = read_archive(tmp_path / "r.npz")
    contract = {"landscape", "axis.0", "axis.1", "directions", "center", "penalty", "done"}
    assert contract | {"train_loss", "train_loss.error", "train_accuracy"} <= set(members)
    head = json.loads(str(members["landscape"][()]))
    assert set(head) == {"format", "record", "model", "data", "settings", "version", "seconds"}
    assert (head["format"], head["record"]) == (1, "scan")


def test_records_of_any_kind_are_loaded_by_their_header(tmp_path):
    scan().save(tmp_path / "r.npz")
    assert load_record(tmp_path / "r.npz") == scan()
    assert RECORDS["scan"] is Scan


def test_a_record_is_frozen():
    record = scan()
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.seconds = 1.0
    with pytest.raises(ValueError, match="read-only"):
        record.values["train_loss"][0, 0] = 1.0


def test_records_differ_when_any_number_does():
    other = np.array(scan().values["train_loss"])
    other[0, 0] += 1e-15
    assert scan() != scan(values={**scan().values, "train_loss": other})
    assert scan() != scan(seconds=4.0)
    assert scan() != "a record"


def test_settings_may_hold_what_json_can_say(tmp_path):
    record = scan(
        settings={"span": (np.float64(0.5), np.int64(2)), "path": Path("a/b"), "list": np.arange(2)}
    )
    assert record.settings == {"span": [0.5, 2], "path": "a/b", "list": [0, 1]}
    record.save(tmp_path / "r.npz")
    assert Scan.load(tmp_path / "r.npz") == record


@pytest.mark.parametrize("bad", [{"span": float("nan")}, {"model": object()}])
def test_settings_that_json_cannot_say_are_refused(bad):
    with pytest.raises(InputError, match="settings"):
        scan(settings=bad)


@pytest.mark.parametrize("key", ["axis.0", "directions", "center", "penalty", "done", "axis.1"])
def test_a_missing_array_is_named(tmp_path, key):
    message = refusal(written(tmp_path / "r.npz", without=key))
    # Without axis.1 the record is one of a single axis, whose directions do not fit.
    assert ("directions" if key == "axis.1" else key) in message


def test_a_record_of_no_quantity_is_refused(tmp_path):
    path = tmp_path / "r.npz"
    scan(errors={}, values={"train_loss": np.ones(SHAPE)}).save(path)
    members = read_archive(path)
    del members["train_loss"]
    write_archive(path, members)
    assert "train_loss" in refusal(path)


@pytest.mark.parametrize(
    ("key", "array", "words"),
    [
        ("train_loss", np.zeros((4, 3)), ["[3, 4]", "[4, 3]"]),
        ("train_loss", np.array("text"), ["real numbers", "<U4"]),
        ("train_loss", np.zeros(SHAPE, bool), ["real numbers", "bool"]),
        ("train_loss.error", np.zeros(3), ["[3, 4]", "[3]"]),
        ("test_loss", np.zeros(3), ["[3, 4]", "[3]"]),
        ("directions", np.zeros((2, 5)), ["[2, 3]", "[2, 5]"]),
        ("directions", np.zeros(3), ["[2, 3]", "[3]"]),
        ("center", np.zeros((3, 1)), ["1 axis", "[3, 1]"]),
        ("center", np.zeros(0), ["center"]),
        ("done", np.ones(SHAPE), ["bool [3, 4]", "float64"]),
        ("axis.0", np.array([0.0, 0.0, 1.0]), ["increase"]),
        ("axis.0", np.array([0.0, np.nan, 1.0]), ["finite"]),
        ("axis.0", np.zeros(0), ["axis.0"]),
        ("center.train_loss", np.zeros(2), ["center.train_loss"]),
        ("center.loss", np.zeros(()), ["center.train_loss"]),
    ],
)
def test_an_array_that_does_not_fit_is_named_with_what_was_expected(tmp_path, key, array, words):
    message = refusal(written(tmp_path / "r.npz", **{key: array}))
    assert key in message
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (np.array(3.0), ["text", "float64"]),
        (np.array(["a", "b"]), ["text", "<U1 [2]"]),
        ("not JSON", ["expected a JSON object"]),
        ("[1]", ["not a JSON object"]),
        ('{"format": NaN}', ["expected a JSON object"]),
        ("[" * 100_000, ["expected a JSON object"]),
        ("{}", ["kind of record"]),
        ('{"format": 1, "nodes": []}', ["model", "landscape scan"]),
        (header(record="hessian"), ["'scan'", "'hessian'"]),
        (header(record=7), ["kind of record"]),
        (header(format=2), ["format 2", "newer"]),
        (header(format="1"), ["format", "'1'"]),
        (header(format=True), ["format"]),
        (header(seconds=-1), ["seconds"]),
        (header(seconds="soon"), ["seconds"]),
        (header(settings=[]), ["settings"]),
        (header(model=None), ["model"]),
    ],
)
def test_a_header_that_does_not_fit_is_refused(tmp_path, text, words):
    message = refusal(written(tmp_path / "r.npz", landscape=text))
    assert all(word in message for word in words), message


def test_an_archive_without_a_header_is_no_record(tmp_path):
    assert "'landscape'" in refusal(written(tmp_path / "r.npz", without="landscape"))


def test_a_kind_that_nobody_knows_is_named(tmp_path):
    path = written(tmp_path / "r.npz", landscape=header(record="dream"))
    with pytest.raises(InputError, match="'dream'"):
        load_record(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(tmp_path, share):
    path = tmp_path / "r.npz"
    scan().save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    refusal(path)


def test_keys_of_later_versions_are_passed_over(tmp_path):
    path = written(tmp_path / "r.npz", mesh=np.zeros(3), **{"note.text": np.array("hello")})
    assert Scan.load(path) == scan()


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_members_of_any_kind_and_shape_are_a_record_or_one_line(tmp_path, data):
    key = data.draw(st.sampled_from(sorted({"landscape", "center.train_loss", "axis.7", *scan().arrays()})))
    dtype = data.draw(st.sampled_from(["<f8", "<f4", "<i8", "?", "<f2", "<U3"]))
    shape = data.draw(arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    path = written(tmp_path / "r.npz", **{key: np.zeros(shape, dtype)})
    try:
        Scan.load(path)
    except InputError:
        refusal(path)


def test_the_summary_tells_extremes_with_their_places():
    summary = scan().summary(files=[Path("a.npz")])
    assert summary["minimum"] == {"value": 0.25, "at": [0.0, -1.0]}
    assert summary["maximum"] == {"value": 12.0, "at": [1.0, 1.0]}
    assert summary["center"] == {"train": {"loss": 0.5, "accuracy": 0.75}}
    assert summary["cosine"] == pytest.approx(0.6)
    assert (summary["points"], summary["seconds"], summary["points_per_second"]) == (12, 3.0, 4.0)
    assert summary["files"] == ["a.npz"]
    assert summary["diverged"] == 0


def test_the_summary_counts_diverged_points_but_not_unfinished_ones():
    values, done = np.ones(SHAPE), np.ones(SHAPE, bool)
    values[0, :3] = np.nan, np.inf, -np.inf
    values[2], done[2] = np.nan, False
    record = scan(values={"train_loss": values}, errors={}, done=done)
    summary = record.summary()
    assert summary["diverged"] == 3
    assert summary["finished"] is False
    assert summary["points_per_second"] == pytest.approx(8 / 3)
    assert summary["minimum"]["value"] == 1.0


def test_the_summary_of_a_scan_that_diverged_everywhere_has_nulls():
    record = scan(
        values={"train_loss": np.full(SHAPE, np.nan)},
        errors={},
        center_values={"train": {"loss": float("inf")}},
        directions=np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]),
        seconds=0.0,
    )
    summary = json.loads(json.dumps(record.summary(), allow_nan=False))
    assert summary["minimum"] is summary["maximum"] is summary["cosine"] is None
    assert summary["points_per_second"] is None
    assert summary["center"] == {"train": {"loss": None}}


def test_the_summary_has_a_cosine_for_each_pair_of_directions():
    axis = np.array([0.0, 1.0])
    volume = np.ones((2, 2, 2))
    three = scan(
        axes=(axis,) * 3,
        directions=np.array([[1.0, 0, 0], [1.0, 1.0, 0], [0, 0, 2.0]]),
        values={"train_loss": volume},
        errors={},
        penalty=volume,
        done=volume > 0,
    )
    assert three.summary()["cosine"] == pytest.approx([np.sqrt(0.5), 0.0, 0.0])
    line = scan(
        axes=(axis,),
        directions=np.ones((1, 3)),
        values={"train_loss": axis},
        errors={},
        penalty=axis,
        done=axis >= 0,
    )
    assert line.summary()["cosine"] is None


def test_an_unknown_quantity_is_refused_with_those_there_are():
    with pytest.raises(InputError, match="train_loss, train_accuracy, penalty"):
        scan().quantity("test_loss")


def test_a_quantity_is_unknown_where_it_was_not_computed():
    done = np.zeros(SHAPE, bool)
    done[0] = True
    record = scan(done=done)
    assert np.isnan(record.quantity("train_loss")[1:]).all()
    assert not record.diverged("train_loss").any()
    assert not record.finished


def test_the_share_of_an_unfinished_scan_is_that_of_its_points_where_nothing_else_is_known():
    whole = examples.scan(3, 4)
    done = np.zeros((3, 4), bool)
    done[:2] = True
    assert replace(whole, done=done).share == pytest.approx(8 / 12)
    assert "67% done" in replace(whole, done=done).named()
    assert whole.share == 1.0

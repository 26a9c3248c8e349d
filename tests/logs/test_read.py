"""Logs of each framework are read, written by hand as those write them, and each hostile twin is refused in one line."""

from __future__ import annotations

import json
import struct
import time
from pathlib import Path

import numpy as np
import pytest

from landscape import InputError, Recorder, bundled_path, load_model, read_log, save_model
from landscape.logs.events import DamageError, masked, scalars

TRAINER = {
    "epoch": 3.0,
    "global_step": 30,
    "log_history": [
        {"epoch": 1.0, "grad_norm": 1.5, "learning_rate": 5e-05, "loss": 2.0, "step": 10},
        {"epoch": 1.0, "eval_accuracy": 0.5, "eval_loss": 1.9, "eval_runtime": 0.1, "step": 10},
        {"epoch": 2.0, "grad_norm": 1.2, "learning_rate": 3e-05, "loss": 1.0, "step": 20},
        {"epoch": 3.0, "grad_norm": "NaN", "learning_rate": 0.0, "loss": 0.5, "step": 30},
        {"epoch": 3.0, "step": 30, "total_flos": 1e12, "train_loss": 1.17, "train_runtime": 9.0},
    ],
    "is_world_process_zero": True,
}
LIGHTNING = """epoch,lr-Adam,step,train_loss_epoch,train_loss_step,val_acc,val_loss
0,,9,,0.9,,
,0.001,9,,,,
0,,9,,,0.5,0.8
0,,9,0.95,,,
1,,19,,0.4,,
1,,19,,,0.75,0.5
"""
KERAS = "epoch,accuracy,loss,val_accuracy,val_loss\n0,0.5,1.0,0.4,1.1\n1,0.75,0.5,0.6,0.7\n"
CHART = '"Step","calm-sea-7 - train/loss","calm-sea-7 - train/loss__MIN","calm-sea-7 - train/loss__MAX"\n"1","2.5","2.5","2.5"\n"3","1.5","1.5","1.5"\n'
HISTORY = '{"_step":0,"train/loss":2.5,"_runtime":1}\n{"_step":1,"val_loss":2.25}\n{"_step":2,"train/loss":NaN}\n{"_step":3,"tra'
OTHER = "iteration;loss;gpu\n1;1e0;hot\n2;-Infinity;\n"


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def plain(log):
    return {
        name: list(zip(found.step.tolist(), found.value.tolist(), strict=True))
        for name, found in log.series.items()
    }


def test_the_state_of_a_trainer(tmp_path):
    log = read_log(written(tmp_path, "trainer_state.json", json.dumps(TRAINER)))
    found = plain(log)
    assert found["train_loss"] == [(10, 2.0), (20, 1.0), (30, 0.5)]
    assert found["validation_loss"] == [(10, 1.9)]
    assert found["validation_accuracy"] == [(10, 0.5)]
    assert found["learning_rate"][-1] == (30, 0.0)
    assert found["gradient_norm"][:2] == [(10, 1.5), (20, 1.2)]
    assert np.isnan(found["gradient_norm"][2][1])
    assert (log.unit, log.losses) == ("updates", "means since the row before")


def test_sparse_metrics_of_lightning(tmp_path):
    found = plain(read_log(written(tmp_path, "metrics.csv", LIGHTNING)))
    assert found == {
        "learning_rate": [(9, 0.001)],
        "train_loss": [(9, 0.9), (19, 0.4)],
        "validation_accuracy": [(9, 0.5), (19, 0.75)],
        "validation_loss": [(9, 0.8), (19, 0.5)],
    }


def test_keras_as_a_table_and_as_its_history(tmp_path):
    table = read_log(written(tmp_path, "log.csv", KERAS))
    assert plain(table)["validation_loss"] == [(0, 1.1), (1, 0.7)]
    assert (table.unit, table.losses) == ("epochs", "means over epochs")
    history = read_log(
        written(tmp_path, "history.json", json.dumps({"loss": [1.0, 0.5], "val_accuracy": [0.4, 0.6]}))
    )
    assert plain(history) == {"train_loss": [(1, 1.0), (2, 0.5)], "validation_accuracy": [(1, 0.4), (2, 0.6)]}
    assert history.unit == "epochs"


def test_exports_of_a_tracker(tmp_path):
    assert plain(read_log(written(tmp_path, "chart.csv", CHART))) == {"train_loss": [(1, 2.5), (3, 1.5)]}
    # The last line was being written.
    log = read_log(written(tmp_path, "history.jsonl", HISTORY))
    assert plain(log)["train_loss"][0] == (0, 2.5)
    assert np.isnan(plain(log)["train_loss"][1][1])
    assert plain(log)["validation_loss"] == [(1, 2.25)]
    assert log.others == ("_runtime",)


def test_any_table_with_a_step(tmp_path):
    log = read_log(written(tmp_path, "any.txt", OTHER))
    assert plain(log) == {"train_loss": [(1, 1.0), (2, -np.inf)]}
    assert log.others == ("gpu",)


def test_the_log_of_a_model_file_and_of_an_opaque_one(tmp_path):
    path = tmp_path / "model.npz"
    save_model(load_model(bundled_path("digits")), path)
    history = load_model(path).history
    assert np.array_equal(read_log(path).series["train_loss"].value, history["train_loss"])
    with Recorder(tmp_path / "run.npz", {"w": np.zeros(2)}, None, None, announce=lambda _: None) as recorder:
        for step in range(5):
            recorder.step(loss=5 - step)
        recorder.evaluate(loss=2.0)
    log = read_log(tmp_path / "run.npz")
    assert plain(log) == {
        "train_loss": [(1, 5), (2, 4), (3, 3), (4, 2), (5, 1)],
        "validation_loss": [(5, 2.0)],
    }
    assert log.losses == "of batches"
    assert np.isnan(log.history()["validation_loss"]).tolist() == [True] * 4 + [False]


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def event(step: int, tag: str, value: float, tensor: bool = False) -> bytes:
    number = (
        field(8, b"\x08\x01" + field(5, struct.pack("<f", value)))
        if tensor
        else b"\x15" + struct.pack("<f", value)
    )
    return (
        b"\x09"
        + struct.pack("<d", 1.7e9)
        + b"\x10"
        + varint(step)
        + field(5, field(1, field(1, tag.encode()) + number))
    )


def record(message: bytes) -> bytes:
    head = struct.pack("<Q", len(message))
    return head + struct.pack("<I", masked(head)) + message + struct.pack("<I", masked(message))


START = record(b"\x09" + struct.pack("<d", 1.7e9) + field(3, b"brain.Event:2"))
LATER = record(event(5, "loss", 0.5)) + record(event(7, "val_loss", 0.25))
MANY = (record(event(step, "Loss/train", 1 / (1 + step), step % 2 > 0)) for step in range(300))
EVENTS = START + b"".join(MANY) + LATER


def test_the_checksum_is_that_of_its_published_test_vector():
    """CRC-32C of "123456789" is 0xE3069283; the first record of every event file begins as here."""
    turned = 0xE3069283
    assert masked(b"123456789") == ((turned >> 15 | turned << 17) + 0xA282EAD8) & 0xFFFFFFFF
    assert START[:12] == b"\x18\x00\x00\x00\x00\x00\x00\x00\xa3\x7fK\x22"


def test_event_files_and_their_folder(tmp_path):
    path = tmp_path / "events.out.tfevents.1700000000.host"
    path.write_bytes(EVENTS.replace(b"Loss/train", b"train/loss"))
    with pytest.raises(InputError, match="are both train loss"):
        read_log(path)
    path.write_bytes(
        START + b"".join(record(event(step, "train/loss", 2.0**-step, step % 2 > 0)) for step in range(20))
    )
    for place in (path, tmp_path):
        found = read_log(place)
        assert found.form == "TensorBoard"
        assert plain(found) == {"train_loss": [(step, 2.0**-step) for step in range(20)]}
    content = path.read_bytes()
    for length in range(len(START) + 60, len(content), 37):
        path.write_bytes(content[:length])
        assert len(read_log(path).series["train_loss"].value) < 20


@pytest.mark.parametrize("seed", range(20))
def test_event_files_with_other_bytes_end_in_one_line_or_a_log(tmp_path, seed):
    rng = np.random.default_rng(seed)
    content = bytearray(EVENTS[: rng.integers(1, len(EVENTS))])
    for place in rng.integers(0, len(content), 5):
        content[place] = rng.integers(0, 256)
    path = tmp_path / "events.out.tfevents.1.host"
    path.write_bytes(bytes(content))
    told = ""
    try:
        read_log(path)
    except InputError as error:
        told = str(error)
    assert len(told.splitlines()) <= 1


def test_a_length_that_lies_within_a_message_is_found():
    with pytest.raises(DamageError):
        list(scalars(field(5, b"\x0a\xff\xff\xff\xff\x0f")))


HOSTILE = {
    "empty": ("log.csv", "", "is empty"),
    "no step": (
        "log.csv",
        "loss,acc\n1,2\n",
        "no steps: expected a column such as step, global_step or epoch",
    ),
    "no series": ("log.csv", "step,colour\n1,2\n", "no series that is known"),
    "twice the same column": ("log.csv", "step,loss,loss\n1,2,3\n", "'loss' is in the first line twice"),
    "two of one meaning": (
        "log.csv",
        "step,loss,train_loss\n1,2,3\n",
        "'loss' and 'train_loss' are both train loss",
    ),
    "steps that go back": ("log.csv", "step,loss\n1,2\n2,1\n1,2\n", "its steps go back, from 2 to 1"),
    "steps of nothing": ("log.csv", "step,loss\nnan,2\n", "expected steps that are numbers"),
    "more cells than names": (
        "log.csv",
        "step,loss\n1,2,3\n",
        "line 2: expected 2 cells as in the first line, found 3",
    ),
    "a picture": ("log.png", "\x89PNG\x00\x00", "expected a log: CSV, JSON"),
    "json of a number": ("log.json", "[1, 2]", "expected rows that are objects"),
    "json cut short": ("log.json", '{"log_history": [', "expected JSON"),
    "an object with a name twice": (
        "log.jsonl",
        '{"step": 1, "loss": 1, "loss": 2}\n{"step": 2}',
        "'loss' stands twice in one row",
    ),
    "lines of which one is none": (
        "log.jsonl",
        '{"step": 1, "loss": 1}\noops\n{"step": 2}',
        "line 2: expected a JSON object",
    ),
    "series of two lengths": ("log.json", '{"loss": [1, 2], "acc": [1]}', "series of one length"),
    "a trainer that logged nothing": (
        "trainer_state.json",
        '{"log_history": []}',
        "expected rows with a step",
    ),
    "no event": ("events.out.tfevents.1", "abc", "truncated before its first record"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_log_is_refused_in_one_line(tmp_path, name):
    file, text, words = HOSTILE[name]
    path = written(tmp_path, file, text)
    if file.startswith("events"):
        path.write_bytes(b"\x18\0\0\0\0\0\0\0\xa3\x7fK\x22")
    with pytest.raises(InputError) as error:
        read_log(path)
    assert str(error.value).startswith(f"{path}: ")
    assert words in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_what_is_not_there_and_a_folder_without_events(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_log(tmp_path / "nothing.csv")
    with pytest.raises(InputError, match="a folder without event files"):
        read_log(tmp_path)
    np.savez(tmp_path / "bare.npz", W=np.eye(2), x=np.eye(2), y=np.arange(2))
    with pytest.raises(InputError, match="holds no log"):
        read_log(tmp_path / "bare.npz")


def test_a_million_rows_are_read_in_a_minute_of_a_core(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("step,loss\n" + "".join(f"{step},0.5\n" for step in range(1_000_000)))
    began = time.process_time()
    assert len(read_log(path).series["train_loss"].value) == 1_000_000
    assert time.process_time() - began < 60

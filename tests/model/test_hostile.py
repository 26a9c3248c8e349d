"""Malicious files: small ones that would take much time, memory or stack."""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from landscape.model import load_model
from tests.model.examples import bare, refused, write
from tests.peak_memory import peak_memory

DATA = {"x_train": np.ones((2, 4)), "y_train": np.array([0, 1])}


@pytest.mark.parametrize("levels", [100, 500, 900, 950, 980, 990, 1000, 10_000])
def test_levels_up_to_the_stacks_end_are_a_sentence(tmp_path, levels):
    for inner in ("[" * levels + "]" * levels, '{"a":' * levels + "1" + "}" * levels):
        assert "header" in refused(write(tmp_path / "m.npz", DATA, f'{{"format": 1, "nodes": [{inner}]}}'))


def test_a_header_that_unpacks_to_much_takes_little(tmp_path):
    np.savez_compressed(tmp_path / "m.npz", landscape="[" + "[]," * 3_000_000 + "[]]", **DATA)
    messages: list[str] = []
    allowed = 45_000_000  # the text itself, as NumPy holds it
    assert peak_memory(lambda: messages.append(refused(tmp_path / "m.npz")), allowed) < allowed
    assert "at most 1000000 characters" in messages[0]


def test_outputs_that_double_at_every_node_are_refused_without_being_made(tmp_path):
    nodes = [
        {"name": f"n{i}", "op": "concat", "axis": 1, "inputs": [f"n{i - 1}" if i else "input"] * 2}
        for i in range(300)
    ]
    head = {"format": 1, "loss": "cross_entropy", "nodes": nodes}
    assert "more than memory" in refused(write(tmp_path / "m.npz", DATA, head))


def many_layers(path: Path, count: int) -> Path:
    """Write a bare file of many layers of one unit."""
    members = {"x": np.ones((2, 1)), "y": np.array([0, 1])}
    members |= {f"W{i}": np.ones((1, 1)) for i in range(count)} | {f"b{i}": np.ones(1) for i in range(count)}
    with zipfile.ZipFile(path, "w") as archive:
        for key, array in members.items():
            stream = io.BytesIO()
            np.lib.format.write_array(stream, array)
            archive.writestr(f"{key}.npy", stream.getvalue())
    return path


def test_time_grows_with_the_file_and_not_with_its_square(tmp_path):
    def seconds(path: Path) -> float:
        start = time.process_time()
        load_model(path)
        return time.process_time() - start

    small, large = (many_layers(tmp_path / f"{count}.npz", count) for count in (200, 2000))
    # The square would be a hundred times as much.
    load_model(small)
    assert any(seconds(large) < 40 * seconds(small) for _ in range(3))


@pytest.mark.parametrize("key", ["W\n3", "\x1b[31mW3", "", "W" * 300, "W\u202e3"])
def test_keys_that_could_not_be_printed_are_refused(tmp_path, key):
    message = refused(write(tmp_path / "m.npz", bare() | {key: np.ones((3, 3))}))
    assert "printable key" in message
    assert message.isprintable()


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31m", " ", "x" * 300, "\ud800"])
def test_node_names_that_could_not_be_printed_are_refused(tmp_path, name):
    head = {"format": 1, "loss": "cross_entropy", "nodes": [{"name": name, "op": "identity"}]}
    message = refused(write(tmp_path / "m.npz", DATA, json.dumps(head)))
    assert "printable text" in message
    assert message.isprintable()

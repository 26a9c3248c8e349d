"""safetensors: read exactly, with a header or by the rules of the bare form; damaged files are one line."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import landscape
from landscape import InputError
from landscape.importers.safetensors import read_safetensors
from tests.peak_memory import peak_memory

RNG = np.random.default_rng(0)
DATA = {"x_train": RNG.standard_normal((6, 4)), "y_train": np.array([0, 1, 2, 0, 1, 2])}
WEIGHTS = {
    "fc1.weight": RNG.standard_normal((5, 4)).astype(np.float32),
    "fc1.bias": RNG.standard_normal(5),
    "fc2.weight": RNG.standard_normal((3, 5)).astype(np.float32),
}
HEADER = {
    "format": 1,
    "loss": "cross_entropy",
    "weight_decay": 0.1,
    "nodes": [{"name": "fc1", "op": "dense"}, {"name": "act", "op": "tanh"}, {"name": "fc2", "op": "dense"}],
}
NAMES = {"f4": "F32", "f8": "F64", "f2": "F16", "i8": "I64"}


def packed(arrays: dict[str, np.ndarray], metadata: dict[str, str] | None = None) -> bytes:
    """Lay arrays out as the format says."""
    index: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    body = b""
    for key, array in arrays.items():
        end = len(body) + array.nbytes
        name = NAMES[array.dtype.str[1:]]
        index[key] = {"dtype": name, "shape": list(array.shape), "data_offsets": [len(body), end]}
        body += array.tobytes()
    return framed(index, body)


def framed(index: Any, body: bytes) -> bytes:
    """Put an index before the bytes."""
    text = json.dumps(index).encode()
    return struct.pack("<Q", len(text)) + text + body


def refused(path: Path, content: bytes) -> str:
    """Give the message that a file is refused with."""
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        landscape.from_safetensors(path, DATA)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_arrays_come_back_with_their_bits(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(packed(WEIGHTS))
    found, metadata = read_safetensors(tmp_path / "a.safetensors")
    assert metadata == {}
    assert all(found[key].tobytes() == array.tobytes() for key, array in WEIGHTS.items())


def test_half_precision_becomes_single_without_a_change(tmp_path):
    half = np.array([1.5, -2.0, 65504.0], np.float16)
    brain = np.array([1.0, -3.0], np.float32)
    index = {
        "a": {"dtype": "F16", "shape": [3], "data_offsets": [0, 6]},
        "b": {"dtype": "BF16", "shape": [2], "data_offsets": [6, 10]},
    }
    body = half.tobytes() + (brain.view(np.uint32) >> 16).astype("<u2").tobytes()
    (tmp_path / "a.safetensors").write_bytes(framed(index, body))
    found, _ = read_safetensors(tmp_path / "a.safetensors")
    assert found["a"].dtype == found["b"].dtype == np.float32
    assert found["a"].tolist() == half.tolist()
    assert found["b"].tolist() == brain.tolist()


def test_files_of_the_library_are_read(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    library.save_file(WEIGHTS, tmp_path / "a.safetensors", {"landscape": json.dumps(HEADER)})
    model = landscape.from_safetensors(tmp_path / "a.safetensors", DATA)
    assert model.nodes[1].op == "tanh"


@pytest.mark.parametrize("where", ["metadata", "argument", "file"])
def test_the_header_says_what_the_weights_mean(tmp_path, where):
    path, header = tmp_path / "a.safetensors", None
    path.write_bytes(packed(WEIGHTS, {"landscape": json.dumps(HEADER)} if where == "metadata" else None))
    if where == "argument":
        header = HEADER
    if where == "file":
        header = tmp_path / "header.json"
        header.write_text(json.dumps(HEADER))
    model = landscape.from_safetensors(path, DATA, header=header)
    expected = landscape.build_model(
        nodes=HEADER["nodes"], parameters=WEIGHTS, loss="cross_entropy", weight_decay=0.1, **DATA
    )
    assert model.fingerprint() == expected.fingerprint()


def test_without_a_header_the_bare_forms_rules_hold(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(packed(WEIGHTS))
    model = landscape.from_safetensors(tmp_path / "a.safetensors", DATA, activation="tanh")
    assert [node.op for node in model.nodes] == ["dense", "tanh", "dense"]


def entry(**changes: Any) -> bytes:
    """Lay out a file of one array whose index entry is not what it should be."""
    good = {"dtype": "F32", "shape": [2, 4], "data_offsets": [0, 32]}
    return framed({"W": good | changes}, bytes(32))


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "something else or truncated"),
        (b"\x00" * 20, "something else or truncated"),
        (struct.pack("<Q", 2**60) + b"{}", "something else or truncated"),
        (framed([1], b""), "JSON object"),
        (entry(dtype="F128"), "expected one of F64"),
        (entry(shape=[2**40, 2**40]), "truncated or damaged"),
        (entry(shape=[-1, 4]), "sizes"),
        (entry(shape=[0, 2**47, 2**47], data_offsets=[0, 0]), "expected numbers"),
        (entry(data_offsets=[0, 64], shape=[4, 4]), "truncated or damaged"),
        (entry(data_offsets=[32, 0]), "truncated or damaged"),
        (entry(more=1), "dtype, shape and data_offsets"),
        (framed({"a": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}} | {
            "b": {"dtype": "U8", "shape": [2], "data_offsets": [1, 3]}}, bytes(3)), "overlaps"),
        (packed(WEIGHTS, {"landscape": "{"}), "JSON"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_one_line(tmp_path, content, word):
    assert word in refused(tmp_path / "a.safetensors", content)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 400), value=st.integers(0, 255), cut=st.integers(0, 300))
def test_no_change_of_a_valid_file_does_more_than_be_refused(tmp_path, position, value, cut):
    content = bytearray(packed(WEIGHTS, {"landscape": json.dumps(HEADER)}))
    content[position % len(content)] = value
    path = tmp_path / "a.safetensors"
    path.write_bytes(bytes(content[: len(content) - (cut if cut < 150 else 0)]))

    def read() -> None:
        message = ""
        try:
            landscape.from_safetensors(path, DATA)
        except InputError as error:
            message = str(error)
        assert "\n" not in message

    assert peak_memory(read, 5_000_000) < 5_000_000


def test_a_matrix_that_stands_twice_among_the_weights_is_reported(tmp_path):
    weights = {"0.weight": RNG.standard_normal((5, 4)), "2.weight": RNG.standard_normal((3, 5))}
    assert not any("hold the same" in s for s in landscape.from_state_dict(weights, DATA).inferred)
    data = {"x_train": DATA["x_train"], "y_train": DATA["x_train"].copy()}
    tied = weights | {"2.weight": np.ascontiguousarray(weights["0.weight"].T)}
    model = landscape.from_state_dict(tied, data, loss="mse")
    assert any("'0.weight' and '2.weight' hold the same numbers" in sentence for sentence in model.inferred)


def test_weights_that_are_not_finite_come_in_and_are_named():
    weights = {"0.weight": RNG.standard_normal((3, 4))}
    weights["0.weight"][1, 2] = np.nan
    model = landscape.from_state_dict(weights, DATA)
    assert any("0.weight: 1 value is not finite" in sentence for sentence in model.inferred)
    x = DATA["x_train"].copy()
    x[0, 0] = np.inf
    with pytest.raises(InputError, match="x_train: 1 value is not finite"):
        landscape.from_state_dict(weights, DATA | {"x_train": x})

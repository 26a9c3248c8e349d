"""Valid files, mutated: a model or one sentence, never another exception, never undeserved memory."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from landscape.commands.info_text import describe
from landscape.errors import InputError
from landscape.model import load_model, save_model
from landscape.model.summary import summarize
from tests.model.examples import arrays, bare, header
from tests.peak_memory import peak_memory

MEMORY = 4_000_000
JUDGED = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def content_of(head: Any, members: dict[str, np.ndarray], compress: bool = False) -> bytes:
    stream = io.BytesIO()
    text = (
        {} if head is None else {"landscape": np.array(head if isinstance(head, str) else json.dumps(head))}
    )
    (np.savez_compressed if compress else np.savez)(stream, **text, **members)
    return stream.getvalue()


FILES = {
    "full": content_of(header(), arrays()),
    "compressed": content_of(header(), arrays(), compress=True),
    "bare": content_of(None, bare()),
}


def judge(path: Path, content: bytes) -> bool:
    """Load a file both ways, describe what loads, and tell whether it did."""
    path.write_bytes(content)
    loaded = []
    allowed = MEMORY + 30 * len(content)
    assert (
        peak_memory(lambda: loaded.extend(outcome(path, lenient) for lenient in (False, True)), allowed)
        < allowed
    )
    return any(loaded)


def outcome(path: Path, allow_nonfinite: bool) -> bool:
    """Load and use a file, or read the sentence that refuses it."""
    try:
        model = load_model(path, allow_nonfinite=allow_nonfinite)
    except InputError as error:
        message = str(error)
    else:
        use(model, path)
        return True
    assert "\n" not in message
    assert message.startswith(str(path))
    assert len(message) < 1500
    return False


def use(model: Any, path: Path) -> None:
    """Use what was loaded: it is described in words and JSON, and written and read again as the same."""
    assert model.theta.shape == model.decay_vector().shape == (model.size,)
    summary = summarize(model)
    json.dumps(summary, allow_nan=False)
    assert (
        describe(
            summary | {"losses": {}, "penalty": None, "not_evaluated": "here", "remarks": []}
        ).isprintable()
        is False
    )
    copy = path.with_suffix(".copy.npz")
    save_model(model, copy)
    again = load_model(copy, allow_nonfinite=True)
    assert again.fingerprint() == model.fingerprint()
    assert again.data_fingerprint() == model.data_fingerprint()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a place for the mutants."""
    return tmp_path / "mutant.npz"


@pytest.mark.parametrize("form", FILES)
def test_the_files_are_good_before_they_are_mutated(path, form):
    assert judge(path, FILES[form])


@pytest.mark.parametrize("form", FILES)
@given(data=st.data())
@JUDGED
def test_flipped_bytes(path, form, data):
    content = bytearray(FILES[form])
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[position] = data.draw(st.integers(0, 255))
    judge(path, bytes(content))


@pytest.mark.parametrize("form", FILES)
@given(data=st.data())
@JUDGED
def test_flipped_bytes_of_the_headers(path, form, data):
    """Aim at the zip directory and the array headers, where the sizes are."""
    content = bytearray(FILES[form])
    marks = [
        start
        for mark in (b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"\x93NUMPY")
        for start in range(len(content))
        if content.startswith(mark, start)
    ]
    for mark in data.draw(st.lists(st.sampled_from(marks), min_size=1, max_size=4)):
        position = mark + data.draw(st.integers(0, 80))
        if position < len(content):
            content[position] = data.draw(st.sampled_from([0, 1, 8, 32, 48, 57, 79, 127, 128, 255]))
    judge(path, bytes(content))


@pytest.mark.parametrize("form", FILES)
@given(data=st.data())
@JUDGED
def test_cut_and_pasted_bytes(path, form, data):
    content = FILES[form]
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(content))] * 2)))
    target = data.draw(st.integers(0, len(content)))
    how = data.draw(st.sampled_from(["truncate", "cut", "insert", "overwrite"]))
    piece = content[start:end]
    mutants = {
        "truncate": content[:start],
        "cut": content[:start] + content[end:],
        "insert": content[:target] + piece + content[target:],
        "overwrite": content[:target] + piece + content[target + len(piece) :],
    }
    judge(path, mutants[how])


other_arrays = st.one_of(
    st.builds(
        lambda dtype, shape, value: np.full(shape, value).astype(dtype),
        st.sampled_from(["f2", "f4", "f8", ">f8", "i1", "i8", "u1", "u8", "b1", "U5"]),
        st.lists(st.integers(0, 5), max_size=4).map(tuple),
        st.sampled_from([0, 1, 2, -1, -100, 100]),
    ),
    st.sampled_from([np.array([np.nan] * 3), np.full((5, 4), np.inf), np.zeros((0, 2**40)), np.array("{}")]),
)
keys = st.sampled_from(
    [
        *arrays(),
        *bare(),
        "landscape",
        "x_validation",
        "W3",
        "b3",
        "fc3.weight",
        "../a",
        "a/b",
        "a\nb",
        "",
        "\u202e",
    ]
)


def members(form: str) -> dict[str, np.ndarray]:
    return bare() if form == "bare" else {"landscape": np.array(json.dumps(header()))} | arrays()


@pytest.mark.parametrize("form", ["full", "bare"])
@given(data=st.data())
@JUDGED
def test_members_removed_renamed_retyped_reshaped(path, form, data):
    content = members(form)
    for _ in range(data.draw(st.integers(1, 3))):
        key = data.draw(st.sampled_from(list(content)))
        how = data.draw(
            st.sampled_from(["remove", "rename", "replace", "retype", "reshape", "transpose", "first"])
        )
        array = content[key]
        if how == "replace":
            content[key] = data.draw(other_arrays)
        elif how == "retype" and array.dtype.kind != "U":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                content[key] = array.astype(
                    data.draw(st.sampled_from(["f2", "f4", "f8", "i8", "u1", "b1", "U5"]))
                )
        elif how == "reshape":
            content[key] = array.reshape(data.draw(st.sampled_from([(-1,), (1, -1), (-1, 1), (1, 1, -1)])))
        elif how == "transpose":
            content[key] = array.T
        elif how == "first":
            content = {key: content.pop(key)} | content
        else:
            del content[key]
            if how == "rename":
                content[data.draw(keys)] = array
        if not content:
            break
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for key, array in content.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(array))
            archive.writestr(f"{key}.npy", member.getvalue())
    judge(path, stream.getvalue())


plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 12),
    st.sampled_from([2**31, 2**63, 10**400, -(2**40), 1e308, 1e-320, float("nan"), float("inf")]),
    st.floats(allow_nan=True),
    st.text(max_size=4),
    st.sampled_from(
        ["input", "fc1", "act1", "out", "dense", "conv2d", "attention", "embedding", "mse", "\ud800"]
    ),
)
values = st.recursive(
    plain,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
HEADER_KEYS = (
    *("format", "name", "loss", "loss_scale", "delta", "weight_decay", "input_shape", "nodes", "training"),
    *(
        "data",
        "op",
        "inputs",
        "parameters_of",
        "trainable",
        "slope",
        "axis",
        "axes",
        "heads",
        "kernel",
        "stride",
    ),
    *("padding", "groups", "before", "after", "mode", "eps", "x_train", "y_test"),
)
header_keys = st.sampled_from(HEADER_KEYS)


def places(value: Any) -> list[tuple[Any, Any]]:
    """List every container and key of a JSON value."""
    if isinstance(value, dict):
        here = list(value)
    elif isinstance(value, list):
        here = list(range(len(value)))
    else:
        return []
    return [(value, key) for key in here] + [place for key in here for place in places(value[key])]


@given(data=st.data())
@settings(JUDGED, max_examples=100)
def test_headers_mutated(path, data):
    head = header()
    for _ in range(data.draw(st.integers(1, 3))):
        found = places(head)
        if not found:
            break
        container, key = data.draw(st.sampled_from(found))
        how = data.draw(st.sampled_from(["replace", "remove", "add", "swap", "op"]))
        if how == "replace":
            container[key] = data.draw(values)
        elif how == "remove":
            del container[key]
        elif how == "add" and isinstance(container, dict):
            container[data.draw(header_keys | st.text(max_size=5))] = data.draw(values)
        elif how == "swap":
            other, place = data.draw(st.sampled_from(found))
            if isinstance(other, type(container)) and place in (
                other if isinstance(other, dict) else range(len(other))
            ):
                container[key] = json.loads(json.dumps(other[place]))
        elif how == "op" and isinstance(container, dict) and "op" in container:
            container["op"] = data.draw(
                st.sampled_from(["add", "concat", "mean", "flatten", "softmax", "position"])
            )
    judge(path, content_of(head, arrays()))


@given(text=st.text(max_size=30) | values.map(lambda value: json.dumps(value)))
@JUDGED
def test_headers_of_any_text(path, text):
    judge(path, content_of(text, arrays()))


@given(content=st.binary(max_size=200))
@JUDGED
def test_any_bytes(path, content):
    assert not judge(path, content)

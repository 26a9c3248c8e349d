"""Data in files beside the model: mapped, never read whole, never from outside the folder."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.file_array import FileArray
from landscape.files import map_array
from landscape.model import build_model, load_model, save_model
from landscape.model import save as saving
from tests.model.examples import refused
from tests.processes import python

HEADER = {
    "format": 1,
    "loss": "cross_entropy",
    "nodes": [{"name": "fc", "op": "dense"}],
    "data": {"x_train": "data/x.npy", "y_train": "data/y.npy"},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Write a model with its data beside it."""
    folder = tmp_path / "home" / "data"
    folder.mkdir(parents=True)
    np.save(folder / "x.npy", np.arange(20, dtype=np.float32).reshape(5, 4))
    np.save(folder / "y.npy", np.array([0, 1, 2, 0, 1]))
    return write(tmp_path / "home" / "m.npz")


def write(path: Path, **data: str) -> Path:
    """Write the model, with other paths where given."""
    header = HEADER | {"data": HEADER["data"] | data}
    np.savez(path, landscape=json.dumps(header), **{"fc.weight": np.ones((3, 4)), "fc.bias": np.zeros(3)})
    return path


def test_the_files_are_mapped(path):
    data = load_model(path).data
    assert all(isinstance(array, FileArray) for array in data.values())
    np.testing.assert_array_equal(data["x_train"], np.arange(20).reshape(5, 4))


def test_the_working_directory_does_not_matter(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    first = load_model("m.npz").data_fingerprint()
    monkeypatch.chdir("/")
    assert load_model(path).data_fingerprint() == first


def test_the_fingerprint_is_that_of_the_same_arrays_in_an_archive(path, tmp_path):
    header = {key: value for key, value in HEADER.items() if key != "data"}
    content = dict(np.load(path)) | {"landscape": json.dumps(header)}
    content |= {key: np.array(array) for key, array in load_model(path).data.items()}
    np.savez(tmp_path / "inside.npz", **content)
    assert load_model(tmp_path / "inside.npz").data_fingerprint() == load_model(path).data_fingerprint()


def test_a_model_that_is_a_link_finds_its_data(path, tmp_path):
    (tmp_path / "link.npz").symlink_to(path)
    assert load_model(tmp_path / "link.npz").examples("train") == 5


@pytest.mark.parametrize("name", ["../secret.npy", "data/../../secret.npy", "link.npy", "folder/secret.npy"])
def test_nothing_leaves_the_folder(path, tmp_path, name):
    np.save(tmp_path / "secret.npy", np.zeros((5, 4), np.float32))
    (path.parent / "link.npy").symlink_to(tmp_path / "secret.npy")
    (path.parent / "folder").symlink_to(tmp_path)
    assert "x_train: expected a relative path that stays in" in refused(write(path, x_train=name))


def test_a_link_within_the_folder_is_followed(path):
    (path.parent / "link.npy").symlink_to(path.parent / "data" / "x.npy")
    assert load_model(write(path, x_train="link.npy")).examples("train") == 5


def test_a_loop_of_links_is_refused(path):
    (path.parent / "loop.npy").symlink_to(path.parent / "loop.npy")
    assert "x_train" in refused(write(path, x_train="loop.npy"))


def test_a_pipe_is_refused(path):
    os.mkfifo(path.parent / "pipe.npy")
    assert "pipe" in refused(write(path, x_train="pipe.npy"))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((0, 4), np.float32), "at least one example"),
        (np.zeros((5, 3), np.float32), r"fc.weight: expected shape [out, 3]"),
        (np.zeros((5, 4), np.float16), "x_train: expected float32"),
        (np.array([["a"] * 4] * 5), "x_train: expected float32"),
        (np.array([[None] * 4] * 5), "Python objects"),
        (np.full((5, 4), np.nan), "x_train: 20 values are not finite"),
        (np.zeros((6, 4)), "y_train: expected 6 targets"),
    ],
)
def test_mapped_data_is_checked_as_any_other(path, array, message):
    np.save(path.parent / "data" / "x.npy", array)
    assert message in refused(path)


def test_big_endian_files_are_good(path):
    np.save(path.parent / "data" / "x.npy", np.ones((5, 4), ">f4"))
    assert load_model(path).examples("train") == 5


class TestSaving:
    def test_beside_the_data_the_file_names_it(self, path):
        model = load_model(path)
        save_model(model, path.parent / "again.npz")
        again = load_model(path.parent / "again.npz")
        assert isinstance(again.data["x_train"], FileArray)
        assert again.data_fingerprint() == model.data_fingerprint()

    def test_elsewhere_the_data_goes_into_the_file(self, path, tmp_path):
        model = load_model(path)
        (tmp_path / "elsewhere").mkdir()
        save_model(model, tmp_path / "elsewhere" / "away.npz")
        again = load_model(tmp_path / "elsewhere" / "away.npz")
        assert not isinstance(again.data["x_train"], FileArray)
        assert again.data_fingerprint() == model.data_fingerprint()

    def test_a_part_of_a_mapped_file_goes_into_the_file(self, path):
        model = load_model(path)
        part = replace(model, data={key: array[1:3] for key, array in model.data.items()})
        save_model(part, path.parent / "part.npz")
        assert load_model(path.parent / "part.npz").data_fingerprint() == part.data_fingerprint()

    def test_a_users_mapping_of_a_part_of_a_file_goes_into_the_file(self, path):
        file = path.parent / "data" / "x.npy"
        part = np.memmap(file, np.float32, "r", offset=map_array(file).offset, shape=(3, 4))
        model = build_model(
            layers=[(np.ones((2, 4)), np.zeros(2))], loss="cross_entropy", x_train=part, y_train=np.array([0, 1, 1])
        )  # fmt: skip
        save_model(model, path.parent / "part.npz")
        assert load_model(path.parent / "part.npz").data_fingerprint() == model.data_fingerprint()

    def test_data_that_would_not_fit_is_not_copied(self, path, tmp_path, monkeypatch):
        monkeypatch.setattr(saving, "fits_memory", lambda needed: needed <= 50)
        (tmp_path / "elsewhere").mkdir()
        with pytest.raises(InputError, match="larger than memory"):
            save_model(load_model(path), tmp_path / "elsewhere" / "away.npz")
        assert list((tmp_path / "elsewhere").iterdir()) == []


def test_data_larger_than_the_memory_allowed_is_checked_in_pieces(path):
    rows = 3_000_000  # 48 MB of x, 24 MB of y in a sparse file: zeros, and one NaN near the end
    for name, dtype, shape in (("x", "<f4", (rows, 4)), ("y", "<i8", (rows,))):
        np.lib.format.open_memmap(path.parent / "data" / f"{name}.npy", "w+", dtype, shape).flush()
    program = (
        "import sys, tracemalloc; from landscape.model import load_model\n"
        "tracemalloc.start()\n"
        "model = load_model(sys.argv[1]); model.data_fingerprint()\n"
        "print(model.examples('train'), tracemalloc.get_traced_memory()[1])"
    )
    count, peak = map(int, python("-c", program, path).stdout.split())
    assert count == rows
    assert peak < 30_000_000
    x = np.lib.format.open_memmap(path.parent / "data" / "x.npy", "r+")
    x[rows - 2, 1] = np.nan
    x.flush()
    assert f"x_train: 1 value is not finite, the first, nan, at [{rows - 2}, 1]" in refused(path)

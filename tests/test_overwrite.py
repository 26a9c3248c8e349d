"""What may be overwritten: a command's own output, anything with `fresh`, and never an input."""

from __future__ import annotations

import os

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.files import map_array
from landscape.overwrite import mapped_files, refuse_overwriting, require_distinct, same_file


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.npz"
    path.write_bytes(b"precious")
    return path


def aliases(model):
    """The same file by another spelling, over a symbolic link, a link to a folder, and as a hard link."""
    folder = model.parent
    (folder / "soft.npz").symlink_to(model)
    os.link(model, folder / "hard.npz")
    (folder / "there").symlink_to(folder, target_is_directory=True)
    return [
        model,
        folder / "there" / ".." / folder.name / "model.npz",
        folder / "soft.npz",
        folder / "hard.npz",
        folder / "there" / "model.npz",
    ]


@pytest.mark.parametrize("fresh", [False, True])
def test_an_input_is_refused_by_every_name_it_has_even_when_it_would_be_ours_and_with_fresh(model, fresh):
    for path in aliases(model):
        with pytest.raises(InputError, match="an input of this command"):
            refuse_overwriting(path, inputs=[None, model], fresh=fresh, ours=lambda path: True)
    assert model.read_bytes() == b"precious"


def test_an_input_that_is_not_there_yet_is_refused_too(tmp_path):
    (tmp_path / "link.npz").symlink_to(tmp_path / "missing.npz")
    for name in ("missing.npz", "link.npz"):
        with pytest.raises(InputError, match="an input"):
            refuse_overwriting(tmp_path / name, inputs=[tmp_path / "missing.npz"])


def unreadable(path):
    raise InputError("damaged")


@pytest.mark.parametrize("ours", [None, lambda path: False, unreadable])
def test_what_is_not_known_to_be_ours_takes_fresh(tmp_path, ours):
    path = tmp_path / "notes.txt"
    refuse_overwriting(path, ours=ours)
    path.write_text("mine")
    with pytest.raises(InputError, match="give another name, or --fresh"):
        refuse_overwriting(path, ours=ours)
    refuse_overwriting(path, ours=ours, fresh=True)
    assert path.read_text() == "mine"


def test_what_the_command_wrote_itself_may_be_replaced(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("a report")
    refuse_overwriting(path, ours=lambda found: found.read_text() == "a report")


def test_what_cannot_be_written_is_refused_first(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        refuse_overwriting(tmp_path, fresh=True)
    with pytest.raises(InputError, match="no folder"):
        refuse_overwriting(tmp_path / "none" / "out.npz")


def test_outputs_of_one_command_are_different_files(tmp_path):
    require_distinct([tmp_path / "a", None, tmp_path / "b"])
    (tmp_path / "link").symlink_to(tmp_path / "a")
    for other in (tmp_path / "a", tmp_path / "link", f"{tmp_path}/./a"):
        with pytest.raises(InputError, match="written twice"):
            require_distinct([tmp_path / "a", other])


def test_files_that_data_is_mapped_from_are_known(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(3.0))
    mapped = map_array(tmp_path / "x.npy")
    assert [same_file(path, tmp_path / "x.npy") for path in mapped_files([np.zeros(2), mapped])] == [True]

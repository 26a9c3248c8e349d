"""`landscape plot RECORD`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests import running
from tests.plots.examples import bowl, line


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    bowl().save(tmp_path / "digits.scan.npz")
    return tmp_path / "digits.scan.npz"


def run(*arguments: object) -> int:
    return running.run("plot", *arguments)


def figures(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".npz")


def test_figures_are_named_after_the_record_in_the_working_directory(record, capsys):
    assert run(record) == 0
    names = ["digits.scan.contour.png", "digits.scan.contour_test.png", "digits.scan.surface.png"]
    assert figures(record.parent) == names
    streams = capsys.readouterr()
    assert streams.out == ""
    assert all(f"wrote {name}" in streams.err for name in names)


def test_the_record_is_left_as_it_was(record):
    before = record.read_bytes()
    assert run(record, "--kind", "contour") == 0
    assert record.read_bytes() == before


@pytest.mark.parametrize("file_format", ["svg", "pdf"])
def test_another_format_kind_and_stem(record, file_format):
    arguments = ("--figure-format", file_format, "--kind", "surface", "--output", "mine")
    assert run(record, *arguments) == 0
    assert figures(record.parent) == [f"mine.surface.{file_format}"]


def test_json_is_one_object_on_stdout_and_quiet_is_quiet(record, capsys):
    assert run(record, "--kind", "contour", "--json", "--quiet") == 0
    streams = capsys.readouterr()
    summary = json.loads(streams.out)
    assert summary["points"] == 51 * 51
    assert summary["files"] == ["digits.scan.contour.png", "digits.scan.contour_test.png"]
    assert streams.err == ""


@pytest.mark.parametrize("levels", ["12", "0.1,0.5,2", "0.5,"])
def test_levels_are_a_number_of_lines_or_their_heights(record, levels):
    assert run(record, "--levels", levels, "--kind", "contour", "--quantity", "train_loss") == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--levels", "many"), "such as 12"),
        (("--levels", "0"), "1 to 100"),
        (("--levels", "2,1"), "increase"),
        (("--levels", "1e9,2e9"), "outside"),
        (("--quantity", "loss"), "train_loss, test_loss"),
        (("--kind", "pie"), "contour, surface, both"),
        (("--figure-format", "gif"), "png, svg, pdf"),
        (("--output", "missing/x"), "missing"),
    ],
)
def test_bad_usage_is_said_in_a_line_and_writes_nothing(record, capsys, arguments, words):
    assert run(record, *arguments) == 2
    assert words in capsys.readouterr().err
    assert figures(record.parent) == []


def test_a_surface_of_a_line_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    line().save(tmp_path / "line.npz")
    assert run("line.npz", "--kind", "surface") == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04"])
def test_what_is_no_record_gets_one_line(tmp_path, capsys, content):
    path = tmp_path / "r.npz"
    path.write_bytes(content)
    assert run(path) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"Error: {path}")
    assert error.count("\n") == 1


def test_an_archive_of_arrays_is_told_from_a_record(tmp_path, capsys):
    np.savez(tmp_path / "weights.npz", w=np.zeros(3))
    assert run(tmp_path / "weights.npz") == 2
    assert "record" in capsys.readouterr().err

"""Options of absurd lengths and sizes, and files that are none: one line, status 2, nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from landscape.commands import COMMANDS, main
from landscape.model import save_model
from tests.records.examples import scan
from tests.scanning.examples import small_model

DIGITS, LETTERS = "1" * 400, "é" * 300
LINES = (
    ("scan", "m.npz", "--points", DIGITS),
    ("scan", "m.npz", "--points", f"{DIGITS}x3"),
    ("scan", "m.npz", "--span", DIGITS),
    ("scan", "m.npz", "--span", f"0:{DIGITS}"),
    ("scan", "m.npz", "--direction", LETTERS),
    ("scan", "m.npz", "--direction", DIGITS),
    ("scan", "m.npz", "--output", LETTERS),
    ("scan", "m.npz", "--examples", f"-{DIGITS}"),
    ("scan", "m.npz", "--seed", DIGITS),
    ("hessian", "m.npz", "--top", DIGITS),
    ("race", "m.npz", "--seeds", DIGITS),
    ("race", "m.npz", "--optimizer", LETTERS),
    ("study", "stability", "m.npz", "--rates", LETTERS),
    ("study", "learning-rate", "m.npz", "--seeds", DIGITS),
    ("train", "m.npz", "-o", LETTERS),
    ("train", "m.npz", "--steps", DIGITS),
    ("train", "m.npz", "--init", LETTERS),
    ("plot", "r.npz", "--levels", DIGITS),
    ("plot", "r.npz", "--output", LETTERS),
    ("figures", "toy_saddle", "-o", LETTERS),
    ("figures", LETTERS),
    ("demo", LETTERS),
    ("demo", "--fault", LETTERS),
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with a model and a record."""
    monkeypatch.chdir(tmp_path)
    save_model(small_model(), tmp_path / "m.npz")
    scan(3, 4).save(tmp_path / "r.npz")
    return tmp_path


def refused(arguments, capsys):
    """Run a command that must say in one line why it does not."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    said = capsys.readouterr()
    assert end.value.code == 2, said
    assert not said.out
    assert said.err.splitlines()[-1].startswith("Error: ")
    assert len(said.err) < 1500


@pytest.mark.parametrize("arguments", LINES, ids=lambda line: f"{' '.join(line)[:40]}")
def test_an_absurd_option_is_refused_in_one_line(folder, capsys, arguments):
    refused(arguments, capsys)
    assert sorted(path.name for path in folder.iterdir()) == ["m.npz", "r.npz"]


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"demo", "figures", "study", "import"}))
@pytest.mark.parametrize("path", ["/proc/self/mem", "/dev/zero", "/dev/null", ".", "m.npz/x", LETTERS])
def test_a_file_that_is_none_is_refused_in_one_line(folder, capsys, command, path):
    if path.startswith("/") and not Path(path).exists():
        pytest.skip("no such file here")
    refused((command, path), capsys)
    assert sorted(found.name for found in folder.iterdir()) == ["m.npz", "r.npz"]


@pytest.mark.parametrize("line", ["scan m.npz", "hessian m.npz", "critical m.npz", "train m.npz", "race m.npz", "study stability m.npz",
                                  "diagnose m.npz", "sharpness m.npz", "plot r.npz", "demo", "figures toy_saddle"])  # fmt: skip
def test_a_folder_that_cannot_be_written_is_said_before_the_work(folder, capsys, monkeypatch, line):
    from landscape import atomic

    # As root everything may be written, so the question itself is answered.
    monkeypatch.setattr(atomic.os, "access", lambda path, mode: False)
    if line.startswith("figures"):
        (folder / "figures").mkdir()
    refused(line.split(), capsys)
    assert not [path for path in folder.rglob("*") if path.is_file() and path.name not in ("m.npz", "r.npz")]

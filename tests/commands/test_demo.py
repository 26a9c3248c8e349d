"""`landscape demo`: a bundled model where it was asked for."""

from __future__ import annotations

import re

import pytest

from landscape.commands import main
from landscape.model import bundled, bundled_path, load_model
from landscape.model.bundles import ABOUT


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    """Run the command in a folder of its own: exit status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main(["demo", *arguments])
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run


def test_digits_is_written_into_the_working_directory_and_it_is_said(run, tmp_path):
    status, out, err = run()
    assert (status, out, err) == (0, "", "wrote digits.npz\n")
    assert (tmp_path / "digits.npz").read_bytes() == bundled_path("digits").read_bytes()
    assert load_model("digits.npz").loss == "cross_entropy"


def test_another_name_on_request(run, tmp_path):
    assert run("digits", "-o", "mine.npz") == (0, "", "")
    assert load_model("mine.npz").size > 0
    assert not (tmp_path / "digits.npz").exists()


def test_the_models_are_listed(run, tmp_path):
    status, out, _ = run("--list")
    assert status == 0
    for name, about in ABOUT.items():
        assert re.search(rf"^{name} +{re.escape(about)}, \d+ kB$", out, re.MULTILINE)
    assert set(ABOUT) == set(bundled())
    assert list(tmp_path.iterdir()) == []


def test_the_same_file_may_be_written_again(run):
    assert run()[0] == run()[0] == 0


def test_another_file_is_not_overwritten_unless_asked(run, tmp_path):
    (tmp_path / "digits.npz").write_bytes(b"mine")
    status, _, err = run()
    assert status == 2
    assert "--fresh" in err
    assert (tmp_path / "digits.npz").read_bytes() == b"mine"
    assert run("--fresh")[0] == 0
    assert load_model("digits.npz").size > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["mnist"], "digits"), (["-o", "absent/m.npz"], "no folder"), (["-o", "."], "is a folder")],
)
def test_what_cannot_be_done_is_one_line(run, arguments, message):
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1

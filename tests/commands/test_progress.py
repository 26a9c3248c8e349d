"""Progress: one bar over the whole, what is done in words, and the time left from the steps of this process alone."""

from __future__ import annotations

import re
import sys
from contextlib import suppress

import pytest

from landscape.commands import progress
from landscape.commands.progress import Pace, progress_bar
from landscape.commands.stem import speaker
from landscape.errors import InputError
from landscape.messages import Silence, say
from landscape.model import bundled_path
from tests.running import run


def test_the_first_step_which_may_compile_does_not_count():
    pace = Pace()
    assert pace.told(0.0, now=0.0) == pace.told(0.1, now=60.0) == ""
    assert pace.told(0.2, now=61.0) == "about 8 s left"


def test_what_an_earlier_process_did_does_not_count():
    pace = Pace()
    pace.told(0.9, now=0.0)
    pace.told(0.9, now=5.0)
    assert pace.told(0.95, now=15.0) == "about 10 s left"


def test_at_the_end_no_time_is_left():
    pace = Pace()
    for share in (0.0, 0.1, 1.0):
        assert pace.told(share, now=share) == ""


def test_nothing_is_drawn_where_stderr_is_no_terminal(capsys):
    with progress_bar("scan", quiet=False) as advance:
        advance(0.5, "1 of 2 points")
        advance(1.0, "2 of 2 points")
    assert capsys.readouterr() == ("", "")


def test_a_terminal_sees_share_words_and_time_left_and_nothing_goes_to_stdout(capsys, monkeypatch):
    on_a_terminal(monkeypatch)
    clock = iter([0.0, 1.0, 2.0, 3.0, 4.0])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(clock))
    with progress_bar("scan", quiet=False) as advance:
        for done in range(5):
            advance(done / 4, f"{done} of 4 points")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "3 of 4 points, about 1 s left" in captured.err
    assert "75%" in captured.err


def test_the_bar_never_goes_back_nor_beyond_the_terminals_width(capsys, monkeypatch):
    on_a_terminal(monkeypatch)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(progress, "DRAWN_EVERY", -1.0)
    with progress_bar("scan", quiet=False) as advance:
        for share in (0.0, 0.5, 0.3, 0.6, 1.0):
            advance(share, "a word " * 20)
    lines = re.split(r"[\r\n]", re.sub(r"\x1b\[\?25[lh]", "", capsys.readouterr().err))
    shares = [int(share) for share in re.findall(r"(\d+)%", "".join(lines))]
    assert shares == sorted(shares)
    assert max(map(len, lines)) <= 60


def on_a_terminal(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(Silence, "kept", False)


def shown(text: str) -> list[str]:
    """The lines that a terminal ends up with: a line begins anew at each carriage return."""
    lines = [re.sub(r"\x1b\[\?25[lh]", "", line) for line in text.split("\n")]
    return [re.split(r"\r(?:\x1b\[2K)?", line)[-1].rstrip() for line in lines]


def test_a_sentence_stands_on_a_line_of_its_own_and_the_bar_below_it(capsys, monkeypatch):
    on_a_terminal(monkeypatch)
    with progress_bar("scan", quiet=False) as advance:
        advance(0.25, "")
        say("compiling …")
        advance(0.5, "")
        speaker(quiet=False)("a remark")
        advance(1.0, "")
    say("wrote a.npz")
    lines = shown(capsys.readouterr().err)
    assert lines[0] == "compiling …"
    assert lines[1] == "a remark"
    assert lines[2].startswith("scan")
    assert "100%" in lines[2]
    assert lines[3:] == ["wrote a.npz", ""]


def test_what_is_refused_before_the_first_step_leaves_no_bar(capsys, monkeypatch):
    on_a_terminal(monkeypatch)
    with pytest.raises(InputError), progress_bar("scan", quiet=False):
        raise InputError("points: expected a number")
    assert capsys.readouterr().err == ""


def test_what_fails_on_the_way_is_said_below_the_bar(capsys, monkeypatch):
    on_a_terminal(monkeypatch)
    with suppress(InputError), progress_bar("scan", quiet=False) as advance:
        advance(0.25, "")
        raise InputError("nothing is left")
    say("Error: nothing is left")
    assert shown(capsys.readouterr().err)[1:] == ["Error: nothing is left", ""]


def test_a_bar_says_nothing_where_there_is_nothing_to_say_and_ends_with_a_line(capsys, monkeypatch):
    on_a_terminal(monkeypatch)
    with progress_bar("scan", quiet=False) as advance:
        advance(0.5, "")
    text = capsys.readouterr().err
    assert "None" not in text
    assert text.endswith(("\n", "\x1b[?25h"))


@pytest.mark.parametrize("quiet", [False, True])
def test_a_quiet_command_leaves_the_process_as_quiet_as_it_was(quiet, monkeypatch, capsys):
    monkeypatch.setattr(Silence, "kept", quiet)
    assert run("scan", "missing.npz", "--quiet") == 2
    assert Silence.kept is quiet
    assert run("info", bundled_path("digits"), "--json") == 0
    assert Silence.kept is quiet
    capsys.readouterr()
    say("a sentence")
    assert capsys.readouterr().err == ("" if quiet else "a sentence\n")

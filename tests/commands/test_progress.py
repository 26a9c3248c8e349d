"""Progress: rate and time left from the steps of this process alone."""

from __future__ import annotations

import re
import sys
from contextlib import suppress

import pytest

from landscape.commands import progress
from landscape.commands.progress import Rate, progress_bar
from landscape.commands.stem import speaker
from landscape.errors import InputError
from landscape.messages import Silence, say


def test_the_first_step_which_may_compile_does_not_count():
    rate = Rate()
    assert rate.told(1, 11, 110, now=60.0) == ""
    assert rate.told(2, 11, 110, now=61.0) == "10 points/s, 0:00:09 left"


def test_what_an_earlier_process_did_does_not_count():
    rate = Rate()
    rate.told(91, 101, 1010, now=0.0)
    assert rate.told(96, 101, 1010, now=10.0) == "5.0 points/s, 0:00:10 left"


def test_hours_are_told():
    rate = Rate()
    rate.told(1, 1001, 1001, now=0.0)
    assert rate.told(2, 1001, 1001, now=10.0).endswith("2:46:30 left")


def test_nothing_is_drawn_where_stderr_is_no_terminal(capsys):
    with progress_bar("scan", lambda: 10, quiet=False) as advance:
        advance(1, 2)
        advance(2, 2)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_sees_share_rate_and_time_left_and_nothing_goes_to_stdout(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    clock = iter([0.0, 1.0, 2.0, 3.0])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(clock))
    with progress_bar("scan", lambda: 400, quiet=False) as advance:
        for done in range(1, 5):
            advance(done, 4)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "100 points/s, 0:00:01 left" in captured.err
    assert "75%" in captured.err


def test_a_resume_is_said_once_and_quiet_says_nothing(capsys):
    with progress_bar("scan", lambda: 10, quiet=False) as advance:
        advance(6, 10)
        advance(7, 10)
    assert capsys.readouterr().err == "taking up at 50%\n"
    with progress_bar("scan", lambda: 10, quiet=True) as advance:
        advance(6, 10)
    assert capsys.readouterr().err == ""


def shown(text: str) -> list[str]:
    """The lines that a terminal ends up with: a line begins anew at each carriage return."""
    lines = [re.sub(r"\x1b\[\?25[lh]", "", line) for line in text.split("\n")]
    return [re.split(r"\r(?:\x1b\[2K)?", line)[-1].rstrip() for line in lines]


def on_a_terminal(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(Silence, "kept", False)


def test_a_sentence_stands_on_a_line_of_its_own_and_the_bar_below_it(capsys, monkeypatch):
    on_a_terminal(monkeypatch)
    with progress_bar("scan", lambda: 400, quiet=False) as advance:
        advance(1, 4)
        say("compiling …")
        advance(2, 4)
        speaker(quiet=False)("a remark")
        advance(4, 4)
    say("wrote a.npz")
    lines = shown(capsys.readouterr().err)
    assert lines[0] == "compiling …"
    assert lines[1] == "a remark"
    assert lines[2].startswith("scan")
    assert "100%" in lines[2]
    assert lines[3:] == ["wrote a.npz", ""]


def test_a_resume_is_said_before_the_bar_which_says_nothing_where_there_is_nothing_to_say(
    capsys, monkeypatch
):
    on_a_terminal(monkeypatch)
    with progress_bar("scan", lambda: 400, quiet=False) as advance:
        advance(53, 100)
    text = capsys.readouterr().err
    assert shown(text)[0] == "taking up at 52%"
    assert "None" not in text


def test_what_is_refused_before_the_first_step_leaves_no_bar(capsys, monkeypatch):
    on_a_terminal(monkeypatch)
    with pytest.raises(InputError), progress_bar("scan", lambda: 400, quiet=False):
        raise InputError("points: expected a number")
    assert capsys.readouterr().err == ""


def test_what_fails_on_the_way_is_said_below_the_bar(capsys, monkeypatch):
    on_a_terminal(monkeypatch)
    with suppress(InputError), progress_bar("scan", lambda: 400, quiet=False) as advance:
        advance(1, 4)
        raise InputError("nothing is left")
    say("Error: nothing is left")
    assert shown(capsys.readouterr().err)[1:] == ["Error: nothing is left", ""]


def test_at_the_end_no_time_is_left():
    rate = Rate()
    rate.told(1, 10, 10, now=0.0)
    assert rate.told(10, 10, 10, now=0.9) == "10 points/s"

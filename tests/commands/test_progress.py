"""Progress: rate and time left from the steps of this process alone."""

from __future__ import annotations

import sys

from landscape.commands import progress
from landscape.commands.progress import Rate, progress_bar


def test_the_first_step_which_may_compile_does_not_count():
    rate = Rate()
    assert rate.told(1, 11, 110, now=60.0) == ""
    assert rate.told(2, 11, 110, now=61.0) == "10 points/s, 0:00:09 left"


def test_what_an_earlier_process_did_does_not_count():
    rate = Rate()
    rate.told(91, 101, 1010, now=0.0)
    assert rate.told(96, 101, 1010, now=10.0) == "5 points/s, 0:00:10 left"


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

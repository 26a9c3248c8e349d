"""A progress bar on stderr, with what is done and about how long the rest takes."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from landscape.commands import INTERRUPTED
from landscape.messages import Screen
from landscape.progress import ROUNDING, Announce, Progress

# To the line's start, and away with what stands there.
CLEAR_LINE = "\r\033[2K"
# Seconds between two drawings, and letters of the bar.
DRAWN_EVERY, WIDTH = 0.1, 24
# Steps in which click counts.
LENGTH = 1000
# Seconds and minutes up to which a time is told in them.
MOST_SECONDS, MOST_MINUTES = 90, 90


def time_left(seconds: float) -> str:
    """Write an estimate of the remaining time.

    >>> [time_left(seconds) for seconds in (0.2, 7.4, 38.0, 64.0, 200.0, 9000.0)]
    ['about 1 s left', 'about 7 s left', 'about 40 s left', 'about 65 s left', 'about 3 min left', 'about 2.5 h left']
    """
    if seconds < 10:
        return f"about {max(1, round(seconds))} s left"
    if seconds < MOST_SECONDS:
        return f"about {5 * round(seconds / 5)} s left"
    if seconds < 60 * MOST_MINUTES:
        return f"about {round(seconds / 60)} min left"
    return f"about {seconds / 3600:.1f} h left"


class Pace:
    """An estimate of the remaining time, from the pace since the end of the first step.

    The first step of a process may compile, and what an earlier process did took none of this one's time.
    """

    def __init__(self) -> None:
        self.opened = False
        self.first: tuple[float, float] | None = None

    def told(self, share: float, now: float) -> str:
        """Say about how long the rest takes, once two steps are done.

        Examples
        --------
        >>> pace = Pace()
        >>> pace.told(0.0, now=5.0), pace.told(0.25, now=10.0), pace.told(0.5, now=15.0), pace.told(1.0, now=25.0)
        ('', '', 'about 10 s left', '')
        """
        if not self.opened:
            self.opened = True
            return ""
        if self.first is None:
            self.first = (share, now)
        done, seconds = share - self.first[0], now - self.first[1]
        if done <= 0 or seconds <= 0 or share >= 1:
            return ""
        return time_left((1 - share) * seconds / done)


class Bar:
    """A bar on stderr, drawn from the first call on: what is refused before it leaves no bar behind."""

    def __init__(self, label: str, quiet: bool) -> None:
        self.pace, self.share, self.drawn = Pace(), 0.0, -1.0
        self.hidden = quiet or not sys.stderr.isatty()
        self.begun = False
        self.shown: Any = click.progressbar(
            length=LENGTH, label=label, file=sys.stderr, show_eta=False, width=WIDTH, item_show_func=lambda item: item or "",
            hidden=self.hidden,
        )  # fmt: skip

    def advance(self, share: float, words: str) -> None:
        """Show how much is done; the share shown never falls."""
        self.share = 1.0 if share >= 1 - ROUNDING else max(self.share, share)
        now = time.perf_counter()
        left = self.pace.told(self.share, now)
        if self.hidden:
            return
        if self.begun and self.share < 1 and now - self.drawn < DRAWN_EVERY:
            return
        room = shutil.get_terminal_size().columns - len(self.shown.label) - WIDTH - 14
        text = ", ".join(part for part in (words, left) if part)
        # A line that is longer than the terminal would be left behind.
        self.shown.pos, self.shown.current_item = round(LENGTH * self.share), text[: max(0, room)]
        self.drawn = now
        if self.begun:
            self.shown.render_progress()
            return
        self.begun = True
        Screen.clear = self.clear
        self.shown.__enter__()

    def clear(self) -> None:
        """Clear the bar's line for a message; the next step draws the bar again below it."""
        sys.stderr.write(CLEAR_LINE)

    def end(self) -> None:
        """Leave the bar as it is, and begin a new line."""
        if self.begun:
            Screen.clear = None
            self.shown.__exit__(None, None, None)


@contextmanager
def progress_bar(label: str, *, quiet: bool) -> Iterator[Progress]:
    """Give a function (share, words) that shows a bar on stderr, if that is a terminal and not `quiet`."""
    bar = Bar(label, quiet)
    try:
        yield bar.advance
    finally:
        bar.end()


@contextmanager
def interruptible(say: Announce, *, quiet: bool) -> Iterator[None]:
    """Leave with the status of an interruption after Ctrl-C, with what the work says of it."""
    try:
        yield
    except KeyboardInterrupt as interruption:
        from landscape.records.wording import interrupted

        if sys.stderr.isatty() and not quiet:
            click.echo(CLEAR_LINE, nl=False, err=True)  # the terminal's ^C
        say(str(interruption) or interrupted())
        raise click.exceptions.Exit(INTERRUPTED) from None

"""Progress on stderr: how far, how fast, how long still."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import click

from landscape.messages import Screen, say

# To the line's start, and away with what stands there.
CLEAR_LINE = "\r\033[2K"


class Rate:
    """How many units a second are done, measured from the end of the first step.

    The first step of a process may compile, and what an earlier process did took none of this one's time.
    """

    def __init__(self, unit: str = "points") -> None:
        self.unit = unit
        self.first: tuple[int, float] | None = None

    def told(self, done: int, total: int, units: int, now: float) -> str:
        """Say the rate and the time left, once there are two steps to tell it from.

        Examples
        --------
        >>> rate = Rate()
        >>> rate.told(1, 101, 2020, now=10.0)
        ''
        >>> rate.told(51, 101, 2020, now=15.0)
        '200 points/s, 0:00:05 left'
        >>> rate.told(101, 101, 2020, now=20.0)
        '200 points/s'
        """
        if (
            self.first is None or self.first[0] == 0
        ):  # at 0 nothing is done, and the first step is still to compile
            self.first = (done, now)
        steps, seconds = done - self.first[0], now - self.first[1]
        if steps <= 0 or seconds <= 0:
            return ""
        rate = units / total * steps / seconds
        speed = f"{rate:,.{0 if rate >= 10 else 1}f} {self.unit}/s"
        left = timedelta(seconds=round((total - done) * seconds / steps))
        return f"{speed}, {left} left" if done < total else speed


class Bar:
    """A bar on stderr, drawn from the first step on: what is refused before it leaves no bar behind."""

    def __init__(self, label: str, units: Callable[[], int], unit: str, quiet: bool) -> None:
        self.units, self.quiet, self.rate = units, quiet, Rate(unit)
        self.begun = False
        self.shown: Any = click.progressbar(
            length=1, label=label, file=sys.stderr, show_eta=False, item_show_func=lambda item: item or "",
            hidden=quiet or not sys.stderr.isatty(),
        )  # fmt: skip

    def advance(self, done: int, total: int) -> None:
        """Show how far the work is."""
        if self.rate.first is None and done > 1 and not self.quiet:
            say(f"taking up at {(done - 1) / total:.0%}")
        told = self.rate.told(done, total, self.units(), time.perf_counter())
        self.shown.length, self.shown.finished = total, False  # click takes a bar that was full for finished
        if not self.begun:
            self.begun = True
            Screen.clear = None if self.shown.hidden else self.clear
            self.shown.__enter__()
        self.shown.update(done - self.shown.pos, told)

    def clear(self) -> None:
        """Make room for a sentence; the next step draws the bar again, below it."""
        sys.stderr.write(CLEAR_LINE)

    def end(self) -> None:
        """Leave the bar as it is, and begin a new line."""
        if self.begun:
            Screen.clear = None
            self.shown.__exit__(None, None, None)


@contextmanager
def progress_bar(
    label: str, units: Callable[[], int], *, quiet: bool, unit: str = "points"
) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr where it is a terminal and not `quiet`; give what is called as (done, total).

    `units` says how many points the whole work has, once it is known.
    """
    bar = Bar(label, units, unit, quiet)
    try:
        yield bar.advance
    finally:
        bar.end()

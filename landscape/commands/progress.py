"""Progress on stderr: how far, how fast, how long still."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import click


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
        """
        if self.first is None:
            self.first = (done, now)
        steps, seconds = done - self.first[0], now - self.first[1]
        if steps <= 0 or seconds <= 0:
            return ""
        left = timedelta(seconds=round((total - done) * seconds / steps))
        return f"{units / total * steps / seconds:,.0f} {self.unit}/s, {left} left"


@contextmanager
def progress_bar(
    label: str, units: Callable[[], int], *, quiet: bool, unit: str = "points"
) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr where it is a terminal and not `quiet`; give what is called as (done, total).

    `units` says how many points the whole work has, once it is known.
    """
    rate = Rate(unit)
    hidden = quiet or not sys.stderr.isatty()
    bar = click.progressbar(
        length=1, label=label, file=sys.stderr, show_eta=False, item_show_func=str, hidden=hidden
    )

    def advance(done: int, total: int) -> None:
        if rate.first is None and done > 1 and not quiet:
            click.echo(f"taking up at {(done - 1) / total:.0%}", err=True)
        bar.length = total
        bar.update(done - bar.pos, rate.told(done, total, units(), time.perf_counter()))

    with bar:
        yield advance

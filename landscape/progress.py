"""Progress of long work: a callback with the share that is done, and the same in words.

A function that works for long takes `progress`, and calls it as `progress(share, words)`: the share of the work that is done, from 0 at the
beginning to 1 at the end, and the same in words, such as "7 of 17 trials". The first call says what was done before, by a run that was cut.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

Progress = Callable[[float, str], object]
Announce = Callable[[str], object]
"""What is called with sentences."""

# Up to this part of what was expected a share grows evenly; beyond it ever more slowly, and never to 1.
EVEN = 0.8
# A sum of shares, and a count of whole units, may be off by so much.
ROUNDING = 1e-9


def nobody(share: float, words: str) -> None:
    """Ignore the progress."""


def silent(sentence: str) -> None:
    """Ignore the announcement."""


def counted(done: float, whole: float, unit: str, *, about: bool = False) -> str:
    """Write how much is done of the whole, in words.

    >>> counted(7, 17, "trials"), counted(1240, 2000, "products", about=True)
    ('7 of 17 trials', '1,240 of about 2,000 products')
    """
    return f"{int(done + ROUNDING):,} of {'about ' if about else ''}{round(whole):,} {unit}"


def units(progress: Progress, unit: str) -> Callable[[int, int], None]:
    """Return a function of (done, whole) in units that calls a progress with the share.

    >>> units(print, "steps")(1, 4)
    0.25 1 of 4 steps
    """

    def told(done: int, whole: int) -> None:
        progress(done / whole if whole else 1.0, counted(done, whole, unit))

    return told


def part(progress: Progress, begin: float, end: float) -> Progress:
    """Return the progress of a part of the work, which goes from one share of the whole to another.

    Parameters
    ----------
    progress
        That of the whole.
    begin, end
        The shares of the whole at which the part begins and ends.

    Examples
    --------
    >>> part(print, 0.5, 1.0)(0.5, "10 of 20 points")
    0.75 10 of 20 points
    """
    return lambda share, words: progress(begin + (end - begin) * share, words)


def among(progress: Progress, before: float, own: float, whole: float, unit: str) -> Progress:
    """Return the progress of a part, which reports the share of the whole, in units of the whole.

    >>> among(print, 4, 2, 10, "runs")(0.5, "50 of 100 steps")
    0.5 5 of 10 runs
    """
    return lambda share, words: progress(share, counted(before + share * own, whole, unit))


class Parts:
    """The parts of one work, one after the other, each with a weight of about the time that it takes.

    Examples
    --------
    >>> parts = Parts(print, {"runs": 3.0, "plane": 1.0})
    >>> parts["plane"](0.0, "0 of 9 points")
    0.75 0 of 9 points
    """

    def __init__(self, progress: Progress, weights: Mapping[str, float]) -> None:
        self.progress, self.weights = progress, weights

    def __getitem__(self, name: str) -> Progress:
        names, whole = list(self.weights), sum(self.weights.values())
        begin = sum(self.weights[other] for other in names[: names.index(name)]) / whole
        return part(self.progress, begin, begin + self.weights[name] / whole)


def expected(done: float, about: float) -> float:
    """Give the share that is done of work whose total is only estimated.

    >>> expected(40, 100), expected(90, 100) < 0.9, expected(1e9, 100) <= 1.0
    (0.4, True, True)
    """
    part_done = done / about if about > 0 else 0.0
    if part_done <= EVEN:
        return part_done
    return 1.0 - (1.0 - EVEN) * math.exp(-(part_done - EVEN) / (1.0 - EVEN))


class Counter:
    """Counts products with a matrix, and calls a listener."""

    def __init__(self, listener: Callable[[int], object]) -> None:
        self.listener, self.count = listener, 0

    def add(self, products: int) -> None:
        """Count some more."""
        self.count += products
        self.listener(self.count)


# The counter of the work that this thread is in.
COUNTER: ContextVar[Counter | None] = ContextVar("products", default=None)


@contextmanager
def counting(listener: Callable[[int], object]) -> Iterator[None]:
    """Count every product with a matrix within the context, and call a listener with their number after each block."""
    token = COUNTER.set(Counter(listener))
    try:
        yield
    finally:
        COUNTER.reset(token)


@contextmanager
def counting_toward(progress: Progress, about: float) -> Iterator[None]:
    """Report the products with a matrix to a progress, given their expected number."""

    def listener(done: int) -> None:
        most = max(about, done)
        progress(expected(done, about), counted(done, most, "products", about=True))

    with counting(listener):
        yield


@contextmanager
def counted_products(number: int) -> Iterator[None]:
    """Count `number` products for the context, unless products within it are counted themselves."""
    counter = COUNTER.get()
    before = 0 if counter is None else counter.count
    yield
    if counter is not None and counter.count == before:
        counter.add(number)

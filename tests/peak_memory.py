"""How much memory an action asks for, of Python's allocations."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

TRIES = 3


def peak_memory(action: Callable[[], object], enough: int) -> int:
    """Return the bytes that an action holds at its peak.

    All threads of the process are counted, and what is loaded at a first call; so it is run again where it seems to
    need more than `enough`, and the least of three peaks is its own.
    """
    least = peak_of(action)
    for _ in range(TRIES - 1):
        if least < enough:
            break
        least = min(least, peak_of(action))
    return least


def peak_of(action: Callable[[], object]) -> int:
    """Run an action once and return the peak of all that was allocated meanwhile."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

"""Times of calls within one turn of a comparison."""

from __future__ import annotations

import time
from collections.abc import Callable


def taken(call: Callable[[], object], turn: float) -> list[float]:
    """Time calls, at least one, until they have taken a turn's seconds together: in the first another tool's threads may still wait busily."""
    times: list[float] = []
    while not times or sum(times) < turn:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return times

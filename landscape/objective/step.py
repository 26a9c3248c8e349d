"""Choose the step of a finite difference at which two orders of approximation agree best."""

from __future__ import annotations

from collections.abc import Callable

MOST_STEPS = 12


def step_of_least_spread(
    spread: Callable[[float], float], first: float, factor: float
) -> tuple[float, float]:
    """Walk from the first step, up or else down by a factor, for as long as the spread falls; give step and spread.

    Examples
    --------
    >>> step_of_least_spread(lambda step: abs(step - 8.0), 1.0, 2.0)
    (8.0, 0.0)
    """
    best, least = first, spread(first)
    for change in (factor, 1 / factor):
        for _ in range(MOST_STEPS):
            value = spread(best * change)
            if not value < least:
                break
            best, least = best * change, value
        if best != first:
            break
    return best, least

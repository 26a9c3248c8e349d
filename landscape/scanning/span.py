"""Choose the span of an axis automatically: widen or narrow it until the loss rises visibly.

A coarse probe evaluates the two ends of the axis. A rise is worth looking at when the higher end lies between
once and a thousand times the centre's loss above it: less is a plain, and more hides the basin even on a
logarithmic scale. Where the ends never rise so far (a loss that saturates), the span is the narrowest that
shows nine tenths of the rise there is.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from landscape.scanning.grid import Span

Array = NDArray[np.float64]

LEAST_RISE = 1.0
LARGEST_RISE = 1000.0
FACTOR = 2.0
STEPS = 12
SATURATED = 0.9


class Probe:
    """The losses at the ends of spans c ± h along one direction, each evaluated once."""

    def __init__(
        self, values: Callable[[Array], Array], center: Array, direction: Array, middle: float
    ) -> None:
        self.values, self.center, self.direction, self.middle = values, center, direction, middle
        self.origin = float(values(center[None, :])[0])
        self.rises: dict[float, float] = {}

    def rise(self, half: float) -> float:
        """Measure the higher end's rise over the centre; infinite where an end diverged."""
        if half not in self.rises:
            steps = np.array([self.middle - half, self.middle + half])
            with np.errstate(over="ignore", invalid="ignore"):
                ends = self.values(self.center + steps[:, None] * self.direction)
                rises = np.asarray(ends, dtype=np.float64) - self.origin
            self.rises[half] = float(np.max(rises)) if np.all(np.isfinite(rises)) else math.inf
        return self.rises[half]

    def too_wide(self, half: float) -> bool:
        """Whether the loss at the ends is too high; above a loss of zero no finite value is."""
        limit = LARGEST_RISE * abs(self.origin) if self.origin else math.inf
        return self.rise(half) > limit or math.isinf(self.rise(half))

    def too_narrow(self, half: float) -> bool:
        """Whether the loss at the ends is too low."""
        return self.rise(half) <= 0 or self.rise(half) < LEAST_RISE * abs(self.origin)


def search(probe: Probe, half: float, *, may_narrow: bool) -> float:
    """Find the half width at which the loss rises visibly, in factors of two from `half`."""
    widest = half * FACTOR**STEPS
    narrowest = half / FACTOR**STEPS if may_narrow else half
    while probe.too_wide(half) and half > narrowest:
        half /= FACTOR
    while probe.too_narrow(half) and half < widest and not math.isinf(probe.rise(half * FACTOR)):
        half *= FACTOR
    return saturated(probe) if probe.too_narrow(half) else half


def saturated(probe: Probe) -> float:
    """Choose the narrowest span tried that shows most of the rise there is; the first, if there is none."""
    finite = {half: rise for half, rise in probe.rises.items() if math.isfinite(rise)}
    highest = max(finite.values(), default=0.0)
    if highest <= 0:
        return next(iter(probe.rises))
    return min(half for half, rise in finite.items() if rise >= SATURATED * highest)


def choose_span(
    values: Callable[[Array], Array], center: Array, direction: Array, start: Span
) -> tuple[Span, str]:
    """Widen or narrow `start` and say what was chosen and why.

    A span that is not symmetric (between two models) keeps its middle and is never narrowed, so that it still
    holds both ends.

    Parameters
    ----------
    values
        Losses [K] of points [K, P].
    center, direction
        [P] each.
    start
        The span to begin with.

    Examples
    --------
    >>> bowl = lambda thetas: 1.0 + np.sum(thetas**2, axis=1)
    >>> choose_span(bowl, np.zeros(1), np.array([0.5]), (-1.0, 1.0))
    ((-2.0, 2.0), 'span -2:2 (auto): the loss rises from 1 to 2')
    """
    middle = (start[0] + start[1]) / 2
    probe = Probe(values, center, direction, middle)
    if not math.isfinite(probe.origin):
        return (
            start,
            f"span {name(start)} (auto): the loss is not finite at the centre, so nothing was searched",
        )
    half = search(probe, (start[1] - start[0]) / 2, may_narrow=middle == 0)
    span = (middle - half, middle + half)
    return span, f"span {name(span)} (auto): {reason(probe, half)}"


def reason(probe: Probe, half: float) -> str:
    """Say how much the loss rises at the ends, for the message."""
    rise = probe.rise(half)
    if math.isinf(rise):
        return "the loss diverges at an end however near"
    verb = "rises" if rise > 0 else "does not rise: it goes"
    return f"the loss {verb} from {probe.origin:.4g} to {probe.origin + rise:.4g}"


def name(span: Span) -> str:
    """Write a span as the option has it."""
    return f"{span[0]:g}:{span[1]:g}"

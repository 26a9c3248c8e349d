"""The results of a learning curve and of constraints for a gap."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from landscape.diagnosis.outcomes import plain

# A held-out error or loss above this part of guessing's is no better than it; above the second, where the inputs tell nothing of the targets: a
# network that learned these by heart is right of whole clusters of inputs by chance.
CHANCE, CLUSTERS = 0.95, 0.8


@dataclass(frozen=True, kw_only=True)
class Constrained:
    """What a constraint of the network did: how much better held-out data became than without it, with half a 95 % interval."""

    name: str
    gain: float
    half: float

    @property
    def works(self) -> bool:
        """Whether the gain is beyond its interval."""
        return self.gain > self.half


@dataclass(frozen=True, kw_only=True)
class Generalization:
    """The learning curve on held-out data (error rate or loss: lower is better), with half intervals, and the constraints.

    `linear` is the same of a linear model of all training data, NaN where there is none.
    """

    sizes: tuple[int, ...]
    curve: tuple[float, ...]
    halves: tuple[float, ...]
    test_curve: tuple[float, ...]
    remedies: tuple[Constrained, ...]
    metric: str
    chance: float = math.nan
    linear: float = math.nan

    def is_chance(self, part: float = CHANCE) -> bool:
        """Say whether held-out data are above this part of guessing, with the best constraint too."""
        gain = 0.0 if self.best is None else self.best.gain
        return not self.curve[-1] - gain < part * self.chance

    @property
    def falls(self) -> bool:
        """Whether twice the data made held-out data better beyond the intervals."""
        return self.curve[-2] - self.curve[-1] > math.hypot(self.halves[-2], self.halves[-1])

    @property
    def verifies(self) -> bool:
        """Whether more data or a constraint made held-out data better."""
        return self.falls or self.best is not None

    @property
    def best(self) -> Constrained | None:
        """The constraint that gained most, of those that did beyond the interval."""
        working = [remedy for remedy in self.remedies if remedy.works]
        return max(working, key=lambda remedy: remedy.gain) if working else None

    def told(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {name: jsoned(value) for name, value in asdict(self).items()}


def jsoned(value: Any) -> Any:
    """Return lists for tuples, null for what is not finite."""
    if isinstance(value, tuple | list):
        return [jsoned(element) for element in value]
    if isinstance(value, dict):
        return {key: jsoned(element) for key, element in value.items()}
    return plain(value)

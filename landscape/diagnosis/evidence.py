"""The evidence from which a verdict follows, and the verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from landscape.diagnosis.baselines import Baseline
from landscape.diagnosis.citing import Cited, Reason, ordered
from landscape.diagnosis.gap import Gap
from landscape.diagnosis.generalization import Generalization
from landscape.diagnosis.modes import Modes
from landscape.diagnosis.outcomes import Outcome
from landscape.diagnosis.shift import Shift
from landscape.diagnosis.signal import Signal
from landscape.diagnosis.splits import SplitShift
from landscape.diagnosis.state import State
from landscape.diagnosis.thresholds import Thresholds
from landscape.diagnosis.vetoes import Veto


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that a verdict follows from; what was not looked at is None or NaN."""

    loss: float
    constant: float
    limits: Thresholds = field(default_factory=Thresholds)
    vetoes: tuple[Veto, ...] = ()
    state: State | None = None
    outcomes: tuple[Outcome, ...] | None = None
    best: float = math.nan
    target: float | None = None
    held: str | None = None
    validation_gap: Gap | None = None
    test_gap: Gap | None = None
    shift: Shift | None = None
    generalization: Generalization | None = None
    optimizer: str = "sgd"
    learning_rate: float = math.nan
    highest: float = math.nan
    assumed: str = ""
    sixteen: float = math.nan
    scales: float = math.nan
    # Of the log: its highest training loss over its first one. Of the training: the updates that were said to be spent at a constant rate.
    climbed: float = math.nan
    spent: int | None = None
    # The training loss with the penalty, where there is one; how the loop's gradient would be with targets that broadcast.
    objective: float = math.nan
    # Root mean squares of the inputs' deviations and of the targets, where these are numbers on a scale.
    input_size: float = math.nan
    target_size: float = math.nan
    broadcast: float = math.nan
    decays: bool = False
    baseline: Baseline | None = None
    # Of a loss that is not small: the held-out loss beside that of the best constant of the training data.
    beside_constant: Baseline | None = None
    linear_learns: bool | None = None
    split: SplitShift | None = None
    signal: Signal | None = None
    modes: Modes | None = None

    @property
    def removable(self) -> float:
        """What can be removed of the loss, below the constant's, in parts of the constant's."""
        if not (math.isfinite(self.best) and self.constant > 0):
            return 0.0
        return (min(self.loss, self.constant) - self.best) / self.constant

    @property
    def part(self) -> float:
        """R: the loss in parts of the range from the constant's (1) to the best one seen (0)."""
        best = self.best if math.isfinite(self.best) else 0.0
        span = self.constant - best
        return (self.loss - best) / span if span > 0 else 0.0

    @property
    def is_small(self) -> bool:
        """Whether the training loss is small whatever could be reached, or as small as was asked for."""
        if self.target is not None and self.loss <= self.target:
            return True
        return self.loss <= self.limits.large * self.constant


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A code, a sub-code, how sure it is, and what it hangs on: the reasons, the remedy's name, its gain, the runners-up.

    `supported` says whether anything speaks for the sub-code but that its remedy won. `advice` and `pytorch` are what to do in words where
    the remedy's own are not enough.
    """

    code: str
    subtype: str = ""
    confidence: str = "consistent"
    reasons: tuple[Reason, ...] = ()
    supported: bool = True
    remedy: str = ""
    gain: float = math.nan
    accepted: tuple[str, ...] = ()
    advice: str = ""
    pytorch: str = ""

    @property
    def why(self) -> tuple[str, ...]:
        """The reasons as sentences, those that support the verdict first; a doubt begins with "though"."""
        return tuple(str(reason) for reason in ordered(self.reasons))

    @property
    def cited(self) -> tuple[Cited, ...]:
        """The numbers among the reasons that are said."""
        return tuple(reason for reason in ordered(self.reasons) if isinstance(reason, Cited))

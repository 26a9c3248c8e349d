"""The thresholds of the verdicts, which are printed with every report and can be changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from landscape.errors import InputError, did_you_mean

# A loss above the best constant's by this factor exploded; a squared gradient below this part of its noise is mostly noise.
EXPLODED, NOISY = 10.0, 1.0


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """What counts as large, as a gain, as a gap.

    Losses are in parts of a range: from the best constant predictor's (1) to the best one seen (0).

    Attributes
    ----------
    constant
        A training loss from here on is no better than a constant predictor's.
    large
        A training loss above this part of its range is large.
    removable
        What can be removed of a loss is worth removing from this part of the best constant predictor's loss on.
    useful
        A remedy counts if it gains at least this part of the range on held-out data too, where there are any.
    tie
        Of remedies that remove at least this share of what the best one does, the simplest names the cause.
    verified
        A remedy that removes this share of the removable loss verifies its cause.
    bias
        A larger network proves bias where training the same one removes less than this share of what it does.
    simpler
        A simpler network is better where it is lower by more than this part of the range, beyond the interval.
    gap
        Part of the metric's range by which validation must be worse than training to be overfitting.
    shift
        The same of test against validation, for mismatch.
    dead
        Share of a layer's units that do the same for all inputs.
    gradient_ratio
        Root mean square gradient of the first layer's weights over the last one's: below it, it vanishes.
    decrement, plateau
        Relative Newton decrement of a critical point, and of a plateau.
    edge
        Largest curvature over what the rate allows: from here on, the run bounces.
    condition
        What Newton's step promises over what the gradient's does: ill-conditioned from here on.
    sixteen
        A network learns 16 examples where less than this part of their best constant's loss is left.
    output_range
        Share of targets that the output cannot take which is warned of.
    scales
        Condition number of the inputs' covariance that is warned of.
    floor
        A training loss that nothing lowers usefully is called a noise floor from this part of the constant's on.
    leak
        Share of a held-out split that are training examples: above it, that is the verdict.
    stale
        Part of the best constant's loss by which running statistics taken anew must lower the training loss.
    early
        Updates of the user's recipe, in parts of those spent, after which a loop that minimizes this loss cannot gain half of what is left.
    """

    constant: float = 0.95
    large: float = 0.1
    removable: float = 0.05
    useful: float = 0.1
    tie: float = 0.8
    verified: float = 0.5
    bias: float = 0.5
    simpler: float = 0.05
    gap: float = 0.1
    shift: float = 0.05
    dead: float = 0.9
    gradient_ratio: float = 1e-3
    decrement: float = 1e-6
    plateau: float = 3e-2
    edge: float = 0.9
    condition: float = 100.0
    sixteen: float = 0.1
    output_range: float = 0.01
    scales: float = 1e4
    floor: float = 0.5
    leak: float = 0.1
    stale: float = 0.1
    early: float = 0.2

    def told(self) -> dict[str, float]:
        """Give all of them by name."""
        return asdict(self)


def thresholds_of(changes: Mapping[str, Any] | None) -> Thresholds:
    """Give the thresholds with some of them changed.

    Raises
    ------
    InputError
        A name that is none of them, or something that is not a number above zero.

    Examples
    --------
    >>> thresholds_of({"large": 0.2}).large
    0.2
    """
    known = [field.name for field in fields(Thresholds)]
    read: dict[str, float] = {}
    for name, value in (changes or {}).items():
        if name not in known:
            raise InputError(
                f"threshold: expected one of {', '.join(known)}, found '{name}'{did_you_mean(name, known)}"
            )
        try:
            read[name] = float(value)
        except (TypeError, ValueError):
            read[name] = float("nan")
        if not 0 < read[name] < float("inf"):
            raise InputError(f"threshold {name}: expected a number above 0, found {value!r}")
    return Thresholds(**read)

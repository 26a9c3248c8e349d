"""Numbers that a verdict cites, each with its threshold, which are reasons only on the right side of it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from landscape.diagnosis.outcomes import plain

# On which side of its threshold a number supports what it is cited for, as the sentence says it.
SIDES: dict[str, Callable[[float, float], bool]] = {
    "from": operator.ge, "above": operator.gt, "below": operator.lt, "up to": operator.le,
}  # fmt: skip
MOST_REASONS, MOST_DOUBTS = 3, 1
# A share from here on is said as a multiple.
TIMES = 10.0
# How a value and its threshold are written, with more digits where fewer would not tell them apart.
NUMBER, SHARE = (".3g", ".4g", ".6g"), (".0%", ".1%", ".3%")


@dataclass(frozen=True, kw_only=True)
class Cited:
    """A number in a sentence, with the claim that it is cited for, the threshold of the claim, and the side that supports it.

    Where the sentence has `{value}` the number is written, with as few digits as tell it from the threshold.

    Examples
    --------
    >>> print(Cited(sentence="{value} of the units are dead", claim="dead", value=0.6, side="from", threshold=0.9, styles=SHARE))
    though 60% of the units are dead (dead from 90%)
    >>> print(Cited(sentence="the ratio is {value}", claim="small", value=0.99996, side="below", threshold=1.0))
    the ratio is 0.99996 (small below 1)
    """

    sentence: str
    claim: str
    value: float
    side: str
    threshold: float
    styles: tuple[str, ...] = NUMBER

    @property
    def supports(self) -> bool:
        """Whether the number lies on the side that supports the claim; one that is not known supports nothing."""
        return SIDES[self.side](self.value, self.threshold)

    def written(self) -> tuple[str, str]:
        """Return the value and the threshold as the sentence has them: a share of several times the whole as such, and its threshold alike."""
        if self.styles[0].endswith("%") and abs(self.value) >= TIMES:
            return written(self.value, SHARE[0]), f"{self.threshold:.3g} times"
        pairs = [(format(self.value, style), format(self.threshold, style)) for style in self.styles]
        apart = [pair for pair in pairs if pair[0] != pair[1]]
        value, threshold = (apart or pairs)[0] if self.value != self.threshold else pairs[0]
        return (value[1:] if value in ("-0%", "-0") else value), threshold

    def __str__(self) -> str:
        value, threshold = self.written()
        said = self.sentence.replace("{value}", value)
        return f"{'' if self.supports else 'though '}{said} ({self.claim} {self.side} {threshold})"

    def told(self) -> dict[str, Any]:
        """Return it as JSON, null for what is not finite."""
        return {
            "text": str(self), "claim": self.claim, "value": plain(self.value), "side": self.side, "threshold": plain(self.threshold),
            "supports": self.supports,
        }  # fmt: skip


def written(value: float, style: str) -> str:
    """Write a number; a share of several times the whole is written as such.

    >>> written(0.896, ".0%"), written(42.81, ".0%"), written(3.0, ".3g")
    ('90%', '42.8 times', '3')
    """
    return f"{value:.3g} times" if style.endswith("%") and abs(value) >= TIMES else format(value, style)


Reason = Cited | str


def supporting(candidates: Sequence[Reason]) -> list[Reason]:
    """Choose what speaks for a claim: the first that supports it; where none does the first, which is then a doubt."""
    return [*(reason for reason in candidates if supports(reason)), *candidates][:1]


def supports(reason: Reason) -> bool:
    """Say whether a reason is one; a sentence without a threshold is a fact."""
    return isinstance(reason, str) or reason.supports


def ordered(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """Put what supports first, then doubts; not more of either than one reads."""
    good = [reason for reason in reasons if supports(reason)]
    doubts = [reason for reason in reasons if not supports(reason)]
    return (*good[:MOST_REASONS], *doubts[:MOST_DOUBTS])

"""The trials of a user's own training: the remedies' labels, the settings that they change, and where they start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from landscape.diagnosis.outcomes import CONTROL
from landscape.diagnosis.remedies import remedy_of
from landscape.diagnosis.remedy import TUNING, USUAL

Changes = dict[str, Any]
FRESH = "fresh"


@dataclass(frozen=True, eq=False)
class Try:
    """A trial: the remedy's label, the settings that the function has to read, where it starts, and what it changes of the user's own settings.

    `variants` are settings of which the first seed chooses the best. `change` gives None if there is nothing to change.
    """

    label: str
    needs: tuple[str, ...] = ()
    fresh: bool = False
    change: Callable[[Mapping[str, Any], int], Changes | None] = lambda own, examples: {}
    variants: tuple[Changes, ...] = ({},)

    @property
    def kind(self) -> str:
        """The kind of the remedy."""
        found = remedy_of(self.label)
        assert found is not None, self.label
        return found.kind


def scaled(name: str, factor: float) -> Callable[[Mapping[str, Any], int], Changes | None]:
    """Give a factor of one of the user's own numbers, which has to be above 0."""

    def change(own: Mapping[str, Any], examples: int) -> Changes | None:
        value = own.get(name)
        return {name: float(f"{factor * value:.6g}")} if is_number(value) and value > 0 else None

    return change


def larger_batch(own: Mapping[str, Any], examples: int) -> Changes | None:
    """Give eight times the batch, up to all examples; None if the batch is all of them."""
    size = own.get("batch_size")
    return {"batch_size": min(8 * int(size), examples)} if is_number(size) and 0 < size < examples else None


def without_dropout(own: Mapping[str, Any], examples: int) -> Changes | None:
    """Give no dropout; None if there is none."""
    value = own.get("dropout")
    return {"dropout": 0.0} if is_number(value) and value > 0 else None


def always(**changes: Any) -> Callable[[Mapping[str, Any], int], Changes | None]:
    """Give settings, whatever the user's own are."""
    return lambda own, examples: dict(changes)


def is_number(value: Any) -> TypeGuard[float]:
    """Say whether a value is a number, which true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


RATE, DECAY, DROP = ("learning_rate",), ("weight_decay",), ("dropout",)
ADAM = ("optimizer", "learning_rate")
TUNED = tuple({"optimizer": "adam", "learning_rate": rate} for rate in TUNING)
# In the order in which they are tried, by the labels of the table of remedies.
FIRST = (
    Try(CONTROL),
    Try(FRESH, fresh=True),
    Try("rate/10", RATE, change=scaled("learning_rate", 0.1)),
    Try("rate×10", RATE, change=scaled("learning_rate", 10.0)),
    Try("rate×100", RATE, change=scaled("learning_rate", 100.0)),
    Try("rate×1000", RATE, change=scaled("learning_rate", 1000.0)),
    Try("batch×8", ("batch_size",), change=larger_batch),
    Try("escape"),
    Try("adam", ADAM, change=always(optimizer="adam", learning_rate=USUAL)),
    Try("fresh, rate/10", RATE, fresh=True, change=scaled("learning_rate", 0.1)),
    Try("fresh, adam", ADAM, fresh=True, variants=TUNED),
    Try("weight decay/100", DECAY, change=scaled("weight_decay", 0.01)),
    Try("fresh, weight decay/100", DECAY, fresh=True, change=scaled("weight_decay", 0.01)),
    Try("without dropout", DROP, change=without_dropout),
    Try("fresh, without dropout", DROP, fresh=True, change=without_dropout),
    Try("narrower", ("width",), fresh=True, change=always(width=0.5), variants=({}, *TUNED)),
)
LARGER = (Try("wider", ("width",), fresh=True, change=always(width=2.0), variants=({}, *TUNED)),)
CONSTRAINTS = (
    Try("weight decay 0.001", DECAY, fresh=True, change=always(weight_decay=1e-3)),
    Try("weight decay 0.01", DECAY, fresh=True, change=always(weight_decay=1e-2)),
    Try("half the width", ("width",), fresh=True, change=always(width=0.5)),
)
SHORTER = (0.1, 0.25, 0.5)

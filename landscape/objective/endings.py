"""The op that makes a network's output, and the activity of its units, for a diagnosis of a network without a known graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from landscape.objective.units import UnitRange
from landscape.ops.table import OPERATIONS


@dataclass(frozen=True, kw_only=True)
class Ending:
    """The op that makes an output before the loss, and the range of all its outputs.

    Attributes
    ----------
    op
        Its name in the format where it has one there, else PyTorch's; "" where the last op bounds nothing.
    span
        Where all outputs lie; None where they may lie anywhere, or where it is not known.
    reason
        Why something is not known; "" where all is.
    observed
        Whether the span is only where the outputs of random parameters were, so that it proves nothing.
    loss, tail
        The loss by its name in the format, and the op at the end of the network that is a part of it there; "" for none.
    axis
        Where the classes of an output lie.
    simplex
        Whether it is a softmax over the last axis with nothing behind it.
    over_classes
        Whether it works on each number by itself, or along the classes.
    soft, smoothing, class_weights, pos_weight
        What the loss makes of its targets.
    """

    op: str = ""
    span: tuple[float, float] | None = None
    reason: str = ""
    observed: bool = False
    loss: str = ""
    tail: str = ""
    axis: int = 1
    simplex: bool = False
    over_classes: bool = True
    soft: bool = False
    smoothing: float = 0.0
    class_weights: Any = None
    pos_weight: Any = None

    @property
    def applied_by(self) -> str | None:
        """The loss that applies the op itself."""
        known = OPERATIONS.get(self.op) if self.over_classes else None
        return None if known is None else known.traits.applied_by


def span_of(op: str) -> tuple[float, float] | None:
    """Return the range of all outputs of an op of the format; None if it is unbounded.

    >>> span_of("tanh")
    (-1.0, 1.0)
    """
    return OPERATIONS[op].traits.output_range


@dataclass(frozen=True)
class Units:
    """The ranges of the units of each hidden activation, and of that which makes the output, where one does."""

    hidden: tuple[UnitRange, ...]
    last: UnitRange | None = None

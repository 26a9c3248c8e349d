"""Everything that a scan will do, decided and checked before the work."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.directions import Directions
from landscape.errors import InputError, did_you_mean
from landscape.objective import BetweenObjective, HasSweep
from landscape.scanning.grid import Span, is_pair, make_axis, parse_points, parse_spans
from landscape.scanning.span import choose_span

Array = NDArray[np.float64]

QUANTITIES = ("loss", "curvature")
ROUNDING = 1e-9


@dataclass(frozen=True)
class Subject:
    """What is scanned: an objective for each split at one point, and its identity.

    `settings` are what can change a number and is not in the hashes; `words` are for figures and change none.
    `far` gives the values of the model that the first direction leads to, evaluated by itself, {split: {loss, accuracy}}; `line` is the
    first split's objective where constants move along the way there. `makers` make the objectives anew in another process; without them they are
    pickled as they are.
    """

    objectives: Mapping[str, HasSweep]
    center: Array
    decay: Array | None
    model: str
    data: str
    settings: dict[str, Any]
    words: dict[str, Any]
    notes: tuple[str, ...] = ()
    far: Callable[[], dict[str, dict[str, float]]] | None = None
    line: BetweenObjective | None = None
    makers: Mapping[str, Callable[[], HasSweep]] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """A scan before it is run: the subject, its directions and its grid."""

    subject: Subject
    directions: Directions
    axes: tuple[Array, ...]
    settings: dict[str, Any]
    words: dict[str, Any]
    notes: tuple[str, ...]
    quantity: str = "loss"

    @property
    def shape(self) -> tuple[int, ...]:
        """Points along each axis."""
        return tuple(axis.size for axis in self.axes)


def make_plan(
    subject: Subject,
    directions: Directions,
    *,
    points: int | str | Sequence[int],
    span: float | str | Sequence[float | str | Span] | None,
    quantity: str = "loss",
) -> Plan:
    """Lay the grid; `auto` spans are probed on the first split's objective.

    Raises
    ------
    InputError
        A grid of no points, a span that is no range, or an unknown quantity.
    """
    require_grid(points, span, quantity, len(directions.vectors))
    counts = parse_points(points, len(directions.vectors))
    wanted = parse_spans(span, directions.spans)
    spans, notes = choose_spans(subject, directions, wanted)
    axes = tuple(make_axis(*pair) for pair in zip(spans, counts, strict=True))
    require_variances(subject, directions.vectors, axes)
    return Plan(
        subject=subject,
        directions=directions,
        axes=axes,
        settings={
            **subject.settings,
            "points": list(counts),
            "span": [list(span) for span in spans],
            "normalize": directions.normalize,
            "directions_sha256": hashlib.sha256(directions.vectors.astype("<f8").tobytes()).hexdigest(),
            **({} if quantity == "loss" else {"quantity": quantity}),
        },
        words={**subject.words, "directions": list(directions.labels)},
        notes=subject.notes + directions.notes + notes,
        quantity=quantity,
    )


def require_grid(
    points: int | str | Sequence[int], span: Any, quantity: str = "loss", dimensions: int | None = None
) -> None:
    """Refuse what is no grid, before the first evaluation; how many axes there are may not be known yet.

    Raises
    ------
    InputError
        A grid of no points, a span that is no range, or an unknown quantity.
    """
    if quantity not in QUANTITIES:
        raise InputError(
            f"unknown quantity '{quantity}': choose {', '.join(QUANTITIES)}{did_you_mean(quantity, QUANTITIES)}"
        )
    pieces = points.lower().replace("×", "x").split("x") if isinstance(points, str) else np.atleast_1d(points)
    parse_points(points, dimensions or len(pieces))
    several = isinstance(span, list) or (isinstance(span, tuple) and not is_pair(span))
    parse_spans(span, ((-1.0, 1.0),) * (dimensions or (max(1, len(span)) if several else 1)))


def require_variances(subject: Subject, directions: Array, axes: tuple[Array, ...]) -> None:
    """Refuse a grid that leaves the part of a line in which running variances are numbers that a variance can be.

    Raises
    ------
    InputError
        The message says how far the line may go.
    """
    objective = subject.line
    if objective is None:
        return
    low, high = objective.positive
    corners = product(*((axis[0], axis[-1]) for axis in axes))
    along = [objective.along(subject.center + np.asarray(corner) @ directions) for corner in corners]
    # A coordinate that should be 0 or 1 is so up to rounding.
    if min(along) < low - ROUNDING or max(along) > high + ROUNDING:
        raise InputError(
            f"span: a running variance of batch normalization, which moves along the line, is below 0 outside of {low:.4g}:{high:.4g}: "
            "choose a narrower span, or --recompute-statistics"
        )


def choose_spans(
    subject: Subject, directions: Directions, wanted: tuple[Span | str, ...]
) -> tuple[tuple[Span, ...], tuple[str, ...]]:
    """Settle the `auto` ones."""
    spans: list[Span] = []
    notes: list[str] = []
    values = next(iter(subject.objectives.values())).values
    for index, span in enumerate(wanted):
        if isinstance(span, str):
            start = directions.spans[index]
            span, note = choose_span(values, subject.center, directions.vectors[index], start)
            notes.append(f"axis {index + 1}: {note}")
        spans.append(span)
    return tuple(spans), tuple(notes)

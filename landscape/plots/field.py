"""One quantity of a scan, ready to be drawn: axes with more than one point, masks, and the points to mark."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from landscape.plots.words import GREEK, LOWEST, leads_to_other_model, more_is_better, short
from landscape.records import Scan

# Beyond, differences and squares of values overflow on their way through matplotlib.
LARGEST = 1e100


@dataclass(frozen=True)
class Field:
    """A quantity over the axes that have more than one point.

    `axes` are indices into the record's axes; `values` is NaN where it is not finite or not known. `at` is
    the coordinate of each axis that has one point only; `center` names the centre.
    """

    record: Scan
    quantity: str
    axes: tuple[int, ...]
    values: np.ndarray
    diverged: np.ndarray
    unfinished: np.ndarray
    at: dict[int, float]
    center: str = "the model θ"

    @property
    def coordinates(self) -> tuple[np.ndarray, ...]:
        """Coordinates along each axis."""
        return tuple(self.record.axes[index] for index in self.axes)

    @property
    def holds_center(self) -> bool:
        """Whether the centre lies in what is drawn."""
        on = all(value == 0 for value in self.at.values())
        return on and all(axis[0] <= 0 <= axis[-1] for axis in self.coordinates)

    @property
    def holds_other(self) -> bool:
        """Whether the other model of a scan from one to another lies in what is drawn."""
        if self.axes[:1] != (0,) or not leads_to_other_model(self.record):
            return False
        others = [axis for index, axis in zip(self.axes, self.coordinates, strict=True) if index]
        on = all(value == 0 for value in self.at.values()) and all(a[0] <= 0 <= a[-1] for a in others)
        return on and self.coordinates[0][0] <= 1 <= self.coordinates[0][-1]

    @property
    def best(self) -> tuple[int, ...] | None:
        """Index of the lowest loss or the highest accuracy, of equals the one nearest to the centre."""
        if not np.isfinite(self.values).any():
            return None
        best = np.nanmax(self.values) if self.rises else np.nanmin(self.values)
        ties = np.argwhere(self.values == best)
        squares = [axis[i] ** 2 for axis, i in zip(self.coordinates, ties.T, strict=True)]
        return tuple(int(position) for position in ties[np.argmin(sum(squares, np.zeros(len(ties))))])

    @property
    def rises(self) -> bool:
        """Whether more is better."""
        return more_is_better(self.quantity.partition("_")[2])

    @property
    def beaten(self) -> bool:
        """Whether a point of the grid is better than the centre (or the centre is not in the picture)."""
        if self.best is None or not self.holds_center:
            return self.best is not None
        value = self.center_value()
        if value is None or not np.isfinite(value):
            return any(self.point(self.best))
        best = self.values[self.best]
        return any(self.point(self.best)) and bool(best > value if self.rises else best < value)

    def point(self, index: tuple[int, ...]) -> tuple[float, ...]:
        """Coordinates of a point of the grid."""
        return tuple(float(axis[i]) for axis, i in zip(self.coordinates, index, strict=True))

    def center_value(self) -> float | None:
        """Give the quantity at the centre, if the record has it."""
        split, _, what = self.quantity.partition("_")
        return self.record.center_values.get(split, {}).get(what)

    def where(self) -> str:
        """Tell the coordinates that stay fixed: `γ = 0.5`."""
        return ", ".join(f"{GREEK[index]} = {short(value)}" for index, value in self.at.items())


def field_of(record: Scan, quantity: str | None = None) -> Field:
    """Prepare one quantity of a scan, by default its main one.

    Raises
    ------
    landscape.errors.InputError
        The record has no such quantity.
    """
    name = record.main if quantity is None else quantity
    values, axes = record.quantity(name), drawn_axes(record)
    drawn = drawable(values)
    if len(axes) > 1:
        drawn = np.maximum(drawn, LOWEST.get(name.partition("_")[2], -LARGEST))
    diverged = record.diverged(name)
    return Field(
        record=record,
        quantity=name,
        axes=axes,
        values=np.squeeze(drawn),
        diverged=np.squeeze(diverged),
        unfinished=np.squeeze(~record.done),
        at={index: float(axis[0]) for index, axis in enumerate(record.axes) if axis.size == 1},
    )


def drawable(values: np.ndarray) -> np.ndarray:
    """Give values as they can be drawn: NaN where not finite, and cut where arithmetic would overflow."""
    finite = np.where(np.isfinite(values), values, np.nan).astype(np.float64)
    return np.clip(finite, -LARGEST, LARGEST)


def drawn_axes(record: Scan) -> tuple[int, ...]:
    """Give the axes with several points: the others have nothing to draw along."""
    return tuple(index for index, axis in enumerate(record.axes) if axis.size > 1)


def dimensions(record: Scan) -> int:
    """Count the axes with several points."""
    return len(drawn_axes(record))


def slice_of(field: Field, axis: int, position: int) -> Field:
    """Cut a field at one position along one of its axes (counted among its own)."""
    record_axis = field.axes[axis]
    return Field(
        record=field.record,
        quantity=field.quantity,
        axes=tuple(index for index in field.axes if index != record_axis),
        values=field.values.take(position, axis),
        diverged=field.diverged.take(position, axis),
        unfinished=field.unfinished.take(position, axis),
        at={**field.at, record_axis: float(field.record.axes[record_axis][position])},
    )

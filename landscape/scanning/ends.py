"""The models to which the directions `between` and `plane` lead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.directions import require_same_shapes
from landscape.errors import InputError
from landscape.model import Model, load_model
from landscape.objective import HasValue
from landscape.objective.about import About, about
from landscape.records import Connection
from landscape.scanning.plane import overlay_record

Array = NDArray[np.float64]
# Where a direction may lead.
Far = Model | str | Path | NDArray[np.floating]


@dataclass(frozen=True)
class End:
    """The model at the end of a direction: as it was given, and as it was read; None if there is none."""

    given: Far | None
    point: Model | NDArray[np.floating] | None

    @property
    def name(self) -> str:
        """The file where there is one, since two models of a run share their name."""
        path = self.given.path if isinstance(self.given, Model) else self.given
        if isinstance(path, str | Path):
            return Path(path).name
        return self.given.name if isinstance(self.given, Model) else "the other model"

    @property
    def said(self) -> str:
        """The name in messages: the file as it was given, else the model's name."""
        return str(self.given) if isinstance(self.given, str | Path) else self.name

    def model(
        self, subject: Model, direction: str | Path | NDArray[np.floating], normalize: str | None
    ) -> Model | None:
        """Give the model that is at 1 along its direction; None where none is.

        Raises
        ------
        InputError
            It has other shapes.
        """
        goes = isinstance(direction, str) and direction in ("between", "plane")
        if not goes or not isinstance(self.point, Model):
            return None
        require_same_shapes(subject, self.point, self.said)
        return self.point if normalize in (None, "none") else None

    def theta(self, subject: Model | HasValue) -> Array | None:
        """Find the θ to go to; None if there is none.

        Raises
        ------
        InputError
            Not a model of the same shapes.
        """
        if self.point is None:
            return None
        if not isinstance(self.point, Model):
            return np.asarray(self.point, dtype=np.float64)
        if isinstance(subject, Model):
            require_same_shapes(subject, self.point, self.said)
        return np.asarray(self.point.theta, dtype=np.float64)


def both_ends(subject: Model | HasValue, to: Far | Sequence[Far] | None) -> tuple[End, End]:
    """Read one or two models to go to.

    Raises
    ------
    InputError
        More than two.
    """
    many: list[Any] = list(to) if isinstance(to, list | tuple) else [to]
    if len(many) > 2 or not many:
        raise InputError(f"to: expected one model, or two for direction 'plane', found {len(many)}")
    told = None if isinstance(subject, Model) else about(subject)
    first, second = (*many, None)[:2]
    return End(first, far_point(told, first)), End(second, far_point(told, second))


def far_point(told: About | None, to: Far | None) -> Model | NDArray[np.floating] | None:
    """Read a model's file, or for an objective that reads checkpoints one of these."""
    if told is not None and to is not None and not isinstance(to, Model | np.ndarray):
        return told.read_run([to]).thetas[0]
    return load_model(to) if isinstance(to, str | Path) else to


def is_plane(direction: str | Path | NDArray[np.floating]) -> bool:
    """Say whether the plane through three models is asked for."""
    return isinstance(direction, str) and direction == "plane"


def required_overlay(
    overlay: Connection | str | Path | None,
    direction: str | Path | NDArray[np.floating],
    normalize: str | None,
) -> Connection | None:
    """Read the curves to draw; refuse them, and a normalization, where they do not go with the direction.

    Raises
    ------
    InputError
        Curves without a plane, a plane that is stretched, or a record of another kind.
    """
    if overlay is not None and not is_plane(direction):
        raise InputError(
            "overlay: curves are drawn on the plane through three models: give --direction plane"
        )
    if is_plane(direction) and normalize not in (None, "none"):
        raise InputError("direction 'plane' goes through the models as they are: leave --normalize out")
    return None if overlay is None else overlay_record(overlay)

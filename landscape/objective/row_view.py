"""A row of a program with named fields, for the checks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from landscape.program.codes import Op
from landscape.program.table import Column, Geometry

Place = Column | Geometry
# The interval is that of the parameter that starts there, whole rows of so many numbers.
ANY_ROWS = -1


@dataclass(frozen=True)
class View:
    """One row as it was read: its columns, the rows that it reads and their sizes, its line of the geometry.

    `counts` are how many numbers the inputs have, `numbers` how many of those that are the same for all examples, 0 of others; `maps` are the index maps.
    """

    number: int
    op: Op | int
    columns: dict[Column, int]
    inputs: list[int]
    sizes: list[int]
    shape: dict[Geometry, int]
    counts: list[int] = field(default_factory=list)
    maps: tuple[NDArray[np.int64] | None, ...] = (None, None)
    numbers: list[int] = field(default_factory=list)

    def __getitem__(self, place: Place) -> int:
        """Return a number of the row, −1 where the program has no geometry."""
        if isinstance(place, Column):
            return self.columns[place]
        return self.shape.get(place, -1)

    @property
    def size(self) -> int:
        """Features that the row writes."""
        return self.columns[Column.SIZE]

    @property
    def count(self) -> int:
        """Numbers that the row writes, for an example or for all."""
        return self.columns[Column.NUMBERS] or self.columns[Column.SIZE]


@dataclass(frozen=True)
class Expected:
    """What an op expects of a row: its outputs, its inputs, its parameters' counts, the columns that it uses, and what else is wrong."""

    size: int
    inputs: list[int]
    columns: tuple[Column, ...] = ()
    geometry: frozenset[Geometry] = frozenset()
    parameters: tuple[tuple[Place, int], ...] = ()
    required: tuple[Place, ...] = ()
    faults: list[str] = field(default_factory=list)
    single: bool = False
    mapped: bool = False

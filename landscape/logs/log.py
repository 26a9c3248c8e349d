"""A log: series with the names of this package, each with its own steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from landscape.errors import InputError
from landscape.files import shown
from landscape.model.series import series_name


class Series(NamedTuple):
    """Values [T] and the step of each, in order; a value may be NaN or infinite where it was logged so."""

    step: np.ndarray
    value: np.ndarray


@dataclass(frozen=True)
class Log:
    """The contents of a tracker's file: series by this package's names, what the steps count, and what kind of losses they are.

    `others` are series that this package has no name for, which are left alone.
    """

    path: Path
    form: str
    series: dict[str, Series]
    unit: str = "updates"
    losses: str = "as logged"
    others: tuple[str, ...] = field(default=())

    def history(self) -> dict[str, np.ndarray]:
        """Give the series on the union of their steps, NaN where one has no value, as a model file has them."""
        steps = np.unique(np.concatenate([series.step for series in self.series.values()]))
        found: dict[str, np.ndarray] = {"step": steps}
        for name, series in self.series.items():
            found[name] = np.full(len(steps), np.nan)
            found[name][np.searchsorted(steps, series.step)] = series.value
        return found


class Column(NamedTuple):
    """A column of a log: its name, the step of each of its values, the values."""

    name: str
    step: np.ndarray
    value: np.ndarray


def log_of(path: Path, form: str, columns: Iterable[Column], unit: str, losses: str = "as logged") -> Log:
    """Make a log from columns; those without a known name are only counted.

    Raises
    ------
    InputError
        No column with a name and a value, two columns of one meaning, or steps that go back.
    """
    named: dict[str, tuple[int, str, Series]] = {}
    others: list[str] = []
    for column in columns:
        name, rank = meaning(column.name)
        if name is None or name == "step" or not len(column.value):
            others += [column.name] if name is None else []
            continue
        require_forward(column)
        before = named.get(name)
        if before is not None and before[0] == rank:
            raise InputError(
                f"{shown(before[1])} and {shown(column.name)} are both {name.replace('_', ' ')}: expected one run, with one series of each name"
            )
        if before is None or rank < before[0]:
            named[name] = rank, column.name, last_of_each(column)
    if not named:
        raise InputError(
            f"no series that is known: expected a loss, an accuracy, a rate or a gradient's norm, found {shown(', '.join(others) or 'none')}"
        )
    return Log(path, form, {name: found[2] for name, found in named.items()}, unit, losses, tuple(others))


def meaning(name: str) -> tuple[str | None, int]:
    """Give this package's name of a column, None for an unknown one, and a rank; of several columns, that of the lowest rank is taken.

    >>> meaning("train_loss"), meaning("train_loss_step"), meaning("my run - val_loss"), meaning("loss_scale")
    (('train_loss', 0), ('train_loss', 1), ('validation_loss', 0), (None, 0))
    """
    # A chart's export of a tracker puts the run before it.
    short = name.rpartition(" - ")[2].strip()
    found = series_name(short)
    if found is not None:
        return found, 0
    # Lightning's logs of each step, of each epoch, and of a rate by its optimizer.
    for rank, ending in enumerate(("_step", "_epoch"), start=1):
        found = series_name(short.removesuffix(ending)) if short.endswith(ending) else None
        if found is not None and found != "step":
            return found, rank
    return ("learning_rate", 1) if short.startswith("lr-") and "/" not in short else (None, 0)


def require_forward(column: Column) -> None:
    """Refuse steps that go back, as of two runs in one file.

    Raises
    ------
    InputError
        The message names the step.
    """
    back = np.flatnonzero(np.diff(column.step) < 0)
    if len(back):
        one, other = column.step[back[0]], column.step[back[0] + 1]
        raise InputError(
            f"{shown(column.name)}: its steps go back, from {one:g} to {other:g}: expected one run; cut the file there"
        )


def last_of_each(column: Column) -> Series:
    """Give the last value of each step."""
    last = np.append(np.diff(column.step) != 0, True)
    return Series(column.step[last], column.value[last])


# What stands for a number that is none; an empty cell is no value at all.
WORDS = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf, "infinity": np.inf, "-infinity": -np.inf, "null": np.nan, "none": np.nan}  # fmt: skip
EMPTY = ("", None)


def number(cell: object) -> float | None:
    """Read a cell: a number, NaN and infinity by any of their names, or None for an empty one and for text.

    >>> number("1e-3"), number("NaN"), number("-Infinity"), number(""), number("done"), number(True)
    (0.001, nan, -inf, None, None, None)
    """
    if isinstance(cell, bool) or cell in EMPTY:
        return None
    if isinstance(cell, (int, float)):
        return float(cell) if abs(cell) < 1e308 or isinstance(cell, float) else None
    if not isinstance(cell, str):
        return None
    text = cell.strip().lower()
    try:
        return WORDS[text] if text in WORDS else float(text)
    except ValueError:
        return None


def columns_of(names: Sequence[str], cells: Sequence[Sequence[object]]) -> tuple[list[Column], str]:
    """Turn a table, a list of cells a column, into columns with steps, and say what the steps count.

    Raises
    ------
    InputError
        No column of steps, or one whose values are no whole numbers.
    """
    place, unit = step_column(names, cells)
    steps = [number(cell) for cell in cells[place]]
    columns = []
    for index, name in enumerate(names):
        if index == place:
            continue
        pairs = [
            (step, value)
            for step, value in zip(steps, map(number, cells[index]), strict=True)
            if step is not None and value is not None
        ]
        array = np.array(pairs, np.float64).reshape(-1, 2)
        if not np.isfinite(array[:, 0]).all():
            raise InputError(f"{shown(names[place])}: expected steps that are numbers, found NaN or infinity")
        columns.append(Column(name, array[:, 0], array[:, 1]))
    return columns, unit


def step_column(names: Sequence[str], cells: Sequence[Sequence[object]]) -> tuple[int, str]:
    """Find the column of the steps, or else of the epochs.

    Raises
    ------
    InputError
        There is neither.
    """
    for index, name in enumerate(names):
        if series_name(name) == "step" and any(number(cell) is not None for cell in cells[index]):
            return index, "updates"
    for index, name in enumerate(names):
        if name.strip().lower() in ("epoch", "epochs") and any(
            number(cell) is not None for cell in cells[index]
        ):
            return index, "epochs"
    raise InputError(
        f"no steps: expected a column such as step, global_step or epoch, found {shown(', '.join(map(str, names)), 120)}"
    )

"""Tables of trackers: CSV of any, JSON and JSON lines, and the state of Hugging Face's Trainer."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from landscape.errors import InputError
from landscape.files import distinct_names, shown
from landscape.logs.log import Log, columns_of, log_of

# A cell of a log is a number; a longer one is another kind of file.
LONGEST_CELL = 100_000
# Columns of ranges in the exports of charts.
RANGES = ("__MIN", "__MAX")


def from_csv(path: Path, text: str) -> Log:
    """Read a table with a line of names: Lightning's metrics.csv, Keras' CSVLogger, a tracker's export, or any other.

    Raises
    ------
    InputError
        No table, no steps, a name that stands twice, or what `log_of` refuses.
    """
    csv.field_size_limit(LONGEST_CELL)
    try:
        sample = text[:4096].splitlines()[0] if text.strip() else ""
        delimiter = max(",;\t", key=sample.count)
        rows = csv.reader(io.StringIO(text), delimiter=delimiter)
        names = [name.strip() for name in next(rows, [])]
        require_names(names)
        table = [row for row in rows if row]
    except csv.Error as error:
        raise InputError(f"expected a table (CSV): {error}") from None
    width = len(names)
    for line, row in enumerate(table, start=2):
        if len(row) > width:
            raise InputError(f"line {line}: expected {width} cells as in the first line, found {len(row)}")
    kept = [index for index, name in enumerate(names) if not name.endswith(RANGES)]
    cells = [[row[index] if index < len(row) else "" for row in table] for index in kept]
    columns, unit = columns_of([names[index] for index in kept], cells)
    # Keras' logger has epochs, and with them the running mean of each.
    means = unit == "epochs" and "loss" in names
    return log_of(path, "CSV", columns, unit, "means over epochs" if means else "as logged")


def require_names(names: list[str]) -> None:
    """Refuse a first line that names nothing, or one thing twice.

    Raises
    ------
    InputError
        The message has the name.
    """
    twice = [name for name in names if name and names.count(name) > 1]
    if twice:
        raise InputError(f"{shown(twice[0])} is in the first line twice: expected each column once")
    if len([name for name in names if name]) < 2:
        raise InputError("expected a table with a step and at least one series, named in its first line")


def from_json(path: Path, text: str) -> Log:
    """Read JSON: a Trainer's state, a mapping of series, or a list of rows; or JSON lines.

    Raises
    ------
    InputError
        Something else, or what `log_of` refuses.
    """
    try:
        value = json.loads(text, object_pairs_hook=distinct_names)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data" and "\n" not in text.strip():
            raise InputError(f"expected JSON: {error.msg}, at character {error.pos}") from None
        return from_rows(path, "JSON lines", lines(text))
    except (ValueError, RecursionError) as error:
        raise (
            error if isinstance(error, InputError) else InputError("expected JSON that is less nested")
        ) from None
    if isinstance(value, Mapping) and isinstance(value.get("log_history"), list):
        return from_trainer_state(path, value["log_history"])
    if isinstance(value, Mapping) and isinstance(value.get("history"), Mapping):
        value = value["history"]
    if isinstance(value, Mapping):
        return from_series(path, value)
    if isinstance(value, list):
        return from_rows(path, "JSON", value)
    raise InputError("expected a list of rows, a mapping of series or a Trainer's state")


def lines(text: str) -> Iterable[Any]:
    """Read JSON lines; a last line that was cut short is left out."""
    whole = text.splitlines()
    for number, line in enumerate(whole, start=1):
        if not line.strip():
            continue
        try:
            yield json.loads(line, object_pairs_hook=distinct_names)
        except InputError:
            raise
        except (ValueError, RecursionError):
            if number == len(whole) and number > 1:
                return
            raise InputError(f"line {number}: expected a JSON object, found {shown(line, 60)}") from None


def from_rows(path: Path, form: str, rows: Iterable[Any]) -> Log:
    """Read rows, each an object of names and numbers."""
    table = list(rows)
    if not table or not all(isinstance(row, Mapping) for row in table):
        raise InputError("expected rows that are objects with a step")
    names = list(dict.fromkeys(str(name) for row in table for name in row))
    columns, unit = columns_of(names, [[row.get(name) for row in table] for name in names])
    return log_of(path, form, columns, unit)


def from_series(path: Path, series: Mapping[str, Any]) -> Log:
    """Read a mapping of series of one length, as Keras' `History.history`; without a step a value is an epoch's."""
    kept = {str(name): values for name, values in series.items() if isinstance(values, list)}
    if not kept or len({len(values) for values in kept.values()}) != 1:
        raise InputError("expected series of one length, such as {'loss': […], 'val_loss': […]}")
    names = list(kept)
    length = len(kept[names[0]])
    known = any(name in ("step", "epoch", "global_step") for name in names)
    table = kept if known else {"epoch": list(range(1, length + 1)), **kept}
    columns, unit = columns_of(list(table), list(table.values()))
    return log_of(path, "JSON", columns, unit, "as logged" if known else "means over epochs")


def from_trainer_state(path: Path, rows: list[Any]) -> Log:
    """Read the state of Hugging Face's Trainer, whose losses are means since the row before; its summary at the end is left out."""
    table = [row for row in rows if isinstance(row, Mapping) and "train_runtime" not in row]
    if not table:
        raise InputError("log_history: expected rows with a step and a loss, found none")
    names = [name for name in dict.fromkeys(str(name) for row in table for name in row) if name != "epoch"]
    columns, unit = columns_of(names, [[row.get(name) for row in table] for name in names])
    return log_of(path, "a Trainer's state", columns, unit, "means since the row before")

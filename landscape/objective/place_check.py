"""Check that outputs and adjoints needed at the same time do not overlap, and that rows know their readers."""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InternalError
from landscape.program.codes import Op
from landscape.program.table import Column, Program

Numbers = NDArray[np.int64]


class Mode(Enum):
    """What a program is run for: values, where places are reused; derivatives; gradients whose adjoints share places; training."""

    VALUES = "values"
    DERIVATIVES = "derivatives"
    SHARED = "shared adjoints"
    TRAINING = "training"


def broken(program: Program, row: int, told: str) -> InternalError:
    """Make the error about a faulty row."""
    op = int(program.rows[row, Column.OP])
    name = Op(op).name if op in tuple(Op) else f"op {op}"
    return InternalError(f"row {row} ({name}) of the network's program: {told}")


def read_last(program: Program, by_active: bool) -> Numbers:
    """Return for each row the last row that reads it, or −1; of all readers or of the active ones."""
    rows, found = program.rows, np.full(len(program.rows), -1)
    for number, (first, count) in enumerate(rows[:, [Column.FIRST, Column.INPUTS]].tolist()):
        if not by_active or rows[number, Column.ACTIVE]:
            found[program.links[first : first + count]] = number
    return found


def check_places(program: Program, mode: Mode) -> None:
    """Require that outputs needed at the same time do not overlap, and adjoints likewise."""
    rows, last = program.rows, len(program.rows) - 1
    output, adjoint, size = rows[:, Column.OUTPUT], rows[:, Column.ADJOINT], rows[:, Column.SIZE]
    # The data lie elsewhere.
    needed = (
        np.full(len(rows), last)
        if mode != Mode.VALUES
        else np.maximum(read_last(program, False), np.arange(last + 1))
    )
    needed[0], needed[last] = 0, last
    alike = rows[:, Column.NUMBERS] > 0
    for row, (first, count) in enumerate(rows[:, [Column.FIRST, Column.INPUTS]].tolist()):
        if not alike[row]:
            # What is the same for all examples is computed once, and read for every tile.
            read = program.links[first : first + count]
            needed[read[alike[read]]] = last
    require_apart(program, output, needed, "output")
    # What a GPU notes, and its training's workspace, begin behind the last output.
    if mode != Mode.VALUES and output[last] + size[last] != program.features:
        raise broken(
            program,
            last,
            f"its output ends at {output[last] + size[last]}, expected {program.features}, the end of all",
        )
    if mode == Mode.SHARED:
        check_shared_adjoints(program)
    elif mode != Mode.VALUES and not np.array_equal(adjoint, output):
        row = int(np.flatnonzero(adjoint != output)[0])
        raise broken(program, row, f"has its adjoint at {adjoint[row]}, expected {output[row]} as its output")


def require_apart(program: Program, starts: Numbers, needed: Numbers, what: str) -> None:
    """Require that no row's interval overlaps one of an earlier row that is still needed, up to the row `needed`."""
    stops = starts + program.rows[:, Column.SIZE]
    for row in range(1, len(starts)):
        later = slice(row + 1, needed[row] + 1)
        meeting = (starts[later] < stops[row]) & (stops[later] > starts[row])
        if meeting.any():
            other = row + 1 + int(np.flatnonzero(meeting)[0])
            raise broken(
                program, other, f"its {what} lies where that of row {row} does, which is needed at that time"
            )


def check_shared_adjoints(program: Program) -> None:
    """Require that each adjoint keeps its memory from the row that sets it (the last reader) until the row itself has been run in reverse."""
    rows = program.rows
    starts, stops = rows[:, Column.ADJOINT].copy(), rows[:, [Column.ADJOINT, Column.SIZE]].sum(axis=1)
    outside = np.flatnonzero((starts[1:] < 0) | (stops[1:] > program.features))
    if len(outside):
        row = int(outside[0]) + 1
        raise broken(program, row, f"has its adjoint at {starts[row]} to {stops[row]} of {program.features}")
    needed = rows[:, Column.LAST_READER].copy()
    needed[-1] = len(rows) - 1
    # Rows to which no adjoint comes have no place.
    still = rows[:, Column.ACTIVE] == 0
    starts[still], needed[still] = program.features, -1
    require_apart(program, starts, needed, "adjoint")


def check_links(program: Program) -> None:
    """Require that exactly the rows between θ and the output are active, and that each has the right last reader."""
    rows, count = program.rows, len(program.rows)
    reached, needed = np.zeros(count, bool), np.zeros(count, bool)
    needed[-1] = True
    parts = [
        program.links[first : first + more] for first, more in rows[:, [Column.FIRST, Column.INPUTS]].tolist()
    ]
    for row in range(1, count):
        reached[row] = rows[row, Column.TRAINED] or reached[parts[row]].any()
    for row in range(count - 1, 0, -1):
        if needed[row]:
            needed[parts[row]] = True
    for column, expected in (
        (Column.ACTIVE, reached & needed),
        (Column.LAST_READER, read_last(program, True)),
    ):
        different = np.flatnonzero(rows[:, column] != expected)
        if len(different):
            row = int(different[0])
            raise broken(
                program, row, f"has {column.name} {rows[row, column]}, expected {int(expected[row])}"
            )

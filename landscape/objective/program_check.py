"""Check once for every program that all it reads and writes lies inside its buffers.

Kernels follow the table without looking: an offset that is wrong by one is another parameter's number, or memory that belongs to nobody. So the table
is read here against what each op does with its columns, and against the model's own places of parameters. Nothing of this is a user's to mend.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InternalError
from landscape.formulas.activations import ACTIVATIONS
from landscape.kernels.cpu.arrays import Network
from landscape.kernels.lowering import CARRIERS
from landscape.model import Model
from landscape.objective.op_sizes import FOLLOWED, SIZES
from landscape.objective.place_check import Mode, broken, check_links, check_places
from landscape.objective.row_view import ANY_ROWS, Expected, Place, View
from landscape.objective.scratch_sizes import noted_rows, scratch_rows
from landscape.objective.targets import Targets
from landscape.objective.window_sizes import AFFINE, RUNNING
from landscape.program.codes import Op
from landscape.program.table import WIDEST_VECTOR, WITHOUT_GEOMETRY, Column, Geometry, Program

MAPS = (Column.MAP, Column.OTHER_MAP)


@dataclass(frozen=True)
class Parameters:
    """Where parameters lie in [θ, constants]: the interval of each, how many are trainable, and how many there are."""

    intervals: frozenset[tuple[int, int]]
    trainable: int
    total: int


def parameters_of(model: Model) -> Parameters:
    """Return the places of a model's parameters and buffers."""
    theta = {(slot.start, slot.stop) for slot in model.layout}
    constants = {(slot.start + model.size, slot.stop + model.size) for slot in model.constant_layout}
    return Parameters(frozenset(theta | constants), model.size, model.size + model.constants.size)


def check_program(program: Program, model: Model, mode: Mode) -> None:
    """Check every column of every row of a program, and that no two outputs or adjoints that are needed together meet.

    Raises
    ------
    InternalError
        Something lies outside its buffer, or is not what the model says.
    """
    places = parameters_of(model)
    check_shape(program, places)
    views = [view(program, i) for i in range(len(program.rows))]
    for row in views:
        for told in faults_of(row, views, program, places, mode):
            raise broken(program, row.number, told)
    check_maps(views, program)
    if views[-1].size != math.prod(model.nodes[-1].shape) or views[0].size != math.prod(model.input_shape):
        raise InternalError("the program's data or outputs are not as large as the model's")
    if mode != Mode.VALUES:
        check_links(program)
    check_places(program, mode)


def check_maps(views: list[View], program: Program) -> None:
    """Require that index maps fill the links after the rows' inputs without gaps or overlaps."""
    spans = sorted(
        {
            (row[column], row[column] + len(indices))
            for row in views
            for column, indices in zip(MAPS, row.maps, strict=True)
            if indices is not None
        }
    )
    ends = [max(1, int(program.rows[:, Column.INPUTS].sum())), *(stop for _, stop in spans)]
    if ends != [*(start for start, _ in spans), len(program.links)]:
        raise InternalError(
            f"the network's program has index maps at {spans}, expected one after the other from {ends[0]} to {len(program.links)}"
        )


def check_shape(program: Program, places: Parameters) -> None:
    """Check the sizes of the program's own arrays."""
    rows, count = program.rows, len(program.rows)
    wider = not set(rows[:, Column.OP].tolist()) <= WITHOUT_GEOMETRY
    sizes = {
        "columns": (rows.shape[1:], (len(Column),)),
        "attributes": (program.attributes.shape, (count,)),
        "epsilons": (program.epsilons.shape, (count,)),
        "geometry": (program.geometry.shape, (count if wider else 0, len(Geometry))),
        "ranges": (len(program.ranges), count),
        "normalizations": (len(program.normalizations), count),
        "parameters": (program.parameters, places.total),
    }
    for name, (found, expected) in sizes.items():
        if found != expected:
            raise InternalError(f"the network's program has {name} {found}, expected {expected}")
    before = np.cumsum(rows[:, Column.INPUTS]) - rows[:, Column.INPUTS]
    if not np.array_equal(before, rows[:, Column.FIRST]) or rows[:, Column.INPUTS].sum() > len(program.links):
        raise InternalError("the network's program has rows whose links are not one after the other")
    if count < 2 or rows[0, Column.OP] != Op.INPUT or (rows[1:, Column.OP] == Op.INPUT).any():
        raise InternalError("the network's program has to start with its data, and to compute something")


def view(program: Program | Network, number: int) -> View:
    """Read one row, with those of its inputs that exist."""
    row = {column: int(program.rows[number, column]) for column in Column}
    first, count = row[Column.FIRST], row[Column.INPUTS]
    inside = first >= 0 and count >= 0 and first + count <= len(program.links)
    links = [int(link) for link in program.links[first : first + count]] if inside else [-1]
    known = row[Column.OP] in tuple(Op)
    return View(
        number=number,
        op=Op(row[Column.OP]) if known else row[Column.OP],
        columns=row,
        inputs=links,
        sizes=[int(program.rows[k, Column.SIZE]) if 0 <= k < number else -1 for k in links],
        shape={column: int(program.geometry[number, column]) for column in Geometry}
        if len(program.geometry)
        else {},
        numbers=[int(program.rows[k, Column.NUMBERS]) if 0 <= k < number else 0 for k in links],
        counts=[
            int(program.rows[k, Column.NUMBERS] or program.rows[k, Column.SIZE]) if 0 <= k < number else -1
            for k in links
        ],
        maps=tuple(map_at(program.links, row, column) for column in MAPS),
    )


def map_at(links: NDArray[np.int64], row: dict[Column, int], column: Column) -> NDArray[np.int64] | None:
    """Read a row's index map, or the plan of its product, up to the end of the links; None if there is none."""
    start = row[column]
    if start < 0:
        return None
    if row[Column.OP] == Op.MATMUL:
        groups = int(links[start]) if start < len(links) else 0
        return links[start : start + 8 + 2 * max(0, groups)]
    return links[start : start + (row[Column.NUMBERS] or row[Column.SIZE])]


def faults_of(
    row: View, views: list[View], program: Program, places: Parameters, mode: Mode
) -> Iterator[str]:
    """Say what is wrong with a row by itself."""
    if row.number == 0:
        yield from faults_of_data(row)
        return
    if not isinstance(row.op, Op):
        yield "there is no such op"
        return
    if any(not 0 <= link < row.number for link in row.inputs):
        yield f"reads rows {row.inputs}, expected ones before it"
        return
    if row.size < 1 or row[Column.OUTPUT] < 0 or row[Column.OUTPUT] + row.size > program.features:
        yield f"writes outputs {row[Column.OUTPUT]} to {row[Column.OUTPUT] + row.size} of {program.features}"
        return
    expected = SIZES[row.op](row)
    yield from faults_of_sizes(row, expected)
    yield from faults_of_parameters(row, expected, program, places, mode)
    yield from faults_of_code(row, mode)
    if row.op == Op.ATTENTION and sum(row.inputs[0] in other.inputs for other in views) != 1:
        yield "expected to be the only reader of its projections"
    needed = scratch_rows(row)
    if program.scratch < needed:
        yield f"needs {needed} rows of scratch, {program.scratch} are there"


def faults_of_data(row: View) -> Iterator[str]:
    """List what is wrong with the row of the data, which has a size and nothing else."""
    if any(value != -1 for value in row.shape.values()):
        yield "the data have no geometry"
    rest = {
        column: row[column] for column in Column if column not in (Column.OP, Column.SIZE, Column.LAST_READER)
    }
    absent = (Column.WEIGHT, Column.BIAS, Column.MAP, Column.OTHER_MAP)
    unset = {column: -1 if column in absent else 0 for column in rest}
    if rest != unset or row.size < 1 or row[Column.LAST_READER] < -1:
        yield "the data have a size and no other column"


def faults_of_sizes(row: View, expected: Expected) -> Iterator[str]:
    """Compare a row's size, inputs and columns with what its op expects."""
    yield from expected.faults
    if row.size != expected.size:
        yield f"has {row.size} outputs, expected {expected.size}"
    if row.sizes != expected.inputs:
        yield f"reads {row.sizes} numbers, expected {expected.inputs}"
    single = row[Column.NUMBERS]
    if single < 0 or (single and (not expected.single or row.size != math.ceil(single / WIDEST_VECTOR))):
        yield f"has {single} numbers that are the same for all examples in {row.size} features"
    if not expected.single and any(row.numbers[:1]):
        yield "reads what is the same for all examples, of which it needs one for each"
    for column, indices in zip(MAPS, row.maps, strict=True):
        if row[column] < -1:
            yield f"has {column.name} {row[column]}, expected a place among the links or -1"
        if not expected.mapped and row[column] != -1:
            yield f"has {column.name} {row[column]}, which the op does not use"
        if indices is not None and row.op != Op.MATMUL and len(indices) != row.count:
            yield f"has {column.name} at {row[column]}, beyond what there is"
    for column in (Column.GROUPS, Column.WIDE, Column.OUT):
        if column not in expected.columns and row[column] != 0:
            yield f"has {column.name} {row[column]}, which the op does not use"
        if column in expected.columns and row[column] < 1:
            yield f"has {column.name} {row[column]}, expected at least 1"
    for place, value in row.shape.items():
        if place not in expected.geometry and value != -1:
            yield f"has {place.name} {value}, which the op does not use"


def faults_of_parameters(
    row: View, expected: Expected, program: Program, places: Parameters, mode: Mode
) -> Iterator[str]:
    """Require that each interval of [θ, constants] that the row reads is that of one parameter."""
    named = {place for place, _ in expected.parameters}
    for column in (Column.WEIGHT, Column.BIAS):
        if column not in named and row[column] != -1:
            yield f"has {column.name} {row[column]}, which the op does not use"
    spans = {
        place: span(row, place, count, places) for place, count in expected.parameters if row[place] != -1
    }
    yield from (f"has no {place.name}" for place in expected.required if place not in spans)
    for place, found in spans.items():
        if found not in places.intervals:
            yield f"reads its {place.name} at {found[0]} to {found[1]} of {places.total}, where no parameter of that size lies"
    if any(place in spans for place in FOLLOWED) and mode != Mode.TRAINING:
        yield "moves running statistics, which only training does"
    own = {found for place, found in spans.items() if place not in (*RUNNING, *FOLLOWED)}
    riding = {found for place, found in spans.items() if place in AFFINE}
    for known, expected_spans in ((program.ranges, own), (program.normalizations, riding)):
        if set(known[row.number]) != expected_spans:
            yield f"reads parameters at {sorted(expected_spans)}, and is said to read {sorted(set(known[row.number]))}"
    trained = any(start < places.trainable for start, _ in own)
    # For values an activation or a normalization rides on a row of another node, and nothing reads the column.
    if mode != Mode.VALUES and row[Column.TRAINED] != trained:
        yield f"has TRAINED {row[Column.TRAINED]}, expected {int(trained)}"


def span(row: View, place: Place, count: int, places: Parameters) -> tuple[int, int]:
    """Return the interval that a row reads from a place on; where any number of rows may follow, the parameter's that starts there."""
    start = row[place]
    if count != ANY_ROWS:
        return start, start + count
    whole = [
        found
        for found in places.intervals
        if found[0] == start and (found[1] - start) % max(1, row[Column.OUT]) == 0
    ]
    return whole[0] if whole else (start, start)


def faults_of_code(row: View, mode: Mode) -> Iterator[str]:
    """Require a known activation, on a row that may have one: in programs for values, the next row's activation may be fused to it."""
    least = 1 if row.op == Op.ACTIVATION else 0
    may = row.op == Op.ACTIVATION or (mode == Mode.VALUES and row.op in CARRIERS)
    if not least <= row[Column.CODE] < (len(ACTIVATIONS) if may else 1):
        yield f"has CODE {row[Column.CODE]}, which is no activation of it"


def check_data(program: Program, model: Model, inputs: int) -> None:
    """Ask that tiles have the rows that the program reads: features, the mask of batches, and a target for each output.

    Raises
    ------
    InternalError
        They have not.
    """
    masked = bool((program.rows[:, Column.OP] == Op.BATCH_STATISTICS).any())
    needed = int(program.rows[0, Column.SIZE]) + masked
    if inputs < needed:
        raise InternalError(f"the data have {inputs} rows, and the network's program reads {needed}")
    for split in model.splits:
        made = Targets(model, model.data[f"y_{split}"])
        if not made.fits(program.output_size):
            targets = math.prod(model.data[f"y_{split}"].shape[1:])
            raise InternalError(
                f"y_{split} has {targets} numbers an example, and the network gives {program.output_size}"
            )


def check_notes(network: Network, noted: int) -> None:
    """Require as many scratch rows after the outputs as a GPU's rules use.

    Raises
    ------
    InternalError
        There are fewer.
    """
    for number in range(len(network.rows)):
        needed = noted_rows(view(network, number))
        if noted < needed:
            raise InternalError(
                f"row {number} of the network's program notes {needed} rows on a GPU, {noted} are there"
            )

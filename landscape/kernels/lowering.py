"""Lowering of a model to a program: nodes become rows, rows are fused, and every output gets its place in memory.

Lowering drops the nodes that move nothing (`flatten`, `dropout` in evaluation, `identity`), cuts products of many inputs
into pairs, lets an activation ride on the product before it where its input is not needed again, and lays every
output into a workspace of features × examples; the input stays where the data are. Images lie channels last from their first convolution on, and are
turned back where an op reads them in the format's order. How an op becomes rows stands in its file in `landscape.ops`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError
from landscape.model import Model
from landscape.model.losses import classes_first
from landscape.program.building import Lowering, Parameters
from landscape.program.codes import Op
from landscape.program.table import SCRATCH_ROWS, WITHOUT_GEOMETRY, Column, Geometry, Program, Row

# Rows whose output may be overwritten by the activation that follows, in the same pass.
CARRIERS = (Op.DENSE, Op.CONVOLUTION, Op.BATCHNORM, Op.BATCH_STATISTICS, Op.ADD)
# Rows that are left out where nothing reads them: they only copy.
COPIES = (Op.GATHER, Op.TRANSPOSE)


def lower(model: Model, *, derivatives: bool, training: bool = False) -> Program:
    """Lower a model to a program: for derivatives (every output kept) or for values alone (fused, places reused).

    For training, dropout drops.

    Raises
    ------
    InputError
        An output that is the input itself.
    """
    shape_of = {"input": model.input_shape} | {node.name: node.shape for node in model.nodes}
    state = Lowering(shape_of, parameters_of(model), training=training)
    for node in model.nodes:
        state.row_of[node.name] = node.operation.lower(state, node)
    output = model.nodes[-1]
    # A loss over classes reads them one after the other.
    last = (state.image if classes_first(model.loss, output.shape) else state.plain)(output.name)
    if last == 0:
        raise InputError(
            f"node '{model.nodes[-1].name}': the output is the input itself, so that no parameter changes it; expected a last node "
            "that computes something"
        )
    rows = alike_first(leading_to(state.rows, last))
    if not derivatives:
        rows = fuse(rows)
    offsets, features = stack_all(rows) if derivatives else stack_reusing(rows)
    return assemble(rows, offsets, features, model)


def parameters_of(model: Model) -> Parameters:
    """Return where a model's parameters and buffers lie in [θ, constants]."""
    theta = {slot.name: (slot.start, slot.stop) for slot in model.layout}
    constants = {
        slot.name: (slot.start + model.size, slot.stop + model.size) for slot in model.constant_layout
    }
    shapes = {slot.name: slot.shape for slot in (*model.layout, *model.constant_layout)}
    return Parameters(theta | constants, shapes, frozenset(theta))


def leading_to(rows: list[Row], last: int) -> list[Row]:
    """Cut off the rows after the output, and copies before it that nothing reads; what does not lead to it is not active, and no adjoint comes to it."""
    needed, wanted = {last}, {last}
    for index in range(last, 0, -1):
        if index in needed:
            needed.update(rows[index].inputs)
        rows[index].active = rows[index].active and index in needed
        if index in wanted or rows[index].op not in COPIES:
            wanted.update((index, *rows[index].inputs))
    kept, moved = list[Row](), dict[int, int]()
    read_by = readers(
        [row if index in wanted else replace(row, inputs=[]) for index, row in enumerate(rows[: last + 1])]
    )
    for index, row in enumerate(rows[: last + 1]):
        if (
            row.op == Op.GATHER
            and row.maps[0] is None
            and row.inputs[0]
            and read_by[row.inputs[0]] == [index]
        ):
            moved[index] = moved[row.inputs[0]]
        elif index in wanted or index == 0:
            row.inputs = [moved[i] for i in row.inputs]
            moved[index] = len(kept)
            kept.append(row)
    return kept


def alike_first(rows: list[Row]) -> list[Row]:
    """Move the rows that are the same for all examples before the others, right after the data; kernels run them once for all tiles of a θ."""
    order = sorted(range(1, len(rows)), key=lambda index: rows[index].numbers == 0)
    moved = {before: after for after, before in enumerate([0, *order])}
    for row in rows:
        row.inputs = [moved[i] for i in row.inputs]
    return [rows[before] for before in moved]


def readers(rows: Sequence[Row]) -> list[list[int]]:
    """List, for each row, the rows that read it."""
    result: list[list[int]] = [[] for _ in rows]
    for index, row in enumerate(rows):
        for source in row.inputs:
            result[source].append(index)
    return result


def fuse(rows: list[Row]) -> list[Row]:
    """Fuse an activation or a normalization to the row before it, if that row has no other reader.

    The output stays the last row: where it rides on an earlier one, none of the rows between leads to it.
    """
    read_by, kept, moved = readers(rows), list[Row](), dict[int, int]()
    for index, row in enumerate(rows):
        source = row.inputs[0] if row.inputs else -1
        if row.op == Op.ACTIVATION and rows[source].op in CARRIERS and read_by[source] == [index]:
            carrier = kept[moved[source]]
            carrier.code, carrier.attribute = row.code, row.attribute
            moved[index] = moved[source]
            continue
        if row.op == Op.BATCHNORM and rows[source].op == Op.CONVOLUTION and read_by[source] == [index]:
            carrier = kept[moved[source]]
            carrier.geometry, carrier.epsilon = carrier.geometry | row.geometry, row.epsilon
            carrier.normalization = row.normalization
            carrier.scratch = max(carrier.scratch, row.scratch)
            moved[index] = moved[source]
            continue
        row.inputs = [moved[i] for i in row.inputs]
        moved[index] = len(kept)
        kept.append(row)
    return kept[: moved[len(rows) - 1] + 1]


def stack_all(rows: Sequence[Row]) -> tuple[list[int], int]:
    """Give every output a place of its own."""
    ends = np.cumsum([0] + [row.size for row in rows[1:]]).tolist()
    return [0, *ends[:-1]], ends[-1]


def stack_reusing(rows: Sequence[Row]) -> tuple[list[int], int]:
    """Give every output the lowest interval that is free while it is needed (first fit).

    What is the same for all examples is needed for every tile.
    """
    read_by, end = readers(rows), len(rows)
    offsets: list[int] = [0]
    live: list[tuple[int, int, int]] = []
    for index, row in list(enumerate(rows))[1:]:
        live = [place for place in live if place[2] >= index]
        offset, stop = lowest_place([place[:2] for place in live], row.size)
        offsets.append(offset)
        of_each = row.numbers > 0 and any(rows[reader].numbers == 0 for reader in read_by[index])
        live.append((offset, stop, end if of_each else max(read_by[index], default=end)))
    return offsets, max(offset + row.size for offset, row in zip(offsets[1:], rows[1:], strict=True))


def sharing_adjoints(program: Program) -> tuple[Program, int]:
    """Let adjoints share places, for a reverse pass after which none is asked for; gives the program and the features that they take.

    A row's adjoint is needed from its last reader, the first that the reverse pass meets, until the row itself.
    """
    table = program.rows.copy()
    live: list[tuple[int, int]] = []
    last, features = len(table) - 1, 0
    for reader in range(last, 0, -1):
        if not table[reader, Column.ACTIVE]:
            continue
        born = [reader] if reader == last else []
        for row in (*born, *np.flatnonzero(table[:, Column.LAST_READER] == reader)):
            if not table[row, Column.ACTIVE]:
                continue
            place = lowest_place(live, int(table[row, Column.SIZE]))
            table[row, Column.ADJOINT] = place[0]
            live.append(place)
            features = max(features, place[1])
        start = int(table[reader, Column.ADJOINT])
        live.remove((start, start + int(table[reader, Column.SIZE])))
    return replace(program, rows=table), features


def lowest_place(taken: Sequence[tuple[int, int]], size: int) -> tuple[int, int]:
    """Find the lowest interval of a size that meets none of those taken (first fit)."""
    offset = 0
    for start, stop in sorted(taken):
        if offset + size <= start:
            break
        offset = max(offset, stop)
    return offset, offset + size


def assemble(rows: Sequence[Row], offsets: Sequence[int], features: int, model: Model) -> Program:
    """Write rows into the table."""
    table = np.zeros((len(rows), len(Column)), np.int64)
    links: list[int] = []
    for index, (line, row, offset) in enumerate(zip(table, rows, offsets, strict=True)):
        line[Column.OP], line[Column.OUTPUT], line[Column.SIZE] = row.op, offset, row.size
        line[Column.FIRST], line[Column.INPUTS] = len(links), len(row.inputs)
        line[Column.WEIGHT], line[Column.BIAS] = row.weight, row.bias
        line[Column.GROUPS], line[Column.WIDE], line[Column.OUT] = row.groups, row.wide, row.out
        line[Column.CODE], line[Column.ACTIVE], line[Column.TRAINED] = row.code, row.active, row.trained
        line[Column.LAST_READER], line[Column.ADJOINT] = -1, offset
        if row.active:
            table[row.inputs, Column.LAST_READER] = index
        line[Column.NUMBERS] = row.numbers
        links += row.inputs
    return Program(
        rows=table,
        links=with_maps(rows, table, links),
        attributes=np.array([row.attribute for row in rows]),
        features=features,
        parameters=model.size + model.constants.size,
        ranges=tuple(
            tuple(
                span
                for span in ((row.weight, row.weight_stop), (row.bias, row.bias_stop), *row.normalization)
                if span[0] >= 0
            )
            for row in rows
        ),
        normalizations=tuple(tuple(span for span in row.normalization if span[0] >= 0) for row in rows),
        scratch=max(SCRATCH_ROWS, max(row.scratch for row in rows)),
        geometry=assemble_geometry(rows),
        epsilons=np.array([row.epsilon for row in rows]),
        nodes=tuple(row.node for row in rows),
    )


def with_maps(rows: Sequence[Row], table: NDArray[np.int64], links: list[int]) -> NDArray[np.int64]:
    """Append the rows' index maps to the links, equal ones once, and write where they begin."""
    parts, places, end = [np.array(links or [0], np.int64)], dict[bytes, int](), max(1, len(links))
    table[:, [Column.MAP, Column.OTHER_MAP]] = -1
    for line, row in zip(table, rows, strict=True):
        for column, indices in zip((Column.MAP, Column.OTHER_MAP), row.maps, strict=False):
            if indices is None:
                continue
            key = indices.tobytes()
            if key not in places:
                places[key] = end
                parts.append(np.asarray(indices, np.int64))
                end += len(indices)
            line[column] = places[key]
    return np.concatenate(parts)


def assemble_geometry(rows: Sequence[Row]) -> NDArray[np.int64]:
    """Write the geometry that ops other than dense ones need besides their rows; empty without such ops."""
    count = 0 if all(row.op in WITHOUT_GEOMETRY for row in rows) else len(rows)
    table = np.full((count, len(Geometry)), -1, np.int64)
    for line, row in zip(table, rows, strict=False):
        for column, value in row.geometry.items():
            line[column] = value
    return table

"""The network as a table of integers: a row a node, and the same table for every device and every job.

Lowering drops the nodes that move nothing (`flatten`, `dropout` in evaluation, `identity`), cuts products of many inputs
into pairs, lets an activation ride on the product before it where its input is not needed again, and lays every
output into a workspace of features × examples; the input stays where the data are. Adding an op that the engine runs: one function and one row of `LOWERINGS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError
from landscape.formulas.activations import ACTIVATIONS
from landscape.model import Model, Node

ACTIVATION_CODES = {name: code for code, name in enumerate(ACTIVATIONS)}


class Op(IntEnum):
    """What a row does; the kernels dispatch on it."""

    INPUT = 0
    DENSE = 1
    ACTIVATION = 2
    SOFTMAX = 3
    LAYERNORM = 4
    ADD = 5
    MULTIPLY = 6
    CONCAT = 7
    MASK = 100


class Column(IntEnum):
    """The columns of the table.

    `OUTPUT` and `SIZE` are in features; `FIRST` and `INPUTS` name the row's part of `links`; `WEIGHT` and `BIAS` are
    offsets into the parameter vector [θ, constants] or −1; `GROUPS`, `WIDE` and `OUT` are the op's own sizes;
    `CODE` is an activation (its own or the one that rides on it); `ACTIVE` says that θ reaches the row;
    `TRAINED` that its own parameters are in θ.
    """

    OP = 0
    OUTPUT = 1
    SIZE = 2
    FIRST = 3
    INPUTS = 4
    WEIGHT = 5
    BIAS = 6
    GROUPS = 7
    WIDE = 8
    OUT = 9
    CODE = 10
    ACTIVE = 11
    TRAINED = 12


# Rows of the workspace that ops may use between reading and writing.
SCRATCH_ROWS = 8


@dataclass
class Row:
    """One row in the making; `inputs` are indices of earlier rows."""

    op: Op
    size: int
    inputs: list[int]
    weight: int = -1
    bias: int = -1
    groups: int = 0
    wide: int = 0
    out: int = 0
    code: int = 0
    trained: bool = False
    attribute: float = 0.0
    weight_stop: int = -1
    bias_stop: int = -1
    active: bool = False


@dataclass(frozen=True)
class Program:
    """A lowered network.

    `rows` int64 [n, columns], `links` int64 (inputs of rows), `attributes` float64 [n]; `features` is the height of
    the workspace without scratch; `ranges` the parameter interval of each row and `parameters` the length of
    [θ, constants].
    """

    rows: NDArray[np.int64]
    links: NDArray[np.int64]
    attributes: NDArray[np.float64]
    features: int
    parameters: int
    ranges: tuple[tuple[tuple[int, int], ...], ...]

    @property
    def output_size(self) -> int:
        """Features of the last row."""
        return int(self.rows[-1, Column.SIZE])


class Lowering:
    """The table in the making, and where each parameter lies in [θ, constants]."""

    def __init__(self, model: Model, training: bool = False) -> None:
        self.training = training
        self.rows: list[Row] = [Row(Op.INPUT, math.prod(model.input_shape), [])]
        self.row_of: dict[str, int] = {"input": 0}
        self.shape_of = {"input": model.input_shape} | {node.name: node.shape for node in model.nodes}
        theta = {slot.name: (slot.start, slot.stop) for slot in model.layout}
        constants = {
            slot.name: (slot.start + model.size, slot.stop + model.size) for slot in model.constant_layout
        }
        self.places = theta | constants
        self.trained = set(theta)

    def place(self, node: Node, parameter: str) -> tuple[int, int]:
        """Give a parameter's interval in [θ, constants], or (−1, −1) where the node has none."""
        return self.places.get(f"{node.parameters_of or node.name}.{parameter}", (-1, -1))

    def row(self, op: Op, node: Node, **more: int | float) -> Row:
        """Start a row for a node: its inputs, its size, its weight and bias."""
        (weight, weight_stop), (bias, bias_stop) = self.place(node, "weight"), self.place(node, "bias")
        owner = node.parameters_of or node.name
        return Row(
            op=op,
            size=math.prod(node.shape),
            inputs=[self.row_of[name] for name in node.inputs],
            weight=weight,
            weight_stop=weight_stop,
            bias=bias,
            bias_stop=bias_stop,
            trained=f"{owner}.weight" in self.trained or f"{owner}.bias" in self.trained,
            **more,  # type: ignore[arg-type]
        )

    def add(self, row: Row) -> int:
        """Append a row; it is active where θ reaches it."""
        row.active = row.trained or any(self.rows[i].active for i in row.inputs)
        self.rows.append(row)
        return len(self.rows) - 1


def lower_dense(state: Lowering, node: Node) -> int:
    """Multiply the last axis: one product a leading position."""
    wide = state.shape_of[node.inputs[0]][-1]
    groups = math.prod(node.shape[:-1])
    return state.add(state.row(Op.DENSE, node, groups=groups, wide=wide, out=node.shape[-1]))


def lower_activation(state: Lowering, node: Node) -> int:
    """Apply a function to every element."""
    name = "gelu_tanh" if node.attributes.get("approximate") == "tanh" else node.op
    attribute = ACTIVATIONS[name].attribute
    parameter = float(node.attributes[attribute]) if attribute else 0.0
    return state.add(state.row(Op.ACTIVATION, node, code=ACTIVATION_CODES[name], attribute=parameter))


def lower_softmax(state: Lowering, node: Node) -> int:
    """Normalize over the last axis."""
    groups = math.prod(node.shape[:-1])
    return state.add(state.row(Op.SOFTMAX, node, groups=groups, wide=node.shape[-1]))


def lower_layernorm(state: Lowering, node: Node) -> int:
    """Normalize over the trailing axes."""
    wide = math.prod(node.shape[len(node.shape) - node.attributes["axes"] :])
    groups = math.prod(node.shape) // wide
    row = state.row(Op.LAYERNORM, node, groups=groups, wide=wide, attribute=float(node.attributes["eps"]))
    if row.inputs == [0]:
        # The data have no tangent to read; their copy has one, of zeros.
        row.inputs = [state.add(Row(Op.ADD, row.size, [0]))]
    return state.add(row)


def lower_add(state: Lowering, node: Node) -> int:
    """Sum the inputs."""
    return state.add(state.row(Op.ADD, node))


def lower_multiply(state: Lowering, node: Node) -> int:
    """Multiply the inputs, two at a time."""
    inputs = [state.row_of[name] for name in node.inputs]
    product = inputs[0]
    for other in inputs[1:]:
        row = state.row(Op.MULTIPLY, node)
        row.inputs = [product, other]
        product = state.add(row)
    return product


def lower_concat(state: Lowering, node: Node) -> int:
    """Join along an axis; the axes before it are the groups."""
    axis = node.attributes["axis"]
    axis = axis - 1 if axis > 0 else axis % len(node.shape)
    return state.add(state.row(Op.CONCAT, node, groups=math.prod(node.shape[:axis])))


def lower_nothing(state: Lowering, node: Node) -> int:
    """Pass the input's row on: the same numbers in the same order."""
    return state.row_of[node.inputs[0]]


def lower_dropout(state: Lowering, node: Node) -> int:
    """Multiply by a random mask in training, and pass the row on otherwise."""
    if not state.training or node.attributes["p"] == 0:
        return lower_nothing(state, node)
    mask = state.add(Row(Op.MASK, math.prod(node.shape), [], attribute=float(node.attributes["p"])))
    product = state.row(Op.MULTIPLY, node)
    product.inputs.append(mask)
    return state.add(product)


LOWERINGS: dict[str, Callable[[Lowering, Node], int]] = {
    "dense": lower_dense,
    **dict.fromkeys(
        ("relu", "leaky_relu", "elu", "tanh", "sigmoid", "softplus", "silu", "gelu"), lower_activation
    ),
    "identity": lower_nothing,
    "flatten": lower_nothing,
    "dropout": lower_dropout,
    "softmax": lower_softmax,
    "layernorm": lower_layernorm,
    "add": lower_add,
    "multiply": lower_multiply,
    "concat": lower_concat,
}
SUPPORTED = tuple(LOWERINGS)

# Rows whose output may be overwritten by the activation that follows, in the same pass.
CARRIERS = (Op.DENSE,)


def lower(model: Model, *, derivatives: bool, training: bool = False) -> Program:
    """Lower a model to a program: for derivatives (every output kept) or for values alone (fused, places reused).

    For training, dropout drops.

    Raises
    ------
    InputError
        An op that the engine does not run yet.
    """
    state = Lowering(model, training)
    for node in model.nodes:
        if node.op not in LOWERINGS:
            raise InputError(
                f"node '{node.name}': the engine does not run the op '{node.op}' yet; it runs {', '.join(SUPPORTED)}"
            )
        state.row_of[node.name] = LOWERINGS[node.op](state, node)
    rows = ending_at(state.rows, state.row_of[model.nodes[-1].name])
    if not derivatives:
        rows = fuse(rows)
    offsets, features = stack_all(rows) if derivatives else stack_reusing(rows)
    return assemble(rows, offsets, features, model)


def ending_at(rows: list[Row], last: int) -> list[Row]:
    """Cut off the rows after the output, which nothing reads."""
    return rows[: last + 1]


def readers(rows: Sequence[Row]) -> list[list[int]]:
    """List, for each row, the rows that read it."""
    result: list[list[int]] = [[] for _ in rows]
    for index, row in enumerate(rows):
        for source in row.inputs:
            result[source].append(index)
    return result


def fuse(rows: list[Row]) -> list[Row]:
    """Let an activation ride on the row before it where that row has no other reader."""
    read_by, kept, moved = readers(rows), list[Row](), dict[int, int]()
    for index, row in enumerate(rows):
        source = row.inputs[0] if row.inputs else -1
        if row.op == Op.ACTIVATION and rows[source].op in CARRIERS and read_by[source] == [index]:
            carrier = kept[moved[source]]
            carrier.code, carrier.attribute = row.code, row.attribute
            moved[index] = moved[source]
            continue
        row.inputs = [moved[i] for i in row.inputs]
        moved[index] = len(kept)
        kept.append(row)
    return kept


def stack_all(rows: Sequence[Row]) -> tuple[list[int], int]:
    """Give every output a place of its own."""
    ends = np.cumsum([0] + [row.size for row in rows[1:]]).tolist()
    return [0, *ends[:-1]], ends[-1]


def stack_reusing(rows: Sequence[Row]) -> tuple[list[int], int]:
    """Give every output the lowest place that is free while it is needed (first fit)."""
    read_by = readers(rows)
    offsets: list[int] = [0]
    live: list[tuple[int, int, int]] = []
    for index, row in list(enumerate(rows))[1:]:
        live = [place for place in live if place[2] >= index]
        offset = 0
        for start, stop, _ in sorted(live):
            if offset + row.size <= start:
                break
            offset = max(offset, stop)
        offsets.append(offset)
        live.append((offset, offset + row.size, max(read_by[index], default=len(rows))))
    return offsets, max(offset + row.size for offset, row in zip(offsets[1:], rows[1:], strict=True))


def assemble(rows: Sequence[Row], offsets: Sequence[int], features: int, model: Model) -> Program:
    """Write rows into the table."""
    table = np.zeros((len(rows), len(Column)), np.int64)
    links: list[int] = []
    for line, row, offset in zip(table, rows, offsets, strict=True):
        line[Column.OP], line[Column.OUTPUT], line[Column.SIZE] = row.op, offset, row.size
        line[Column.FIRST], line[Column.INPUTS] = len(links), len(row.inputs)
        line[Column.WEIGHT], line[Column.BIAS] = row.weight, row.bias
        line[Column.GROUPS], line[Column.WIDE], line[Column.OUT] = row.groups, row.wide, row.out
        line[Column.CODE], line[Column.ACTIVE], line[Column.TRAINED] = row.code, row.active, row.trained
        links += row.inputs
    return Program(
        rows=table,
        links=np.array(links or [0], np.int64),
        attributes=np.array([row.attribute for row in rows]),
        features=features,
        parameters=model.size + model.constants.size,
        ranges=tuple(
            tuple(span for span in ((row.weight, row.weight_stop), (row.bias, row.bias_stop)) if span[0] >= 0)
            for row in rows
        ),
    )

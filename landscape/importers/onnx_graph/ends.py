"""The end of an ONNX graph: which output is used, which last operations become part of the loss, and which loss it is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.files import shown
from landscape.importers.network import Network
from landscape.importers.onnx_graph.graph import Graph
from landscape.importers.values import Value
from landscape.model.bare_data import choose_loss
from landscape.model.losses import classes_first
from landscape.model.nodes import INPUT
from landscape.ops.operation import Shape, batched

ENDS = {"Softmax": "softmax", "LogSoftmax": "log_softmax", "Sigmoid": "sigmoid"}
TAKEN_OVER = {"cross_entropy": ("softmax", "log_softmax"), "binary_cross_entropy": ("sigmoid",)}


def chosen(proto: Any, output: int | str | None, network: Network) -> str:
    """Choose the output: the first, or the one that is asked for by its number or its name.

    Raises
    ------
    InputError
        There is none of that number or name.
    """
    names = [value.name for value in proto.graph.output]
    if isinstance(output, str) and output in names:
        return output
    if output is None and names:
        if len(names) > 1:
            network.notes.append(
                f"of {len(names)} outputs the first, {shown(names[0])}, is the network's (output=… for another)"
            )
        return str(names[0])
    if isinstance(output, int) and not isinstance(output, bool) and -len(names) <= output < len(names):
        return str(names[output])
    raise InputError(f"output: expected one of {shown(', '.join(names))}, found {output!r}")


def chosen_loss(output: Shape, y: np.ndarray, loss: str | None) -> tuple[str, list[str]]:
    """Choose the loss by the targets, and say why; class ids of places, for which the output has numbers of classes, are those."""
    if loss is None and y.dtype.kind in "iu" and y.ndim > 1 and len(output) > 1 and y.size:
        for places, classes in ((output[1:], output[0]), (output[:-1], output[-1])):
            if y.shape[1:] == places and y.max() < classes and (len(output) > 2) == (places == output[1:]):
                return "cross_entropy", [
                    "the loss is cross_entropy, for y_train has a class of each place (--loss for another)"
                ]
    taken, why = choose_loss("y_train", y, (output or (1,))[-1], loss)
    return taken, [] if loss else [f"the loss is {taken}, {why} (--loss for another)"]


def without_tail(graph: Graph, name: str, value: Value, loss: str) -> tuple[Value, str | None]:
    """Remove a softmax or sigmoid at the end that the loss contains, if the two together are a loss of the format."""
    last = graph.makers[name]
    kind = last.op_type
    if ENDS.get(kind) not in TAKEN_OVER.get(loss, ()):
        return value, None
    before = graph.known[last.input[0]]
    if not isinstance(before, Value) or before.batch != 0 or before.outer != 1:
        return value, None
    settings = {entry.name: entry.i for entry in last.attribute}
    rank = len(before.shape)
    axis = settings.get("axis", -1 if graph.version >= 13 else 1) % max(1, rank)
    along = 1 if classes_first(loss, before.laid) else rank - 1
    flat = graph.version < 13 and math.prod(before.shape[axis:]) == before.shape[along]
    if kind != "Sigmoid" and not (axis == along and (graph.version >= 13 or axis == rank - 1 or flat)):
        return value, None
    return before, kind


def whole(graph: Graph, name: str, value: Value) -> str:
    """Require an output whose first axis is the examples.

    Raises
    ------
    InputError
        They do not, or the output is the input.
    """
    graph.builder.path = name
    if value.batch != 0 or value.outer != 1:
        raise InputError(
            f"the output {shown(name)}: {batched(value.laid)} with the examples along axis {value.batch}; expected them first"
        )
    if value.node is None:
        raise InputError(f"the output {shown(name)} does not depend on the input")
    if value.node == INPUT:
        raise InputError("the output is the input itself: there is no network to import")
    return value.node

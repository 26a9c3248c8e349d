"""Translate the nodes of an ONNX graph: known numbers are computed, every other node by a row of the table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from landscape.errors import InputError
from landscape.files import shown
from landscape.importers.attentions import join_attentions
from landscape.importers.data import Arrays, Part
from landscape.importers.nearest import EXIT, unsupported
from landscape.importers.network import Network, Origin, PartlySharedError
from landscape.importers.onnx_graph.call import Call, settings_of
from landscape.importers.onnx_graph.constants import Constant, read_tensor
from landscape.importers.onnx_graph.ends import ENDS, chosen, chosen_loss, whole, without_tail
from landscape.importers.onnx_graph.folding import FOLDED, fold
from landscape.importers.onnx_graph.graph import (
    MOST_NODES,
    MOST_OF_ALL,
    Graph,
    Varying,
)
from landscape.importers.onnx_graph.notes import note_alone, note_equals, note_folding
from landscape.importers.onnx_graph.ops.casts import INTEGERS, TRUTH
from landscape.importers.onnx_graph.ops.table import OPS
from landscape.importers.ties import all_equal, cut_tie
from landscape.importers.values import Value
from landscape.model.nodes import INPUT

RANDOM = (
    "RandomNormal",
    "RandomUniform",
    "RandomNormalLike",
    "RandomUniformLike",
    "Bernoulli",
    "Multinomial",
)
# Of sizes that depend on the batch these make values, not numbers.
SPREADING = ("Expand", "Tile", "Reshape", "Slice")
# Operators of which the results are of the kind of the first input, and of truth values.
KEEPING = (
    "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Split", "Concat", "Gather", "Expand", "Tile", "Pad", "Add",
    "Sub", "Mul", "Neg", "Abs", "Min", "Max", "Clip", "Sum", "ReduceSum", "ReduceMax", "ReduceMin", "MaxPool", "DepthToSpace", "SpaceToDepth",
    "Trilu", "CumSum",
)  # fmt: skip
TRUTHS = ("Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Not", "And", "Or")


class Walked(NamedTuple):
    """A translated graph: its network, its output's node and name, the last op if the loss contains it, and the loss.

    `repeated` names parameters of which the file repeats one example's numbers along an axis.
    """

    network: Network
    output: str
    name: str
    tail: str | None
    loss: str
    repeated: Mapping[str, int]


def walk(
    onnx: Any,
    proto: Any,
    data: Arrays,
    loss: str | None,
    parts: Sequence[Part] = (),
    output: int | str | None = None,
) -> Walked:
    """Translate a graph, a second time if initializers are used in several ways; these become nodes of their own.

    Raises
    ------
    InputError
        Other inputs than the data have, or a node that the format has no op for; the message names it.
    """
    several: set[str] = set()
    while True:
        try:
            walked = _walk(onnx, proto, data, loss, parts, output, several)
            found = cut(walked)
        except PartlySharedError as error:
            found = set(error.names)
            if found <= several:
                raise
        if found <= several:
            return walked
        several |= found


def cut(walked: Walked) -> set[str]:
    """Name matrices that are in θ twice; vectors may belong to several parameters, since files store equal arrays once."""
    nodes = walked.network.ending_at(walked.output)
    arrays = walked.network.parameters_of(nodes)
    homes: dict[str, dict[str, Origin]] = {}
    for key, origin in walked.network.origins_of(nodes).items():
        if arrays[key].ndim > 1 and not all_equal(arrays[key]):
            homes.setdefault(origin.name, {})[key] = origin
    return {name for name, found in homes.items() if cut_tie(found) is not None}


def _walk(
    onnx: Any,
    proto: Any,
    data: Arrays,
    loss: str | None,
    parts: Sequence[Part],
    output: int | str | None,
    several: set[str],
) -> Walked:
    network = Network(tuple(data["x_train"].shape[1:]) or (1,), copies=True)
    name = chosen(proto, output, network)
    graph = _graph(onnx, proto, network, several)
    _inputs(proto, graph, data["x_train"], parts)
    for node in proto.graph.node:
        _step(onnx, graph, node)
    value = graph.known.get(name)
    if not isinstance(value, Value) or value.batch is None:
        raise InputError(f"the output {shown(name)} does not depend on the input")
    taken, told = chosen_loss(value.laid, data["y_train"], loss)
    last, tail = without_tail(graph, name, value, taken)
    result = whole(graph, name, last)
    join_attentions(network)
    note_folding(graph)
    note_equals(graph)
    note_alone(graph, result)
    network.notes += told
    if tail is not None:
        network.notes.append(f"{tail} at the end goes into the loss, which takes logits")
    return Walked(network, result, name, None if tail is None else ENDS[tail], taken, graph.repeated)


def _graph(onnx: Any, proto: Any, network: Network, several: set[str]) -> Graph:
    """Read initializers, and who reads and makes each value."""
    found = proto.graph
    constants = {
        tensor.name: Constant(read_tensor(onnx, tensor), tensor.name, True, Origin(tensor.name))
        for tensor in found.initializer
    }
    if found.sparse_initializer:
        raise InputError("sparse initializers: expected dense ones")
    readers: dict[str, list[Any]] = {}
    makers: dict[str, Any] = {}
    given = {*constants, *(value.name for value in found.input)}
    for node in found.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
        for name in node.output:
            if name and (name in makers or name in given):
                raise InputError(f"{shown(name)}: is the output of two nodes")
            makers[name] = node
    version = max(
        (entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")), default=1
    )
    outputs = {value.name for value in found.output}
    return Graph(network, constants, readers, outputs, version, several, makers=makers)


def _inputs(proto: Any, graph: Graph, x: np.ndarray, parts: Sequence[Part]) -> None:
    """Give the inputs as values: the data, or parts of them that lie side by side in an example.

    Raises
    ------
    InputError
        There are more or fewer inputs than the data have.
    """
    inputs = [value for value in proto.graph.input if value.name not in graph.constants]
    if len(inputs) != max(1, len(parts)):
        names = shown(", ".join(value.name for value in inputs))
        raise InputError(
            f"expected as many inputs as the data have, {max(1, len(parts))}, found {len(inputs)}: {names}; "
            "several inputs are a tuple of arrays"
        )
    b, shape = graph.builder, graph.network.shapes[INPUT]
    for number, entry in enumerate(inputs):
        kind, dims = entry.type.tensor_type.elem_type, list(entry.type.tensor_type.shape.dim)
        whole_data = x.dtype.kind in "iu" and x.dtype != np.uint8 if not parts else parts[number].whole
        if kind in INTEGERS or whole_data:
            graph.whole.add(entry.name)
        if dims and dims[0].dim_value > 0:
            graph.batch = int(dims[0].dim_value)
        b.path = entry.name
        value = Value((1, *shape), INPUT, 0)
        if parts:
            part = parts[number]
            value = b.taken(value, 1, slice(part.start, part.stop))
            value = b.regrouped(value, Value((1, *part.shape), batch=0))
        elif len(dims) == 1 and shape == (1,):
            value = b.regrouped(value, Value((1,), batch=0))
        graph.known[entry.name] = value


def _step(onnx: Any, graph: Graph, node: Any) -> None:
    """Fold a node, pass it over, or translate it."""
    if node.output[0] in graph.known:
        return  # fused with an earlier one
    label = Call(graph, node, {}).label
    if node.op_type in RANDOM:
        raise InputError(
            f"{label}: draws random numbers in evaluation too, so that its outputs are no function of the examples; {EXIT}"
        )
    if node.op_type not in OPS and node.op_type not in FOLDED and node.op_type != "Constant":
        raise unsupported(label, node.op_type)
    settings = settings_of(onnx, node)
    for source in node.input:
        if source and source not in graph.known:
            raise InputError(f"{label}: reads {shown(source)}, which no node outputs")
    try:
        if node.op_type == "Constant":
            graph.known[node.output[0]] = graph.fixed(_constant(onnx, node, settings), node.output[0])
            return
        if node.op_type == "ConstantOfShape" and "value" in settings:
            settings["value"] = read_tensor(onnx, settings["value"])
        if not _folded(graph, node, settings):
            _translated(graph, Call(graph, node, settings))
    except PartlySharedError:
        raise
    except InputError as error:
        message = str(error)
        raise InputError(message if message.startswith(label) else f"{label}: {message}") from None
    except Exception as error:
        # A setting of another kind or a size of zero: ONNX's own reader does not look at them.
        raise InputError(f"{label}: damaged: {shown(str(error), 120)}") from error


def _folded(graph: Graph, node: Any, settings: dict[str, Any]) -> bool:
    """Compute a node whose inputs are known, and say whether it was one; one that depends on the batch size is computed for two sizes."""
    given = [graph.known.get(source) if source else None for source in node.input]
    varying = any(isinstance(value, Varying) for value in given)
    if node.op_type not in FOLDED or not given:
        return False
    if varying and (
        node.op_type == "ConstantOfShape" or (node.op_type in SPREADING and not isinstance(given[0], Varying))
    ):
        return False
    if any(isinstance(value, Value) and not value.fixed for value in given):
        return False
    columns = [
        [value.arrays[k] if isinstance(value, Varying) else value and value.constant for value in given]
        for k in range(1 + varying)
    ]
    arrays = [fold(node.op_type, column, settings, graph.require_known) for column in columns]
    name = node.output[0]
    if len(arrays) > 1 and not np.array_equal(arrays[0], arrays[1]):
        graph.known[name] = Varying((arrays[0], arrays[1]))
    else:
        graph.known[name] = graph.fixed(arrays[0], name)
    return True


def _translated(graph: Graph, call: Call) -> None:
    """Translate a node by its row, and check how many nodes were made."""
    b, network = graph.builder, graph.network
    b.path, before = call.path, len(network.nodes)
    if call.node.op_type not in OPS:
        raise unsupported(call.label, call.node.op_type)
    made = OPS[call.node.op_type](call)
    names = [call.output, *call.node.output[1:]]
    results = made if isinstance(made, list) else [made]
    for name, value in zip(names, results, strict=False):
        if name and value is not None:
            graph.known[name] = value
            _remember_kind(graph, call, name)
    for node in network.nodes[before:]:
        shape = network.shapes[node["name"]]
        graph.require_value(shape)
        graph.made += math.prod(shape)
    if graph.made > MOST_OF_ALL or len(network.nodes) > MOST_NODES:
        raise InputError(
            f"the network has more than {MOST_OF_ALL:,} numbers of one example, or more than {MOST_NODES:,} nodes"
        )


def _remember_kind(graph: Graph, call: Call, name: str) -> None:
    """Remember whether a result is of whole numbers or of truth values."""
    op = call.node.op_type
    if op in TRUTHS or (op == "Cast" and call.get("to") == TRUTH):
        graph.truths.add(name)
    elif (op == "Where" and call.is_whole(1)) or (op == "Cast" and call.get("to") in INTEGERS):
        graph.whole.add(name)
    elif op in KEEPING:
        for kind in (graph.whole, graph.truths):
            if call.source(0) in kind:
                kind.add(name)


def _constant(onnx: Any, node: Any, settings: dict[str, Any]) -> np.ndarray:
    for key in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if key in settings:
            value = settings[key]
            if key == "value":
                return read_tensor(onnx, value)
            return np.asarray(value, np.float32 if "float" in key else np.int64)
    raise InputError("expected numbers")

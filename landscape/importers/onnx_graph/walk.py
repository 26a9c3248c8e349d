"""From ONNX's nodes to ours: constants are folded, every other node is translated by a row of a table."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.files import shown
from landscape.importers.data import Arrays
from landscape.importers.nearest import unsupported
from landscape.importers.network import Network, Origin
from landscape.importers.onnx_graph.call import Call, Graph, settings_of
from landscape.importers.onnx_graph.constants import BATCH, FOLDED, Constant, fold, read_tensor
from landscape.importers.onnx_graph.ops import OPS
from landscape.importers.ties import equal_matrices
from landscape.model.bare_data import choose_loss
from landscape.model.nodes import INPUT
from landscape.ops.operation import Shape

ENDS = {"Softmax": "softmax", "LogSoftmax": "log_softmax", "Sigmoid": "sigmoid"}
TAKEN_OVER = {"cross_entropy": ("softmax", "log_softmax"), "binary_cross_entropy": ("sigmoid",)}
# The names that PyTorch's exporter gives to weights which it computed, here from a convolution and a batch norm.
COMPUTED = re.compile(r"onnx::Conv_\d+")
FIRST_OF_SEVERAL = "getitem"


def walk(onnx: Any, proto: Any, data: Arrays, loss: str | None) -> tuple[Network, str, str | None, str]:
    """Translate a graph; give the network, its output, the tail that the loss has taken over, and the loss.

    Raises
    ------
    InputError
        More inputs or outputs than one, or a node that the format has no op for; the message names it.
    """
    x = data["x_train"]
    network = Network(tuple(x.shape[1:]) or (1,), copies=True)
    graph = _graph(onnx, proto, network)
    output = proto.graph.output[0].name
    for node in proto.graph.node:
        _step(onnx, graph, node)
    if output not in graph.values:
        raise InputError(f"the output {shown(output)} does not depend on the input")
    _note_folding(graph, network)
    _note_equals(graph, network)
    width = (network.shapes[graph.values[output]] or (1,))[-1]
    chosen, why = choose_loss("y_train", data["y_train"], width, loss)
    network.notes += [] if loss else [f"the loss is {chosen}, {why} (--loss for another)"]
    last = graph.makers[output]
    kind = ENDS.get(last.op_type)
    if kind not in TAKEN_OVER.get(chosen, ()):
        return network, graph.values[output], None, chosen
    network.notes.append(f"{last.op_type} at the end goes into the loss, which takes logits")
    return network, graph.values[last.input[0]], kind, chosen


def _graph(onnx: Any, proto: Any, network: Network) -> Graph:
    """Read initializers, and find the one input and the one output."""
    found = proto.graph
    constants = {
        tensor.name: Constant(read_tensor(onnx, tensor), tensor.name, True, Origin(tensor.name))
        for tensor in found.initializer
    }
    if found.sparse_initializer:
        raise InputError("sparse initializers: expected dense ones")
    inputs = [value.name for value in found.input if value.name not in constants]
    if len(inputs) != 1 or len(found.output) != 1:
        raise InputError(
            f"expected one input and one output, found {shown(', '.join(inputs))} and "
            f"{shown(', '.join(value.name for value in found.output))}"
        )
    readers: dict[str, list[Any]] = {}
    makers: dict[str, Any] = {}
    for node in found.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
        for name in node.output:
            if name in makers:
                raise InputError(f"{shown(name)}: is put out twice")
            makers[name] = node
    version = max(
        (entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")), default=1
    )
    return Graph(network, constants, {inputs[0]: INPUT}, readers, makers, version)


def _step(onnx: Any, graph: Graph, node: Any) -> None:
    """Fold a node, pass it over, or translate it."""
    if node.output[0] in graph.values:
        return  # fused with an earlier one
    if node.op_type not in OPS and node.op_type not in FOLDED and node.op_type not in ("Constant", "Shape"):
        raise unsupported(Call(graph, node, {}).label, node.op_type)
    settings = settings_of(onnx, node)
    name = node.output[0]
    if node.op_type == "Constant":
        graph.constants[name] = _constant(onnx, node, settings)
        return
    for source in node.input:
        if source and source not in graph.constants and source not in graph.values:
            raise InputError(
                f"{shown(node.name or name)} ({node.op_type}): reads {shown(source)}, which nothing puts out"
            )
    if node.op_type == "Shape" and len(node.input) == 1 and node.input[0] in graph.values:
        shape: Shape = graph.network.shapes[graph.values[node.input[0]]]
        graph.constants[name] = Constant(np.array([BATCH, *shape]), name, False)
        return
    given = [graph.constants.get(source) for source in node.input if source]
    if all(constant is not None for constant in given):
        folded = fold(node.op_type, name, [c for c in given if c is not None], settings)
        if folded is not None:
            graph.constants[name] = folded
            return
    call = Call(graph, node, settings)
    if node.op_type not in OPS:
        raise unsupported(call.label, node.op_type)
    try:
        graph.values[call.output] = OPS[node.op_type](call)
    except InputError as error:
        raise InputError(f"{call.label}: {error}") from None
    except Exception as error:
        # A setting of another kind or a size of zero: ONNX's own reader does not look at them.
        raise InputError(f"{call.label}: damaged: {shown(str(error), 120)}") from error


def _constant(onnx: Any, node: Any, settings: dict[str, Any]) -> Constant:
    for key in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if key in settings:
            value = settings[key]
            array = read_tensor(onnx, value) if key == "value" else np.asarray(value)
            return Constant(array, node.output[0], False)
    raise InputError(f"{shown(node.name)} (Constant): expected numbers")


def _note_folding(graph: Graph, network: Network) -> None:
    """Say where an exporter made another network of the one that was trained."""
    nodes = list(graph.makers.values())
    if any(node.op_type == "BatchNormalization" for node in nodes):
        return
    products = [node for node in nodes if node.op_type in ("Conv", "Gemm", "MatMul")]
    convolutions = [node for node in products if node.op_type == "Conv"]
    if any(_was_folded(node) for node in products):
        network.notes.append(
            "the exporter folded batch norm into the layers before it: same outputs, another landscape, for θ is another; "
            "export in training mode, or use from_torch"
        )
    elif convolutions and all(len(node.input) > 2 for node in convolutions):
        network.notes.append(
            "there is no batch norm and every convolution has a bias: if the network was trained with batch norm, the exporter "
            "folded it, which leaves the outputs and changes the landscape"
        )


def _was_folded(node: Any) -> bool:
    """Whether a product has a batch norm in it, by its names.

    PyTorch's older exporter computes new weights; its newer one gives the product the name of what it stands for, the first of a batch norm's results.
    """
    computed = len(node.input) > 1 and COMPUTED.fullmatch(node.input[1])
    return bool(computed) or node.output[0].startswith(FIRST_OF_SEVERAL)


def _note_equals(graph: Graph, network: Network) -> None:
    """Say where a file has one matrix twice, perhaps since a tie was lost."""
    own = {
        name: constant.array
        for name, constant in graph.constants.items()
        if constant.origin is not None and constant.origin.name == name
    }
    for one, other in equal_matrices(own):
        network.notes.append(
            f"{shown(one)} and {shown(other)} hold the same numbers: if training tied them, the file has lost that, "
            "and θ has them twice; use from_torch"
        )

"""`from_onnx`: make a model from an ONNX file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.files import require_regular, shown
from landscape.importers.data import Data, parts_of, read_data
from landscape.importers.finish import Loss, make_model
from landscape.importers.onnx_graph.constants import read_tensor, weights_in
from landscape.importers.onnx_graph.session import Session
from landscape.importers.onnx_graph.walk import walk
from landscape.importers.optional import need
from landscape.importers.proof import Original, tail_along, verified
from landscape.memory import available_memory
from landscape.model import Model
from landscape.model.losses import classes_first

# onnxruntime computes in the file's float32.
TOLERANCE = 1e-5
# Parameters that nobody trained do not keep rounding as small.
MOVED_TOLERANCE = 1e-4
LARGEST = 2**31 - 1
# So many numbers of weights that a file has as one number and a shape are made.
MOST_FILLED = 2**25
FLOAT = 1


def from_onnx(
    path: str | Path,
    data: Data,
    *,
    loss: str | None = None,
    weight_decay: float = 0.0,
    name: str | None = None,
    output: int | str | None = None,
) -> Model:
    """Make a model from an ONNX file and data, with a loss by name or inferred from the targets.

    The first axis of each input is the batch's, whether the file leaves its size open or fixes it; a graph of several inputs reads a tuple of
    arrays. Of several outputs the first is the network's, or `output`, a number from 0 or a name.

    A softmax, log-softmax or sigmoid at the end goes into the loss where that is cross-entropy. The
    translation is compared with onnxruntime on up to 1,000 training examples, and again with other numbers in the graph's
    initializers; the last of the model's `inferred` sentences says how well they agree. Files with external data are refused.

    Raises
    ------
    InputError
        No such file, another kind of file, an op that the format does not have (the message names it and the
        nearest one), or the outputs differ.
    """
    path = Path(path)
    onnx = need("onnx")
    need("onnxruntime")
    arrays, parts = read_data(data), parts_of(data)
    try:
        proto = load(onnx, path)
        walked = walk(onnx, proto, arrays, loss, parts, output)
        network, decayed = walked.network, Loss(walked.loss, weight_decay=weight_decay)
        shape = network.shapes[walked.output]
        model = make_model(network, walked.output, arrays, decayed, name or path.stem, original=shape)
        origins = network.origins_of(network.ending_at(walked.output))
        session = Session(onnx, proto, arrays["x_train"].shape[1:] or (1,), parts, walked.name)
        session.repeated = walked.repeated
        tail = walked.tail
        original = Original(
            session.name,
            session.outputs,
            TOLERANCE,
            None if tail is None else tail_along(tail, classes_first(model.loss, model.nodes[-1].shape)),
            (lambda kind: session.moved(onnx, proto, origins, kind)) if origins else None,
            origins,
            moved_tolerance=MOVED_TOLERANCE,
        )
        return verified(model, original)
    except InputError as error:
        message = str(error).replace("\n", " ")
        raise InputError(message if message.startswith(f"{path}: ") else f"{path}: {message}") from None


def load(onnx: Any, path: Path) -> Any:
    """Parse a file, and refuse what is no graph of plain operators with one input and one output."""
    require_regular(path)
    size = path.stat().st_size
    if size > min(LARGEST, available_memory() // 4):
        raise InputError(f"{size / 1e9:.1f} GB: more than can be read")
    try:
        proto = onnx.load_model(str(path), load_external_data=False)
    except Exception as error:  # protobuf raises errors of its own
        raise InputError(f"expected an ONNX file: {shown(str(error), 120)}") from None
    graph = proto.graph
    if not graph.node:
        raise InputError("expected an ONNX graph, found none: the file is something else or empty")
    _require_names(graph)
    for node in graph.node:
        if node.domain not in ("", "ai.onnx"):
            raise InputError(
                f"{shown(node.op_type)}: an operator of the domain {shown(node.domain)}; expected ONNX's own"
            )
    _as_in_evaluation(graph)
    _with_weights(onnx, graph)
    return proto


def _require_names(graph: Any) -> None:
    """Refuse names that are no text, which protobuf gives as bytes, and nodes that put nothing out."""
    names = [entry.name for part in (graph.input, graph.output, graph.initializer) for entry in part]
    for node in graph.node:
        if not node.output or not node.output[0]:
            raise InputError(f"{shown(node.name)} ({shown(node.op_type)}): expected an output")
        if not str(node.op_type).isidentifier():
            raise InputError(f"damaged: the operator {shown(node.op_type)} is no name of one")
        names += [node.name, node.op_type, node.domain, *node.input, *node.output]
        names += [attribute.name for attribute in node.attribute]
    for name in names:
        if not isinstance(name, str):
            raise InputError(f"damaged: the name {shown(name)} is no text")


def _as_in_evaluation(graph: Any) -> None:
    """Turn a graph that was exported in training mode into that of evaluation."""
    for node in graph.node:
        if node.op_type == "BatchNormalization":
            kept = [attribute for attribute in node.attribute if attribute.name != "training_mode"]
            del node.attribute[:]
            node.attribute.extend(kept)
            del node.output[1:]
        if node.op_type == "Dropout":
            del node.input[2:]
            del node.output[1:]


def _with_weights(onnx: Any, graph: Any) -> None:
    """Expand weights that a file stores as one number and a shape, as files for tests do.

    Raises
    ------
    InputError
        They would be more numbers than so small a file should make.
    """
    shapes = {tensor.name: tensor for tensor in graph.initializer}
    weights = weights_in(graph.node)
    made, kept = 0, []
    for node in graph.node:
        value = next((entry.t for entry in node.attribute if entry.name == "value"), None)
        filled = node.op_type == "ConstantOfShape" and node.output[0] in weights and len(node.input) == 1
        if not filled or node.input[0] not in shapes or (value is not None and value.data_type != FLOAT):
            kept.append(node)
            continue
        shape = [int(size) for size in np.ravel(read_tensor(onnx, shapes[node.input[0]]))]
        made += math.prod(max(size, 0) for size in shape)
        if made > MOST_FILLED or min(shape, default=1) < 1:
            raise InputError(
                f"{shown(node.name or node.output[0])} (ConstantOfShape): a weight {shape} of one number: more than {MOST_FILLED:,} in all"
            )
        number = 0.0 if value is None else float(np.ravel(read_tensor(onnx, value))[0])
        array = np.full(shape, number, np.float32)
        graph.initializer.append(onnx.numpy_helper.from_array(array, node.output[0]))
    if made:
        del graph.node[:]
        graph.node.extend(kept)

"""`from_onnx`: a file with a graph of ONNX becomes a model."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.files import require_regular, shown
from landscape.importers.data import Data, read_data
from landscape.importers.draws import SEED, fresh, near
from landscape.importers.finish import Loss, make_model
from landscape.importers.network import Origin
from landscape.importers.onnx_graph.walk import walk
from landscape.importers.optional import need
from landscape.importers.proof import TAILS, Moved, Original, verified
from landscape.importers.ties import all_equal, cut_tie
from landscape.memory import available_memory
from landscape.model import Model
from landscape.streams import numpy_generator

BATCH = 100
# onnxruntime computes in the file's float32.
TOLERANCE = 1e-5
# Parameters that nobody trained do not keep rounding as small.
MOVED_TOLERANCE = 1e-4
LARGEST = 2**31 - 1


def from_onnx(
    path: str | Path,
    data: Data,
    *,
    loss: str | None = None,
    weight_decay: float = 0.0,
    name: str | None = None,
) -> Model:
    """Make a model of an ONNX file and data, with a loss of the format, by default the one that the targets say.

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
    arrays = read_data(data)
    try:
        proto = load(onnx, path)
        network, output, tail, chosen = walk(onnx, proto, arrays, loss)
        decayed = Loss(chosen, weight_decay=weight_decay)
        shape = network.shapes[output]
        model = make_model(network, output, arrays, decayed, name or path.stem, original=shape)
        origins = network.origins_of(network.ending_at(output))
        require_ties(model, origins)
        session = Session(proto, arrays["x_train"].shape[1:] or (1,))
        original = Original(
            "onnxruntime",
            session.outputs,
            TOLERANCE,
            None if tail is None else TAILS[tail],
            (lambda kind: moved(onnx, proto, session.example_shape, origins, kind)) if origins else None,
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


def require_ties(model: Model, origins: Mapping[str, Origin]) -> None:
    """Refuse a matrix that is in θ in two ways.

    Vectors and arrays of one number may stand for several parameters, since files keep equal arrays once.
    """
    matrices = {
        slot.name: origins[slot.name]
        for slot in model.layout
        if slot.name in origins and len(slot.shape) > 1 and not all_equal(model.parameters[slot.name])
    }
    found = cut_tie(matrices)
    if found is not None:
        raise InputError(
            f"{shown(found[0])}: is used for {found[1]} and, in another way, for {found[2]}; the format shares all parameters of a layer or none"
        )


def moved(
    onnx: Any, proto: Any, example_shape: tuple[int, ...], origins: Mapping[str, Origin], kind: str
) -> Moved:
    """Run onnxruntime on the same graph with other numbers in the initializers that the model has."""
    rng = numpy_generator("second parameters of an import", SEED)
    roles = {origin.name: key.rpartition(".")[2] for key, origin in origins.items()}
    changed = type(proto)()
    changed.CopyFrom(proto)
    arrays: dict[str, np.ndarray] = {}
    for tensor in changed.graph.initializer:
        if tensor.name not in roles:
            continue
        kept, name = onnx.numpy_helper.to_array(tensor), tensor.name
        drawn = (
            fresh(rng, roles[name], kept.shape)
            if kind == "fresh"
            else near(rng, roles[name], kept.astype(float))
        )
        stored = np.asarray(drawn).astype(kept.dtype)
        tensor.CopyFrom(onnx.numpy_helper.from_array(stored, name))
        arrays[name] = stored.astype(np.float64)
    return Moved(arrays, Session(changed, example_shape).outputs)


class Session:
    """onnxruntime on a graph that was translated, and so is known to be plain."""

    def __init__(self, proto: Any, example_shape: tuple[int, ...]) -> None:
        self.example_shape = example_shape
        runtime = need("onnxruntime")
        options = runtime.SessionOptions()
        options.log_severity_level = 4
        try:
            # It prints what it also raises.
            with contextlib.redirect_stdout(io.StringIO()):
                self.session = runtime.InferenceSession(
                    proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
                )
            entry = self.session.get_inputs()[0]
            self.input, self.kind, self.shape = entry.name, entry.type, entry.shape
        except Exception as error:  # onnxruntime has many errors of its own
            old = "NOT_IMPLEMENTED" in str(error)
            hint = (
                "; an older version of ONNX's operators: onnx.version_converter.convert_version(model, 18)"
                if old
                else ""
            )
            raise InputError(f"onnxruntime refuses the graph: {shown(str(error), 200)}{hint}") from None

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """Evaluate the graph on examples; a graph of a fixed batch gets batches of that size."""
        fixed = self.shape[0] if self.shape else None
        batch = fixed if isinstance(fixed, int) and fixed > 0 else BATCH
        kinds = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int32)": np.int32}
        given = x.astype(kinds.get(self.kind, np.int64)).reshape(len(x), *self.example_shape)
        parts = []
        for start in range(0, len(given), batch):
            part = given[np.minimum(np.arange(start, start + batch), len(given) - 1)]
            try:
                parts.append(self.session.run(None, {self.input: part})[0])
            except Exception as error:  # onnxruntime has many errors of its own
                raise InputError(f"onnxruntime fails on the data: {shown(str(error), 200)}") from None
        return np.concatenate(parts)[: len(given)]

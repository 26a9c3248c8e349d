"""Run the original ONNX graph on examples, at its own and at other parameters."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.files import shown
from landscape.importers.data import Part
from landscape.importers.draws import SEED, fresh, near
from landscape.importers.network import Origin
from landscape.importers.optional import need
from landscape.importers.proof import Moved
from landscape.streams import numpy_generator

BATCH = 100
# By onnxruntime's names of kinds; others are whole numbers.
KINDS = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}


class Session:
    """onnxruntime on a graph that was translated; operators without a kernel there are run by ONNX's reference evaluator."""

    def __init__(
        self,
        onnx: Any,
        proto: Any,
        example_shape: tuple[int, ...],
        parts: Sequence[Part] = (),
        output: str | None = None,
    ) -> None:
        self.example_shape, self.parts = example_shape, parts
        # Of these parameters the file repeats one example's numbers along an axis, so they move together.
        self.repeated: Mapping[str, int] = {}
        self.output = output or proto.graph.output[0].name
        given = {tensor.name for tensor in proto.graph.initializer}
        self.inputs = [value for value in proto.graph.input if value.name not in given]
        dims = self.inputs[0].type.tensor_type.shape.dim
        self.batch = int(dims[0].dim_value) if dims and dims[0].dim_value > 0 else None
        self.rank = len(dims)
        runtime = need("onnxruntime")
        options = runtime.SessionOptions()
        options.log_severity_level = 4
        self.name = "onnxruntime"
        try:
            # It prints what it also raises.
            with contextlib.redirect_stdout(io.StringIO()):
                self.session = runtime.InferenceSession(
                    proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
                )
            self.kinds = [KINDS.get(entry.type, np.int64) for entry in self.session.get_inputs()]
        except Exception as error:  # onnxruntime has many errors of its own
            if "NOT_IMPLEMENTED" not in str(error) and "opset" not in str(error):
                raise InputError(f"onnxruntime refuses the graph: {shown(str(error), 200)}") from None
            self._refer(onnx, proto, error)

    def _refer(self, onnx: Any, proto: Any, error: Exception) -> None:
        """Take ONNX's reference for versions of operators that onnxruntime does not have."""
        self.name = "onnx.reference"
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                self.session = need("onnx.reference").ReferenceEvaluator(proto)
            self.kinds = [
                onnx.helper.tensor_dtype_to_np_dtype(entry.type.tensor_type.elem_type)
                for entry in self.inputs
            ]
        except Exception:  # the reference has many errors of its own
            raise InputError(
                f"onnxruntime refuses the graph: {shown(str(error), 200)}; "
                "an older version of ONNX's operators: onnx.version_converter.convert_version(model, 18)"
            ) from None

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """Evaluate the graph on examples; a graph of a fixed batch gets batches of that size."""
        batch = self.batch or min(BATCH, len(x))
        given = self._given(x)
        found = []
        for start in range(0, len(x), batch):
            # Of a fixed number of examples the last is repeated until there are as many.
            stop = start + batch if self.batch else min(start + batch, len(x))
            rows = np.minimum(np.arange(start, stop), len(x) - 1)
            feed = {entry.name: array[rows] for entry, array in zip(self.inputs, given, strict=True)}
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    result = np.asarray(self.session.run([self.output], feed)[0])
            except Exception as error:  # onnxruntime has many errors of its own
                raise InputError(f"{self.name} fails on the data: {shown(str(error), 200)}") from None
            # Places of all examples may come one after another, [N·T, C].
            each = max(1, len(result) // len(rows)) if result.ndim else 1
            found.append(result[: each * min(batch, len(x) - start)])
        return np.concatenate(found)

    def _given(self, x: np.ndarray) -> list[np.ndarray]:
        """Cut examples into the graph's inputs, of the kinds that it reads."""
        if not self.parts:
            shape = () if self.rank == 1 and self.example_shape == (1,) else self.example_shape
            return [x.astype(self.kinds[0]).reshape(len(x), *shape)]
        flat = x.reshape(len(x), -1)
        return [
            flat[:, part.start : part.stop].reshape(len(x), *part.shape).astype(kind)
            for part, kind in zip(self.parts, self.kinds, strict=True)
        ]

    def moved(self, onnx: Any, proto: Any, origins: Mapping[str, Origin], kind: str) -> Moved:
        """Run the same graph with other numbers in the initializers that the model has."""
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
            if name in self.repeated:
                drawn = np.broadcast_to(np.take(drawn, [0], self.repeated[name]), kept.shape)
            stored = np.array(drawn).astype(kept.dtype)
            tensor.CopyFrom(onnx.numpy_helper.from_array(stored, name))
            arrays[name] = stored.astype(np.float64)
        there = Session(onnx, changed, self.example_shape, self.parts, self.output)
        return Moved(arrays, there.outputs)

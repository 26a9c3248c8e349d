"""Small graphs of ONNX for the tests: nodes, weights and data, and a layer at the end that fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import landscape
from landscape import InputError

onnx = pytest.importorskip("onnx")
reference = pytest.importorskip("onnx.reference")
onnxruntime = pytest.importorskip("onnxruntime")

RNG = np.random.default_rng(0)
N = 9
FLOAT, INT64, BOOL = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64, onnx.TensorProto.BOOL
Nodes = list[Any]
Weights = dict[str, np.ndarray]


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def scalar(value: float) -> np.ndarray:
    return np.array(value, np.float32)


def whole(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def node(op: str, inputs: str, output: str, **settings: Any) -> Any:
    """Make a node; an input `_` is left out."""
    names = ["" if name == "_" else name for name in inputs.split()]
    outputs = output.split()
    return onnx.helper.make_node(op, names, outputs, name=f"node_{outputs[0]}", **settings)


def graph(
    nodes: Nodes,
    weights: Weights,
    *shapes: tuple[int, ...],
    kind: int = FLOAT,
    out: str = "y",
    version: int = 20,
    batch: Any = "N",
) -> bytes:
    """Serialize a graph from inputs `x` [N, …], `x1` [N, …] and so on to an output."""
    tensors = [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()]
    inputs = [
        onnx.helper.make_tensor_value_info("x" if number == 0 else f"x{number}", kind, [batch, *shape])
        for number, shape in enumerate(shapes)
    ]
    outputs = [onnx.helper.make_tensor_value_info(name, FLOAT, None) for name in out.split()]
    made = onnx.helper.make_graph(nodes, "g", inputs, outputs, tensors)
    opset = [onnx.helper.make_opsetid("", version)]
    return onnx.helper.make_model(made, opset_imports=opset, ir_version=10).SerializeToString()


def data(shape: tuple[int, ...], classes: int = 3) -> dict[str, np.ndarray]:
    return {"x_train": normal(N, *shape), "y_train": np.arange(N) % classes}


def imported(tmp_path: Path, content: bytes, examples: Any, **options: Any) -> Any:
    (tmp_path / "net.onnx").write_bytes(content)
    return landscape.from_onnx(tmp_path / "net.onnx", examples, **options)


def refused(tmp_path: Path, content: bytes, examples: Any, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        imported(tmp_path, content, examples, **options)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'net.onnx'}: ")
    assert "\n" not in message
    return message


HEAD = {"fc.weight": normal(3, 6), "fc.bias": normal(3)}
GEMM = node("Gemm", "h fc.weight fc.bias", "y", transB=1)


def outputs(content: bytes, x: np.ndarray) -> np.ndarray:
    """Run a graph by onnxruntime, or by ONNX's reference where that has no kernel."""
    try:
        return np.asarray(onnxruntime.InferenceSession(content).run(None, {"x": x})[0])
    except Exception:
        return np.asarray(reference.ReferenceEvaluator(onnx.load_from_string(content)).run(None, {"x": x})[0])


def ended(
    nodes: Nodes, weights: Weights, shape: tuple[int, ...], x: np.ndarray | None = None, **options: Any
) -> bytes:
    """Serialize a graph whose nodes put out `h`, and a layer of three units after it."""
    batch = options.get("batch", "N")
    given = (
        normal(2 if isinstance(batch, str) else batch, *shape)
        if x is None
        else x[: 2 if isinstance(batch, str) else batch]
    )
    options["kind"] = INT64 if given.dtype.kind == "i" else FLOAT
    content = graph(nodes, weights, shape, out="h", **options)
    size = outputs(content, given).size // len(given)
    whole_shape = {"flat_shape": whole(-1 if isinstance(batch, str) else batch, size)}
    old = {"broadcast": 1} if options.get("version", 20) < 7 else {}
    last = [
        node("Reshape", "h flat_shape", "flat"),
        node("Gemm", "flat last.weight last.bias", "y", transB=1, **old),
    ]
    ends = {"last.weight": normal(3, size) / np.float32(size**0.5), "last.bias": normal(3)}
    return graph([*nodes, *last], {**weights, **whole_shape, **ends}, shape, **options)


def equal(
    tmp_path: Path,
    nodes: Nodes,
    weights: Weights,
    shape: tuple[int, ...],
    x: np.ndarray | None = None,
    **options: Any,
) -> Any:
    """Import a graph whose nodes put out `h`; the importer compares it with onnxruntime."""
    examples = {"x_train": normal(N, *shape) if x is None else x, "y_train": np.arange(N) % 3}
    model = imported(tmp_path, ended(nodes, weights, shape, x, **options), examples)
    assert "outputs equal those of onnx" in model.inferred[-1]
    assert "at a second, random θ they differ by at most" in model.inferred[-1]
    return model

"""Small sound files of each kind that importers read, for `fuzz_importers.py` to change."""

from __future__ import annotations

import importlib.util
import io
import json
from typing import Any

import numpy as np


def examples() -> dict[str, dict[str, np.ndarray]]:
    """Data for the sound files, by the shape that they read."""
    rng = np.random.default_rng(0)
    y = np.arange(6) % 3
    return {
        "flat": {"x_train": rng.standard_normal((6, 4)).astype(np.float32), "y_train": y},
        "image": {"x_train": rng.standard_normal((6, 1, 6, 6)).astype(np.float32), "y_train": y},
        "ids": {"x_train": rng.integers(0, 9, (6, 5)), "y_train": y},
    }


def onnx_seeds() -> list[tuple[str, bytes]]:
    """Graphs that use every row of the table of ops, with the name of the data that they read."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(1)

    def w(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    def n(op: str, inputs: str, output: str, **settings: Any) -> Any:
        names = ["" if name == "_" else name for name in inputs.split()]
        return helper.make_node(op, names, output.split(), name=f"n_{output}", **settings)

    def graph(reads: str, nodes: list[Any], weights: dict[str, np.ndarray]) -> tuple[str, bytes]:
        x = examples()[reads]["x_train"]
        kind = TensorProto.INT64 if reads == "ids" else TensorProto.FLOAT
        made = helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info("x", kind, ["N", *x.shape[1:]])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(array, name) for name, array in weights.items()],
        )
        model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
        return reads, model.SerializeToString()

    head = {"v": w(3, 6), "c": w(3)}
    last = n("Gemm", "h v c", "y", transB=1)
    norm = {key: np.abs(w(6)) + 0.1 for key in ("s", "t", "m", "u")}
    return [
        graph("flat", [n("MatMul", "x w", "a"), n("Add", "a b", "d"), n("Relu", "d", "h"), last, ], head | {"w": w(4, 6), "b": w(6)}),
        graph("flat", [n("Transpose", "w", "wt", perm=[1, 0]), n("MatMul", "x wt", "a"), n("LayerNormalization", "a s t", "e", axis=-1),
                       n("Gelu", "e", "f"), n("Mul", "f a", "g"), n("Concat", "g x", "k", axis=1), n("MatMul", "k q", "h"), last],
              head | {"w": w(6, 4), "s": w(6), "t": w(6), "q": w(10, 6)}),
        graph("flat", [n("Gemm", "x w b", "a"), n("BatchNormalization", "a s t m u", "d"), n("Elu", "d", "e", alpha=0.5), n("Dropout", "e", "h"), last, ],
              head | norm | {"w": w(4, 6), "b": w(6)}),
        graph("image", [n("Conv", "x w b", "a", pads=[1, 1, 1, 1], strides=[1, 1]), n("LeakyRelu", "a", "d"),
                        n("MaxPool", "d", "e", kernel_shape=[2, 2], strides=[2, 2]),
                        n("Conv", "e z", "f", auto_pad="SAME_UPPER"), n("Sigmoid", "f", "g"), n("GlobalAveragePool", "g", "k"), n("Flatten", "k", "h"), last],
              head | {"w": w(2, 1, 3, 3), "b": w(2), "z": w(6, 2, 3, 3)}),
        graph("image", [n("AveragePool", "x", "a", kernel_shape=[3, 3], strides=[3, 3]), n("Shape", "a", "s0"),
                        n("Gather", "s0 zero", "s1", axis=0), n("Unsqueeze", "s1 first", "s2"),
                        n("Concat", "s2 rest", "s3", axis=0), n("Reshape", "a s3", "d"), n("Tanh", "d", "e"), n("MatMul", "e w", "h"), last],
              head | {"zero": np.array(0), "first": np.array([0]), "rest": np.array([-1]), "w": w(4, 6)}),
        graph("ids", [n("Gather", "table x", "a"), n("Add", "a place", "b"), n("ReduceMean", "b axes", "h", keepdims=0), last, ],
              head | {"table": w(9, 6), "place": w(1, 5, 6), "axes": np.array([1])}),
        graph("image", [n("ConvTranspose", "x w", "a", strides=[2, 1], output_padding=[1, 0]),
                        n("AveragePool", "a", "b", kernel_shape=[3, 2], pads=[1, 0, 1, 1], ceil_mode=1),
                        n("Resize", "b _ scales", "c1", mode="cubic"), n("Pad", "c1 pads", "d", mode="reflect"), n("Slice", "d start end axes", "e"),
                        n("ReduceMax", "e axes", "f", keepdims=0), n("Tile", "f times", "g"), n("Flatten", "g", "k"), n("MatMul", "k q", "h"), last],
              head | {"w": w(1, 2, 2, 2), "scales": np.array([1, 1, 0.5, 1], np.float32), "pads": np.array([0, 0, 1, 0, 0, 0, 0, 1]), "start": np.array([0]),
                      "end": np.array([3]), "axes": np.array([3]), "times": np.array([1, 1, 2]), "q": w(28, 6)}),
        graph("flat", [n("Unsqueeze", "x axes", "a"), n("Transpose", "a", "b", perm=[2, 0, 1]),
                       n("LSTM", "b w r", "c1 i", hidden_size=3, direction="bidirectional"),
                       n("Transpose", "c1", "d", perm=[2, 0, 1, 3]), n("Shape", "x", "s"), n("Slice", "s start end", "e"), n("Concat", "e rest", "f", axis=0),
                       n("Expand", "one f", "g"), n("Reshape", "d f", "k"), n("Where", "mask k k", "m"), n("Add", "m g", "o"), n("MatMul", "o q", "h"), last],
              head | {"axes": np.array([1]), "w": w(2, 12, 1), "r": w(2, 12, 3), "start": np.array([0]), "end": np.array([1]), "rest": np.array([24]),
                      "one": w(1, 1), "mask": np.array([True]), "q": w(24, 6)}),
        graph("image", [n("Split", "x", "a b", axis=2, num_outputs=2),
                        n("Einsum", "a b", "c1", equation="bchw,bcgw->bchg"), n("Softmax", "c1", "d", axis=2),
                        n("Gather", "d places", "e", axis=3), n("Max", "e d", "f"), n("CumSum", "f three", "g"),
                        n("LRN", "g", "k", size=3), n("Flatten", "k", "o"),
                        n("MatMul", "o q", "h"), last], head | {"places": np.array([0, 1, 1]), "three": np.array(3), "q": w(9, 6)}),
    ]  # fmt: skip


def packed(arrays: dict[str, np.ndarray], metadata: dict[str, str] | None = None) -> bytes:
    """Lay arrays out as safetensors has them."""
    index: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    body = b""
    for key, array in arrays.items():
        index[key] = {
            "dtype": {"f4": "F32", "f8": "F64"}[array.dtype.str[1:]],
            "shape": list(array.shape),
            "data_offsets": [len(body), len(body) + array.nbytes],
        }
        body += array.tobytes()
    text = json.dumps(index).encode()
    return len(text).to_bytes(8, "little") + text + body


def archive(arrays: dict[str, Any]) -> bytes:
    """Write arrays as an `.npz`."""
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def seeds() -> dict[str, list[tuple[str, bytes]]]:
    """Sound files of each kind that the installed packages can make."""
    rng = np.random.default_rng(2)
    weights = {"0.weight": rng.standard_normal((5, 4)).astype(np.float32), "0.bias": rng.standard_normal(5)}
    weights |= {"2.weight": rng.standard_normal((3, 5)).astype(np.float32)}
    nodes = [{"name": "0", "op": "dense"}, {"name": "a", "op": "tanh"}, {"name": "2", "op": "dense"}]
    header = {"format": 1, "loss": "cross_entropy", "nodes": nodes}
    flat = examples()["flat"]
    short = {key.removesuffix("_train"): array for key, array in flat.items()}
    tested = {key.replace("train", "test"): array for key, array in flat.items()}
    found = {
        "safetensors": [("flat", packed(weights)), ("flat", packed(weights, {"landscape": json.dumps(header)}))],
        "npz": [("flat", archive(weights | flat)), ("flat", archive(weights | flat | {"landscape": json.dumps(header)}))],
        "data": [("flat", archive(flat)), ("flat", archive(short | tested))],
    }  # fmt: skip
    if importlib.util.find_spec("onnx") and importlib.util.find_spec("onnxruntime"):
        found["onnx"] = onnx_seeds()
    if importlib.util.find_spec("torch"):
        import torch

        for state in (weights, {key: value.astype(np.float16) for key, value in weights.items()}):
            stream = io.BytesIO()
            torch.save({key: torch.from_numpy(value) for key, value in state.items()}, stream)
            found.setdefault("pt", []).append(("flat", stream.getvalue()))
    return found


def seeds_of_weights() -> bytes:
    """Sound weights for data that are mutated."""
    rng = np.random.default_rng(2)
    return packed({"0.weight": rng.standard_normal((5, 4)), "2.weight": rng.standard_normal((3, 5))})

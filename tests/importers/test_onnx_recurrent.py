"""ONNX's recurrent layers and attention are onnxruntime's, and networks that PyTorch exports are taken whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import landscape
from tests.importers.onnx_graphs import GEMM, HEAD, data, equal, graph, node, normal, refused, whole

pytestmark = pytest.mark.onnx
STEPS, WIDE, HIDDEN = 4, 3, 2
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
FIRST = node("Transpose", "x", "t", perm=[1, 0, 2])
LAST = node("Transpose", "s", "h", perm=[2, 0, 1, 3])


def weights_of(op: str, directions: int = 1) -> dict[str, np.ndarray]:
    size = GATES[op] * HIDDEN
    return {
        "w": normal(directions, size, WIDE),
        "r": normal(directions, size, HIDDEN),
        "b": normal(directions, 2 * size),
    }


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("op", GATES)
def test_a_recurrent_layer_is_onnxruntimes(tmp_path, op, direction):
    layer = node(op, "t w r b", "s", hidden_size=HIDDEN, direction=direction)
    weights = weights_of(op, 2 if direction == "bidirectional" else 1)
    model = equal(tmp_path, [FIRST, layer, LAST], weights, (STEPS, WIDE))
    parameters = sum(array.size for array in weights.values())
    assert model.size > parameters
    # Each weight is in θ once, however many steps read it.
    assert (
        model.size - sum(weights["w"].shape[:1]) * 0
        == parameters + 3 * (STEPS * len(weights["w"]) * HIDDEN) + 3
    )


LAYERS: dict[str, tuple[list[Any], dict[str, np.ndarray]]] = {
    "last_state": (
        [node("GRU", "t w r b", "s e", hidden_size=HIDDEN, linear_before_reset=1), node("Squeeze", "e first", "h")],
        weights_of("GRU") | {"first": whole(0)},
    ),
    "last_cell": (
        [node("LSTM", "t w r", "s e c", hidden_size=HIDDEN), node("Squeeze", "c first", "h")],
        {k: v for k, v in weights_of("LSTM").items() if k != "b"} | {"first": whole(0)},
    ),
    "other_functions": ([node("RNN", "t w r b", "s", hidden_size=HIDDEN, activations=["Relu"]), LAST], weights_of("RNN")),
    "first_state": (
        [
            node("Shape", "x", "n", start=0, end=1), node("Concat", "one n two", "shape", axis=0), node("ConstantOfShape", "shape", "zeros"),
            node("Expand", "state shape", "start"), node("LSTM", "t w r b _ start zeros", "s", hidden_size=HIDDEN), LAST,
        ],
        weights_of("LSTM") | {"one": whole(1), "two": whole(HIDDEN), "state": normal(1, 1, HIDDEN)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_what_a_recurrent_layer_is_asked_for_is_onnxruntimes(tmp_path, name):
    nodes, weights = LAYERS[name]
    equal(tmp_path, [FIRST, *nodes], weights, (STEPS, WIDE))


REFUSED = {
    "peepholes": ([FIRST, node("LSTM", "t w r _ _ _ _ p", "s", hidden_size=HIDDEN)], "peepholes"),
    "function": (
        [FIRST, node("RNN", "t w r", "s", hidden_size=HIDDEN, activations=["Affine"])],
        "activations",
    ),
    "examples_as_steps": ([node("RNN", "x w r", "s", hidden_size=HIDDEN)], "expected [steps, N, width]"),
    "capped": ([FIRST, node("RNN", "t w r", "s", hidden_size=HIDDEN, clip=1.0)], "clip"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_recurrent_layer_of_another_kind_is_named(tmp_path, name):
    nodes, word = REFUSED[name]
    weights = HEAD | weights_of("LSTM" if name == "peepholes" else "RNN") | {"p": normal(1, 3 * HIDDEN)}
    content = graph([*nodes, node("Flatten", "s", "h"), GEMM], weights, (STEPS, WIDE))
    message = refused(tmp_path, content, data((STEPS, WIDE)))
    assert word in message
    assert "node_s" in message


ATTENTION = {
    "plain": ([node("Attention", "x x x", "h")], {}, (2, 4, 3)),
    "causal": ([node("Attention", "x k x", "h", is_causal=1, scale=0.3)], {"k": None}, (2, 4, 3)),
    "of_heads": ([node("Attention", "x x x", "h", q_num_heads=2, kv_num_heads=2)], {}, (4, 6)),
    "masked": ([node("Attention", "x x x mask", "h")], {"mask": np.tri(4, dtype=np.bool_)}, (2, 4, 3)),
    "with_a_bias": ([node("Attention", "x x x bias", "h")], {"bias": np.where(np.tri(4), 0, -np.inf).astype(np.float32)}, (2, 4, 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTENTION)
def test_attention_is_onnxs(tmp_path, name):
    nodes, weights, shape = ATTENTION[name]
    if "k" in weights:
        nodes, weights = [node("Tanh", "x", "k"), *nodes], {}
    equal(tmp_path, nodes, weights, shape, version=23)


def exported(tmp_path: Path, module: Any, x: Any, way: str, **options: Any) -> Path:
    torch = pytest.importorskip("torch")
    if way == "dynamo":
        pytest.importorskip("onnxscript")
    path = tmp_path / "net.onnx"
    torch.manual_seed(0)
    torch.onnx.export(module.eval(), (x,), path, dynamo=way == "dynamo", external_data=False, **options)
    return path


def networks() -> dict[str, Any]:
    torch = pytest.importorskip("torch")
    nn = torch.nn
    encoder = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)

    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.head = nn.LSTM(8, 6, batch_first=True, bidirectional=True), nn.Linear(12, 3)

        def forward(self, x: Any) -> Any:
            return self.head(self.rnn(x)[0][:, -1])

    return {
        "transformer": nn.Sequential(encoder, nn.Flatten(), nn.Linear(40, 3)),
        "recurrent": Recurrent(),
        "upsampled": nn.Sequential(
            nn.Unflatten(1, (1, 5)), nn.ConvTranspose2d(1, 2, 2, stride=2), nn.Upsample(scale_factor=2, mode="bilinear"),
            nn.AdaptiveAvgPool2d((2, 4)), nn.PReLU(2), nn.Flatten(), nn.Linear(16, 3),
        ),
    }  # fmt: skip


@pytest.mark.torch
@pytest.mark.parametrize("way", ["dynamo", "legacy"])
@pytest.mark.parametrize("name", ["transformer", "recurrent", "upsampled"])
@pytest.mark.filterwarnings("ignore")
def test_a_network_that_pytorch_exports_is_taken(tmp_path, name, way):
    torch = pytest.importorskip("torch")
    module = networks()[name]
    with torch.no_grad():
        for parameter in module.parameters():
            # An exporter leaves out biases of zeros.
            parameter.add_(0.1 * torch.rand(parameter.shape))
    x = torch.randn(9, 5, 8)
    path = exported(tmp_path, module, x, way)
    model = landscape.from_onnx(path, (x.numpy(), np.arange(9) % 3))
    assert "outputs equal those of onnxruntime" in model.inferred[-1]
    assert model.size == sum(parameter.numel() for parameter in module.parameters())

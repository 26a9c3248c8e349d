"""A small file of ONNX makes no more than is sound: sizes beyond reason are one line, before anything is allocated."""

from __future__ import annotations

import numpy as np
import pytest

from tests.importers.onnx_graphs import GEMM, HEAD, data, graph, node, normal, refused, whole
from tests.peak_memory import peak_memory

pytestmark = pytest.mark.onnx
HUGE = 2**31
NODES = {
    "expand": [node("Expand", "x huge", "h")],
    "expand_known": [node("Expand", "one huge", "c"), node("Add", "x c", "h")],
    "tile": [node("Tile", "x huge", "h")],
    "tile_known": [node("Tile", "ones huge", "c"), node("Add", "x c", "h")],
    "filled": [node("ConstantOfShape", "huge", "c"), node("Add", "x c", "h")],
    "filled_weight": [node("ConstantOfShape", "huge", "c"), node("MatMul", "x c", "h")],
    "range": [node("Range", "zero end step", "c"), node("Gather", "x c", "h", axis=1)],
    "pad": [node("Pad", "x pads", "h")],
    "gather": [node("Gather", "many many", "big"), node("Gather", "big many", "bigger"), node("MatMul", "x bigger", "h")],
    "concat": [node("Concat", "many many", "c0", axis=0), *(node("Concat", f"c{n} c{n}", f"c{n + 1}", axis=0) for n in range(39))],
    "spread": [node("Mul", "column many", "c"), node("Mul", "c c", "d"), node("Add", "x d", "h")],
    "one_hot": [node("Cast", "x", "i", to=7), node("OneHot", "i end pair", "h")],
    "sum_before": [node("Expand", "x wide", "a"), node("CumSum", "a one_axis", "h")],
    "outer": [node("Einsum", "x w", "h", equation="bi,j->bij")],
}  # fmt: skip


@pytest.mark.parametrize("name", NODES)
def test_sizes_beyond_reason_are_refused_before_they_are_made(tmp_path, name):
    nodes = NODES[name]
    if name == "concat":
        nodes = [*nodes, node("Gather", "x c39", "h", axis=1)]
    weights = HEAD | {
        "huge": whole(HUGE, HUGE), "one": np.array([[1]], np.float32), "ones": np.ones((1, 1), np.float32), "zero": np.array(0), "end": np.array(2**40),
        "step": np.array(1), "pads": whole(0, 0, 0, HUGE), "many": np.arange(50_000), "column": np.arange(50_000)[:, None], "pair": normal(2),
        "wide": whole(1, 100_000), "one_axis": np.array(1), "w": normal(20_000_000),
    }  # fmt: skip
    weights = {key: array for key, array in weights.items() if any(key in n.input for n in [*nodes, GEMM])}
    shape = (1,) if name in ("expand", "sum_before") else (6,)
    content = graph([*nodes, GEMM], weights, shape)
    messages: list[str] = []
    assert peak_memory(lambda: messages.append(refused(tmp_path, content, data(shape))), 2**30) < 2**30
    assert "node_" in messages[0]


@pytest.mark.parametrize(
    "settings",
    [
        {"kernel_shape": [2**40, 2]},
        {"kernel_shape": [2, 2], "strides": [2**40, 1]},
        {"kernel_shape": [2, 2], "dilations": [2**40, 1]},
        {"kernel_shape": [2, 2], "pads": [2**40, 0, 2**40, 0]},
        {"kernel_shape": [2, 2], "pads": [-1, 0, 0, 0]},
    ],
)
@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
def test_windows_beyond_reason_are_one_line(tmp_path, op, settings):
    content = graph([node(op, "x", "a", **settings), node("Flatten", "a", "h"), GEMM], HEAD, (1, 4, 4))
    assert "node_" in refused(tmp_path, content, data((1, 4, 4)))


@pytest.mark.parametrize(
    "settings", [{"strides": [2**40, 1]}, {"output_padding": [2**40, 0]}, {"pads": [2**40] * 4}, {"output_shape": [2**40, 1]}]
)  # fmt: skip
def test_transposed_convolutions_beyond_reason_are_one_line(tmp_path, settings):
    nodes = [node("ConvTranspose", "x w", "a", **settings), node("Flatten", "a", "h"), GEMM]
    content = graph(nodes, HEAD | {"w": normal(1, 1, 2, 2)}, (1, 4, 4))
    assert "node_" in refused(tmp_path, content, data((1, 4, 4)))


def test_more_steps_than_anybody_unrolls_are_refused(tmp_path):
    nodes = [
        node("Transpose", "x", "t", perm=[1, 0, 2]),
        node("RNN", "t w r", "s", hidden_size=1),
        node("Flatten", "s", "h"),
        GEMM,
    ]
    content = graph(nodes, HEAD | {"w": normal(1, 1, 1), "r": normal(1, 1, 1)}, (1000, 1))
    assert "steps at most" in refused(tmp_path, content, data((1000, 1)))

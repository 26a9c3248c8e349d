"""ONNX's operators that put numbers in another order are onnxruntime's, with a batch of any size and with a fixed one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.importers.onnx_graphs import (
    GEMM,
    HEAD,
    data,
    equal,
    graph,
    imported,
    node,
    normal,
    refused,
    scalar,
    whole,
)

pytestmark = pytest.mark.onnx
# By name: nodes from x to h, what they read besides, the shape of an example, and options.
CASES: dict[str, tuple[list[Any], dict[str, np.ndarray], tuple[int, ...]]] = {
    "flatten": ([node("Flatten", "x", "h")], {}, (2, 3)),
    "flatten_later": ([node("Flatten", "x", "h", axis=-1)], {}, (2, 3)),
    "reshape": ([node("Reshape", "x shape", "h")], {"shape": whole(0, -1)}, (2, 3)),
    "reshape_apart": ([node("Reshape", "x shape", "a"), node("Transpose", "a", "h", perm=[0, 2, 1, 3])], {"shape": whole(-1, 3, 2, 2)}, (3, 4)),
    "examples_merged": (
        [node("Reshape", "x shape", "a"), node("MatMul", "a w", "b"), node("Reshape", "b back", "h")],
        {"shape": whole(-1, 4), "w": normal(4, 2), "back": whole(-1, 3, 2)}, (3, 4),
    ),
    "batch_second": ([node("Transpose", "x", "a", perm=[1, 0, 2]), node("Tanh", "a", "b"), node("Transpose", "b", "h", perm=[1, 2, 0])], {}, (3, 4)),
    "squeeze": ([node("Unsqueeze", "x one", "a"), node("Tanh", "a", "b"), node("Squeeze", "b one", "h")], {"one": whole(1)}, (5,)),
    "unsqueeze_before_the_batch": ([node("Unsqueeze", "x axes", "a"), node("Tanh", "a", "b"), node("Squeeze", "b axes", "h")], {"axes": whole(0)}, (5,)),
    "slice": (
        [node("Slice", "x starts ends axes steps", "h")],
        {"starts": whole(-1, 0), "ends": whole(-100, 3), "axes": whole(1, 2), "steps": whole(-2, 1)}, (5, 4),
    ),
    "slice_all_examples": ([node("Slice", "x starts ends axes", "h")], {"starts": whole(0, 1), "ends": whole(2**63 - 1, 2), "axes": whole(0, 1)}, (5,)),
    "split": ([node("Split", "x sizes", "a b", axis=1), node("Tanh", "b", "c"), node("Concat", "c a", "h", axis=-1)], {"sizes": whole(2, 4)}, (6,)),
    "split_evenly": ([node("Split", "x", "a b c", axis=2, num_outputs=3), node("Mul", "a c", "d"), node("Sub", "d b", "h")], {}, (2, 6)),
    "gather": ([node("Gather", "x places", "h", axis=1)], {"places": whole(2, -1, 0, 2)}, (3, 2)),
    "gather_one": ([node("Gather", "x place", "h", axis=2)], {"place": np.array(1)}, (3, 2)),
    "gather_square": ([node("Gather", "x places", "h", axis=1)], {"places": np.array([[0, 1], [1, 2]])}, (3, 2)),
    "expand": ([node("Expand", "x shape", "h")], {"shape": whole(1, 4, 1)}, (1, 3)),
    "tile": ([node("Tile", "x times", "h")], {"times": whole(1, 2, 3)}, (2, 2)),
    "pad": ([node("Pad", "x pads two", "h")], {"pads": whole(0, 1, 0, 0, 2, -1), "two": scalar(2)}, (3, 4)),
    "pad_axes": ([node("Pad", "x pads _ axes", "h")], {"pads": whole(1, 2), "axes": whole(-1)}, (3, 4)),
    "pad_reflect": ([node("Pad", "x pads", "h", mode="reflect")], {"pads": whole(0, 0, 1, 2, 0, 0, 2, 1)}, (2, 4, 4)),
    "pad_edge": ([node("Pad", "x pads", "h", mode="edge")], {"pads": whole(0, 2, 0, 1)}, (4,)),
    "pad_wrap": ([node("Pad", "x pads", "h", mode="wrap")], {"pads": whole(0, 2, 0, 1)}, (4,)),
    "depth_to_space": ([node("DepthToSpace", "x", "h", blocksize=2)], {}, (8, 2, 3)),
    "depth_to_space_columns": ([node("DepthToSpace", "x", "h", blocksize=2, mode="CRD")], {}, (8, 2, 3)),
    "space_to_depth": ([node("SpaceToDepth", "x", "h", blocksize=2)], {}, (2, 4, 6)),
    "triangle": ([node("Trilu", "x", "a", upper=0), node("Trilu", "x one", "b", upper=1), node("Sub", "a b", "h")], {"one": np.array(1)}, (4, 4)),
    "sum_before": ([node("CumSum", "x axis", "h")], {"axis": np.array(2)}, (2, 5)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_layout_is_onnxruntimes(tmp_path, name):
    equal(tmp_path, *CASES[name])


# A fixed number of examples, which then stands in the shapes that an exporter computes.
B = 4
FIXED = {
    "reshape": ([node("Reshape", "x shape", "a"), node("Transpose", "a", "h", perm=[0, 2, 1])], {"shape": whole(B, 4, 3)}, (3, 4)),
    "as_many_tokens_as_examples": (
        [node("Reshape", "x shape", "a"), node("Transpose", "a", "h", perm=[0, 2, 1, 3])],
        {"shape": whole(B, B, 2, 2)}, (B, 4),
    ),
    "examples_merged": (
        [node("Reshape", "x shape", "a"), node("MatMul", "a w", "b"), node("Reshape", "b back", "h")],
        {"shape": whole(3 * B, 4), "w": normal(4, 2), "back": whole(B, 3, 2)}, (3, 4),
    ),
    "batch_second": (
        [
            node("Transpose", "x", "a", perm=[1, 0, 2]), node("Reshape", "a merged", "b"), node("MatMul", "b w", "c"), node("Reshape", "c back", "d"),
            node("Transpose", "d", "h", perm=[1, 0, 2]),
        ],
        {"merged": whole(3 * B, 4), "w": normal(4, 2), "back": whole(3, B, 2)}, (3, 4),
    ),
    "class_token": ([node("Expand", "w shape", "a"), node("Concat", "a x", "h", axis=1)], {"w": normal(1, 1, 4), "shape": whole(B, 1, 4)}, (3, 4)),
    "class_token_tiled": ([node("Tile", "w times", "a"), node("Concat", "a x", "h", axis=1)], {"w": normal(1, 1, 4), "times": whole(B, 1, 1)}, (3, 4)),
    "constant_of_all_examples": ([node("Add", "x c", "h")], {"c": np.tile(np.array([[1.0, 0, 0]], np.float32), (B, 1))}, (3,)),
}  # fmt: skip


@pytest.mark.parametrize("name", FIXED)
def test_a_fixed_number_of_examples_is_followed_through(tmp_path, name):
    nodes, weights, shape = FIXED[name]
    equal(tmp_path, nodes, weights, shape, batch=B)


SHAPES = {
    "by_shape": (
        [
            node("Shape", "x", "s"), node("Gather", "s zero", "n", axis=0), node("Unsqueeze", "n first", "n1"),
            node("Concat", "n1 rest", "shape", axis=0), node("Reshape", "x shape", "h"),
        ],
        (2, 3),
    ),
    "by_arithmetic": (
        [
            node("Shape", "x", "s"), node("Slice", "s first one", "n"), node("Slice", "s one three", "m"), node("ReduceProd", "m", "size", keepdims=1),
            node("Mul", "n two", "twice"), node("Div", "size two", "half"), node("Concat", "twice half", "shape", axis=0),
            node("Reshape", "x shape", "a"), node("Tanh", "a", "b"), node("Reshape", "b s", "h"),
        ],
        (2, 4),
    ),
    "numbers_for_all": (
        [
            node("Shape", "x", "s", start=0, end=1), node("Concat", "s two", "shape", axis=0), node("ConstantOfShape", "shape", "zeros"),
            node("Concat", "zeros x", "h", axis=1),
        ],
        (3,),
    ),
    "spread_over_all": (
        [
            node("Shape", "x", "s", start=0, end=1), node("Concat", "s one one", "shape", axis=0), node("Expand", "w shape", "t"),
            node("Concat", "t x", "h", axis=1),
        ],
        (3, 4),
    ),
    "positions": (
        [
            node("Shape", "x", "s", start=1, end=2), node("Squeeze", "s", "t"), node("Range", "zero t step", "places"), node("Gather", "table places", "p"),
            node("Add", "x p", "h"),
        ],
        (3, 4),
    ),
}  # fmt: skip


@pytest.mark.parametrize("batch", ["N", B])
@pytest.mark.parametrize("name", SHAPES)
def test_shapes_that_are_computed_are_known(tmp_path, name, batch):
    nodes, shape = SHAPES[name]
    weights = {
        "zero": np.array(0), "step": np.array(1), "first": whole(0), "one": whole(1), "two": whole(2), "three": whole(3), "rest": whole(-1),
        "w": normal(1, 1, 4), "table": normal(5, 4),
    }  # fmt: skip
    used = {source for n in nodes for source in n.input}
    equal(tmp_path, nodes, {key: array for key, array in weights.items() if key in used}, shape, batch=batch)


def test_ids_are_looked_up(tmp_path):
    ids = np.random.default_rng(0).integers(0, 11, (9, 4))
    nodes = [
        node("Gather", "table x", "a"),
        node("Add", "a place", "b"),
        node("ReduceMean", "b axes", "h", keepdims=0),
    ]
    weights = {"table": normal(11, 6), "place": normal(1, 4, 6), "axes": whole(1)}
    model = equal(tmp_path, nodes, weights, (4,), ids)
    assert [n.op for n in model.nodes] == ["embedding", "position", "mean", "dense"]


def test_ids_become_numbers_of_classes(tmp_path):
    ids = np.random.default_rng(0).integers(0, 5, (9, 3))
    nodes = [node("Cast", "x", "i", to=7), node("OneHot", "i depth values", "h", axis=-1)]
    equal(tmp_path, nodes, {"depth": np.array(5), "values": np.array([-1, 2], np.float32)}, (3,), ids)


def test_several_inputs_are_a_tuple(tmp_path):
    nodes = [node("Concat", "x x1", "a", axis=1), node("Tanh", "a", "h"), GEMM]
    x = (normal(9, 2), normal(9, 4))
    model = imported(tmp_path, graph(nodes, HEAD, (2,), (4,)), (x, np.arange(9) % 3))
    assert model.data["x_train"].shape == (9, 6)
    message = refused(tmp_path, graph(nodes, HEAD, (2,), (4,)), data((6,)))
    assert "expected as many inputs as the data have" in message


def test_an_output_is_chosen(tmp_path):
    nodes = [node("Tanh", "x", "h"), GEMM, node("Gemm", "x other", "z", transB=1)]
    content = graph(nodes, HEAD | {"other": normal(3, 6)}, (6,), out="y z")
    first = imported(tmp_path, content, data((6,)))
    assert any("of 2 outputs the first" in line for line in first.inferred)
    assert (first.size, imported(tmp_path, content, data((6,)), output="z").size) == (21, 18)
    assert imported(tmp_path, content, data((6,)), output=1).size == 18
    assert "expected one of 'y, z'" in refused(tmp_path, content, data((6,)), output="w")


REFUSED = {
    "examples_mixed": ([node("Reshape", "x shape", "h")], {"shape": whole(-1, 24)}, (2, 6), "mixes the examples"),
    "examples_reversed": ([node("Slice", "x a b a c", "h")], {"a": whole(0), "b": whole(-99), "c": whole(-1)}, (6,), "mixes the examples"),
    "examples_joined": ([node("Concat", "x x", "h", axis=0)], {}, (6,), "mixes the examples"),
    "triangle_of_examples": ([node("Trilu", "x", "h")], {}, (6,), "mixes the examples"),
    "no_such_place": ([node("Gather", "x p", "h", axis=1)], {"p": whole(9)}, (6,), "takes place [9] of an axis of 6"),
    "places_of_the_data": ([node("Cast", "x", "i", to=7), node("Gather", "x i", "h", axis=1)], {}, (6,), "depend on the data"),
    "shape_of_the_data": ([node("Cast", "x", "i", to=7), node("Reshape", "x i", "h")], {}, (6,), "expected known numbers"),
    "size_of_the_batch": ([node("Size", "x", "s"), node("Cast", "s", "n", to=1), node("Div", "x n", "h")], {}, (6,), "number of examples"),
    "half_of_the_batch": (
        [node("Shape", "x", "s"), node("Div", "s two", "t"), node("Reshape", "x t", "h")],
        {"two": whole(2, 1)}, (6,), "mixes the examples",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_mixes_examples_is_named(tmp_path, name):
    nodes, weights, shape, word = REFUSED[name]
    message = refused(tmp_path, graph([*nodes, GEMM], HEAD | weights, shape), data(shape))
    assert word in message
    assert "node_" in message

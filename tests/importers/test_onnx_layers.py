"""ONNX's products, convolutions, pools, normalizations, reductions and resizes are onnxruntime's."""

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
Cases = dict[str, tuple[list[Any], dict[str, np.ndarray], tuple[int, ...]]]
PRODUCTS: Cases = {
    "gemm": ([node("Gemm", "x w b", "h")], {"w": normal(5, 4), "b": normal(4)}, (5,)),
    "gemm_scaled": ([node("Gemm", "x w b", "h", alpha=0.5, beta=2.0, transB=1)], {"w": normal(4, 5), "b": normal(1, 4)}, (5,)),
    "matmul": ([node("MatMul", "x w", "a"), node("Add", "b a", "h")], {"w": normal(4, 2), "b": normal(2)}, (3, 4)),
    "matmul_of_two_values": ([node("Transpose", "x", "t", perm=[0, 2, 1]), node("MatMul", "x t", "a"), node("MatMul", "a x", "h")], {}, (3, 4)),
    "matmul_from_the_left": ([node("MatMul", "w x", "h")], {"w": normal(2, 3)}, (3, 4)),
    "matmul_of_stacks": ([node("MatMul", "x w", "h")], {"w": normal(2, 4, 3)}, (2, 3, 4)),
    "weight_that_is_computed": ([node("Mul", "v g", "w"), node("MatMul", "x w", "h")], {"v": normal(5, 4), "g": normal(1, 4)}, (5,)),
    "einsum_layer": ([node("Einsum", "x w", "h", equation="bij,jk->bik")], {"w": normal(4, 2)}, (3, 4)),
    "einsum_attention": ([node("Tanh", "x", "a"), node("Einsum", "x a", "h", equation="b i h d, b j h d -> b h i j")], {}, (3, 2, 4)),
    "einsum_of_a_weight_of_three_axes": ([node("Einsum", "w x", "h", equation="dhe,...d->...he")], {"w": normal(4, 2, 3)}, (3, 4)),
    "einsum_of_one": ([node("Einsum", "x", "h", equation="bij->bj")], {}, (3, 4)),
    "einsum_outer": ([node("Einsum", "x w", "h", equation="bi,j")], {"w": normal(3)}, (4,)),
}  # fmt: skip
IMAGE = (2, 5, 6)
CONVOLUTIONS: Cases = {
    "strided": ([node("Conv", "x w b", "h", pads=[1, 0, 1, 0], strides=[2, 1])], {"w": normal(3, 2, 3, 3), "b": normal(3)}, IMAGE),
    "pads_of_one_side": ([node("Conv", "x w", "h", pads=[1, 0, 0, 2])], {"w": normal(3, 2, 3, 3)}, IMAGE),
    "same_upper": ([node("Conv", "x w", "h", auto_pad="SAME_UPPER", strides=[2, 2])], {"w": normal(3, 2, 2, 3)}, IMAGE),
    "same_lower": ([node("Conv", "x w", "h", auto_pad="SAME_LOWER")], {"w": normal(3, 2, 2, 2)}, IMAGE),
    "valid": ([node("Conv", "x w", "h", auto_pad="VALID")], {"w": normal(3, 2, 2, 2)}, IMAGE),
    "of_one_axis": ([node("Conv", "x w b", "h", group=2, dilations=[2], pads=[2, 2])], {"w": normal(6, 2, 3), "b": normal(6)}, (4, 9)),
    "of_volumes": (
        [node("Conv", "x w b", "h", strides=[2, 1, 1], pads=[1, 0, 1, 1, 0, 1], dilations=[1, 2, 1])],
        {"w": normal(3, 2, 2, 2, 3), "b": normal(3)}, (2, 4, 5, 3),
    ),
    "of_volumes_in_groups": ([node("Conv", "x w", "h", group=2)], {"w": normal(4, 1, 2, 2, 2)}, (2, 3, 3, 3)),
    "with_weights_of_nodes": ([node("Tanh", "w", "t"), node("Conv", "x t b", "h")], {"w": normal(3, 2, 2, 2), "b": normal(3)}, IMAGE),
    "transposed": (
        [node("ConvTranspose", "x w b", "h", strides=[2, 3], pads=[1, 0, 0, 1], output_padding=[1, 0])],
        {"w": normal(2, 3, 3, 3), "b": normal(3)}, IMAGE,
    ),
    "transposed_same": ([node("ConvTranspose", "x w", "h", strides=[2, 2], auto_pad="SAME_UPPER")], {"w": normal(2, 3, 3, 3)}, IMAGE),
    "transposed_to_a_shape": ([node("ConvTranspose", "x w", "h", strides=[2, 2], output_shape=[10, 12])], {"w": normal(2, 3, 3, 3)}, IMAGE),
    "transposed_of_one_axis": ([node("ConvTranspose", "x w", "h", group=2, dilations=[2])], {"w": normal(4, 3, 2)}, (4, 5)),
    "transposed_of_volumes": ([node("ConvTranspose", "x w", "h", strides=[1, 2, 1])], {"w": normal(2, 2, 2, 2, 1)}, (2, 2, 3, 2)),
}  # fmt: skip
POOLS: Cases = {
    "largest": ([node("MaxPool", "x", "h", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])], {}, IMAGE),
    "largest_ceiled": ([node("MaxPool", "x", "h", kernel_shape=[2, 3], strides=[2, 2], ceil_mode=1)], {}, IMAGE),
    "largest_dilated": ([node("MaxPool", "x", "h", kernel_shape=[2, 2], dilations=[2, 3], strides=[1, 1], pads=[1, 0, 0, 1])], {}, IMAGE),
    "largest_of_one_axis": ([node("MaxPool", "x", "h", kernel_shape=[3], strides=[2], auto_pad="SAME_UPPER")], {}, (2, 7)),
    "largest_of_volumes": ([node("MaxPool", "x", "h", kernel_shape=[2, 2, 1], strides=[2, 1, 1])], {}, (2, 4, 3, 3)),
    "average": ([node("AveragePool", "x", "h", kernel_shape=[2, 1], strides=[1, 1])], {}, IMAGE),
    "average_without_the_padding": ([node("AveragePool", "x", "h", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2])], {}, IMAGE),
    "average_with_the_padding": ([node("AveragePool", "x", "h", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)], {}, IMAGE),
    "average_ceiled": ([node("AveragePool", "x", "h", kernel_shape=[2, 3], strides=[2, 2], ceil_mode=1)], {}, IMAGE),
    "average_same": ([node("AveragePool", "x", "h", kernel_shape=[2, 2], strides=[1, 1], auto_pad="SAME_LOWER")], {}, IMAGE),
    "average_dilated": ([node("AveragePool", "x", "h", kernel_shape=[2, 2], dilations=[2, 2])], {}, IMAGE),
    "average_of_one_axis": ([node("AveragePool", "x", "h", kernel_shape=[3], strides=[2])], {}, (2, 7)),
    "average_of_volumes": ([node("AveragePool", "x", "h", kernel_shape=[2, 2, 1], strides=[2, 1, 1], pads=[0, 1, 0, 0, 1, 0])], {}, (2, 4, 3, 3)),
    "of_all": ([node("GlobalAveragePool", "x", "a"), node("GlobalMaxPool", "x", "b"), node("Mul", "a x", "c"), node("Sub", "c b", "h")], {}, IMAGE),
}  # fmt: skip
EVERY = whole(1, 2)
REDUCTIONS: Cases = {
    "sum": ([node("ReduceSum", "x axes", "h")], {"axes": EVERY}, (3, 4)),
    "sum_of_none": ([node("ReduceSum", "x", "h", noop_with_empty_axes=1)], {}, (3,)),
    "mean": ([node("ReduceMean", "x axes", "h", keepdims=0)], {"axes": whole(-1)}, (3, 4)),
    "mean_kept": ([node("ReduceMean", "x axes", "a"), node("Sub", "x a", "h")], {"axes": whole(1)}, (3, 4)),
    "largest": ([node("ReduceMax", "x axes", "h", keepdims=0)], {"axes": whole(2)}, (3, 4)),
    "least": ([node("ReduceMin", "x axes", "h")], {"axes": whole(1)}, (3, 4)),
    "norms": (
        [node("ReduceL1", "x axes", "a"), node("ReduceL2", "x axes", "b"), node("ReduceSumSquare", "x axes", "c"), node("Concat", "a b c", "h", axis=1)],
        {"axes": whole(2)}, (3, 4),
    ),
    "logarithms": (
        [
            node("ReduceLogSumExp", "x axes", "a", keepdims=0), node("Exp", "x", "e"), node("ReduceLogSum", "e axes", "b", keepdims=0),
            node("Concat", "a b", "h", axis=1),
        ],
        {"axes": whole(2)}, (3, 4),
    ),
}  # fmt: skip
CHANNELS = {"s": normal(6), "b": normal(6)}
NORMALIZATIONS: Cases = {
    "batch": ([node("BatchNormalization", "x s b m v", "h", epsilon=0.1)], CHANNELS | {"m": normal(6), "v": normal(6) ** 2}, (6, 3, 2)),
    "batch_of_vectors": ([node("BatchNormalization", "x s b m v", "h")], CHANNELS | {"m": normal(6), "v": normal(6) ** 2}, (6,)),
    "layer": ([node("LayerNormalization", "x s b", "h", epsilon=0.1)], CHANNELS, (2, 6)),
    "layer_of_two_axes": ([node("LayerNormalization", "x s", "h", axis=1)], {"s": normal(3, 2)}, (3, 2)),
    "layer_of_one_scale": ([node("LayerNormalization", "x one", "h")], {"one": np.array([1.5], np.float32)}, (3, 2)),
    "group": ([node("GroupNormalization", "x s b", "h", num_groups=3, epsilon=0.1)], CHANNELS, (6, 2, 3)),
    "instance": ([node("InstanceNormalization", "x s b", "h")], CHANNELS, (6, 4, 3)),
    "root_mean_square": ([node("RMSNormalization", "x s", "h", epsilon=0.1)], {"s": normal(6)}, (2, 6)),
    "response": ([node("LRN", "x", "h", size=3, alpha=0.5, beta=0.6, bias=1.2)], {}, (5, 2, 2)),
    "unit_length": ([node("LpNormalization", "x", "a", axis=1), node("LpNormalization", "x", "b", axis=-1, p=1), node("Add", "a b", "h")], {}, (3, 4)),
    "softmax": ([node("Softmax", "x", "a", axis=1), node("LogSoftmax", "x", "b", axis=2), node("Add", "a b", "h")], {}, (3, 4)),
}  # fmt: skip
SIZES: Cases = {
    "nearest": ([node("Resize", "x _ scales", "h", mode="nearest")], {"scales": np.array([1, 1, 2, 1.5], np.float32)}, IMAGE),
    "nearest_floor": (
        [node("Resize", "x _ scales", "h", coordinate_transformation_mode="asymmetric", nearest_mode="floor")],
        {"scales": np.array([1, 1, 0.5, 2], np.float32)}, IMAGE,
    ),
    "linear": ([node("Resize", "x _ _ sizes", "h", mode="linear", axes=[2, 3])], {"sizes": whole(8, 4)}, IMAGE),
    "linear_corners": (
        [node("Resize", "x _ scales", "h", mode="linear", coordinate_transformation_mode="align_corners")],
        {"scales": np.array([1, 1, 2, 2], np.float32)}, IMAGE,
    ),
    "linear_of_pytorch": (
        [node("Resize", "x _ scales", "h", mode="linear", coordinate_transformation_mode="pytorch_half_pixel")],
        {"scales": np.array([1, 1, 2], np.float32)}, (2, 5),
    ),
    "cubic": ([node("Resize", "x _ scales", "h", mode="cubic")], {"scales": np.array([1, 1, 2, 1.5], np.float32)}, IMAGE),
    "cubic_without_what_is_outside": (
        [node("Resize", "x _ scales", "h", mode="cubic", exclude_outside=1, cubic_coeff_a=-0.5)],
        {"scales": np.array([1, 1, 2, 0.8], np.float32)}, IMAGE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_product_is_onnxruntimes(tmp_path, name):
    equal(tmp_path, *PRODUCTS[name])


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_convolution_is_onnxruntimes(tmp_path, name):
    equal(tmp_path, *CONVOLUTIONS[name])


@pytest.mark.parametrize("name", POOLS)
def test_a_pool_is_onnxruntimes(tmp_path, name):
    equal(tmp_path, *POOLS[name])


@pytest.mark.parametrize("name", REDUCTIONS)
def test_a_reduction_is_onnxruntimes(tmp_path, name):
    equal(tmp_path, *REDUCTIONS[name])


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_a_normalization_is_onnxruntimes(tmp_path, name):
    nodes, weights, shape = NORMALIZATIONS[name]
    equal(tmp_path, nodes, weights, shape, version=23 if name == "root_mean_square" else 21)


@pytest.mark.parametrize("name", SIZES)
def test_a_change_of_size_is_onnxruntimes(tmp_path, name):
    equal(tmp_path, *SIZES[name])


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
def test_an_old_softmax_is_over_all_axes_from_one_on(tmp_path, op):
    equal(tmp_path, [node(op, "x", "h", axis=1)], {}, (3, 4), version=11)


def test_old_operators_have_settings_where_newer_ones_have_inputs(tmp_path):
    nodes = [
        node("Pad", "x", "a", pads=[0, 0, 1, 0, 0, 1], value=0.5),
        node("Slice", "a", "b", starts=[0], ends=[3], axes=[2]),
        node("Clip", "b", "c", min=-0.5, max=1.0),
        node("Unsqueeze", "c", "d", axes=[1]),
        node("Squeeze", "d", "e", axes=[1]),
        node("Upsample", "e scales", "f", mode="nearest"),
        node("Split", "f", "g i", axis=1, split=[1, 2]),
        node("Dropout", "i", "j", ratio=0.5),
        node("ReduceSum", "j", "h", axes=[1], keepdims=0),
    ]
    equal(tmp_path, nodes, {"scales": np.array([1, 1, 2], np.float32)}, (3, 4), version=9)


def test_versions_that_onnxruntime_does_not_have_run_in_onnxs_reference(tmp_path):
    nodes = [
        node("Gemm", "x w b", "a", broadcast=1),
        node("Add", "a c", "d", broadcast=1, axis=1),
        node("Tanh", "d", "h"),
    ]
    model = equal(tmp_path, nodes, {"w": normal(5, 4), "b": normal(4), "c": normal(4)}, (5,), version=6)
    assert "onnx.reference" in model.inferred[-1]


def test_networks_that_gpus_take_have_the_ops_that_they_have(tmp_path):
    nodes = [
        node("Conv", "x w", "a"),
        node("BatchNormalization", "a s b m v", "c"),
        node("Relu", "c", "d"),
        node("MaxPool", "d", "e", kernel_shape=[2, 2], strides=[2, 2]),
        node("GlobalAveragePool", "e", "f"),
        node("Flatten", "f", "h"),
        GEMM,
    ]
    weights = HEAD | CHANNELS | {"w": normal(6, 2, 3, 3), "m": normal(6), "v": normal(6) ** 2}
    model = imported(tmp_path, graph(nodes, weights, (2, 8, 8)), data((2, 8, 8)))
    assert [n.op for n in model.nodes] == [
        "conv2d",
        "batchnorm",
        "relu",
        "maxpool2d",
        "globalavgpool",
        "dense",
    ]


REFUSED = {
    "strides": ([node("Conv", "x w", "a", strides=2)], "strides=2"),
    "no_stride": ([node("MaxPool", "x", "a", kernel_shape=[2, 2], strides=[0, 0], auto_pad="SAME_UPPER")], "strides=[0, 0]"),
    "groups": ([node("GroupNormalization", "x g g", "a", num_groups=1)], "one number for each of 2 channels"),
    "places": ([node("MaxPool", "x", "b i", kernel_shape=[2, 2]), node("Cast", "i", "a", to=1)], "reads 'i', which no node outputs"),
    "too_large_a_window": ([node("AveragePool", "x", "a", kernel_shape=[9, 9])], "expected one that fits"),
    "examples_averaged": ([node("ReduceMean", "x axes", "a")], "mixes the examples"),
    "cropped": ([node("Resize", "x _ g2", "a", mode="linear", coordinate_transformation_mode="tf_crop_and_resize")], "tf_crop_and_resize"),
    "three_operands": ([node("Einsum", "x x x", "a", equation="bijk,bijk,bijk->bi")], "one or two operands"),
    "diagonal": ([node("Einsum", "x", "a", equation="biii->bi")], "an axis twice"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_layer_that_the_format_does_not_have_is_named(tmp_path, name):
    nodes, word = REFUSED[name]
    weights = HEAD | {
        "w": normal(6, 2, 3, 3),
        "g": normal(1),
        "axes": whole(0),
        "g2": np.ones(4, np.float32),
        "two": scalar(2),
    }
    content = graph([*nodes, node("Flatten", "a", "h"), GEMM], weights, (2, 5, 4), version=21)
    message = refused(tmp_path, content, data((2, 5, 4)))
    assert word in message
    assert "node_" in message

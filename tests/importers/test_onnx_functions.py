"""ONNX's functions of each number, arithmetic, comparisons and choices are onnxruntime's."""

from __future__ import annotations

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
    onnx,
    refused,
    scalar,
    whole,
)

pytestmark = pytest.mark.onnx
ACTIVATIONS = {
    "relu": ("Relu", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.3}),
    "elu": ("Elu", {"alpha": 0.7}),
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "softplus": ("Softplus", {}),
    "gelu": ("Gelu", {}),
    "selu": ("Selu", {}),
    "celu": ("Celu", {"alpha": 0.7}),
    "hardsigmoid": ("HardSigmoid", {"alpha": 1 / 6}),
    "hardswish": ("HardSwish", {}),
    "mish": ("Mish", {}),
    "softsign": ("Softsign", {}),
    "softshrink": ("Shrink", {"lambd": 0.4, "bias": 0.4}),
    "hardshrink": ("Shrink", {"lambd": 0.4}),
    "abs": ("Abs", {}),
    "exp": ("Exp", {}),
    "sin": ("Sin", {}),
    "cos": ("Cos", {}),
    "atan": ("Atan", {}),
    "sinh": ("Sinh", {}),
    "cosh": ("Cosh", {}),
    "erf": ("Erf", {}),
    "floor": ("Floor", {}),
    "sign": ("Sign", {}),
    "reciprocal": ("Reciprocal", {}),
    "softmax": ("Softmax", {"axis": -1}),
    "identity": ("Identity", {}),
    "dropout": ("Dropout", {}),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_onnxruntimes(tmp_path, name):
    op, settings = ACTIVATIONS[name]
    content = graph([node(op, "x", "h", **settings), GEMM], HEAD, (6,))
    model = imported(tmp_path, content, data((6,)))
    assert [n.op for n in model.nodes] == [*([] if name == "identity" else [name]), "dense"]
    assert "outputs equal those of onnxruntime on 9 of 9" in model.inferred[-1]


# Nodes from x to h with the numbers that they read, and the ops that they become.
NUMBERS = {
    "zero": scalar(0),
    "two": scalar(2),
    "half": scalar(0.5),
    "six": scalar(6),
    "one": scalar(1),
    "low": scalar(-0.5),
}
FUNCTIONS = {
    "numbers": (
        [node("Mul", "x two", "a"), node("Add", "one a", "b"), node("Sub", "b half", "c"), node("Div", "c six", "h")],
        ["scale", "shift", "shift", "scale"],
    ),
    "numbers_first": (
        [node("Abs", "x", "a"), node("Add", "a one", "b"), node("Div", "two b", "c"), node("Sub", "one c", "h")],
        ["abs", "shift", "reciprocal", "scale", "scale", "shift"],
    ),
    "relu6": ([node("Clip", "x zero six", "h")], ["relu6"]),
    "relu": ([node("Clip", "x zero", "h")], ["relu"]),
    "hardtanh": ([node("Clip", "x low half", "h")], ["hardtanh"]),
    "clip": ([node("Clip", "x low two", "h")], ["clip_below", "clip_above"]),
    "clip_above": ([node("Clip", "x _ half", "h")], ["clip_above"]),
    "largest": ([node("Max", "x low", "a"), node("Min", "half a", "h")], ["clip_below", "clip_above"]),
    "negative": ([node("Neg", "x", "h")], ["scale"]),
    "square": ([node("Pow", "x two", "h")], ["square"]),
    "cube": ([node("Pow", "x three", "h")], ["power"]),
    "base": ([node("Pow", "two x", "h")], ["scale", "exp"]),
    "root": (
        [node("Abs", "x", "a"), node("Sqrt", "a", "b"), node("Add", "a one", "c"), node("Log", "c", "d"), node("Add", "b d", "h")],
        ["abs", "sqrt", "shift", "log", "add"],
    ),
    "hardsigmoid": ([node("HardSigmoid", "x", "h")], ["scale", "shift", "relu", "clip_above"]),
    "selu": ([node("Selu", "x", "h", alpha=1.5, gamma=0.7)], ["elu", "scale"]),
    "gelu_in_parts": (
        [node("Mul", "x half", "a"), node("Erf", "x", "b"), node("Add", "b one", "c"), node("Mul", "a c", "h")],
        ["scale", "erf", "shift", "multiply"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_each_number_are_onnxruntimes(tmp_path, name):
    nodes, expected = FUNCTIONS[name]
    content = graph([*nodes, GEMM], HEAD | NUMBERS | {"three": scalar(3)}, (6,))
    model = imported(tmp_path, content, data((6,)))
    assert [n.op for n in model.nodes] == [*expected, "dense"]
    assert "outputs equal those of onnxruntime on 9 of 9" in model.inferred[-1]


WEIGHTS = {
    "w": normal(6),
    "slopes": np.abs(normal(6)),
    "slope": np.array([0.3], np.float32),
    "most": np.abs(normal(6)),
    "mask": np.array([1, 0, 1, 1, 0, 0], np.bool_),
    "far": np.array([0, -np.inf, 0, 0, -np.inf, 0], np.float32),
}
JOINS = {
    "shrink_further": [node("Shrink", "x", "h", lambd=0.3, bias=0.1)],
    "thresholded": [node("ThresholdedRelu", "x", "h", alpha=0.4)],
    "prelu": [node("PRelu", "x slopes", "h")],
    "prelu_of_one_slope": [node("PRelu", "x slope", "h")],
    "gelu_by_tanh": [node("Gelu", "x", "h", approximate="tanh")],
    "parameter_added": [node("Tanh", "x", "a"), node("Add", "w a", "b"), node("Mul", "b w", "h")],
    "parameter_subtracted": [node("Sub", "w x", "a"), node("Exp", "w", "s"), node("Div", "a s", "h")],
    "several": [node("Tanh", "x", "a"), node("Sum", "x a w", "b"), node("Mean", "a b x", "c"), node("Max", "c a x", "d"), node("Min", "d w", "h")],
    "power": [node("Abs", "x", "a"), node("Add", "a half", "b"), node("Pow", "b x", "h")],
    "chosen_by_a_comparison": [node("Greater", "x half", "m"), node("Tanh", "x", "a"), node("Where", "m a w", "h")],
    "chosen_by_known_numbers": [node("Where", "mask x two", "h")],
    "set_aside": [node("Not", "mask", "m"), node("Where", "m far x", "a"), node("Clip", "a low half", "h")],
    "comparisons": [
        node("LessOrEqual", "x half", "a"), node("GreaterOrEqual", "x low", "b"), node("And", "a b", "c"), node("Less", "x zero", "d"),
        node("Or", "c d", "e"), node("Not", "e", "f"), node("Cast", "f", "g", to=1), node("Cast", "c", "i", to=1), node("Sub", "i g", "h"),
    ],
    "casts": [node("Cast", "x", "a", to=11), node("Cast", "a", "b", to=1), node("Cast", "x", "c", to=7), node("Cast", "c", "d", to=1), node("Add", "b d", "h")],
    "ceiling": [node("Ceil", "x", "a"), node("Floor", "x", "b"), node("Add", "a b", "h")],
}  # fmt: skip


@pytest.mark.parametrize("name", JOINS)
def test_values_are_joined_as_onnxruntime_joins_them(tmp_path, name):
    used = {source for n in JOINS[name] for source in n.input}
    weights = {key: array for key, array in (WEIGHTS | NUMBERS).items() if key in used}
    equal(tmp_path, JOINS[name], weights, (6,))


def test_numbers_that_no_layer_has_are_parameters_and_that_is_said(tmp_path):
    model = equal(tmp_path, [node("Mul", "x w", "h")], {"w": normal(6)}, (6,))
    assert model.size == 6 + 18 + 3
    assert any("taken for parameters" in line and "w" in line for line in model.inferred)


@pytest.mark.parametrize("mask", [np.array([[0, -np.inf, 0, 0, 0, -1e38]]), np.tri(2, 6), np.arange(6)[None]])
def test_masks_and_whole_numbers_are_no_parameters(tmp_path, mask):
    array = mask.astype(np.float32) if mask.dtype.kind == "f" else mask
    last = node("Max", "x mask", "h")
    nodes = [node("Cast", "mask", "m", to=1), node("Max", "x m", "h")] if mask.dtype.kind == "i" else [last]
    assert equal(tmp_path, nodes, {"mask": array}, (2, 6)).size == 36 + 3


def test_a_number_that_may_have_been_trained_is_said_to_be_fixed(tmp_path):
    content = graph([node("Mul", "x gain", "h"), GEMM], HEAD | {"gain": np.array([0.7], np.float32)}, (6,))
    assert any(
        "'gain' of the file is taken as fixed" in line
        for line in imported(tmp_path, content, data((6,))).inferred
    )


REFUSED = {
    "bounds": ([node("Clip", "x c", "h")], "expected one number, found [6]"),
    "divided_by_zero": ([node("Div", "x zero", "h")], "divides by 0"),
    "divided_whole": ([node("Cast", "x", "a", to=7), node("Div", "a a", "b"), node("Cast", "b", "h", to=1)], "whole numbers"),
    "base_below_zero": ([node("Pow", "low x", "h")], "expected a number above 0"),
    "places": ([node("ArgMax", "x", "a"), node("Cast", "a", "h", to=1)], "'ArgMax' is not supported"),
    "chance": ([node("Bernoulli", "x", "h")], "random numbers"),
    "text": ([node("Cast", "x", "h", to=8)], "to=8"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_function_that_the_format_does_not_have_is_named(tmp_path, name):
    nodes, word = REFUSED[name]
    weights = HEAD | {"c": normal(6), "zero": scalar(0), "low": scalar(-1), "places": whole(0)}
    message = refused(tmp_path, graph([*nodes, GEMM], weights, (6,)), data((6,)))
    assert word in message
    assert "node_" in message
    assert onnx is not None

"""The op table: output shapes, attributes and parameters of every op of the format."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landscape.errors import InputError
from landscape.model.graph import read_nodes
from landscape.ops.activation import ACTIVATIONS
from landscape.ops.table import OPERATIONS

Shape = tuple[int, ...]


def place(op: str, shape: Shape, found: dict[str, Shape] | None = None, /, **attributes: Any) -> Any:
    """Place one node on an input of a shape."""
    keys = {f"n.{key}": value for key, value in (found or {}).items()}
    return read_nodes([{"name": "n", "op": op, **attributes}], shape, keys)[0]


SAME = {"identity": (3, 4), "softmax": (3, 4), "dropout": (3, 4)}

# op, input, parameters, attributes, output
ROWS = [
    *((op, shape, {}, {}, shape) for op, shape in SAME.items()),
    *(
        (op.name, (3, 4), {}, {key: 2 for key, read in op.attributes.items() if read.required}, (3, 4))
        for op in ACTIVATIONS
    ),
    ("dense", (4,), {"weight": (5, 4), "bias": (5,)}, {}, (5,)),
    ("dense", (7, 4), {"weight": (5, 4)}, {}, (7, 5)),
    ("conv2d", (4, 9, 8), {"weight": (6, 4, 3, 2), "bias": (6,)}, {}, (6, 7, 7)),
    ("conv2d", (4, 9, 8), {"weight": (6, 2, 3, 3)}, {"stride": 2, "padding": [1, 0], "groups": 2}, (6, 5, 3)),
    ("conv2d", (4, 9, 8), {"weight": (6, 4, 3, 3)}, {"dilation": [2, 3]}, (6, 5, 2)),
    ("conv1d", (4, 9), {"weight": (6, 4, 3)}, {"padding": [1]}, (6, 9)),
    (
        "batchnorm",
        (4, 9, 8),
        dict.fromkeys(["weight", "bias", "running_mean", "running_var"], (4,)),
        {},
        (4, 9, 8),
    ),
    ("batchnorm", (4,), {"running_mean": (4,), "running_var": (4,)}, {"mode": "batch"}, (4,)),
    ("layernorm", (3, 4), {"weight": (4,), "bias": (4,)}, {}, (3, 4)),
    ("layernorm", (3, 4), {"weight": (3, 4), "bias": (3, 4)}, {"axes": 2}, (3, 4)),
    ("groupnorm", (4, 9, 8), {"weight": (4,), "bias": (4,)}, {"groups": 2}, (4, 9, 8)),
    ("groupnorm", (4,), {}, {"groups": 1}, (4,)),
    ("embedding", (6,), {"weight": (20, 8)}, {}, (6, 8)),
    ("position", (6, 8), {"weight": (6, 8)}, {}, (6, 8)),
    (
        "attention",
        (6, 8),
        {
            "in_proj_weight": (24, 8),
            "in_proj_bias": (24,),
            "out_proj.weight": (8, 8),
            "out_proj.bias": (8,),
        },
        {"heads": 2, "causal": True},
        (6, 8),
    ),
    ("maxpool2d", (4, 9, 8), {}, {"kernel": 2}, (4, 4, 4)),
    ("maxpool2d", (4, 9, 8), {}, {"kernel": 3, "stride": 2, "padding": 1}, (4, 5, 4)),
    ("avgpool2d", (4, 9, 8), {}, {"kernel": [9, 8]}, (4, 1, 1)),
    ("globalavgpool", (4, 9, 8), {}, {}, (4,)),
    ("globalavgpool", (4, 9), {}, {}, (4,)),
    ("flatten", (4, 9, 8), {}, {}, (288,)),
    ("flatten", (), {}, {}, (1,)),
    ("mean", (4, 9, 8), {}, {"axis": 2}, (4, 8)),
    ("mean", (4, 9, 8), {}, {"axis": -1}, (4, 9)),
    ("mean", (4,), {}, {"axis": 1}, ()),
    ("add", (4, 9), {}, {"inputs": ["input"] * 3}, (4, 9)),
    ("multiply", (4, 9), {}, {"inputs": ["input"] * 2}, (4, 9)),
    ("concat", (4, 9), {}, {"inputs": ["input"] * 3, "axis": 1}, (12, 9)),
    ("concat", (4, 9), {}, {"inputs": ["input"] * 2, "axis": -1}, (4, 18)),
    ("add", (4, 9), {}, {"inputs": ["input"] * 2}, (4, 9)),
    ("subtract", (4, 9), {}, {"inputs": ["input"] * 2}, (4, 9)),
    ("divide", (), {}, {"inputs": ["input"] * 2}, ()),
    ("parameter", (4,), {"value": (3, 1, 2)}, {"shape": [3, 1, 2]}, (3, 1, 2)),
    ("constant", (4,), {"value": (5,)}, {"shape": [5]}, (5,)),
    ("reshape", (4, 9), {}, {"shape": [3, -1, 2]}, (3, 6, 2)),
    ("reshape", (4, 9), {}, {"shape": [36]}, (36,)),
    ("reshape", (1, 1), {}, {"shape": []}, ()),
    ("transpose", (4, 9, 8), {}, {"axes": [3, 1, 2]}, (8, 4, 9)),
    ("transpose", (4, 9, 8), {}, {"axes": [1, -1, -2]}, (4, 8, 9)),
    ("slice", (4, 9), {}, {"axis": 2, "start": 2, "stop": -2}, (4, 5)),
    ("slice", (4, 9), {}, {"axis": -1, "start": 8, "stop": -10, "step": -2}, (4, 5)),
    ("slice", (4, 9), {}, {"axis": 1, "start": -3}, (3, 9)),
    ("take", (4, 9), {}, {"axis": 1, "indices": [3, 0, -1, 3, 2]}, (5, 9)),
    ("pad", (4, 9), {}, {"before": [1, 0], "after": [0, 2], "value": 1.5}, (5, 11)),
    ("pad", (4, 9), {}, {"before": [-1, 3], "after": [0, -2]}, (3, 10)),
    ("pad", (4, 9), {}, {"before": [3, 0], "after": [3, 8], "mode": "reflect"}, (10, 17)),
    ("pad", (4, 9), {}, {"before": [4, 0], "after": [0, 9], "mode": "circular"}, (8, 18)),
    ("pad", (4, 9), {}, {"before": [7, 0], "after": [0, 0], "mode": "replicate"}, (11, 9)),
    ("expand", (4, 1), {}, {"shape": [2, 4, 9]}, (2, 4, 9)),
    ("reduce_sum", (4, 9, 8), {}, {"axes": [3, 1]}, (9,)),
    ("reduce_mean", (4, 9, 8), {}, {"axes": [-1], "keepdims": True}, (4, 9, 1)),
    ("reduce_max", (4, 9, 8), {}, {"axes": [1, 2, 3]}, ()),
    ("reduce_min", (4, 9, 8), {}, {"axes": []}, (4, 9, 8)),
    ("matmul", (3, 4, 4), {}, {"inputs": ["input"] * 2}, (3, 4, 4)),
    ("scaled_dot_product_attention", (2, 5, 3), {}, {"inputs": ["input"] * 3, "causal": True}, (2, 5, 3)),
    ("pad_channels", (4, 9, 8), {}, {"before": 1, "after": 3}, (8, 9, 8)),
    ("pad_channels", (4, 9, 8), {}, {"before": 4, "after": 4, "stride": 2}, (12, 5, 4)),
]


def test_every_op_of_the_format_has_a_row():
    assert {row[0] for row in ROWS} == set(OPERATIONS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_output_has_the_shape_of_the_table(row):
    op, shape, parameters, attributes, expected = row
    assert place(op, shape, parameters, **attributes).shape == expected


@pytest.mark.parametrize("row", [row for row in ROWS if row[2]], ids=lambda row: row[0])
def test_a_parameter_of_one_more_axis_or_one_less_is_refused(row):
    op, shape, parameters, attributes, _ = row
    for name, found in parameters.items():
        for wrong in ((*found, 1), found[1:], (*found[:-1], found[-1] + 1)):
            if op.startswith("conv") and wrong == (*found[:-1], found[-1] + 1):
                continue  # another kernel
            if op == "embedding" and len(wrong) == 2:
                continue  # another width
            with pytest.raises(InputError, match=f"n.{name}: expected shape"):
                place(op, shape, parameters | {name: wrong}, **attributes)


@pytest.mark.parametrize("row", [row for row in ROWS if row[2]], ids=lambda row: row[0])
def test_a_parameter_that_is_not_optional_must_be_there(row):
    op, shape, parameters, attributes, _ = row
    optional = [parameter.name for parameter in OPERATIONS[op].parameters if parameter.optional]
    for name in parameters:
        fewer = {key: value for key, value in parameters.items() if key != name}
        if name in optional:
            place(op, shape, fewer, **attributes)
        else:
            with pytest.raises(InputError, match=f"'n.{name}', which the archive does not have"):
                place(op, shape, fewer, **attributes)


# op, input, attributes, what the message says
WRONG = [
    ("conv2d", (4, 9), {}, r"reads \[N, C, H, W\]"),
    ("conv1d", (4, 9, 8), {}, r"reads \[N, C, W\]"),
    ("conv2d", (4, 9, 8), {"groups": 3}, "groups: expected a divisor of the 4 channels"),
    ("conv2d", (4, 9, 8), {"stride": 0}, "stride: expected a whole number from 1"),
    ("conv2d", (4, 9, 8), {"stride": [1, 2, 3]}, "stride: .* list of 2"),
    ("conv2d", (4, 9, 8), {"padding": -1}, "padding: expected a whole number from 0"),
    ("conv2d", (4, 9, 8), {"padding": "same"}, "padding: expected a whole number from 0"),
    ("conv2d", (4, 9, 8), {"dilation": True}, "dilation: expected a whole number from 1"),
    ("conv2d", (4, 9, 8), {"stride": 2**31}, "stride: expected"),
    ("maxpool2d", (4, 9, 8), {"kernel": 10}, "more than the padded image"),
    ("maxpool2d", (4, 9, 8), {"kernel": 3, "padding": 2}, "at most half of the kernel"),
    ("maxpool2d", (4, 9, 8), {}, "kernel: missing"),
    ("layernorm", (4,), {"axes": 2}, "at least 2 trailing axes"),
    ("layernorm", (4,), {"eps": -1}, "eps: expected a finite number from 0"),
    ("groupnorm", (4, 9), {"groups": 3}, "groups: expected a divisor of the 4 channels"),
    ("groupnorm", (4, 9), {}, "groups: missing"),
    ("groupnorm", (), {"groups": 1}, r"reads \[N, C, …\]"),
    ("batchnorm", (), {}, r"reads \[N, C, …\]"),
    ("batchnorm", (4,), {"mode": "eval"}, "mode: expected one of running, batch"),
    ("batchnorm", (4,), {"momentum": 2}, "momentum: expected a number from 0 to 1"),
    ("attention", (6, 8), {"heads": 3}, "heads: expected a divisor of the width 8"),
    ("attention", (6, 8), {}, "heads: missing"),
    ("attention", (8,), {"heads": 1}, r"reads \[N, T, D\]"),
    ("embedding", (6, 8), {}, "integer ids"),
    ("softmax", (), {}, "reads"),
    ("globalavgpool", (4,), {}, "an axis after the channels"),
    ("mean", (4,), {"axis": 2}, "axis: expected 1 to 1"),
    ("mean", (4,), {"axis": -2}, "axis: expected 1 to 1"),
    ("mean", (4,), {"axis": [1]}, "axis: expected a whole number"),
    ("scale", (4,), {}, "by: missing"),
    ("hardtanh", (4,), {"limit": 0}, "limit: expected a finite number above 0"),
    ("gelu", (4,), {"approximate": "erf"}, "approximate: expected one of none, tanh"),
    ("dropout", (4,), {"p": 1.5}, "p: expected a number from 0 to 1"),
    ("reshape", (4, 9), {"shape": [5, -1]}, r"shape: \[N, 4, 9\] cannot become \[N, 5, -1\]"),
    ("reshape", (4, 9), {"shape": [-1, -1]}, "cannot become"),
    ("reshape", (4, 9), {"shape": [0, 36]}, "cannot become"),
    ("reshape", (4, 9), {"shape": [6, 3]}, r"has 36 numbers an example, \[N, 6, 3\] 18"),
    ("reshape", (4, 9), {"shape": 36}, "shape: expected a list of whole numbers"),
    ("reshape", (4, 9), {}, "shape: missing"),
    ("transpose", (4, 9), {"axes": [0, 1]}, "axes: expected each of 1 to 2 once"),
    ("transpose", (4, 9), {"axes": [1, 1]}, "axes: expected each of 1 to 2 once"),
    ("transpose", (4, 9), {"axes": [2]}, "axes: expected each of 1 to 2 once"),
    ("slice", (4, 9), {"axis": 0}, "axis: expected 1 to 2"),
    ("slice", (4, 9), {"axis": 1, "step": 0}, "step: expected a number other than 0"),
    ("slice", (4, 9), {"axis": 1, "start": 4}, "one place at least"),
    ("slice", (4, 9), {"axis": 1, "start": 2, "stop": 1}, "one place at least"),
    ("slice", (4, 9), {"axis": 1, "start": 0.5}, "start: expected a whole number"),
    ("take", (4, 9), {"axis": 1, "indices": [4]}, "indices: expected some of 0 to 3"),
    ("take", (4, 9), {"axis": 1, "indices": [-5]}, "indices: expected some of 0 to 3"),
    ("take", (4, 9), {"axis": 1, "indices": []}, "indices: expected some of 0 to 3"),
    ("take", (4, 9), {"axis": 3, "indices": [0]}, "axis: expected 1 to 2"),
    ("pad", (4, 9), {"before": [1], "after": [1]}, "before, after: expected 2 widths each"),
    ("pad", (4, 9), {"before": [0, 0], "after": [0]}, "before, after: expected 2 widths each"),
    ("pad", (4, 9), {"before": [-4, 0], "after": [0, 0]}, "leave nothing of an axis of 4"),
    ("pad", (4, 9), {"before": [-2, 0], "after": [-2, 0]}, "leave nothing of an axis of 4"),
    (
        "pad",
        (4, 9),
        {"before": [4, 0], "after": [0, 0], "mode": "reflect"},
        "reflect padding of an axis of 4 has at most 3",
    ),
    (
        "pad",
        (4, 9),
        {"before": [-2, 0], "after": [2, 0], "mode": "reflect"},
        "reflect padding of an axis of 2 has at most 1",
    ),
    (
        "pad",
        (4, 9),
        {"before": [0, 0], "after": [5, 0], "mode": "circular"},
        "circular padding of an axis of 4 has at most 4",
    ),
    (
        "pad",
        (4, 9),
        {"before": [0, 0], "after": [0, 0], "mode": "wrap"},
        "mode: expected one of constant, reflect",
    ),
    ("expand", (4, 9), {"shape": [4, 18]}, "cannot be broadcast"),
    ("expand", (4, 1), {"shape": [9]}, "cannot be broadcast"),
    ("expand", (4, 1), {"shape": [1, 9]}, "cannot be broadcast"),
    ("expand", (4, 1), {"shape": [4, 0]}, "shape: expected a list of whole numbers"),
    ("reduce_sum", (4, 9), {"axes": [0]}, "axis: expected 1 to 2"),
    ("reduce_max", (4, 9), {"axes": [1, -2]}, "axes: expected each axis once"),
    ("reduce_mean", (4, 9), {"axes": 1}, "axes: expected a list of whole numbers"),
    ("reduce_min", (4, 9), {}, "axes: missing"),
    ("subtract", (4,), {}, "subtract reads two inputs, found 1"),
    ("divide", (4,), {"inputs": ["input"] * 3}, "divide reads two inputs, found 3"),
    ("matmul", (4, 9), {"inputs": ["input"] * 2}, r"reads \[N, …, m, k\] and \[N, …, k, n\]"),
    ("matmul", (4,), {"inputs": ["input"] * 2}, r"reads matrices"),
    ("scaled_dot_product_attention", (5, 3), {"inputs": ["input"] * 2}, "reads 3 to 4 inputs, found 2"),
    ("scaled_dot_product_attention", (5, 3), {"inputs": ["input"] * 4}, "mask: expected a shape"),
    (
        "scaled_dot_product_attention",
        (5, 3),
        {"inputs": ["input"] * 3, "scale": -1},
        "scale: expected a finite number from 0",
    ),
    ("scaled_dot_product_attention", (3,), {"inputs": ["input"] * 3}, r"reads \[N, …, tokens, width\]"),
    ("parameter", (4,), {"inputs": ["input"], "shape": [3]}, "parameter reads no input, found 1"),
    ("parameter", (4,), {"shape": [0]}, "shape: expected a list of whole numbers"),
    ("parameter", (4,), {}, "shape: missing"),
    ("pad_channels", (4, 9), {"before": 0, "after": 0}, "channels first"),
    ("pad_channels", (4, 9, 8), {"before": 0}, "after: missing"),
]


@pytest.mark.parametrize("row", WRONG, ids=lambda row: f"{row[0]}-{row[3][:12]}")
def test_what_an_op_cannot_read_is_refused(row):
    op, shape, attributes, message = row
    with pytest.raises(InputError, match=message):
        place(op, shape, **attributes)


def test_output_groups_must_divide_too():
    with pytest.raises(InputError, match="divisor of the 5 output channels"):
        place("conv2d", (4, 9, 8), {"weight": (5, 2, 3, 3)}, groups=2)


def test_attributes_are_settled():
    assert place("mean", (4, 9), axis=-1).attributes == {"axis": 2}
    pool = place("maxpool2d", (4, 9, 8), kernel=[3, 2]).attributes
    assert pool == {"kernel": (3, 2), "stride": (3, 2), "padding": (0, 0)}
    convolution = place("conv2d", (4, 9, 8), {"weight": (6, 4, 3, 3)}, stride=2).attributes
    assert convolution == {"stride": (2, 2), "padding": (0, 0), "dilation": (1, 1), "groups": 1}


def test_inputs_of_concat_may_differ_along_the_axis_only():
    nodes = [
        {"name": "a", "op": "dense"},
        {"name": "b", "op": "concat", "inputs": ["a", "input"], "axis": 2},
        {"name": "c", "op": "concat", "inputs": ["a", "input"], "axis": 1},
    ]
    assert read_nodes(nodes[:2], (3, 4), {"a.weight": (5, 4)})[-1].shape == (3, 9)
    with pytest.raises(InputError, match="equal shapes but for axis 1"):
        read_nodes(nodes, (3, 4), {"a.weight": (5, 4)})


@pytest.mark.torch
class TestAgainstTorch:
    @given(data=st.data())
    @settings(max_examples=150)
    def test_windows_slide_as_torchs_do(self, data):
        torch = pytest.importorskip("torch")
        size = st.integers(1, 9)
        shape = (data.draw(size), data.draw(size), data.draw(size))
        kernel, stride = (data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4))) for _ in range(2))
        padding, dilation = data.draw(st.integers(0, 2)), data.draw(st.integers(1, 2))
        weight = (2, shape[0], *kernel)
        try:
            expected = torch.nn.functional.conv2d(
                torch.zeros(1, *shape), torch.zeros(weight), None, stride, padding, dilation
            ).shape[1:]
        except RuntimeError:
            expected = None
        self.compare(
            expected, "conv2d", shape, {"weight": weight}, stride=stride, padding=padding, dilation=dilation
        )
        try:
            expected = torch.nn.functional.max_pool2d(torch.zeros(1, *shape), kernel, stride, padding).shape[
                1:
            ]
        except RuntimeError:
            expected = None
        self.compare(expected, "maxpool2d", shape, {}, kernel=kernel, stride=stride, padding=padding)

    def compare(self, expected, op, shape, parameters, **attributes):
        if expected is None:
            with pytest.raises(InputError):
                place(op, shape, parameters, **attributes)
        else:
            assert place(op, shape, parameters, **attributes).shape == tuple(expected)

"""ONNX graphs: outputs are onnxruntime's; what the format does not have is named; a hostile file is one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import landscape
from landscape import InputError

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.onnx

RNG = np.random.default_rng(0)
N = 9
FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def node(op: str, inputs: str, output: str, **settings: Any) -> Any:
    return onnx.helper.make_node(op, inputs.split(), [output], name=f"node_{output}", **settings)


def graph(
    nodes: list[Any],
    weights: dict[str, np.ndarray],
    shape: tuple[int, ...],
    *,
    kind: int = FLOAT,
    out: str = "y",
    version: int = 20,
) -> bytes:
    """Serialize a graph from the input `x` [N, *shape] to the output `y`."""
    tensors = [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()]
    made = onnx.helper.make_graph(
        nodes,
        "g",
        [onnx.helper.make_tensor_value_info("x", kind, ["N", *shape])],
        [onnx.helper.make_tensor_value_info(out, FLOAT, None)],
        tensors,
    )
    opset = [onnx.helper.make_opsetid("", version)]
    return onnx.helper.make_model(made, opset_imports=opset, ir_version=10).SerializeToString()


def data(shape: tuple[int, ...], classes: int = 3) -> dict[str, np.ndarray]:
    return {"x_train": normal(N, *shape), "y_train": np.arange(N) % classes}


def imported(tmp_path: Path, content: bytes, examples: dict[str, np.ndarray], **options: Any) -> Any:
    (tmp_path / "net.onnx").write_bytes(content)
    return landscape.from_onnx(tmp_path / "net.onnx", examples, **options)


def refused(tmp_path: Path, content: bytes, examples: dict[str, np.ndarray]) -> str:
    with pytest.raises(InputError) as caught:
        imported(tmp_path, content, examples)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'net.onnx'}: ")
    assert "\n" not in message
    return message


HEAD = {"fc.weight": normal(3, 6), "fc.bias": normal(3)}
GEMM = node("Gemm", "h fc.weight fc.bias", "y", transB=1)
ACTIVATIONS = {
    "relu": ("Relu", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.3}),
    "elu": ("Elu", {"alpha": 0.7}),
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "softplus": ("Softplus", {}),
    "gelu": ("Gelu", {}),
    "softmax": ("Softmax", {"axis": -1}),
    "identity": ("Identity", {}),
    "dropout": ("Dropout", {}),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_onnxruntimes(tmp_path, name):
    op, settings = ACTIVATIONS[name]
    content = graph([node(op, "x", "h", **settings), GEMM], HEAD, (6,))
    model = imported(tmp_path, content, data((6,)))
    assert [n.op for n in model.nodes][-1] == "dense"
    assert "outputs equal those of onnxruntime on 9 of 9" in model.inferred[-1]


GRAPHS = {
    "matmul_and_bias": ([node("MatMul", "x w", "a"), node("Add", "a b", "h"), GEMM], {"w": normal(5, 6), "b": normal(6)}, (5,)),
    "bias_first": ([node("MatMul", "x w", "a"), node("Add", "b a", "h"), GEMM], {"w": normal(5, 6), "b": normal(6)}, (5,)),
    "transposed_weight": ([node("Transpose", "w", "wt", perm=[1, 0]), node("MatMul", "x wt", "h"), GEMM], {"w": normal(6, 5)}, (5,)),
    "residual": ([node("Tanh", "x", "a"), node("Add", "a x", "h"), GEMM], {}, (6,)),
    "product": ([node("Sigmoid", "x", "a"), node("Mul", "a x", "h"), GEMM], {}, (6,)),
    "concat": ([node("Tanh", "x", "a"), node("Concat", "a x", "h", axis=1), GEMM], {}, (3,)),
    "layernorm": ([node("LayerNormalization", "x s b", "h", epsilon=0.1), GEMM], {"s": normal(6), "b": normal(6)}, (6,)),
    "flatten": ([node("Flatten", "x", "h"), GEMM], {}, (2, 3)),
    "reshape": ([node("Reshape", "x shape", "h"), GEMM], {"shape": np.array([0, -1])}, (2, 3)),
    "reshape_by_shape": (
        [
            node("Shape", "x", "s"), node("Gather", "s zero", "n", axis=0), node("Unsqueeze", "n first", "n1"),
            node("Concat", "n1 rest", "shape", axis=0), node("Reshape", "x shape", "h"), GEMM,
        ],
        {"zero": np.array(0), "first": np.array([0]), "rest": np.array([-1])},
        (2, 3),
    ),
    "reshaped_input": (
        [node("Unsqueeze", "x axes", "a"), node("Flatten", "a", "b"), node("MatMul", "b w", "h"), GEMM],
        {"axes": np.array([1]), "w": normal(5, 6)},
        (5,),
    ),
    "constant": (
        [onnx.helper.make_node("Constant", [], ["w"], value=onnx.numpy_helper.from_array(normal(5, 6))), node("MatMul", "x w", "h"), GEMM],
        {},
        (5,),
    ),
    "cast": ([node("Cast", "x", "h", to=FLOAT), GEMM], {}, (6,)),
    "sequence": ([node("MatMul", "x w", "a"), node("Tanh", "a", "b"), node("Flatten", "b", "h"), GEMM], {"w": normal(4, 2)}, (3, 4)),
    "two_heads_of_one_weight": (
        [node("MatMul", "x w", "a"), node("Tanh", "a", "b"), node("MatMul", "b w", "h"), GEMM], {"w": normal(6, 6)}, (6,)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_has_onnxruntimes_outputs(tmp_path, name):
    nodes, weights, shape = GRAPHS[name]
    model = imported(tmp_path, graph(nodes, HEAD | weights, shape), data(shape))
    difference = float(model.inferred[-1].split("largest difference ")[1].split(",")[0])
    assert difference < 1e-5


def test_a_weight_that_is_used_twice_is_in_theta_once(tmp_path):
    nodes, weights, shape = GRAPHS["two_heads_of_one_weight"]
    model = imported(tmp_path, graph(nodes, HEAD | weights, shape), data(shape))
    assert model.size == 36 + 18 + 3


def test_ones_and_zeros_that_the_file_holds_once_are_parameters_of_their_own(tmp_path):
    nodes = [
        node("Gemm", "x w b", "a", transB=1),
        node("LayerNormalization", "a one zero", "c", axis=-1),
        node("Tanh", "c", "d"),
        node("LayerNormalization", "d one shift", "e", axis=-1),
        node("Gemm", "e w b", "h", transB=1),
        GEMM,
    ]
    weights = {"w": normal(6, 6), "b": np.zeros(6, np.float32), "one": np.ones(6, np.float32)}
    weights |= {"zero": np.zeros(6, np.float32), "shift": normal(6)}
    model = imported(tmp_path, graph(nodes, HEAD | weights, (6,)), data((6,)))
    assert model.size == (36 + 6) + 2 * (6 + 6) + (18 + 3)


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
def test_a_softmax_at_the_end_goes_into_the_cross_entropy(tmp_path, op):
    nodes = [node("Gemm", "x fc.weight fc.bias", "z", transB=1), node(op, "z", "y", axis=-1)]
    model = imported(tmp_path, graph(nodes, HEAD, (6,)), data((6,)))
    assert [n.op for n in model.nodes] == ["dense"]
    assert any(f"{op} at the end goes into the loss" in sentence for sentence in model.inferred)


def test_a_sigmoid_at_the_end_goes_into_the_binary_cross_entropy(tmp_path):
    nodes = [node("Gemm", "x w b", "z", transB=1), node("Sigmoid", "z", "y")]
    content = graph(nodes, {"w": normal(1, 6), "b": normal(1)}, (6,))
    model = imported(tmp_path, content, data((6,), classes=2))
    assert (model.loss, [n.op for n in model.nodes]) == ("binary_cross_entropy", ["dense"])


def test_parameters_keep_the_names_of_the_file(tmp_path):
    model = imported(tmp_path, graph([node("Tanh", "x", "h"), GEMM], HEAD, (6,)), data((6,)))
    assert list(model.parameters) == ["fc.weight", "fc.bias"]


REFUSED = {
    "op": ([node("Selu", "x", "h"), GEMM], {}, (6,), "the nearest that is: elu"),
    "recurrent": ([node("LSTM", "x w r", "h", hidden_size=2), GEMM], {"w": normal(1, 8, 6), "r": normal(1, 8, 2)}, (6,), "'LSTM'"),
    "constant_added": ([node("Add", "x c", "h"), GEMM], {"c": normal(6)}, (6,), "node_h"),
    "two_values_multiplied": ([node("MatMul", "x x", "h"), GEMM], {}, (6, 6), "attention"),
    "scaled": ([node("Gemm", "x fc.weight fc.bias", "y", transB=1, alpha=2.0)], {}, (6,), "alpha=2"),
    "shape": ([node("Gemm", "x w", "h"), GEMM], {"w": normal(5, 4)}, (5,), "node_y"),
    "mixed_examples": ([node("Reshape", "x shape", "h"), GEMM], {"shape": np.array([-1, 6])}, (2, 6), "mixes the examples"),
    "nothing_reads": ([node("Tanh", "nowhere", "h"), GEMM], {}, (6,), "nothing puts out"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_format_does_not_have_is_named(tmp_path, name):
    nodes, weights, shape, word = REFUSED[name]
    assert word in refused(tmp_path, graph(nodes, HEAD | weights, shape), data(shape))


FLAT = [node("Flatten", "c", "h"), GEMM]
RECTIFIED = [node("Relu", "a", "c"), node("Flatten", "c", "h"), GEMM]
MEANS = [node("ReduceMean", "c axes", "h", keepdims=0), GEMM]
MEAN = [node("ReduceMean", "a axes", "h", keepdims=0), GEMM]
IMAGES = {
    "convolution": ([node("Conv", "x w b", "a", pads=[1, 0, 1, 0], strides=[2, 1]), *RECTIFIED], {"w": normal(1, 2, 3, 3), "b": normal(1)}, (2, 5, 4)),
    "same_padding": ([node("Conv", "x w", "a", auto_pad="SAME_UPPER"), node("GlobalAveragePool", "a", "c"), *FLAT], {"w": normal(6, 2, 3, 3)}, (2, 5, 4)),
    "groups_of_one_axis": ([node("Conv", "x w", "a", group=2, dilations=[2]), *MEAN], {"w": normal(6, 2, 3), "axes": np.array([2])}, (4, 9)),
    "batchnorm": (
        [node("Conv", "x w", "a"), node("BatchNormalization", "a s b m v", "c", epsilon=0.1), node("ReduceMean", "c axes", "h", keepdims=0), GEMM],
        {"w": normal(6, 2, 3, 3), "s": normal(6), "b": normal(6), "m": normal(6), "v": normal(6) ** 2, "axes": np.array([2, 3])},
        (2, 5, 4),
    ),
    "groupnorm": (
        [node("Conv", "x w", "a"), node("GroupNormalization", "a s b", "c", num_groups=3, epsilon=0.1), *MEANS],
        {"w": normal(6, 2, 3, 3), "s": normal(6), "b": normal(6), "axes": np.array([2, 3])},
        (2, 5, 4),
    ),
    "instancenorm": (
        [node("Conv", "x w", "a"), node("InstanceNormalization", "a s b", "n"), node("Relu", "n", "c"), *MEANS],
        {"w": normal(6, 2, 3, 3), "s": normal(6), "b": normal(6), "axes": np.array([2, 3])},
        (2, 5, 4),
    ),
    "pools": (
        [
            node("MaxPool", "x", "a", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
            node("AveragePool", "a", "b", kernel_shape=[2, 1], strides=[1, 1]), node("Flatten", "b", "h"), GEMM,
        ],
        {},
        (2, 3, 5),
    ),
    "padded_average": (
        [node("AveragePool", "x", "a", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1), node("Flatten", "a", "h"), GEMM],
        {},
        (1, 3, 2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_network_has_onnxruntimes_outputs(tmp_path, name):
    nodes, weights, shape = IMAGES[name]
    imported(tmp_path, graph(nodes, HEAD | weights, shape, version=21), data(shape))


SQUARE = {"w": normal(6, 6), "c": normal(6)}
TIES = {
    "tied_by_transposition": ([node("Gemm", "x w c", "a", transB=1), node("Tanh", "a", "b"), node("Gemm", "b w c", "h"), GEMM], "in another way"),
    "transposed_twice": (
        [node("Transpose", "w", "wt", perm=[1, 0]), node("MatMul", "x wt", "a"), node("Tanh", "a", "b"), node("Gemm", "b w", "h", transB=1), GEMM], None,
    ),
    "rows_twice": ([node("Gather", "w rows", "g", axis=0), node("MatMul", "x g", "h"), GEMM], "computed from"),
    "joined": ([node("Concat", "w w", "g", axis=1), node("MatMul", "x g", "a"), node("MatMul", "a v", "h"), GEMM], "computed from"),
}  # fmt: skip


@pytest.mark.parametrize("name", TIES)
def test_a_matrix_is_in_theta_once_or_the_graph_is_refused(tmp_path, name):
    nodes, word = TIES[name]
    extra = {"rows": np.array([0, 1, 1, 0, 2, 3]), "v": normal(12, 6)}
    content = graph(nodes, HEAD | SQUARE | extra, (6,))
    if word is not None:
        assert word in refused(tmp_path, content, data((6,)))
        return
    assert imported(tmp_path, content, data((6,))).size == 36 + 18 + 3


def test_a_graph_is_compared_with_onnxruntime_at_a_second_theta(tmp_path, monkeypatch):
    """A graph that reads another initializer than it seems to has equal outputs at one θ only."""
    from landscape.importers.onnx_graph import walk as walked

    nodes = [node("Gemm", "x w c", "a", transB=1), node("Tanh", "a", "h"), GEMM]
    content = graph(nodes, HEAD | SQUARE | {"same": SQUARE["c"].copy()}, (6,))
    model = imported(tmp_path, content, data((6,)))
    assert "at a second, random θ they differ by at most" in model.inferred[-1]
    real = walked.Origin
    monkeypatch.setattr(walked, "Origin", lambda name: real("same" if name == "c" else name))
    message = refused(tmp_path, content, data((6,)))
    assert "at a second, random θ outputs differ" in message


def test_a_vector_that_the_file_keeps_once_is_two_parameters_and_that_is_said(tmp_path):
    nodes = [
        node("Gemm", "x w c", "a", transB=1),
        node("Tanh", "a", "b"),
        node("Gemm", "b v c", "h", transB=1),
        GEMM,
    ]
    model = imported(tmp_path, graph(nodes, HEAD | SQUARE | {"v": normal(6, 6)}, (6,)), data((6,)))
    assert model.size == 2 * (36 + 6) + 18 + 3
    assert any("keeps one array for" in sentence for sentence in model.inferred)


def test_a_matrix_that_the_file_has_twice_is_reported(tmp_path):
    nodes = [node("MatMul", "x w", "a"), node("Tanh", "a", "b"), node("MatMul", "b v", "h"), GEMM]
    weights = {"w": SQUARE["w"], "v": np.ascontiguousarray(SQUARE["w"].T)}
    model = imported(tmp_path, graph(nodes, HEAD | weights, (6,)), data((6,)))
    assert any("hold the same numbers" in sentence for sentence in model.inferred)


@pytest.mark.parametrize("kind", ["linear", "convolution"])
def test_a_batch_norm_that_pytorchs_newer_exporter_folded_is_reported(tmp_path, kind):
    """It leaves the name of a batch norm's first result on the product."""
    if kind == "linear":
        nodes = [node("Gemm", "x w c", "getitem", transB=1), node("Tanh", "getitem", "h"), GEMM]
        model = imported(tmp_path, graph(nodes, HEAD | SQUARE, (6,)), data((6,)))
    else:
        nodes = [node("Conv", "x w", "getitem_3"), node("GlobalAveragePool", "getitem_3", "c"), *FLAT]
        model = imported(tmp_path, graph(nodes, HEAD | {"w": normal(6, 2, 3, 3)}, (2, 5, 4)), data((2, 5, 4)))
    assert any("the exporter folded batch norm" in sentence for sentence in model.inferred)


WRONG = {
    "auto_pad": [1], "strides": 2, "strides ": "two", "pads": [0.5, 1.0, 0.0, 0.0], "dilations": [], "group": [2], "group ": "all", "kernel_shape": 3.5,
}  # fmt: skip


@pytest.mark.parametrize("key", WRONG)
def test_an_attribute_of_the_wrong_type_is_one_line_that_names_the_node(tmp_path, key):
    conv = node("Conv", "x w", "a")
    kind = onnx.AttributeProto.INTS if WRONG[key] == [] else None
    conv.attribute.append(onnx.helper.make_attribute(key.strip(), WRONG[key], attr_type=kind))
    weights = HEAD | {"w": normal(6, 2, 3, 3)}
    content = graph([conv, node("GlobalAveragePool", "a", "c"), *FLAT], weights, (2, 5, 4))
    message = refused(tmp_path, content, data((2, 5, 4)))
    assert "node_a" in message or "onnxruntime refuses" in message


def test_a_tensor_for_a_setting_is_one_line(tmp_path):
    gemm = node("Gemm", "h fc.weight fc.bias", "y", transB=1)
    gemm.attribute.append(onnx.helper.make_attribute("transA", onnx.numpy_helper.from_array(np.array(3))))
    message = refused(tmp_path, graph([node("Tanh", "x", "h"), gemm], HEAD, (6,)), data((6,)))
    assert "'node_y' (Gemm): attribute 'transA'" in message


def test_a_graph_without_parameters_is_refused(tmp_path):
    message = refused(tmp_path, graph([node("Flatten", "x", "y")], {}, (2, 3)), data((2, 3), 6))
    assert "no parameter that is trained" in message


def test_ids_are_looked_up(tmp_path):
    weights = {"table": normal(11, 6), "place": normal(1, 4, 6), "axes": np.array([1])}
    nodes = [
        node("Gather", "table x", "a"),
        node("Add", "a place", "b"),
        node("ReduceMean", "b axes", "h", keepdims=0),
        GEMM,
    ]
    content = graph(nodes, HEAD | weights, (4,), kind=INT64)
    model = imported(tmp_path, content, {"x_train": RNG.integers(0, 11, (N, 4)), "y_train": np.arange(N) % 3})
    assert [n.op for n in model.nodes] == ["embedding", "position", "mean", "dense"]


@pytest.mark.parametrize(
    ("name", "word"), [("onnx::Conv_12", "the exporter folded batch norm"), ("w", "if the network was trained with batch norm")]
)  # fmt: skip
def test_a_batch_norm_that_may_have_been_folded_is_reported(tmp_path, name, word):
    nodes = [
        node("Conv", f"x {name} b", "a"),
        node("GlobalAveragePool", "a", "c"),
        node("Flatten", "c", "h"),
        GEMM,
    ]
    content = graph(nodes, HEAD | {name: normal(6, 2, 3, 3), "b": normal(6)}, (2, 5, 4))
    assert any(word in sentence for sentence in imported(tmp_path, content, data((2, 5, 4))).inferred)


@pytest.mark.parametrize(
    ("nodes", "word"),
    [
        ([node("Conv", "x w", "a", pads=[1, 0, 0, 0])], "as much before as after"),
        ([node("MaxPool", "x", "a", kernel_shape=[2, 2], strides=[0, 0], auto_pad="SAME_UPPER")], "damaged"),
        ([node("Conv", "x w", "a", strides=2)], "damaged"),
        ([node("MaxPool", "x", "a", kernel_shape=[2, 2], ceil_mode=1)], "ceil_mode"),
        ([node("AveragePool", "x", "a", kernel_shape=[2, 2], pads=[1, 1, 1, 1])], "count_include_pad"),
        ([node("GroupNormalization", "x g g", "a", num_groups=1)], "one number for each of 2 channels"),
        ([node("ConvTranspose", "x w", "a")], "Conv"),
        ([node("Transpose", "x", "a", perm=[0, 2, 3, 1])], "'Transpose' is not supported"),
    ],
)
def test_a_layer_that_the_format_does_not_have_is_named(tmp_path, nodes, word):
    weights = HEAD | {"w": normal(6, 2, 3, 3), "g": normal(1)}
    content = graph([*nodes, node("Flatten", "a", "h"), GEMM], weights, (2, 5, 4))
    assert word in refused(tmp_path, content, data((2, 5, 4)))


def test_numbers_in_other_files_are_not_looked_for(tmp_path):
    proto = onnx.load_from_string(graph([node("Tanh", "x", "h"), GEMM], HEAD, (6,)))
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    assert "in another file" in refused(tmp_path, proto.SerializeToString(), data((6,)))


def test_a_shape_that_the_bytes_do_not_fill_is_refused_without_being_made(tmp_path):
    proto = onnx.load_from_string(graph([node("Tanh", "x", "h"), GEMM], HEAD, (6,)))
    proto.graph.initializer[0].dims[:] = [2**40, 2**20]
    assert "damaged" in refused(tmp_path, proto.SerializeToString(), data((6,)))


@pytest.mark.parametrize("op", ["Gather", "Concat"])
def test_constants_that_would_be_made_again_and_again_are_not_made(tmp_path, op):
    weights = HEAD | {"d": np.zeros((1, 10_000), np.float32), "i": np.zeros(10_000, np.int64)}
    nodes = [node("Gather", "d i", "big")]
    if op == "Concat":
        steps = [f"c{number}" for number in range(40)]
        nodes = [node("Concat", f"{a} {a}", b, axis=0) for a, b in zip(["d", *steps], steps, strict=False)]
    message = refused(tmp_path, graph([*nodes, GEMM], weights, (6,)), data((6,)))
    assert "found a constant" in message


@pytest.mark.parametrize("op", ["If", "Loop"])
def test_control_flow_is_named(tmp_path, op):
    inner = onnx.helper.make_graph([], "inner", [], [])
    choice = onnx.helper.make_node(op, ["x"], ["h"], body=inner)
    message = refused(tmp_path, graph([choice, GEMM], HEAD, (6,)), data((6,)))
    assert f"'{op}' is not supported" in message
    assert "without choices" in message


def test_operators_of_other_domains_are_refused(tmp_path):
    custom = onnx.helper.make_node("Anything", ["x"], ["h"], domain="com.example")
    assert "domain" in refused(tmp_path, graph([custom, GEMM], HEAD, (6,)), data((6,)))


def test_a_file_that_is_no_graph_is_refused(tmp_path):
    for content in (b"", b"nothing at all", bytes(100)):
        refused(tmp_path, content, data((6,)))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.integers(0, 200))
def test_no_change_of_a_valid_file_does_more_than_be_refused(tmp_path, position, value, cut):
    nodes, weights, shape = GRAPHS["reshape_by_shape"]
    content = bytearray(graph(nodes, HEAD | weights, shape))
    content[position % len(content)] = value
    (tmp_path / "net.onnx").write_bytes(bytes(content[: len(content) - (cut if cut < 100 else 0)]))
    message = ""
    try:
        landscape.from_onnx(tmp_path / "net.onnx", data(shape))
    except InputError as error:
        message = str(error)
    assert "\n" not in message

"""ONNX files: weights, ties and notes; what the format does not have is named; a hostile file is one line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import landscape
from landscape import InputError
from tests.importers.onnx_graphs import (
    FLOAT,
    GEMM,
    HEAD,
    data,
    graph,
    imported,
    node,
    normal,
    onnx,
    refused,
    whole,
)

pytestmark = pytest.mark.onnx

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
    "op": ([node("Det", "x", "h"), GEMM], {}, (6,), "'Det' is not supported"),
    "shape": ([node("Gemm", "x w", "h"), GEMM], {"w": normal(5, 4)}, (5,), "node_y"),
    "nothing_reads": ([node("Tanh", "nowhere", "h"), GEMM], {}, (6,), "no node outputs"),
    "put_out_twice": ([node("Tanh", "x", "w"), node("Tanh", "w", "h"), GEMM], {"w": normal(6)}, (6,), "the output of two nodes"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_format_does_not_have_is_named(tmp_path, name):
    nodes, weights, shape, word = REFUSED[name]
    assert word in refused(tmp_path, graph(nodes, HEAD | weights, shape), data(shape))


FLAT = [node("Flatten", "c", "h"), GEMM]
SQUARE = {"w": normal(6, 6), "c": normal(6)}
# Nodes that use a matrix in several ways, and how many numbers θ has then beside the last layer's.
TIES = {
    "transposed": ([node("Gemm", "x w c", "a", transB=1), node("Tanh", "a", "b"), node("Gemm", "b w c", "h"), GEMM], 36 + 6),
    "transposed_twice": (
        [node("Transpose", "w", "wt", perm=[1, 0]), node("MatMul", "x wt", "a"), node("Tanh", "a", "b"), node("Gemm", "b w", "h", transB=1), GEMM], 36,
    ),
    "rows_twice": ([node("Gather", "w rows", "g", axis=0), node("MatMul", "x g", "h"), GEMM], 36),
    "joined": ([node("Concat", "w w", "g", axis=1), node("MatMul", "x g", "a"), node("MatMul", "a v", "h"), GEMM], 36 + 72),
    "another_bias": ([node("Gemm", "x w c", "a"), node("Tanh", "a", "b"), node("Gemm", "b w d", "h"), GEMM], 36 + 12),
    "added_too": ([node("MatMul", "x w", "a"), node("ReduceSum", "w zero", "s"), node("Mul", "a s", "h"), GEMM], 36),
}  # fmt: skip


@pytest.mark.parametrize("name", TIES)
def test_a_matrix_is_in_theta_once_however_it_is_used(tmp_path, name):
    nodes, size = TIES[name]
    extra = {"rows": whole(0, 1, 1, 0, 2, 3), "v": normal(12, 6), "d": normal(6), "zero": whole(0)}
    assert imported(tmp_path, graph(nodes, HEAD | SQUARE | extra, (6,)), data((6,))).size == size + 18 + 3


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

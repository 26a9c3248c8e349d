"""Bad files: one line that names the file, the key and what was expected."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.model.examples import arrays, header, refused, write


def changed(head, **keys):
    return head | keys


def without(mapping, *keys):
    return {key: value for key, value in mapping.items() if key not in keys}


def node(index, **keys):
    head = header()
    head["nodes"][index] |= keys
    return head


def nodes(*extra, start=0, stop=None):
    head = header()
    head["nodes"] = [*head["nodes"][start:stop], *extra]
    return head


# name → header (an object, or a text as it is), fragments of the message
HEADERS = {
    "no JSON": ("{format: 1}", ["header", "expected JSON", "character 1"]),
    "empty": ("", ["header", "expected JSON"]),
    "a list": ("[1]", ["header", "expected a JSON object"]),
    "a number": ("3", ["header", "expected a JSON object"]),
    "too deep": ("[" * 100_000, ["header", "expected JSON"]),
    "an endless number": ("1" * 5000, ["header", "expected JSON"]),
    "a key twice": (json.dumps(header())[:-1] + ', "loss": "mse"}', ["'loss' stands twice"]),
    "NaN": ('{"format": NaN}', ["finite", "NaN"]),
    "infinite": (json.dumps(header()).replace("2.0", "1e999"), ["loss_scale", "finite number above 0"]),
    "no format": (without(header(), "format"), ["header", "format: missing"]),
    "no loss": (without(header(), "loss"), ["header", "loss: missing"]),
    "no nodes": (without(header(), "nodes"), ["header", "nodes: missing"]),
    "format from the future": (
        changed(header(), format=2, more=1),
        ["format", "expected 1, found 2", "upgrade"],
    ),
    "format a text": (changed(header(), format="1"), ["format", "whole number"]),
    "format true": (changed(header(), format=True), ["format", "whole number"]),
    "an unknown key": (changed(header(), wieght_decay=1), ["unknown key 'wieght_decay'", "weight_decay"]),
    "an unknown loss": (changed(header(), loss="hinge"), ["loss", "cross_entropy", "'hinge'"]),
    "a scale of zero": (changed(header(), loss_scale=0), ["loss_scale", "above 0"]),
    "a negative decay": (changed(header(), weight_decay=-1), ["weight_decay", "from 0"]),
    "a decay of no parameter": (
        changed(header(), weight_decay={"fc9.weight": 1}),
        ["'fc9.weight'", "fc1.weight"],
    ),
    "a decay of a frozen one": (
        changed(header(), weight_decay={"fc2.weight": 1}),
        ["'fc2.weight'", "trainable"],
    ),
    "an input shape of zero": (changed(header(), input_shape=[0]), ["input_shape", "sizes from 1"]),
    "an input shape of a number": (changed(header(), input_shape=4), ["input_shape", "a list"]),
    "another input shape": (changed(header(), input_shape=[5]), ["fc1.weight", "[out, 5]", "[5, 4]"]),
    "a name of two lines": (changed(header(), name="a\nb"), ["name", "printable", "'a\\nb'"]),
    "an unknown key of training": (changed(header(), training={"rate": 1}), ["training", "'rate'"]),
    "a training of text": (changed(header(), training={"steps": "many"}), ["training", "steps", "'many'"]),
    "nodes an object": (changed(header(), nodes={}), ["nodes", "a list"]),
    "nodes empty": (changed(header(), nodes=[]), ["nodes", "at least one"]),
    "a node of text": (changed(header(), nodes=["dense"]), ["nodes[0]", "an object"]),
    "a node without a name": (changed(header(), nodes=[{"op": "dense"}]), ["nodes[0]", "name"]),
    "a reserved name": (node(0, name="input"), ["nodes[0]", "name", "another"]),
    "a reserved first word": (node(0, name="history.fc"), ["nodes[0]", "name", "another"]),
    "two nodes of one name": (nodes({"name": "fc1", "op": "relu"}), ["two nodes are called 'fc1'"]),
    "an unknown op": (node(2, op="swish"), ["'act1'", "op", "expected one of", "'swish'"]),
    "an op of numbers": (node(2, op=3), ["'act1'", "op", "3"]),
    "no op": (nodes({"name": "z"}), ["'z'", "op: missing"]),
    "an unknown attribute": (node(2, slop=1), ["'act1'", "'slop'", "slope"]),
    "an attribute of an op without": (node(0, slope=1), ["'fc1'", "'slope'", "dense has none"]),
    "a wrong attribute": (node(2, slope="x"), ["'act1'", "slope", "finite number", "'x'"]),
    "a missing attribute": (nodes({"name": "c", "op": "mean"}), ["'c'", "axis: missing"]),
    "an axis of the batch": (nodes({"name": "c", "op": "mean", "axis": 0}), ["'c'", "axis", "batch"]),
    "an input of no node": (node(3, inputs=["act7"]), ["'fc2'", "'act7'", "no node"]),
    "an input of itself": (node(3, inputs=["fc2"]), ["'fc2'", "cycle"]),
    "a cycle": (node(3, inputs=["sum"]), ["'fc2'", "'sum'", "topological order", "cycle"]),
    "inputs a text": (node(3, inputs="act1"), ["'fc2'", "inputs", "a list"]),
    "no inputs": (node(3, inputs=[]), ["'fc2'", "inputs", "reads 1 to 3 inputs, found 0"]),
    "one input too many": (node(2, inputs=["fc1", "bn"]), ["'act1'", "one input", "found 2"]),
    "a weight that depends on the examples": (
        node(3, inputs=["act1", "bn"]),
        ["'fc2'", "'bn' depends on the examples"],
    ),
    "one input too few": (node(5, inputs=["act1"]), ["'sum'", "two inputs"]),
    "inputs of other shapes": (
        node(5, inputs=["again", "input"]),
        ["'sum'", "equal shapes", "[N, 5]", "[N, 4]"],
    ),
    "an image op on vectors": (
        nodes({"name": "p", "op": "maxpool2d", "kernel": 2}),
        ["'p'", "maxpool2d", "[N, C, H, W]", "[N, 3]"],
    ),
    "ids from a node": (nodes({"name": "e", "op": "embedding"}), ["'e'", "ids"]),
    "trainable of text": (node(0, trainable="no"), ["'fc1'", "trainable", "true or false"]),
    "sharing with no node": (node(4, parameters_of="fc9"), ["'again'", "parameters_of", "'fc9'"]),
    "sharing with itself": (node(4, parameters_of="again"), ["'again'", "parameters_of", "another node"]),
    "sharing with a sharer": (node(6, parameters_of="again"), ["'out'", "'again'", "'fc2'"]),
    "sharing with an activation": (node(4, parameters_of="act1"), ["'again'", "no parameters"]),
    "sharing what cannot be used": (node(4, parameters_of="bn"), ["'again'", "'bn'", "running_mean"]),
    "sharing of another shape": (
        node(6, name="z", parameters_of="fc1"),
        ["'z'", "fc1.weight", "[out, 5]"],
    ),
    "freezing what is shared": (node(4, trainable=True), ["'again'", "trainable", "'fc2'"]),
    "a path that leaves": (
        changed(header(), data={"x_validation": "../x.npy"}),
        ["x_validation", "stays in"],
    ),
    "a path from the root": (
        changed(header(), data={"x_validation": "/etc/passwd"}),
        ["x_validation", "stays in"],
    ),
    "a path to nothing": (
        changed(header(), data={"x_validation": "x.npy"}),
        ["x_validation", "no such file"],
    ),
    "a path to a folder": (changed(header(), data={"x_validation": "."}), ["x_validation", "a folder"]),
    "a path with a null": (changed(header(), data={"x_validation": "a\0b"}), ["x_validation", "printable"]),
    "data of an unknown split": (changed(header(), data={"x_dev": "x.npy"}), ["'x_dev'", "x_train"]),
    "data twice": (changed(header(), data={"x_train": "x.npy"}), ["x_train", "one of them"]),
    "an output for another loss": (nodes(stop=1) | {"loss": "mse"}, ["unknown key", "bn.weight"]),
    "a record": ({"format": 1, "record": "scan"}, ["record", "'scan'", "expected a model file"]),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_bad_header_is_refused(tmp_path, name):
    head, fragments = HEADERS[name]
    message = refused(write(tmp_path / "bad.npz", arrays(), head))
    for fragment in fragments:
        assert fragment in message


NAN = np.array([np.nan] * 7)

# name → keys to replace (None removes), fragments of the message
ARRAYS = {
    "a missing parameter": ({"fc1.weight": None}, ["'fc1'", "'fc1.weight'", "does not have"]),
    "a missing buffer": ({"bn.running_var": None}, ["'bn'", "'bn.running_var'"]),
    "a transposed parameter": ({"fc1.weight": np.ones((4, 5))}, ["fc1.weight", "[out, 4]", "[4, 5]"]),
    "a misshapen bias": ({"fc1.bias": np.ones(4)}, ["fc1.bias", "[5]", "[4]"]),
    "a flat parameter": ({"fc1.weight": np.ones(20)}, ["fc1.weight", "[out, 4]", "[20]"]),
    "a parameter of no rows": (
        {"out.weight": np.ones((0, 5)), "out.bias": np.ones(0)},
        ["out.weight", "[0, 5]"],
    ),
    "an integer parameter": (
        {"fc1.weight": np.ones((5, 4), int)},
        ["fc1.weight", "float32 or float64", "int64"],
    ),
    "a parameter of half precision": ({"fc1.weight": np.ones((5, 4), "f2")}, ["fc1.weight", "float16"]),
    "an unknown key": ({"fc9.weight": np.ones(3)}, ["'fc9.weight'", "unknown key"]),
    "a key of a tied node": ({"again.weight": np.ones((5, 5))}, ["'again.weight'", "shares", "'fc2'"]),
    "a key of an activation": ({"act1.weight": np.ones(3)}, ["'act1.weight'", "unknown key"]),
    "no examples": (
        {"x_train": np.ones((0, 4)), "y_train": np.ones(0, int)},
        ["x_train", "at least one example"],
    ),
    "no inputs": ({"x_train": None}, ["x_train", "missing", "y_train"]),
    "no targets": ({"y_test": None}, ["y_test", "missing", "x_test"]),
    "no data": ({"x_train": None, "y_train": None}, ["x_train", "missing"]),
    "fewer targets": ({"y_train": np.zeros(6, int)}, ["y_train", "7 targets", "[6]"]),
    "examples of another shape": ({"x_test": np.ones((2, 5))}, ["x_test", "[N, 4]", "[2, 5]"]),
    "examples that are a number": ({"x_train": np.float64(3)}, ["x_train", "[N, …]", "[]"]),
    "integer examples": ({"x_train": np.ones((7, 4), int)}, ["x_train", "float32", "int64", "embedding"]),
    "boolean examples": ({"x_train": np.ones((7, 4), bool)}, ["x_train", "float32", "bool"]),
    "text examples": ({"x_train": np.full((7, 4), "a")}, ["x_train", "float32", "<U1"]),
    "float labels": ({"y_train": np.zeros(7)}, ["y_train", "integer class ids", "float64"]),
    "a label out of range": (
        {"y_train": np.array([0, 1, 2, 3, 0, 1, 2])},
        ["y_train", "0 to 2", "3", "example 3"],
    ),
    "a negative label": (
        {"y_train": np.array([0, 1, -1, 0, 0, 1, 2])},
        ["y_train", "-100", "-1", "example 2"],
    ),
    "labels all ignored": ({"y_test": np.array([-100, -100])}, ["y_test", "every label"]),
    "labels of another shape": ({"y_train": np.zeros((7, 1), int)}, ["y_train", "[7]", "[7, 1]"]),
    "NaN in a parameter": ({"fc1.bias": np.array([0, 0, np.nan, 0, 0])}, ["fc1.bias", "nan", "[2]"]),
    "NaN in a buffer": ({"bn.running_mean": np.full(5, np.inf)}, ["bn.running_mean", "5 values", "inf"]),
    "NaN in the data": ({"x_test": np.array([[0, 0, 0, 0], [0, np.inf, 0, 0]])}, ["x_test", "inf", "[1, 1]"]),
    "an object array": ({"fc1.weight": np.array([[None] * 4] * 5)}, ["'fc1.weight'", "Python objects"]),
    "a header of objects": (
        {"landscape": np.array(header(), dtype=object)},
        ["'landscape'", "Python objects"],
    ),
    "a header of numbers": ({"landscape": np.zeros(3)}, ["'landscape'", "0-d unicode", "float64"]),
    "two headers": ({"landscape": np.array(["{}", "{}"])}, ["'landscape'", "0-d unicode", "[2]"]),
    "an unknown series": ({"history.lss": np.zeros(3)}, ["'history.lss'", "train_loss"]),
    "a series of another length": ({"history.test_loss": np.zeros(4)}, ["history.test_loss", "[3]", "[4]"]),
    "a series of two axes": ({"history.step": np.zeros((3, 1), int)}, ["history.step", "[T]"]),
    "steps of fractions": ({"history.step": np.zeros(3)}, ["history.step", "integers", "float64"]),
    "a series of text": ({"history.train_loss": np.full(3, "a")}, ["history.train_loss", "numbers"]),
    "checkpoints of another size": ({"checkpoints": np.zeros((2, 3))}, ["checkpoints", "[K, 53]", "[2, 3]"]),
    "checkpoints of another count": (
        {"checkpoints.step": np.zeros(3, int)},
        ["checkpoints.step", "[2]", "[3]"],
    ),
    "checkpoints that are none": ({"checkpoints": np.zeros((0, 53))}, ["checkpoints", "[0, 53]"]),
    "steps without checkpoints": ({"checkpoints": None}, ["checkpoints", "missing"]),
    "buffers of another size": (
        {"checkpoints.buffers": np.zeros((2, 3))},
        ["checkpoints.buffers", "[2, 10]"],
    ),
    "an unknown key of checkpoints": ({"checkpoints.lss": np.zeros(2)}, ["'checkpoints.lss'", "unknown key"]),
    "an optimizer of another size": ({"optimizer.v": np.zeros(3)}, ["'optimizer.v'", "[53] or []", "[3]"]),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_a_bad_array_is_refused(tmp_path, name):
    replaced, fragments = ARRAYS[name]
    content = {"landscape": np.array(json.dumps(header()))} | arrays() | replaced
    np.savez(tmp_path / "bad.npz", **{key: value for key, value in content.items() if value is not None})
    message = refused(tmp_path / "bad.npz")
    for fragment in fragments:
        assert fragment in message


def test_nodes_that_mean_the_same_key_are_refused(tmp_path):
    head = header()
    head["nodes"] = [
        {"name": "a", "op": "attention", "heads": 1},
        {"name": "a.out_proj", "op": "dense"},
    ]
    assert "both mean the key 'a.out_proj.weight'" in refused(write(tmp_path / "bad.npz", arrays(), head))


def test_an_output_larger_than_memory_is_refused(tmp_path):
    head = header() | {"loss": "mse", "input_shape": [1, 1, 1], "weight_decay": 0}
    pad = {"op": "pad_channels", "before": 2**31 - 1, "after": 2**31 - 1}
    head["nodes"] = [{"name": "p", "op": "pad_channels", "before": 0, "after": 0, "stride": [1, 1]}]
    head["nodes"] += [{"name": f"p{position}", **pad} for position in range(20)]
    content = {"x_train": np.ones((2, 1, 1, 1)), "y_train": np.ones((2, 1))}
    assert "more than memory" in refused(write(tmp_path / "bad.npz", content, head))


def test_options_of_the_bare_form_are_refused_for_the_full_form(tmp_path):
    path = write(tmp_path / "m.npz", arrays(), header())
    assert "--loss" in refused(path, loss="mse")
    assert "--activation" in refused(path, activation="tanh")

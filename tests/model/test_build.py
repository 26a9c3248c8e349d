"""Models from arrays, in a few lines."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.model import build_model, bundled, bundled_path, load_model, save_model
from tests.model.examples import arrays, bare, full, header


def test_layers_are_read_as_a_bare_file_is(tmp_path):
    content = bare()
    np.savez(tmp_path / "m.npz", **content)
    from_file = load_model(tmp_path / "m.npz")
    built = build_model(
        layers=[(content["W1"], content["b1"]), (content["W2"], content["b2"])],
        x_train=content["x"],
        y_train=content["y"],
        name="mine",
    )
    assert (built.form, built.name) == ("built", "mine")
    assert built.fingerprint() == from_file.fingerprint()
    assert built.data_fingerprint() == from_file.data_fingerprint()


def test_nodes_are_read_as_a_full_file_is(tmp_path):
    head, content = header(), arrays()
    data = {key: array for key, array in content.items() if key[:2] in ("x_", "y_")}
    other = {
        key: array
        for key, array in content.items()
        if key.startswith(("history", "checkpoints", "optimizer"))
    }
    parameters = {key: array for key, array in content.items() if key not in data and key not in other}
    head.pop("format")
    built = build_model(parameters=parameters, arrays=other, **data, **head)
    stored = full(tmp_path / "m.npz")
    assert built.fingerprint() == stored.fingerprint()
    assert built.data_fingerprint() == stored.data_fingerprint()
    assert list(built.history) == list(stored.history)
    save_model(built, tmp_path / "saved.npz")
    assert load_model(tmp_path / "saved.npz").fingerprint() == stored.fingerprint()


def test_lists_will_do_and_a_bias_may_be_none():
    model = build_model(
        layers=[([[1.0, -1.0]], None)], x_train=[[1.0], [2.0]], y_train=[0, 1], weight_decay=0.1
    )
    assert model.size == 2
    np.testing.assert_array_equal(model.decay_vector(), [0.1, 0.1])


DATA = {"x_train": np.ones((2, 3)), "y_train": np.array([0, 1])}
NODES = [{"name": "fc", "op": "dense"}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "either layers"),
        ({"layers": [], "nodes": NODES}, "either layers"),
        ({"layers": []}, "no weight matrix"),
        ({"nodes": NODES}, "needs loss"),
        ({"nodes": NODES, "loss": "cross_entropy", "activation": "relu"}, "no activation"),
        ({"nodes": NODES, "loss": "cross_entropy"}, "'fc.weight'"),
        ({"layers": [([[1.0], [1.0, 2.0]], None)]}, "W1: expected an array of numbers"),
        ({"layers": [(np.ones((3, 2)), None)], "weight_decay": -1}, "weight_decay"),
        ({"layers": [(np.ones((3, 2)), None)], "x_test": np.ones((2, 3))}, "y_test: missing"),
    ],
)
def test_what_a_file_would_be_refused_for_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        build_model(**DATA | arguments)


def test_every_bundled_model_loads_and_is_small():
    for name, path in bundled().items():
        assert bundled_path(name) == path
        assert path.stat().st_size < 1_000_000
        model = load_model(path)
        assert model.form == "full"
        assert model.size > 0


def test_digits_is_bundled():
    assert "digits" in bundled()


def test_a_bundled_model_that_is_none_is_refused_with_those_there_are():
    with pytest.raises(InputError, match=r"'mnist' is no bundled model; there are .*digits"):
        bundled_path("mnist")

"""The bare form: what a person writes who has never read the format's page."""

from __future__ import annotations

import json

import numpy as np
import pytest

from landscape.model import load_model, save_model
from landscape.model.bare_layers import IN_OUT, OUT_IN, Chain, find_chain
from landscape.model.bare_names import Layer
from tests.model.examples import bare, refused

rng = np.random.default_rng(3)


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape)


def write(path, **arrays):
    np.savez(path, **arrays)
    return path


def outputs(model, x):
    """Evaluate a chain of dense layers and relu by hand."""
    for node in model.nodes:
        if node.op == "dense":
            x = x @ model.parameters[f"{node.name}.weight"].T + model.parameters.get(f"{node.name}.bias", 0)
        elif node.op == "relu":
            x = np.maximum(x, 0)
        elif node.op == "flatten":
            x = x.reshape(len(x), -1)
    return x


class TestOrientation:
    def test_both_habits_are_the_same_network(self, tmp_path):
        numpy_habit = bare()
        torch_habit = {key: array.T if key[0] == "W" else array for key, array in numpy_habit.items()}
        first = load_model(write(tmp_path / "n.npz", **numpy_habit))
        second = load_model(write(tmp_path / "t.npz", **torch_habit))
        np.testing.assert_array_equal(first.theta, second.theta)
        assert "weights are [in, out]: the shapes fit in no other way" in first.inferred
        assert "weights are [out, in]: the shapes fit in no other way" in second.inferred

    def test_the_output_is_the_one_that_was_meant(self, tmp_path):
        a = bare()
        model = load_model(write(tmp_path / "n.npz", **a))
        expected = np.maximum(a["x"] @ a["W1"] + a["b1"], 0) @ a["W2"] + a["b2"]
        np.testing.assert_allclose(outputs(model, a["x"]), expected)

    def test_square_matrices_are_read_by_their_names(self, tmp_path):
        square = {"x": ones(4, 3), "y": np.array([0, 1, 2, 0])}
        weight = np.arange(9.0).reshape(3, 3)
        torch = load_model(write(tmp_path / "t.npz", **{"0.weight": weight, "0.bias": ones(3)}, **square))
        plain = load_model(write(tmp_path / "n.npz", W=weight, b=ones(3), **square))
        np.testing.assert_array_equal(torch.parameters["0.weight"], weight)
        np.testing.assert_array_equal(plain.parameters["dense1.weight"], weight.T)
        assert any("PyTorch's" in sentence for sentence in torch.inferred)

    def test_names_of_both_kinds_cannot_decide(self, tmp_path):
        square = {"a.weight": ones(3, 3), "W2": ones(3, 3), "x": ones(4, 3), "y": np.array([0, 1, 2, 0])}
        message = refused(write(tmp_path / "m.npz", **square))
        assert "some names but not all end in .weight" in message

    def test_the_bias_decides_before_the_name_does(self, tmp_path):
        # [3, 3] → [3, 5]: the second matrix fixes the orientation of the first
        arrays = {"0.weight": ones(3, 3), "2.weight": ones(3, 5), "x": ones(2, 3), "y": np.array([4, 0])}
        model = load_model(write(tmp_path / "m.npz", **arrays))
        assert "weights are [in, out]: the shapes fit in no other way" in model.inferred
        assert model.nodes[0].name == "0"

    def test_the_targets_decide_where_the_chain_does_not(self):
        layer = Layer("W", ones(3, 3))
        assert find_chain([layer], 3, np.array([0, 1, 2])).orientation == IN_OUT
        dotted = Layer("fc.weight", ones(3, 3))
        assert find_chain([dotted], 3, np.array([0, 1, 2])).orientation == OUT_IN

    def test_what_does_not_chain_is_refused_with_the_shapes_and_a_header(self, tmp_path):
        arrays = bare() | {"W2": ones(4, 3)}
        message = refused(write(tmp_path / "m.npz", **arrays))
        for fragment in ("do not chain", "width 4", "W1 [4, 5]", "W2 [4, 3]", '"nodes"'):
            assert fragment in message


class TestOrder:
    def test_the_archives_order_comes_first(self, tmp_path):
        arrays = {"second": ones(4, 5), "first": ones(5, 3), "x": ones(2, 4), "y": np.array([0, 1])}
        model = load_model(write(tmp_path / "m.npz", **arrays))
        assert model.inferred[0] == "layers in the archive's order: second → first"

    def test_natural_order_comes_second(self, tmp_path):
        layers = {f"fc{position}.weight": ones(position, position + 1) for position in (10, 9, 8, 11)}
        arrays = layers | {"x": ones(2, 8), "y": np.array([0, 11])}
        model = load_model(write(tmp_path / "m.npz", **arrays))
        assert model.inferred[0].startswith(
            "layers in the natural order of their names: fc8.weight → fc9.weight"
        )

    def test_biases_may_stand_anywhere(self, tmp_path):
        arrays = bare()
        moved = {key: arrays[key] for key in ("b2", "b1", "x", "W1", "y", "W2")}
        first = load_model(write(tmp_path / "a.npz", **arrays))
        np.testing.assert_array_equal(load_model(write(tmp_path / "b.npz", **moved)).theta, first.theta)


class TestNames:
    @pytest.mark.parametrize(
        ("weight", "bias"),
        [
            ("W1", "b1"),
            ("w_1", "b_1"),
            ("W", "b"),
            ("fc1.weight", "fc1.bias"),
            ("net.0.weight", "net.0.bias"),
            ("weights1", "biases1"),
            ("hidden_W", "hidden_b"),
            ("Wh", "bh"),
            ("dense/kernel", "dense/bias"),
            ("fc", "fc_b"),
        ],
    )
    def test_weights_and_biases_find_each_other(self, tmp_path, weight, bias):
        arrays = {weight: ones(4, 3), bias: np.array([1.0, 2, 3]), "x": ones(2, 4), "y": np.array([0, 2])}
        model = load_model(write(tmp_path / "m.npz", **arrays))
        np.testing.assert_array_equal(list(model.parameters.values())[1], [1, 2, 3])

    def test_a_bias_may_be_a_row_or_a_column(self, tmp_path):
        for shape in ((1, 5), (5, 1)):
            arrays = bare()
            arrays["b1"] = arrays["b1"].reshape(shape)
            model = load_model(write(tmp_path / "m.npz", **arrays))
            np.testing.assert_array_equal(model.parameters["dense1.bias"], arrays["b1"].ravel())

    def test_layers_without_biases_are_good(self, tmp_path):
        arrays = {key: array for key, array in bare().items() if key[0] != "b"}
        assert load_model(write(tmp_path / "m.npz", **arrays)).size == 4 * 5 + 5 * 3

    @pytest.mark.parametrize("key", ["b3", "gamma", "bn.running_mean", "conv.weight", "c1"])
    def test_what_belongs_to_no_dense_layer_is_refused_by_name(self, tmp_path, key):
        extra = ones(2, 2, 3, 3) if key == "conv.weight" else ones(5)
        message = refused(write(tmp_path / "m.npz", **bare(), **{key: extra}))
        assert message.startswith(f"'{key}'")
        assert '"nodes"' in message

    def test_batches_tracked_are_ignored(self, tmp_path):
        load_model(write(tmp_path / "m.npz", **bare(), **{"bn.num_batches_tracked": np.int64(3)}))

    @pytest.mark.parametrize("x", ["x", "X", "x_train", "X_train"])
    @pytest.mark.parametrize("y", ["y", "y_train"])
    def test_the_data_has_several_names(self, tmp_path, x, y):
        arrays = bare()
        arrays = {{"x": x, "y": y}.get(key, key): array for key, array in arrays.items()}
        assert load_model(write(tmp_path / "m.npz", **arrays)).examples("train") == 6

    def test_two_keys_for_the_same_data_are_refused(self, tmp_path):
        assert "x and X" in refused(write(tmp_path / "m.npz", **bare(), X=ones(6, 4))).replace(
            "X and x", "x and X"
        )

    def test_test_data_is_read(self, tmp_path):
        model = load_model(write(tmp_path / "m.npz", **bare(), x_test=ones(3, 4), y_test=np.array([0, 1, 2])))
        assert model.splits == ("train", "test")

    @pytest.mark.parametrize("name", ["x_val", "X_val", "x_valid", "X_validation"])
    def test_validation_data_has_several_names(self, tmp_path, name):
        more = {name: ones(2, 4), name.replace("x", "y").replace("X", "y"): np.array([0, 1])}
        model = load_model(write(tmp_path / "m.npz", **bare() | more))
        assert model.splits == ("train", "validation")
        assert model.examples("validation") == 2

    def test_text_for_numbers_is_refused_in_every_split(self, tmp_path):
        more = {"x_test": ones(6, 4), "y_test": np.array(["a"] * 6)}
        for y in (np.arange(6) % 3, np.linspace(0, 1, 18).reshape(6, 3)):
            assert "y_test" in refused(write(tmp_path / "m.npz", **bare() | more | {"y": y}))

    def test_a_log_is_read_and_checkpoints_are_refused(self, tmp_path):
        model = load_model(write(tmp_path / "m.npz", **bare(), **{"history.train_loss": ones(3)}))
        assert list(model.history) == ["train_loss"]
        assert "order of a header's nodes" in refused(
            write(tmp_path / "m.npz", **bare(), checkpoints=ones(2, 43))
        )

    def test_nodes_that_would_be_named_like_an_activation_are_renamed(self, tmp_path):
        arrays = {
            "relu1.weight": ones(5, 4),
            "input.weight": ones(3, 5),
            "x": ones(2, 4),
            "y": np.array([0, 2]),
        }
        names = [node.name for node in load_model(write(tmp_path / "m.npz", **arrays)).nodes]
        assert names == ["dense1", "relu1", "dense2"]


class TestMissing:
    @pytest.mark.parametrize("key", ["x", "y"])
    def test_data_that_is_missing_is_named(self, tmp_path, key):
        arrays = {name: array for name, array in bare().items() if name != key}
        message = refused(write(tmp_path / "m.npz", **arrays))
        assert message.startswith(f"no header and no {key}")

    def test_no_weights(self, tmp_path):
        assert "no weight matrix" in refused(write(tmp_path / "m.npz", x=ones(3, 2), y=ones(3)))

    def test_an_empty_archive(self, tmp_path):
        assert "empty archive" in refused(write(tmp_path / "m.npz"))

    @pytest.mark.parametrize("x", [np.float64(1), ones(0, 4), np.array(["a"] * 6)])
    def test_examples_that_are_none(self, tmp_path, x):
        assert "x: expected examples" in refused(write(tmp_path / "m.npz", **bare() | {"x": x}))

    @pytest.mark.parametrize("y", [np.float64(1), np.zeros(0), np.array(["a"] * 6), ones(6, 1, 1)])
    def test_targets_that_are_none(self, tmp_path, y):
        assert "y: expected targets" in refused(write(tmp_path / "m.npz", **bare() | {"y": y}))


class TestLoss:
    @pytest.mark.parametrize(
        ("outputs", "target", "loss"),
        [
            (3, np.array([0, 1, 2, 0, 1, 2]), "cross_entropy"),
            (2, np.array([0, 1, 0, 1, 0, 1]), "cross_entropy"),
            (1, np.array([0, 1, 0, 1, 0, 1]), "binary_cross_entropy"),
            (1, np.array([0.0, 1, 0, 1, 0, 1])[:, None], "binary_cross_entropy"),
            (1, np.array([True, False] * 3), "binary_cross_entropy"),
            (2, np.array([True, False] * 3), "cross_entropy"),
            (1, np.linspace(0, 1, 6), "mse"),
            (3, rng.standard_normal((6, 3)), "mse"),
            (3, np.eye(3)[[0, 1, 2, 0, 1, 2]], "cross_entropy"),
            (3, np.eye(3, dtype=int)[[0, 1, 2, 0, 1, 2]], "cross_entropy"),
            (3, np.eye(3, dtype=bool)[[0, 1, 2, 0, 1, 2]], "cross_entropy"),
            (3, np.eye(3)[[0, 1, 2, 0, 1, 2]] * 0.9 + 0.1 / 3, "mse"),
        ],
    )
    def test_the_targets_tell_the_loss(self, tmp_path, outputs, target, loss):
        arrays = bare() | {"W2": ones(5, outputs), "b2": ones(outputs), "y": target}
        model = load_model(write(tmp_path / "m.npz", **arrays))
        assert model.loss == loss
        assert any(f"the loss is {loss}" in sentence for sentence in model.inferred)

    def test_another_loss_on_request(self, tmp_path):
        path = write(tmp_path / "m.npz", **bare() | {"y": rng.standard_normal((6, 3))})
        assert load_model(path, loss="huber").loss == "huber"
        assert "loss: expected one of cross_entropy" in refused(path, loss="hinge")

    def test_counts_with_one_output_are_refused_with_the_option(self, tmp_path):
        arrays = bare() | {"W2": ones(5, 1), "b2": ones(1), "y": np.arange(6)}
        path = write(tmp_path / "m.npz", **arrays)
        assert "--loss mse" in refused(path)
        model = load_model(path, loss="mae")
        np.testing.assert_array_equal(model.data["y_train"], np.arange(6.0)[:, None])

    @pytest.mark.parametrize("dtype", [int, float, np.float32, bool])
    def test_one_hot_rows_are_class_ids_unless_another_loss_is_named(self, tmp_path, dtype):
        one_hot = np.eye(3, dtype=dtype)[[0, 1, 2, 0, 1, 2]]
        path = write(tmp_path / "m.npz", **bare() | {"y": one_hot})
        model = load_model(path)
        assert model.loss == "cross_entropy"
        np.testing.assert_array_equal(model.data["y_train"], [0, 1, 2, 0, 1, 2])
        assert "y is one-hot: read as class ids" in model.inferred
        for loss in ("mse", "binary_cross_entropy"):
            np.testing.assert_array_equal(load_model(path, loss=loss).data["y_train"], one_hot)

    def test_integer_rows_of_several_labels_need_an_option(self, tmp_path):
        path = write(tmp_path / "m.npz", **bare() | {"y": np.ones((6, 3), int)})
        assert "--loss binary_cross_entropy" in refused(path)
        assert load_model(path, loss="binary_cross_entropy").data["y_train"].shape == (6, 3)

    @pytest.mark.parametrize(
        ("target", "hint"),
        [
            (np.array([0.0, 1, 2, 0, 1, 2]), "astype(int)"),
            (np.eye(3)[[0, 1, 2, 0, 1, 2]].astype(bool), "argmax(1)"),
        ],
    )
    def test_a_header_with_cross_entropy_says_how_targets_become_class_ids(self, tmp_path, target, hint):
        head = json.dumps({"format": 1, "loss": "cross_entropy", "nodes": [{"name": "fc", "op": "dense"}]})
        arrays = {"landscape": head, "fc.weight": ones(3, 4), "x_train": ones(6, 4), "y_train": target}
        assert hint in refused(write(tmp_path / "m.npz", **arrays))

    def test_float_labels_are_read_on_request(self, tmp_path):
        path = write(tmp_path / "m.npz", **bare() | {"y": np.array([0.0, 1, 2, 0, 1, 2])})
        assert "y: expected shape [6, 3]" in refused(path)
        assert "--loss cross_entropy" in refused(path)
        model = load_model(path, loss="cross_entropy")
        assert "y is float64: read as class ids" in model.inferred
        assert model.data["y_train"].dtype == np.int64

    def test_a_label_out_of_range_is_said_of_the_files_own_key(self, tmp_path):
        message = refused(write(tmp_path / "m.npz", **bare() | {"y": np.array([0, 1, 2, 3, 1, 2])}))
        assert message.startswith("y: cross_entropy expects integer class ids from 0 to 2")

    def test_a_nan_is_said_of_the_files_own_key(self, tmp_path):
        assert refused(write(tmp_path / "m.npz", **bare() | {"b2": np.full(3, np.nan)})).startswith(
            "b2: 3 values"
        )


class TestConversions:
    def test_whole_numbers_are_read_as_float64_and_it_is_said(self, tmp_path):
        xor = {
            "W1": np.array([[1, 1], [1, 1]]),
            "b1": np.array([0, -1]),
            "W2": np.array([[1], [-2]]),
            "x": np.array([[0, 0], [0, 1], [1, 0], [1, 1]]),
            "y": np.array([0, 1, 1, 0]),
        }
        model = load_model(write(tmp_path / "xor.npz", **xor))
        assert "x is int64: read as float64" in model.inferred
        assert "W1 is int64: read as float64" in model.inferred
        np.testing.assert_array_equal(outputs(model, model.data["x_train"])[:, 0], xor["y"])

    def test_images_are_flattened_and_bytes_kept(self, tmp_path):
        arrays = bare() | {"x": np.zeros((6, 2, 2), np.uint8)}
        model = load_model(write(tmp_path / "m.npz", **arrays))
        assert model.nodes[0].op == "flatten"
        assert model.data["x_train"].dtype == np.uint8
        assert "x is uint8: images, scaled by 1/255" in model.inferred
        assert "examples of 2 axes are flattened" in model.inferred

    def test_a_single_feature_needs_no_second_axis(self, tmp_path):
        arrays = {"W": ones(1, 1), "x": np.linspace(0, 1, 5), "y": np.linspace(0, 1, 5)}
        model = load_model(write(tmp_path / "m.npz", **arrays))
        assert model.data["x_train"].shape == model.data["y_train"].shape == (5, 1)

    def test_half_precision_is_widened(self, tmp_path):
        arrays = {key: array.astype(np.float16) if key != "y" else array for key, array in bare().items()}
        assert load_model(write(tmp_path / "m.npz", **arrays)).theta.dtype == np.float64


class TestActivation:
    def test_relu_stands_between_and_another_on_request(self, tmp_path):
        path = write(tmp_path / "m.npz", **bare())
        assert [node.op for node in load_model(path).nodes] == ["dense", "relu", "dense"]
        assert [node.op for node in load_model(path, activation="tanh").nodes] == ["dense", "tanh", "dense"]
        assert "activation: expected one of relu" in refused(path, activation="swish")


def test_a_bare_file_saved_is_a_full_one(tmp_path):
    model = load_model(write(tmp_path / "m.npz", **bare()))
    save_model(model, tmp_path / "f.npz")
    again = load_model(tmp_path / "f.npz")
    assert (model.form, again.form) == ("bare", "full")
    assert again.fingerprint() == model.fingerprint()
    assert again.data_fingerprint() == model.data_fingerprint()


@pytest.mark.torch
def test_a_state_dict_as_it_is(tmp_path):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Linear(4, 4), torch.nn.ReLU(), torch.nn.Linear(4, 4), torch.nn.ReLU(), torch.nn.Linear(4, 4)
    )
    x = torch.randn(9, 4)
    state = {key: value.numpy() for key, value in network.state_dict().items()}
    model = load_model(write(tmp_path / "m.npz", **state, x=x.numpy(), y=np.arange(9) % 4))
    np.testing.assert_allclose(outputs(model, x.numpy()), network(x).detach().numpy(), rtol=1e-5, atol=1e-6)
    assert isinstance(find_chain([Layer("W", ones(2, 2))], 2, np.array([0])), Chain)

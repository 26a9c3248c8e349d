"""The full form: what a good file becomes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.model import load_model, save_model
from landscape.model.summary import _series
from tests.model.examples import HEADER, P, arrays, full, header, refused, write


def test_theta_is_the_trainable_parameters_in_node_then_table_order(tmp_path):
    model, stored = full(tmp_path / "m.npz"), arrays()
    keys = ["fc1.weight", "fc1.bias", "bn.weight", "bn.bias", "out.weight", "out.bias"]
    expected = np.concatenate([stored[key].ravel().astype(np.float64) for key in keys])
    assert [slot.name for slot in model.layout] == keys
    assert model.size == P
    assert model.theta.dtype == np.float64
    np.testing.assert_array_equal(model.theta, expected)


def test_the_order_of_the_archive_does_not_matter(tmp_path):
    model = full(tmp_path / "m.npz")
    turned = load_model(write(tmp_path / "t.npz", dict(reversed(arrays().items())), header()))
    np.testing.assert_array_equal(turned.theta, model.theta)
    assert turned.fingerprint() == model.fingerprint()
    assert turned.data_fingerprint() == model.data_fingerprint()


def test_constants_are_frozen_parameters_then_buffers(tmp_path):
    model, stored = full(tmp_path / "m.npz"), arrays()
    keys = ["fc2.weight", "fc2.bias", "bn.running_mean", "bn.running_var"]
    assert [slot.name for slot in model.constant_layout] == keys
    np.testing.assert_array_equal(model.constants, np.concatenate([stored[key].ravel() for key in keys]))


def test_slots_cover_their_vector_without_gaps(tmp_path):
    model = full(tmp_path / "m.npz")
    for layout, vector in ((model.layout, model.theta), (model.constant_layout, model.constants)):
        assert [slot.start for slot in layout] == [0, *(slot.stop for slot in layout[:-1])]
        assert layout[-1].stop == len(vector)
        for slot in layout:
            array = (model.parameters | model.buffers)[slot.name]
            np.testing.assert_array_equal(vector[slot.start : slot.stop].reshape(slot.shape), array)


def test_tied_parameters_are_in_theta_once_and_follow_their_owner(tmp_path):
    again = next(node for node in full(tmp_path / "m.npz").nodes if node.name == "again")
    assert again.parameters_of == "fc2"
    assert again.owner == "fc2"
    assert not again.trainable


def test_attributes_have_their_defaults(tmp_path):
    nodes = {node.name: node for node in full(tmp_path / "m.npz").nodes}
    assert nodes["bn"].attributes == {"eps": 1e-3, "momentum": 0.1, "mode": "running", "batch_size": 256}
    assert nodes["act1"].inputs == ("bn",)
    assert nodes["fc1"].inputs == ("input",)
    assert nodes["sum"].inputs == ("again", "act1")
    assert nodes["out"].shape == (3,)


def test_header_values_arrive(tmp_path):
    model = full(tmp_path / "m.npz")
    assert (model.name, model.loss, model.loss_scale, model.delta) == ("small", "cross_entropy", 2.0, 1.0)
    assert model.training["betas"] == (0.9, 0.999)
    assert model.form == "full"
    assert model.inferred == ()
    assert model.path == tmp_path / "m.npz"


def test_name_and_input_shape_have_defaults(tmp_path):
    head = {key: value for key, value in header().items() if key not in ("name", "input_shape", "training")}
    model = load_model(write(tmp_path / "stem.npz", arrays(), head))
    assert model.name == "stem"
    assert model.input_shape == (4,)


def test_the_decay_of_a_map_is_zero_elsewhere(tmp_path):
    decay = full(tmp_path / "m.npz").decay_vector()
    np.testing.assert_array_equal(decay, np.repeat([0.1, 0.0], [20, P - 20]))


def test_the_decay_of_a_number_is_everywhere(tmp_path):
    model = load_model(write(tmp_path / "m.npz", arrays(), header() | {"weight_decay": 0.5}))
    np.testing.assert_array_equal(model.decay_vector(), np.full(P, 0.5))


def test_splits_and_examples(tmp_path):
    model = full(tmp_path / "m.npz")
    assert model.splits == ("train", "test")
    assert (model.examples("train"), model.examples("test")) == (7, 2)
    with pytest.raises(InputError, match="train, test"):
        model.examples("validation")


def test_the_story_is_read(tmp_path):
    model = full(tmp_path / "m.npz")
    assert list(model.history) == ["step", "train_loss"]
    assert model.checkpoints.shape == (2, P)
    np.testing.assert_array_equal(model.checkpoint_steps, [0, 10])
    assert model.checkpoint_buffers.shape == (2, 10)
    assert list(model.optimizer) == ["m", "step"]


def test_a_saved_model_is_the_model(tmp_path):
    model = full(tmp_path / "m.npz")
    save_model(model, tmp_path / "again.npz")
    again = load_model(tmp_path / "again.npz")
    assert again.fingerprint() == model.fingerprint()
    assert again.data_fingerprint() == model.data_fingerprint()
    assert again.nodes == model.nodes
    assert again.training == model.training
    for name in ("history", "optimizer"):
        for key, array in getattr(model, name).items():
            np.testing.assert_array_equal(getattr(again, name)[key], array)
    np.testing.assert_array_equal(again.checkpoint_buffers, model.checkpoint_buffers)
    save_model(again, tmp_path / "third.npz")
    assert (tmp_path / "third.npz").read_bytes() == (tmp_path / "again.npz").read_bytes()


class TestWithTheta:
    def test_only_theta_changes(self, tmp_path):
        model = full(tmp_path / "m.npz")
        moved = model.with_theta(model.theta + 1)
        np.testing.assert_array_equal(moved.theta, model.theta + 1)
        np.testing.assert_array_equal(moved.constants, model.constants)
        assert moved.fingerprint() != model.fingerprint()
        assert moved.data_fingerprint() == model.data_fingerprint()
        assert moved.optimizer == {}

    def test_the_model_does_not_see_later_changes_of_the_vector(self, tmp_path):
        model = full(tmp_path / "m.npz")
        vector = model.theta.copy()
        moved = model.with_theta(vector)
        vector[:] = 0
        np.testing.assert_array_equal(moved.theta, model.theta)

    def test_another_length_is_refused(self, tmp_path):
        with pytest.raises(InputError, match=f"expected shape \\[{P}\\]"):
            full(tmp_path / "m.npz").with_theta(np.zeros(3))


class TestFingerprint:
    @pytest.mark.parametrize(
        "key", [key for key in arrays() if key.split(".")[0] in ("fc1", "bn", "fc2", "out")]
    )
    def test_every_parameter_and_buffer_counts(self, tmp_path, key):
        if key.endswith("tracked"):
            return
        model, content = full(tmp_path / "m.npz"), arrays()
        content[key] = content[key] + np.spacing(np.abs(content[key]).max())
        changed = load_model(write(tmp_path / "c.npz", content, header()))
        assert changed.fingerprint() != model.fingerprint()
        assert changed.data_fingerprint() == model.data_fingerprint()

    @pytest.mark.parametrize(
        "change", [{"loss_scale": 3.0}, {"weight_decay": 0.1}, {"weight_decay": 0.0}, {"delta": 2.0}]
    )
    def test_the_loss_counts(self, tmp_path, change):
        changed = load_model(write(tmp_path / "c.npz", arrays(), header() | change))
        assert changed.fingerprint() != full(tmp_path / "m.npz").fingerprint()

    def test_attributes_count_and_names_do_not(self, tmp_path):
        first = full(tmp_path / "m.npz").fingerprint()
        head = header()
        head["nodes"][2]["slope"] = 0.3
        assert load_model(write(tmp_path / "a.npz", arrays(), head)).fingerprint() != first
        renamed = header() | {"name": "other"}
        assert load_model(write(tmp_path / "n.npz", arrays(), renamed)).fingerprint() == first

    @pytest.mark.parametrize("key", ["x_train", "y_train", "x_test", "y_test"])
    def test_every_split_of_the_data_counts(self, tmp_path, key):
        content = arrays()
        content[key] = content[key].copy()
        content[key][0] = 1 if key[0] == "y" else 9.0
        content["y_train"][0] = content["y_train"][0] if key != "y_train" else 1
        changed = load_model(write(tmp_path / "c.npz", content, header()))
        assert changed.data_fingerprint() != full(tmp_path / "m.npz").data_fingerprint()


class TestNotFinite:
    @pytest.mark.parametrize(
        ("key", "index"), [("fc1.weight", (1, 2)), ("bn.running_var", (3,)), ("x_test", (1, 0))]
    )
    def test_it_is_refused_unless_allowed_and_then_named(self, tmp_path, key, index):
        content = arrays()
        content[key][index] = -np.inf
        path = write(tmp_path / "n.npz", content, header())
        sentence = f"{key}: 1 value is not finite, the first, -inf, at {list(index)}"
        assert refused(path).startswith(sentence)
        assert "landscape info" in refused(path)
        assert "landscape diagnose" in refused(path)
        assert load_model(path, allow_nonfinite=True).not_finite() == (sentence,)

    def test_a_log_and_checkpoints_may_hold_it(self, tmp_path):
        content = arrays()
        content["checkpoints"][1] = np.nan
        assert load_model(write(tmp_path / "c.npz", content, header())).not_finite() == ()


def test_an_integer_header_number_and_a_compressed_archive_are_fine(tmp_path):
    np.savez_compressed(
        tmp_path / "m.npz", landscape=json.dumps(HEADER | {"loss_scale": 2, "weight_decay": 0}), **arrays()
    )
    assert load_model(tmp_path / "m.npz").loss_scale == 2.0


def test_a_name_that_a_header_could_not_hold_is_not_taken_from_the_file(tmp_path):
    head = {key: value for key, value in header().items() if key != "name"}
    model = load_model(write(tmp_path / "two\nlines.npz", arrays(), head))
    assert model.name == "model"


def test_a_series_that_is_logged_now_and_then_is_summarized_by_what_was_logged():
    gaps = np.array([np.nan, 0.5, np.nan, 0.25, np.nan])
    losses = np.array([3.0, 2.0, 1.0, 0.5, 0.25])
    assert _series(gaps, {"train_loss": losses}) == {"length": 2, "first": 0.5, "last": 0.25}
    # Where the training loss is not finite either, the run diverged.
    diverged = np.where(np.arange(5) > 2, np.nan, losses)
    assert _series(diverged, {"train_loss": diverged}) == {"length": 5, "first": 3.0, "last": None}

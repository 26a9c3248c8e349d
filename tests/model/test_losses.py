"""The losses: which outputs and which targets each takes."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.model import Model, build_model, load_model, save_model

N = 6


def model(loss: str, target: np.ndarray, shape: tuple[int, ...] = (3,), **more: object) -> Model:
    """Build a network that puts out its input."""
    return build_model(
        nodes=[{"name": "same", "op": "identity"}],
        loss=loss,
        x_train=np.ones((N, *shape)),
        y_train=target,
        **more,
    )


GOOD = [
    ("cross_entropy", (3,), np.array([0, 1, 2, -100, 2, 1])),
    ("cross_entropy", (3,), np.array([0, 1, 2, 2, 2, 1], np.uint8)),
    ("cross_entropy", (4, 3), np.ones((N, 4), np.int16)),
    ("binary_cross_entropy", (), np.array([0, 1, 0, 1, 0, 1])),
    ("binary_cross_entropy", (1,), np.array([0, 1, 0, 1, 0, 1.0])),
    ("binary_cross_entropy", (1,), np.ones((N, 1), bool)),
    ("binary_cross_entropy", (3,), np.ones((N, 3), np.float32)),
    ("binary_cross_entropy", (1, 2, 2), np.full((N, 1, 2, 2), 0.25)),
    ("cross_entropy", (3, 2, 2), np.ones((N, 2, 2), int)),
    ("cross_entropy", (3,), np.full((N, 3), 0.25)),
    ("cross_entropy", (3, 2, 2), np.full((N, 3, 2, 2), 0.25)),
    ("kl_divergence", (3,), np.full((N, 3), 0.25)),
    ("poisson", (2,), np.ones((N, 2), int)),
    ("hinge_embedding", (1,), -np.ones((N, 1))),
    ("multi_margin", (3,), np.ones(N, int)),
    ("focal", (1, 2, 2), np.ones((N, 1, 2, 2))),
    ("mse", (3,), np.ones((N, 3))),
    ("mae", (), np.ones(N, np.float32)),
    ("huber", (2, 3, 4), np.ones((N, 2, 3, 4))),
]


@pytest.mark.parametrize(("loss", "shape", "target"), GOOD)
def test_good_targets_are_kept_as_stored(loss, shape, target):
    assert model(loss, target, shape).data["y_train"] is target


BAD = [
    ("cross_entropy", (), np.zeros(N, int), "logits"),
    ("cross_entropy", (2, 3, 4), np.zeros((N, 2, 3), int), r"y_train: expected shape \[6, 3, 4\]"),
    ("cross_entropy", (2, 3, 4), np.full((N, 3, 4), 2), "from 0 to 1"),
    ("cross_entropy", (3,), np.full((N, 3), -0.5), "numbers from 0 for the classes, found -0.5 in example 0"),
    ("cross_entropy", (3,), np.full((N, 2), 0.5), r"expected shape \[6, 3\]"),
    ("cross_entropy", (4, 3), np.zeros(N, int), r"y_train: expected shape \[6, 4\]"),
    ("cross_entropy", (3,), np.array([0, 1, 2, 3, 0, 0], np.uint8), "from 0 to 2"),
    ("cross_entropy", (3,), np.zeros(N, bool), "integer class ids"),
    ("binary_cross_entropy", (1,), np.array([0, 1, 2, 0, 0, 0]), "from 0 to 1, found 2 in example 2"),
    ("binary_cross_entropy", (1,), np.full(N, 1.5), "from 0 to 1, found 1.5 in example 0"),
    ("binary_cross_entropy", (3,), np.zeros(N, int), r"\[6, 3\] or as many elements"),
    ("binary_cross_entropy", (1,), np.full(N, np.nan), "from 0 to 1, found nan"),
    ("mse", (3,), np.zeros((N, 3), int), "float32 or float64, found int64"),
    ("mse", (1,), np.zeros(N), r"expected shape \[6, 1\].* found \[6\]"),
    ("mse", (3,), np.zeros((N, 3), np.float16), "float16"),
    ("kl_divergence", (3,), np.zeros(N, int), "a number from 0 for each class, found int64"),
    ("poisson", (1,), np.full((N, 1), -1.0), "numbers from 0, found -1"),
    ("hinge_embedding", (1,), np.zeros((N, 1)), "1 or -1, found 0"),
    ("multi_margin", (4, 3), np.zeros((N, 4), int), "an output for each class"),
    ("multi_margin", (3,), np.full(N, -100), "integer class ids from 0 to 2, found -100"),
    ("focal", (1,), np.full(N, 0.5), "0 or 1, found 0.5"),
    ("mae", (1,), np.full((N, 1), np.nan), "y_train: 6 values are not finite"),
]


@pytest.mark.parametrize(("loss", "shape", "target", "message"), BAD)
def test_bad_targets_are_refused(loss, shape, target, message):
    with pytest.raises(InputError, match=message):
        model(loss, target, shape)


def test_nan_among_binary_targets_is_told_apart_from_a_wrong_value():
    target = np.array([0, 1, np.nan, 0, 0, 0])
    allowed = model("binary_cross_entropy", target, (1,), allow_nonfinite=True)
    assert allowed.not_finite() == ("y_train: 1 value is not finite, the first, nan, at [2]",)
    with pytest.raises(InputError, match=r"found 2\.0 in example 1"):
        model("binary_cross_entropy", np.array([0, 2, np.nan, 0, 0, 0]), (1,), allow_nonfinite=True)


OPTIONS = [
    ("cross_entropy", {"class_weights": [1, 2]}, "class_weights: expected 3 numbers, one a class, found 2"),
    ("cross_entropy", {"class_weights": [1, 2, -1]}, "class_weights: expected a finite number from 0, found -1"),
    ("cross_entropy", {"class_weights": [1, 2, float("nan")]}, "class_weights: expected a finite number from 0"),
    ("cross_entropy", {"class_weights": [0, 0, 0]}, "class_weights: expected weights of which one is above 0"),
    ("cross_entropy", {"class_weights": "even"}, "class_weights: expected a list"),
    ("cross_entropy", {"label_smoothing": 1.5}, "label_smoothing: expected a number from 0 to 1"),
    ("cross_entropy", {"ignored": 0.5}, "ignored: expected a whole number"),
    ("cross_entropy", {"pos_weight": 2}, "pos_weight: the loss cross_entropy takes none; expected one of binary_cross_entropy"),
    ("mse", {"label_smoothing": 0.1}, "label_smoothing: the loss mse takes none; expected one of cross_entropy"),
    ("binary_cross_entropy", {"pos_weight": [1, 2]}, r"pos_weight: expected numbers that go with an output \[3\], found \[2\]"),
    ("binary_cross_entropy", {"element_weights": [[1], [1, 2]]}, "element_weights: .*lists of several lengths"),
    ("binary_cross_entropy", {"element_weights": -1}, "element_weights: expected a finite number from 0"),
    ("multi_margin", {"exponent": 3}, "exponent: expected a whole number"),
    ("focal", {"alpha": 2}, "alpha: expected a number from 0 to 1"),
]  # fmt: skip
TARGETS = {"mse": np.ones((N, 3)), "binary_cross_entropy": np.ones((N, 3)), "focal": np.ones((N, 3))}


@pytest.mark.parametrize(("loss", "options", "message"), OPTIONS)
def test_options_that_cannot_be_are_refused(loss, options, message):
    with pytest.raises(InputError, match=message):
        model(loss, TARGETS.get(loss, np.zeros(N, int)), loss_options=options)


def test_a_class_id_may_be_ignored_and_the_usual_one_is_then_refused():
    assert model("cross_entropy", np.array([0, 1, 2, 255, 2, 1]), loss_options={"ignored": 255}).size == 0
    with pytest.raises(InputError, match="from 0 to 2, or 255, found -100 in example 3"):
        model("cross_entropy", np.array([0, 1, 2, -100, 2, 1]), loss_options={"ignored": 255})
    with pytest.raises(InputError, match=r"every label is 1 \(ignored\)"):
        model("cross_entropy", np.ones(N, int), loss_options={"ignored": 1})


def test_options_pass_through_a_file_and_change_the_hash(tmp_path):
    plain, given = (
        model("cross_entropy", np.zeros(N, int), loss_options=options) for options in ({}, WEIGHTS)
    )
    save_model(given, tmp_path / "model.npz")
    back = load_model(tmp_path / "model.npz")
    assert back.loss_options == given.loss_options
    assert back.fingerprint() == given.fingerprint() != plain.fingerprint()


WEIGHTS = {"class_weights": np.array([1.0, 2.0, 0.5]), "label_smoothing": 0.1}

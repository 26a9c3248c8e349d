"""The losses: which outputs and which targets each takes."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.model import Model, build_model

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
    ("mse", (3,), np.ones((N, 3))),
    ("mae", (), np.ones(N, np.float32)),
    ("huber", (2, 3, 4), np.ones((N, 2, 3, 4))),
]


@pytest.mark.parametrize(("loss", "shape", "target"), GOOD)
def test_good_targets_are_kept_as_stored(loss, shape, target):
    assert model(loss, target, shape).data["y_train"] is target


BAD = [
    ("cross_entropy", (), np.zeros(N, int), "logits"),
    ("cross_entropy", (2, 3, 4), np.zeros((N, 2, 3), int), "logits"),
    ("cross_entropy", (4, 3), np.zeros(N, int), r"y_train: expected shape \[6, 4\]"),
    ("cross_entropy", (3,), np.array([0, 1, 2, 3, 0, 0], np.uint8), "from 0 to 2"),
    ("cross_entropy", (3,), np.zeros(N, bool), "integer class ids"),
    ("binary_cross_entropy", (4, 3), np.zeros((N, 4, 3), int), "logits"),
    ("binary_cross_entropy", (1,), np.array([0, 1, 2, 0, 0, 0]), "0 or 1, found 2 in example 2"),
    ("binary_cross_entropy", (1,), np.full(N, 0.5), "0 or 1, found 0.5 in example 0"),
    ("binary_cross_entropy", (3,), np.zeros(N, int), r"\[6, 3\] or as many elements"),
    ("binary_cross_entropy", (1,), np.full(N, np.nan), "0 or 1, found nan"),
    ("mse", (3,), np.zeros((N, 3), int), "float32 or float64, found int64"),
    ("mse", (1,), np.zeros(N), r"expected shape \[6, 1\].* found \[6\]"),
    ("mse", (3,), np.zeros((N, 3), np.float16), "float16"),
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

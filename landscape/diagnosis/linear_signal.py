"""Whether a linear model of the training targets predicts held-out targets better than models of permuted targets do."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.diagnosis.linear import FITTED, standard_inputs
from landscape.diagnosis.structure import without_end
from landscape.model import Model

Array = NDArray[np.float64]

PERMUTATIONS = 199
# More training examples than these are drawn from; numbers in inputs and outputs beyond which nothing is fitted.
MOST, LARGEST = 1000, 5_000_000


def linear_p(model: Model, held: str, seed: int) -> float:
    """Return how often permuted training targets give least squares as little squared error on held-out data; NaN where there is no such fit.

    With n permutations, of which k have as little error, p = (k + 1)/(n + 1). The shares of errors would not do: where inputs come in clusters,
    or have few dimensions, a linear model of permuted targets is often right of whole clusters, though its outputs hardly differ.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> x = np.random.default_rng(0).standard_normal((90, 2))
    >>> y = (x[:, 0] > 0).astype(int)
    >>> layers = [(np.zeros((2, 2)), np.zeros(2))]
    >>> linear_p(build_model(layers=layers, x_train=x[:60], y_train=y[:60], x_test=x[60:], y_test=y[60:]), "test", 0)
    0.005
    """
    rng = streams.numpy_generator("two samples", seed, 2)
    targets, wanted = (numbers_of(model, split) for split in ("train", held))
    if targets is None or wanted is None:
        return math.nan
    rows = np.sort(rng.permutation(len(targets))[:MOST])
    train, other = (with_ones(standard_inputs(model, split)) for split in ("train", held))
    # Outputs on held-out data are this times the training targets.
    hat = other @ np.linalg.pinv(train[rows])
    error = float(np.mean((hat @ targets[rows] - wanted) ** 2))
    drawn = [np.mean((hat @ targets[rng.permutation(rows)] - wanted) ** 2) for _ in range(PERMUTATIONS)]
    return float((np.sum(np.array(drawn) <= error) + 1) / (PERMUTATIONS + 1))


def with_ones(x: Array) -> Array:
    """Return inputs with a column of ones."""
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)


def numbers_of(model: Model, split: str) -> Array | None:
    """Return the targets of a split as numbers that least squares can fit [N, C]; None if there are none."""
    x, y = np.asarray(model.data["x_train"]), np.asarray(model.data[f"y_{split}"])
    outputs = math.prod(model.nodes[-1].shape)
    if (
        model.loss not in FITTED
        or model.loss_options.given()
        or not np.issubdtype(x.dtype, np.floating)
        or x.size * outputs > LARGEST
        or without_end(model) is not None
    ):
        return None
    if model.loss == "cross_entropy":
        return None if y.ndim != 1 or y.dtype.kind == "f" or np.any(y < 0) else np.eye(outputs)[y]
    wanted = y.reshape(len(y), -1).astype(np.float64)
    return wanted if wanted.shape[1] == outputs else None

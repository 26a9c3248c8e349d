"""The linear model, fitted by solving its convex problem: a simpler network that needs no luck."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, softmax

from landscape.diagnosis.architectures import Chain, chain_of, rebuilt
from landscape.diagnosis.ensembles import Laboratory
from landscape.diagnosis.outcomes import Outcome
from landscape.diagnosis.structure import without_end
from landscape.diagnosis.vetoes import flat_inputs
from landscape.model import Model
from landscape.objective.examples import score_outputs

Array = NDArray[np.float64]

# L-BFGS may take so many iterations; a little weight decay keeps separable classes finite.
ITERATIONS, RIDGE = 300, 1e-6
# Features times outputs beyond which it is left out.
LARGEST = 50_000
FITTED = ("mse", "cross_entropy", "binary_cross_entropy")


def fit_linear(model: Model, x: Array, y: NDArray) -> Array | None:
    """Fit weights [features + 1, outputs] to standardized inputs; None if the loss or the targets have no such fit."""
    outputs = int(np.prod(model.nodes[-1].shape)) if model.nodes[-1].shape else 1
    rows = len(x)
    if (
        model.loss not in FITTED
        or model.loss_options.given()
        or x.shape[1] * outputs > LARGEST
        or y.reshape(rows, -1).shape[1] not in (1, outputs)
    ):
        return None
    design = np.concatenate([x, np.ones((rows, 1))], axis=1)
    if model.loss == "mse":
        return np.asarray(np.linalg.lstsq(design, y.reshape(rows, -1).astype(np.float64), rcond=None)[0])
    wanted = y.reshape(rows, -1).astype(np.float64)
    if model.loss == "cross_entropy":
        if y.ndim != 1 or y.dtype.kind == "f" or np.any(y < 0):
            return None
        wanted = np.eye(outputs)[y]
    shape = (design.shape[1], outputs)

    def value(flat: Array) -> tuple[float, Array]:
        weights = flat.reshape(shape)
        logits = design @ weights
        given = softmax(logits, axis=1) if model.loss == "cross_entropy" else expit(logits)
        losses = score_outputs(model, logits, y)[0] / model.loss_scale
        count = rows if model.loss == "cross_entropy" else rows * outputs
        slope = design.T @ (given - wanted) / count + RIDGE * weights
        return float(losses.mean() + 0.5 * RIDGE * np.sum(weights**2)), slope.ravel()

    found = minimize(
        value, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": ITERATIONS}
    )
    return np.asarray(found.x).reshape(shape)


def standard_inputs(model: Model, split: str) -> Array:
    """Give the inputs of a split, standardized by the training set's."""
    x = flat_inputs(model, "train")
    deviation = x.std(axis=0)
    return np.asarray((flat_inputs(model, split) - x.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0))


def contains_linear(model: Model) -> bool:
    """Return whether the network can be the linear model: dense layers only, none narrower than a linear map's rank needs.

    Where it cannot, a linear model that is better says nothing about the training of the network.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> def network(width):
    ...     layers = [(np.zeros((5, width)), np.zeros(width)), (np.zeros((width, 3)), np.zeros(3))]
    ...     return build_model(layers=layers, x_train=np.eye(5), y_train=[0, 1, 2, 0, 1])
    >>> contains_linear(network(2)), contains_linear(network(1))
    (True, False)
    """
    widths = [int(node.shape[-1]) for node in model.nodes if node.traits.product == "matrix"]
    if without_end(model) is not None:
        return False
    if any(
        node.operation.parameters and not (node.traits.product == "matrix" or node.traits.normalizes)
        for node in model.nodes
    ):
        return False
    outputs = widths[-1] - (1 if model.loss == "cross_entropy" else 0)
    return min(widths[:-1], default=outputs) >= min(outputs, math.prod(model.input_shape))


def fitted(model: Model) -> Array | None:
    """Fit the linear model of a network whose last op is none of the loss's business; None if there is none."""
    if not np.issubdtype(model.data["x_train"].dtype, np.floating) or without_end(model) is not None:
        return None
    return fit_linear(model, standard_inputs(model, "train"), np.asarray(model.data["y_train"]))


def linear_model(model: Model) -> Model | None:
    """Return the linear model as it was fitted, a single layer on the inputs as they are: W = w/σ, b = b' − Wμ; None if there is none.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> x = np.array([[0.0, 1.0], [2.0, 0.0], [4.0, 5.0], [1.0, 1.0]])
    >>> layers = [(np.zeros((2, 3)), np.zeros(3)), (np.zeros((3, 1)), np.zeros(1))]
    >>> network = build_model(layers=layers, loss="mse", x_train=x, y_train=x @ [[2.0], [-1.0]] + 3.0)
    >>> [array.round(6).tolist() for array in linear_model(network).parameters.values()]
    [[[2.0, -1.0]], [3.0]]
    """
    found, weights = chain_of(model), fitted(model)
    if weights is None or found is None:
        return None
    x = flat_inputs(model, "train")
    deviation = x.std(axis=0)
    slopes = weights[:-1] / np.where(deviation > 0, deviation, 1.0)[:, None]
    made = rebuilt(model, Chain((), "", ()))
    weight, bias = list(made.parameters)[:2]
    written = {weight: slopes.T, bias: weights[-1] - x.mean(axis=0) @ slopes}
    return replace(made, parameters={**made.parameters, **written})


def linear_outcome(lab: Laboratory, label: str, loss: float) -> Outcome | None:
    """Return the linear model's losses; None if it has none."""
    model = lab.model
    weights = fitted(model)
    if weights is None:
        return None

    def mean(split: str) -> float:
        x = standard_inputs(model, split)
        outputs = np.concatenate([x, np.ones((len(x), 1))], axis=1) @ weights
        return float(score_outputs(model, outputs, np.asarray(model.data[f"y_{split}"]))[0].mean())

    train = mean("train")
    held = math.nan if lab.held is None else mean(lab.held)
    kind = "simpler" if contains_linear(model) else "larger"
    return Outcome(name=label, kind=kind, train=train, half=0.0, held=held, gain=loss - train, gain_half=0.0)

"""`from_sklearn`: make a model from a fitted estimator of scikit-learn, with its regularization as weight decay.

scikit-learn minimizes sums or means of its own; here they are brought to mean + ½ λ ‖W‖². With n examples:

- MLP: mean loss + ½ (α/B) ‖W‖² over a batch of B examples, so λ = α/B, where B is n for "lbfgs"; its squared
  error is half of the mean's, and for several outputs its gradient is that of their sum.
- LogisticRegression: C Σ loss + ½ ‖W‖², so λ = 1/(C n); "liblinear" has the intercept in ‖W‖ too.
- Ridge: Σ (y − f)² + α ‖W‖², so for t outputs λ = 2 α/(n t).

Intercepts are not decayed otherwise.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from landscape.errors import InputError
from landscape.files import shown
from landscape.importers.data import Arrays, Data, read_data
from landscape.importers.draws import SEED, fresh, near
from landscape.importers.finish import Loss, make_model
from landscape.importers.network import Network, Origin, Weight
from landscape.importers.proof import Moved, Original, sigmoid, softmax, verified
from landscape.model import Model
from landscape.model.nodes import INPUT
from landscape.streams import numpy_generator

ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "logistic": "sigmoid", "identity": "identity"}
TOLERANCE = 1e-9
# What `batch_size="auto"` means.
AUTO_BATCH = 200

Outputs = Callable[[np.ndarray], np.ndarray]


class Found(NamedTuple):
    """What an estimator consists of: layers (weight [out, in] and bias), loss, and how its outputs follow from the model's."""

    layers: list[tuple[np.ndarray, np.ndarray | None]]
    loss: Loss
    outputs: Outputs
    activation: str = "identity"
    tail: Callable[[np.ndarray], np.ndarray] | None = None
    notes: tuple[str, ...] = ()


def from_sklearn(estimator: Any, data: Data, *, name: str | None = None) -> Model:
    """Make a model from a fitted estimator of scikit-learn and its training data, with its regularization.

    Labels may be those of `classes_`. The translation is compared with `predict_proba` or `predict` on up
    to 1,000 training examples, and again with other coefficients in a copy of the estimator; the last of the model's
    `inferred` sentences says how well they agree.

    Parameters
    ----------
    estimator
        MLPClassifier, MLPRegressor, LogisticRegression, LinearRegression or Ridge, fitted without weights of
        samples or classes.
    data
        (x, y), a mapping with `x_train`, `y_train`, `x_test`, …, or the path of such an `.npz`.
    name
        The model's name; by default the class's.

    Raises
    ------
    InputError
        Another estimator, one that is not fitted, a penalty that the format does not have, or unequal outputs.
    """
    kind = type(estimator).__name__
    if kind not in ESTIMATORS or not type(estimator).__module__.startswith("sklearn."):
        raise InputError(f"estimator: expected one of {', '.join(ESTIMATORS)}, found {shown(kind)}")
    if not (hasattr(estimator, "coefs_") or hasattr(estimator, "coef_")):
        raise InputError(f"{kind}: is not fitted; call its fit first")
    arrays = _labelled(estimator, read_data(data))
    try:
        found = ESTIMATORS[kind](estimator, arrays)
    except InputError as error:
        raise InputError(f"{kind}: {error}") from None
    network = Network(tuple(arrays["x_train"].shape[1:]))
    network.notes += found.notes
    output = _chain(network, found)
    model = make_model(network, output, arrays, found.loss, name or kind)
    origins = network.origins_of(network.ending_at(output))
    original = Original(
        kind,
        _quiet(found.outputs),
        TOLERANCE,
        found.tail,
        lambda how: _moved(estimator, arrays, found, how),
        origins,
    )
    return verified(model, original)


def _moved(estimator: Any, arrays: Arrays, found: Found, how: str) -> Moved:
    """Move a copy of the estimator to other coefficients."""
    rng = numpy_generator("second parameters of an import", SEED)
    other, drawn = copy.deepcopy(estimator), {}
    for number, (weight, bias) in enumerate(found.layers, 1):
        for key, array in (("weight", weight), ("bias", bias)):
            if array is not None:
                drawn[f"fc{number}.{key}"] = (
                    fresh(rng, key, array.shape) if how == "fresh" else near(rng, key, array)
                )
    layers = [(drawn[f"fc{n}.weight"], drawn.get(f"fc{n}.bias")) for n in range(1, len(found.layers) + 1)]
    if hasattr(other, "coefs_"):
        other.coefs_ = [
            weight.T.astype(old.dtype) for (weight, _), old in zip(layers, other.coefs_, strict=True)
        ]
        other.intercepts_ = [bias for _, bias in layers]
    else:
        (weight, bias), *_ = layers
        other.coef_ = weight.reshape(np.shape(other.coef_))
        if bias is not None:
            other.intercept_ = (
                bias.reshape(np.shape(other.intercept_)) if np.ndim(other.intercept_) else float(bias[0])
            )
    kind = type(estimator).__name__
    return Moved(drawn, _quiet(ESTIMATORS[kind](other, arrays).outputs))


def _chain(network: Network, found: Found) -> str:
    """Add the layers, and the activation between them."""
    value = INPUT
    for number, (weight, bias) in enumerate(found.layers, 1):
        if number > 1 and found.activation != "identity":
            value = network.add(f"act{number - 1}", found.activation, [value])
        weights = {
            key: Weight(array, (key, number), True, Origin(f"fc{number}.{key}"))
            for key, array in (("weight", weight), ("bias", bias))
            if array is not None
        }
        value = network.add(f"fc{number}", "dense", [value], weights)
    return value


def _labelled(estimator: Any, arrays: Arrays) -> Arrays:
    """Give labels as positions in `classes_`; indicator matrices and numbers stay."""
    classes = getattr(estimator, "classes_", None)
    if not isinstance(classes, np.ndarray):
        return arrays
    result = dict(arrays)
    for key, array in arrays.items():
        if key[0] == "y" and array.ndim == 1:
            result[key] = np.searchsorted(classes, array)
            known = np.isin(array, classes)
            if not known.all():
                raise InputError(f"{key}: {array[~known][0]} is none of the estimator's classes")
    return result


def _quiet(outputs: Outputs) -> Outputs:
    """Call without the warning that arrays have no names of columns."""

    def call(x: np.ndarray) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(outputs(x))

    return call


def _network_of(
    estimator: Any, arrays: Arrays
) -> tuple[list[tuple[np.ndarray, np.ndarray | None]], float, tuple[str, ...]]:
    """Give an MLP's layers, its λ, and a sentence on where λ comes from."""
    layers: list[Any] = [
        (np.array(weight.T, order="C"), np.array(bias))
        for weight, bias in zip(estimator.coefs_, estimator.intercepts_, strict=True)
    ]
    examples = len(arrays["x_train"])
    if estimator.solver == "lbfgs":
        return layers, estimator.alpha / examples, ()
    examples = round(estimator.t_ / max(estimator.n_iter_, 1)) or examples
    asked = AUTO_BATCH if estimator.batch_size == "auto" else int(estimator.batch_size)
    batch = min(asked, examples)
    return (
        layers,
        estimator.alpha / batch,
        (f"weight decay is alpha / {batch}, as batches of {batch} had it",),
    )


def _decayed(layers: list[Any], decay: float) -> dict[str, float]:
    return {f"fc{number}.weight": float(decay) for number in range(1, len(layers) + 1)} if decay else {}


def mlp_classifier(estimator: Any, arrays: Arrays) -> Found:
    """Read a network with softmax, or with a sigmoid for two classes or several labels."""
    layers, decay, notes = _network_of(estimator, arrays)
    penalty = _decayed(layers, decay)
    activation = ACTIVATIONS[estimator.activation]
    if estimator.out_activation_ == "softmax":
        loss = Loss("cross_entropy", weight_decay=penalty)
        return Found(layers, loss, estimator.predict_proba, activation, softmax, notes)
    # The loss sums over labels.
    loss = Loss("binary_cross_entropy", scale=float(estimator.n_outputs_), weight_decay=penalty)
    return Found(layers, loss, _probability(estimator), activation, sigmoid, notes)


def _probability(estimator: Any) -> Outputs:
    """Give the probability of the second of two classes, or of each of several labels."""

    def outputs(x: np.ndarray) -> np.ndarray:
        probabilities = np.asarray(estimator.predict_proba(x))
        two_classes = getattr(estimator, "n_outputs_", 1) == 1
        return probabilities[:, 1:] if two_classes else probabilities

    return outputs


def mlp_regressor(estimator: Any, arrays: Arrays) -> Found:
    """Read a network under half the squared error, summed over outputs as its gradient has it."""
    if getattr(estimator, "loss", "squared_error") != "squared_error":
        raise InputError(f"loss={estimator.loss!r}: expected 'squared_error'")
    layers, decay, notes = _network_of(estimator, arrays)
    loss = Loss("mse", scale=0.5 * len(layers[-1][0]), weight_decay=_decayed(layers, decay))
    if len(layers[-1][0]) > 1:
        notes += (
            "the loss is summed over outputs, as in the estimator's gradient; its loss_ has their mean",
        )
    return Found(layers, loss, estimator.predict, ACTIVATIONS[estimator.activation], None, notes)


def logistic_regression(estimator: Any, arrays: Arrays) -> Found:
    """Read a linear classifier."""
    if estimator.class_weight is not None:
        raise InputError("class_weight: expected None; the format's loss has no weights")
    if estimator.l1_ratio not in (None, 0, 0.0) or estimator.penalty in ("l1", "elasticnet"):
        raise InputError("an l1 penalty: expected l2 or none")
    binary = len(estimator.coef_) == 1
    if not binary and (estimator.solver == "liblinear" or getattr(estimator, "multi_class", None) == "ovr"):
        raise InputError("one classifier for each class: expected the multinomial loss")
    layers = _linear(estimator)
    decay = 0.0 if estimator.penalty is None else 1.0 / (estimator.C * len(arrays["x_train"]))
    penalty = _decayed(layers, decay)
    if estimator.solver == "liblinear" and estimator.fit_intercept and decay:
        penalty["fc1.bias"] = decay / estimator.intercept_scaling**2
    loss = Loss("binary_cross_entropy" if binary else "cross_entropy", weight_decay=penalty)
    outputs = _probability(estimator) if binary else estimator.predict_proba
    return Found(layers, loss, outputs, tail=sigmoid if binary else softmax)


def linear_regression(estimator: Any, arrays: Arrays) -> Found:
    """Read least squares."""
    return Found(_linear(estimator), Loss("mse"), estimator.predict)


def ridge(estimator: Any, arrays: Arrays) -> Found:
    """Read least squares with a penalty."""
    layers = _linear(estimator)
    alphas = np.unique(np.asarray(estimator.alpha, np.float64))
    if len(alphas) > 1:
        raise InputError("one alpha for each target: expected the same for all")
    decay = 2.0 * float(alphas[0]) / (len(arrays["x_train"]) * len(layers[0][0]))
    return Found(layers, Loss("mse", weight_decay=_decayed(layers, decay)), estimator.predict)


def _linear(estimator: Any) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """Give the one layer of a linear model."""
    weight = np.atleast_2d(np.array(estimator.coef_))
    if not estimator.fit_intercept:
        return [(weight, None)]
    return [(weight, np.broadcast_to(np.ravel(estimator.intercept_), (len(weight),)).astype(weight.dtype))]


ESTIMATORS: dict[str, Callable[[Any, Arrays], Found]] = {
    "MLPClassifier": mlp_classifier,
    "MLPRegressor": mlp_regressor,
    "LogisticRegression": logistic_regression,
    "LinearRegression": linear_regression,
    "Ridge": ridge,
}

"""scikit-learn's estimators: the same outputs, and a fitted one is a minimum of the imported objective."""

from __future__ import annotations

import numpy as np
import pytest

import landscape
from landscape import InputError

pytest.importorskip("sklearn")
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.sklearn
RNG = np.random.default_rng(0)
X = RNG.standard_normal((80, 4))
NUMBERS = X @ RNG.standard_normal((4, 3)) + 1.0 + 0.3 * RNG.standard_normal((80, 3))
CLASSES = NUMBERS.argmax(1)
LABELS = (NUMBERS > 1).astype(int)
LBFGS = {"hidden_layer_sizes": (5,), "solver": "lbfgs", "alpha": 0.3, "activation": "tanh"}
LBFGS |= {"max_iter": 10_000, "tol": 1e-13, "random_state": 0}
EXACT = {"tol": 1e-10, "max_iter": 10_000}

FITTED = {
    "mlp_classes": (MLPClassifier(**LBFGS), CLASSES),
    "mlp_two_classes": (MLPClassifier(**LBFGS), LABELS[:, 0]),
    "mlp_labels": (MLPClassifier(**LBFGS), LABELS),
    "mlp_numbers": (MLPRegressor(**LBFGS), NUMBERS[:, 0]),
    "logistic_classes": (LogisticRegression(C=0.7, **EXACT), CLASSES),
    "logistic_two_classes": (LogisticRegression(C=0.7, **EXACT), LABELS[:, 1]),
    "logistic_liblinear": (
        LogisticRegression(C=0.7, solver="liblinear", intercept_scaling=2.0, **EXACT),
        LABELS[:, 1],
    ),
    "linear": (LinearRegression(), NUMBERS),
    "linear_without_intercept": (LinearRegression(fit_intercept=False), NUMBERS[:, 0]),
    "ridge": (Ridge(alpha=2.5), NUMBERS[:, 0]),
    "ridge_of_several": (Ridge(alpha=2.5), NUMBERS),
}


@pytest.mark.parametrize("name", FITTED)
def test_a_fitted_estimator_is_a_stationary_point_of_the_imported_objective(name):
    estimator, y = FITTED[name]
    estimator.fit(X, y)
    model = landscape.from_sklearn(estimator, (X, y))
    gradient = landscape.NetworkObjective(model).gradient(model.theta)
    assert np.abs(gradient).max() < 1e-4
    # and not for the lack of a slope near it
    assert np.abs(landscape.NetworkObjective(model).gradient(1.1 * model.theta)).max() > 1e-3
    assert "largest difference" in model.inferred[-1]
    assert "at a second, random θ they differ by at most" in model.inferred[-1]


@pytest.mark.parametrize("name", ["mlp_classes", "mlp_two_classes", "mlp_labels", "mlp_numbers"])
def test_loss_and_penalty_add_up_to_the_estimators_own_loss(name):
    estimator, y = FITTED[name]
    estimator.fit(X, y)
    model = landscape.from_sklearn(estimator, (X, y))
    assert landscape.NetworkObjective(model).value(model.theta) == pytest.approx(estimator.loss_, rel=1e-10)


def test_labels_are_positions_among_the_estimators_classes():
    names = np.array([7, 3, 5])[CLASSES]
    estimator = LogisticRegression().fit(X, names)
    model = landscape.from_sklearn(estimator, {"x_train": X, "y_train": names, "x_test": X, "y_test": names})
    accuracy = landscape.evaluate_model(model)["test"].accuracy
    assert accuracy == pytest.approx(estimator.score(X, names))


def test_batches_decay_by_their_own_size():
    estimator = MLPClassifier((5,), alpha=0.3, batch_size=16, max_iter=400, random_state=0, tol=0.1)
    model = landscape.from_sklearn(estimator.fit(X, CLASSES), (X, CLASSES))
    assert model.weight_decay == pytest.approx({"fc1.weight": 0.3 / 16, "fc2.weight": 0.3 / 16})
    assert any("alpha / 16" in sentence for sentence in model.inferred)


def test_the_outputs_of_a_regressor_are_summed_as_in_its_gradient():
    estimator = MLPRegressor(
        hidden_layer_sizes=(5,), solver="sgd", learning_rate_init=0.01, momentum=0.0, batch_size=80
    )
    estimator.set_params(alpha=0.3, max_iter=10_000, random_state=0, activation="tanh", tol=0.0)
    estimator.partial_fit(X, NUMBERS)
    before = landscape.from_sklearn(estimator, (X, NUMBERS))
    estimator.partial_fit(X, NUMBERS)  # one step of gradient descent
    moved = landscape.from_sklearn(estimator, (X, NUMBERS)).theta - before.theta
    step = -0.01 * landscape.NetworkObjective(before).gradient(before.theta)
    assert np.linalg.norm(moved - step) < 1e-10 * np.linalg.norm(step)


@pytest.mark.parametrize(
    ("estimator", "y", "word"),
    [
        (RandomForestClassifier(n_estimators=1), CLASSES, "expected one of MLPClassifier"),
        (LogisticRegression(class_weight="balanced"), CLASSES, "class_weight"),
        (LogisticRegression(l1_ratio=0.5, solver="saga", tol=0.1), CLASSES, "l1"),
        (Ridge(alpha=[1.0, 2.0, 3.0]), NUMBERS, "one alpha"),
    ],
)
def test_what_the_format_cannot_say_is_refused(estimator, y, word):
    with pytest.raises(InputError, match=word) as caught:
        landscape.from_sklearn(estimator.fit(X, y), (X, y))
    assert "\n" not in str(caught.value)


def test_an_estimator_that_is_not_fitted_is_refused():
    with pytest.raises(InputError, match="not fitted"):
        landscape.from_sklearn(Ridge(), (X, NUMBERS))


def test_a_label_of_no_class_is_refused():
    estimator = LogisticRegression().fit(X, CLASSES)
    with pytest.raises(InputError, match="none of the estimator's classes"):
        landscape.from_sklearn(estimator, (X, CLASSES + 1))

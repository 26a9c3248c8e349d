"""A recorder for scikit-learn's `partial_fit`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.importers.scikit import from_sklearn
from landscape.model import Model
from landscape.recording.recorder import Recorder
from landscape.recording.sources import TreeSource
from landscape.recording.start import Start, of_tree, with_arrays


class SklearnRecorder:
    """Record a loop over `partial_fit`: call `step()` after each call of it.

    An `MLPClassifier` or `MLPRegressor` is recorded as a model, and another estimator with `coef_` as an opaque model.
    The first checkpoint, step 0, is taken after the first call, because an estimator has no parameters before. A step
    is a call, which may be many updates.

    Parameters
    ----------
    path, keep
        As `Recorder` takes them.
    estimator
        The estimator.
    data
        (x, y), for the model.
    **choices
        Other settings of `Recorder`.

    Examples
    --------
    >>> recorder = SklearnRecorder("run.npz", object(), None)
    >>> recorder.close() is None  # nothing was fitted
    True
    """

    def __init__(
        self, path: str | Path, estimator: Any, data: Any, *, keep: int = 64, **choices: Any
    ) -> None:
        self.path, self.estimator, self.data, self.keep, self.choices = path, estimator, data, keep, choices
        self.recorder: Recorder | None = None

    def step(self, loss: Any = None, **series: Any) -> None:
        """Record a call of `partial_fit`, with the estimator's own loss if none is given.

        Raises
        ------
        InputError
            The estimator is not fitted, or has no parameters that are known.
        """
        value = getattr(self.estimator, "loss_", None) if loss is None else loss
        if self.recorder is None:
            start = start_of_estimator(self.estimator, self.data)
            self.recorder = Recorder(self.path, start, None, None, None, self.keep, **self.choices)
            note = self.recorder.log
        else:
            note = self.recorder.step
        note(**({} if value is None else {"loss": value}), **series)

    def evaluate(self, **series: Any) -> None:
        """Log the results of an evaluation at the last call."""
        if self.recorder is not None:
            self.recorder.evaluate(**series)

    def close(self) -> Any:
        """Write the recording into its file and end it, and return the model, or None if nothing was fitted."""
        return None if self.recorder is None else self.recorder.close()

    def __enter__(self) -> SklearnRecorder:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class FittedStart(Start):
    """A model of an estimator, with its arrays in θ in the order of the model's layers."""

    def now(self, tree: Any = None) -> Model:
        """Give the model with the estimator's parameters as they are now."""
        assert isinstance(self.held, Model)
        return with_arrays(self.held, theta_of(self.module), np.zeros(0))


def start_of_estimator(estimator: Any, data: Any) -> Start:
    """Import a fitted estimator, or take its arrays as they are where it is no network.

    Raises
    ------
    InputError
        It has none.
    """
    if not layers(estimator):
        raise InputError(
            f"{type(estimator).__name__}: has no coefs_ or coef_ yet: call step() after partial_fit"
        )
    source = TreeSource(lambda: layers(estimator))
    try:
        model = from_sklearn(estimator, data)
    except InputError:
        model = None
    if model is not None and np.array_equal(model.theta, theta_of(estimator)):
        return FittedStart(model, source, estimator, None)
    return of_tree(lambda: layers(estimator), None, type(estimator).__name__)


def layers(estimator: Any) -> dict[str, np.ndarray]:
    """Give an estimator's arrays in the order of a model: of each layer the weights [out, in] and the biases."""
    weights = getattr(estimator, "coefs_", None)
    if weights is None:
        single = getattr(estimator, "coef_", None)
        if single is None:
            return {}
        return {"0000 weight": np.asarray(single), "0001 bias": np.asarray(estimator.intercept_)}
    found: dict[str, np.ndarray] = {}
    for number, (weight, bias) in enumerate(zip(weights, estimator.intercepts_, strict=True)):
        found[f"{2 * number:04d} weight"], found[f"{2 * number + 1:04d} bias"] = weight.T, bias
    return found


def theta_of(estimator: Any) -> np.ndarray:
    """Lay an estimator's arrays out as θ, float64 [P]."""
    return np.concatenate([np.asarray(array, np.float64).reshape(-1) for array in layers(estimator).values()])

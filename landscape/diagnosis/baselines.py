"""Predictions without the network (the best single input, a linear model, a constant), which a network should beat."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from landscape.diagnosis.linear import fitted, standard_inputs
from landscape.diagnosis.linear_signal import numbers_of
from landscape.diagnosis.outcomes import plain
from landscape.diagnosis.ranges import DISTANCES
from landscape.diagnosis.vetoes import flat_inputs
from landscape.model import Model
from landscape.objective.examples import score_outputs, scores

Array = NDArray[np.float64]

# The network's lead over the copy must exceed its standard error by this factor to be one.
ERRORS = 2.0
# Numbers in the inputs times outputs, beyond which no linear model is fitted.
LARGEST_FIT = 5_000_000
# The logit of a class that training has no example of, or only examples of.
MOST_LOGIT = 30.0


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The held-out loss of the network and of a copy of one input, and the network's lead with its standard error over examples."""

    column: int
    split: str
    network: float
    copy: float
    lead: float
    error: float

    @property
    def beaten(self) -> bool:
        """Whether the network is better than the copy, beyond chance."""
        return self.lead > ERRORS * self.error

    def told(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {name: plain(value) for name, value in asdict(self).items()}


def copied(model: Model, held: str | None, threads: int | None = None) -> Baseline | None:
    """Compare a regression of one number with the copy of the one input whose training loss is least; None if there is no such thing.

    A random walk's best forecast is its last value: a network that mimics it has a loss far below the constant's, and has learned nothing.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> x = np.random.default_rng(0).standard_normal((40, 2))
    >>> data = {"x_train": x, "y_train": x[:, :1] + 0.1, "x_test": x, "y_test": x[:, :1] + 0.1}
    >>> found = copied(build_model(layers=[(np.array([[0.9, 0.0]]), np.zeros(1))], loss="mse", **data), "test")
    >>> found.column, round(found.copy, 3), found.beaten
    (0, 0.01, False)
    """
    y = np.asarray(model.data["y_train"])
    one = y.reshape(len(y), -1).shape[1] == 1 and math.prod(model.nodes[-1].shape) == 1
    if (
        model.loss not in DISTANCES
        or not one
        or held is None
        or not np.issubdtype(model.data["x_train"].dtype, np.floating)
    ):
        return None
    x = flat_inputs(model, "train")
    if x.shape[1] < 2:
        return None
    losses = np.mean(np.abs(x - y.reshape(-1, 1)) ** (1 if model.loss == "mae" else 2), axis=0)
    column = int(np.argmin(losses))
    splits = [split for split in ("validation", "test") if split in model.splits]
    ours = np.concatenate([scores(model, split, threads=threads).loss for split in splits])
    theirs = np.concatenate([copy_losses(model, split, column) for split in splits])
    return beside(column, " and ".join(splits), ours, theirs)


def copy_losses(model: Model, split: str, column: int) -> Array:
    """Return the losses [N] of a split's column in place of the output."""
    targets = np.asarray(model.data[f"y_{split}"])
    outputs = flat_inputs(model, split)[:, column].reshape(len(targets), *model.nodes[-1].shape)
    return score_outputs(model, outputs, targets)[0]


def linear_lead(model: Model, held: str | None, threads: int | None = None) -> Baseline | None:
    """Compare with the linear model of the training data, which `column` −1 stands for; None if there is none, or too large a one.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> x = np.random.default_rng(0).standard_normal((60, 2))
    >>> data = {"x_train": x[:40], "y_train": x[:40, :1], "x_test": x[40:], "y_test": x[40:, :1]}
    >>> found = linear_lead(build_model(layers=[(np.array([[0.9, 0.0]]), np.zeros(1))], loss="mse", **data), "test")
    >>> round(found.copy, 9), found.beaten
    (0.0, False)
    """
    if (
        held is None
        or math.prod(np.shape(model.data["x_train"])) * math.prod(model.nodes[-1].shape) > LARGEST_FIT
    ):
        return None
    weights = fitted(model)
    if weights is None:
        return None
    x = standard_inputs(model, held)
    outputs = (np.concatenate([x, np.ones((len(x), 1))], axis=1) @ weights).reshape(
        len(x), *model.nodes[-1].shape
    )
    theirs = score_outputs(model, outputs, np.asarray(model.data[f"y_{held}"]))[0]
    return beside(-1, held, scores(model, held, threads=threads).loss, theirs)


def constant_lead(model: Model, held: str | None, threads: int | None = None) -> Baseline | None:
    """Compare with the best constant of the training data, which `column` −2 stands for; None where the loss has none that is written down here.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> x = np.random.default_rng(0).standard_normal((60, 2))
    >>> data = {"x_train": x[:40], "y_train": 2 + x[:40, :1], "x_test": x[40:], "y_test": 2 + x[40:, :1]}
    >>> network = build_model(layers=[(np.array([[0.3, 0.0]]), np.array([2.0]))], loss="mse", **data)
    >>> constant_lead(network, "test").beaten
    True
    """
    targets = None if held is None else numbers_of(model, "train")
    if held is None or targets is None:
        return None
    given = targets.mean(axis=0)
    if model.loss != "mse":
        with np.errstate(divide="ignore"):
            given = np.log(given) if model.loss == "cross_entropy" else logit(given)
        given = np.clip(given, -MOST_LOGIT, MOST_LOGIT)
    y = np.asarray(model.data[f"y_{held}"])
    outputs = np.tile(given, (len(y), 1))
    theirs = score_outputs(model, outputs.reshape(len(y), *model.nodes[-1].shape), y)[0]
    return beside(-2, held, scores(model, held, threads=threads).loss, theirs)


def beside(column: int, split: str, ours: Array, theirs: Array) -> Baseline:
    """Return the comparison of losses [N], example by example."""
    lead = theirs - ours
    error = float(lead.std(ddof=1) / math.sqrt(len(lead))) if len(lead) > 1 else math.inf
    return Baseline(
        column=column, split=split, network=float(ours.mean()), copy=float(theirs.mean()), lead=float(lead.mean()), error=error,
    )  # fmt: skip


def linear_words(found: Baseline | None, constant: float) -> list[str]:
    """Warn that a linear model does as well on held-out data as the network, where it does and knows more than a constant."""
    if found is None or found.beaten or not found.copy < constant:
        return []
    return [
        f"on {found.split} data a linear model has the loss {found.copy:.4g}, the network {found.network:.4g}: what it learned beside a linear model does "
        "not show there"
    ]

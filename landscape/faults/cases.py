"""The cases by name: what is wrong, which answers are right, and what the healthy twin has instead.

A row is a function of the same name in `recipes`, which is imported when a case is drawn.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from landscape.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from landscape.model import Model

HEALTHY = "healthy"


@dataclass(frozen=True)
class Case:
    """A row of the table.

    `accepted` are the right answers, `"<verdict>/<subtype>"`, the most exact first; a verdict alone accepts every subtype of it. `seen`
    says what the case shows, `twin` what the healthy one has instead, `right_of_twin` the answers that are right of that one.
    """

    title: str
    seen: str
    accepted: tuple[str, ...]
    twin: str
    right_of_twin: tuple[str, ...] = (HEALTHY,)


CASES: dict[str, Case] = {
    "dead-units": Case(
        "moons, 2-16-16-2 ReLU, biases of −10, SGD 0.1", "the loss of a constant, all hidden units dead",
        ("optimization/dead-units",), "biases of 0",
    ),
    "zero-start": Case(
        "moons, 2-8-2 tanh, all parameters 0 at the start", "the loss of a constant at a saddle, and a way down from it",
        ("optimization/saddle", "optimization/symmetric-units"), "Xavier's start",
    ),
    "constant-start": Case(
        "two products, 6-32-1 ReLU, all parameters 0.01 at the start, Adam", "nearly the loss of a constant, all units alike",
        ("optimization/symmetric-units",), "He's start",
    ),
    "vanishing-gradient": Case(
        "digits, ten sigmoid layers, SGD 0.5", "the loss of a constant, a first layer with 1e-5 of the last one's gradient",
        ("optimization/vanishing-gradient",), "one layer",
    ),
    "deep-plain": Case(
        "digits, 40 plain ReLU layers of 24, momentum, rate 0.005", "a large loss, and a small one with four layers",
        ("optimization",), "40 residual layers",
    ),
    "bouncing": Case(
        "digits, 64-32-32-10 ReLU, SGD 1.2, batches of 16", "the loss of a constant, from which a tenth of the rate does not recover",
        ("optimization/bouncing", "optimization/dead-units"), "rate 0.1",
    ),
    "slow-rate": Case(
        "digits, 64-32-10 ReLU, Adam 1e-6, 1,500 steps", "a loss that has hardly fallen and still falls",
        ("optimization/unfinished",), "rate 1e-2",
    ),
    "xor-plateau": Case(
        "exclusive or, 2-4-1 sigmoid, absolute error, SGD 0.05", "the loss of a constant, with next to no gradient",
        ("optimization/plateau",), "squared error, Adam",
    ),
    "constant-output": Case(
        "moons, a softmax over one unit", "an output of 1 and a gradient of exactly 0",
        ("broken/constant-output",), "a sigmoid",
    ),
    "over-regularized": Case(
        "digits, 64-32-10 ReLU, weight decay 0.3", "the loss of a constant, the penalty's gradient against the data's",
        ("model-bias/over-regularized",), "weight decay 1e-4",
    ),
    "output-range": Case(
        "heights up to 10, a sigmoid at the end", "nine targets in ten out of the output's range",
        ("broken/output-range",), "no sigmoid",
    ),
    "large-batch": Case(
        "digits, 64-32-10 ReLU, 15 epochs of batches of 1,000, SGD 0.1", "a large loss after 30 updates, still falling",
        ("optimization/unfinished",), "batches of 16",
    ),
    "too-narrow": Case(
        "spiral, three hidden units", "a large loss, and next to none with 64-64",
        ("model-bias/width",), "64-64 hidden units",
    ),
    "linear": Case(
        "circles, three linear layers", "the loss of a constant at a minimum",
        ("model-bias/linear",), "ReLU between them",
    ),
    "few-examples": Case(
        "noisy sine, 1-64-64-1 tanh, 20 examples", "a small training loss and a large test loss",
        ("overfitting",), "640 examples", (HEALTHY, "noise-floor/unexplained"),
    ),
    "covariate-shift": Case(
        "waves, test inputs from elsewhere", "a test loss far above the validation loss, inputs that can be told apart",
        ("mismatch/covariate", "mismatch"), "test inputs from the same place",
    ),
    "concept-shift": Case(
        "moons, test labels exchanged", "a test loss far above the validation loss, inputs that cannot be told apart",
        ("mismatch/concept", "mismatch"), "the same labels",
    ),
    "unscaled-inputs": Case(
        "digits, standardized in training and stored from 0 to 16 in the test", "a test loss far above the validation loss, inputs of another scale",
        ("mismatch/preprocessing", "mismatch"), "test inputs standardized too",
    ),
    "bounded-logits": Case(
        "digits, 64-32-10 ReLU, a sigmoid on the logits before the cross-entropy", "an accuracy that is good and a loss that cannot fall below 1.46",
        ("broken/output-range",), "no sigmoid",
    ),
    "stale-statistics": Case(
        "digits, a batch normalization of momentum 0.001, 150 updates", "a large loss in evaluation, and a small one with statistics taken anew",
        ("broken/stale-statistics",), "momentum 0.1",
    ),
    "leakage": Case(
        "digits, a third of the validation data copied from the training data", "a validation loss that is too good",
        ("broken/leakage",), "none copied",
    ),
    "sorted-split": Case(
        "digits sorted by class, the end of them for validation", "a validation accuracy near 0",
        ("mismatch/label-shift",), "shuffled before the split",
    ),
    "wrong-loss": Case(
        "products, trained on targets that broadcast", "the loss of a constant after many updates, and a fresh start that is better in few",
        ("broken/wrong-loss", "optimization/dead-units"), "targets of the output's shape",
    ),
    "unscaled-targets": Case(
        "heights in millionths, 2-32-1 tanh, Adam 0.01", "a loss above the constant's, outputs that cannot get as far as the targets",
        ("optimization/ill-conditioned",), "heights in units",
    ),
}  # fmt: skip


def draw(name: str, seed: int = 0, *, twin: bool = False, threads: int | None = 1) -> Model:
    """Train a case, or its healthy twin, from data, a start and batches that the seed draws.

    Returns
    -------
    The model as its training left it: log, settings, 20 checkpoints, optimizer's memory; training, validation and test data. The same
    bits for the same seed.

    Raises
    ------
    InputError
        No case of that name; the message lists those there are.
    """
    model, settings = recipe(name)(seed, twin)
    model = replace(model, name=f"{name}.{HEALTHY}" if twin else name)
    return trained(model, settings, seed=seed, threads=threads, dtype="float64")


def trained(model: Model, settings: dict[str, Any], **more: Any) -> Model:
    """Train by a recipe's settings; if the recipe minimizes another loss, `afterwards` has the data for the file, and the log is left out."""
    from landscape.training import train

    given = dict(settings)
    data = given.pop("afterwards", None)
    done = train(model, **given, **more)
    return done if data is None else replace(done, data=data, history={})


def recipe(name: str) -> Callable[[int, bool], tuple[Model, dict[str, Any]]]:
    """Find the function that makes a case untrained, with the settings of its training.

    Raises
    ------
    InputError
        No case of that name; the message lists those there are.
    """
    if name not in CASES:
        from landscape.files import shown  # brings NumPy, which the table does without

        raise InputError(
            f"{shown(name)} is no known fault; there are {', '.join(CASES)}{did_you_mean(name, CASES)}"
        )
    function: Callable[[int, bool], tuple[Model, dict[str, Any]]] = getattr(
        importlib.import_module("landscape.faults.recipes"), name.replace("-", "_")
    )
    return function


def accepts(name: str, verdict: str, subtype: str | None = None, *, twin: bool = False) -> bool:
    """Return whether a diagnosis of a case, or of its twin, is one of the right ones.

    >>> accepts("zero-start", "optimization", "saddle"), accepts("deep-plain", "optimization", "depth")
    (True, True)
    >>> accepts("zero-start", "optimization"), accepts("zero-start", "healthy", twin=True)
    (False, True)
    """
    accepted = CASES[name].right_of_twin if twin else CASES[name].accepted
    return verdict in accepted or f"{verdict}/{subtype}" in accepted

"""An accuracy that equals the share of the commonest class, and what the entropy of the classes says about it."""

from __future__ import annotations

import math

import numpy as np

from landscape.diagnosis.splits import targets_of_classes
from landscape.model import Model
from landscape.objective.examples import Scores

# Shares are uneven where the commonest class has this many times an even share; accuracies are alike within so many standard errors.
UNEVEN, ERRORS = 1.2, 2.0


def majority_words(model: Model, scored: Scores, constant: float) -> list[str]:
    """Say what an accuracy is worth that one class alone would have; nothing where classes are even or the accuracy is another.

    `constant` is the best constant predictor's loss: of a cross-entropy the entropy of the classes' shares. A loss above it has not even
    learned these, one below it orders the examples, though none crosses the border between classes.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> y = np.array([0] * 90 + [1] * 10)
    >>> model = build_model(layers=[(np.zeros((1, 2)), np.zeros(2))], x_train=np.ones((100, 1)), y_train=y)
    >>> hit = (y == 0).astype(float)
    >>> majority_words(model, Scores(np.full(100, 0.69), hit, np.zeros((100, 2))), 0.325)[0].partition(": ")[2]
    'not even the shares of the classes are learned'
    >>> majority_words(model, Scores(np.full(100, 0.2), hit, np.zeros((100, 2))), 0.325)[0].partition(": ")[2]
    'the network tells examples apart, though hardly any crosses the border between classes (look at the loss, or at another threshold)'
    """
    targets = np.asarray(model.data["y_train"])
    if scored.accuracy is None or not targets_of_classes(model, targets):
        return []
    counts = np.unique(targets, return_counts=True)[1]
    share, total = counts.max() / counts.sum(), len(targets)
    error = math.sqrt(share * (1 - share) / total)
    if len(counts) < 2 or share * len(counts) < UNEVEN or abs(scored.accuracy - share) > ERRORS * error:
        return []
    said = f"the accuracy, {scored.accuracy:.1%}, is about the share of the commonest class, {share:.1%}, and the loss, {scored.mean:.4g}, is"
    if scored.mean >= constant:
        return [
            f"{said} not below that of the shares alone, {constant:.4g}: not even the shares of the classes are learned"
        ]
    return [
        f"{said} below that of the shares alone, {constant:.4g}: the network tells examples apart, though hardly any crosses the border between classes "
        "(look at the loss, or at another threshold)"
    ]

"""The smallest loss that the range of the last activation allows, whatever the parameters are."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from landscape.model import Model
from landscape.model.losses import OF_CLASSES, OF_SIDES, classes_first, classes_of, is_soft
from landscape.model.nodes import Node
from landscape.objective.examples import score_outputs

Array = NDArray[np.float64]

# A logit beyond this costs nothing more in double precision.
FAR = 700.0
# Halvings by which a shift is found.
HALVINGS = 60
DISTANCES = ("mse", "mae", "huber")


def end_of(model: Model) -> Node:
    """Return the node that makes the output, those that move no number left out."""
    nodes = {node.name: node for node in model.nodes}
    node = model.nodes[-1]
    while node.traits.passes and node.inputs[0] in nodes:
        node = nodes[node.inputs[0]]
    return node


def range_of(node: Node) -> tuple[float, float] | None:
    """Return where all outputs of a node lie, or None if they may lie anywhere."""
    return node.traits.output_range


def least_loss(model: Model, split: str = "train") -> float:
    r"""Give the least loss of outputs in the range of the last activation, $\frac1N\sum_i \min_{z \in R} \ell(z, y_i)$.

    The outputs of examples are chosen one by one, so that no network with this last activation has less. 0 where the range is not bounded
    on any side; for a softmax under a distance the outputs sum to 1.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> nodes = [{"name": "fc", "op": "dense"}, {"name": "end", "op": "sigmoid"}]
    >>> zero = {"fc.weight": np.zeros((1, 1)), "fc.bias": np.zeros(1)}
    >>> x = np.array([[0.0], [1.0]])
    >>> least_loss(build_model(nodes=nodes, parameters=zero, loss="mse", x_train=x, y_train=np.array([[0.5], [3.0]])))
    2.0
    """
    node, targets = end_of(model), np.asarray(model.data[f"y_{split}"])
    span = range_of(node)
    if span is None:
        return 0.0
    losses = score_outputs(model, best_outputs(model, node, span, targets), targets)[0]
    return float(losses.mean())


def best_outputs(model: Model, node: Node, span: tuple[float, float], targets: NDArray) -> Array:
    """Return the outputs [N, …] of the least loss that lie in a range."""
    low, high = max(span[0], -FAR), min(span[1], FAR)
    shape = (len(targets), *model.nodes[-1].shape)
    if model.loss in OF_CLASSES:
        return of_classes(model, targets, shape, low, high)
    wanted = targets.reshape(len(targets), -1).astype(np.float64)
    wanted = wanted[:, : math.prod(shape[1:])] if wanted.shape[1] else wanted
    if model.loss in DISTANCES and node.traits.applied_by == "cross_entropy" and node.shape == shape[1:]:
        return on_simplex(wanted.reshape(-1, shape[-1])).reshape(shape)
    return np.clip(free_outputs(model.loss, wanted), low, high).reshape(shape)


def free_outputs(loss: str, targets: Array) -> Array:
    """Return the outputs of the least loss where they may lie anywhere."""
    with np.errstate(divide="ignore"):
        if loss in OF_SIDES:
            return np.asarray(np.log(targets) - np.log1p(-targets))
        if loss == "poisson":
            return np.asarray(np.log(targets))
        if loss == "hinge_embedding":
            return np.where(targets > 0, -FAR, FAR)
    return targets


def of_classes(model: Model, targets: NDArray, shape: tuple[int, ...], low: float, high: float) -> Array:
    """Return logits in a range: all of the wanted class and none of the others, or those nearest to shares of classes."""
    classes = classes_of(model.loss, model.nodes[-1].shape)
    if is_soft(model.loss, targets):
        first = classes_first(model.loss, model.nodes[-1].shape)
        shares = np.moveaxis(targets, 1, -1) if first else targets
        flat = nearest_logits(shares.reshape(-1, classes).astype(np.float64), low, high).reshape(shares.shape)
        return np.asarray(np.moveaxis(flat, -1, 1) if first else flat)
    labels = targets.reshape(len(targets), -1)
    known = (labels >= 0) & (labels < classes)
    hot = (np.arange(classes) == np.where(known, labels, 0)[..., None]) & known[..., None]
    logits = np.where(hot, high, low)
    return np.asarray(
        (np.moveaxis(logits, -1, 1) if classes_first(model.loss, shape[1:]) else logits).reshape(shape)
    )


def nearest_logits(shares: Array, low: float, high: float) -> Array:
    """Return logits [N, C] in a range whose softmax is nearest to shares: z = clip(log p + c, low, high) with c = logsumexp(z).

    >>> nearest_logits(np.array([[0.5, 0.5], [1.0, 0.0]]), 0.0, 1.0).tolist()[1]
    [1.0, 0.0]
    """
    total = shares.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        logs = np.log(shares / np.where(total > 0, total, 1.0))
    below = np.full((len(shares), 1), 2 * (low - FAR))
    above = np.full((len(shares), 1), 2 * (high + FAR) + math.log(shares.shape[1]))
    for _ in range(HALVINGS):
        middle = 0.5 * (below + above)
        rises = logsumexp(np.clip(logs + middle, low, high), axis=1, keepdims=True) > middle
        below, above = np.where(rises, middle, below), np.where(rises, above, middle)
    return np.clip(logs + 0.5 * (below + above), low, high)


def on_simplex(targets: Array) -> Array:
    """Return the nearest rows that are not negative and sum to 1.

    >>> on_simplex(np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])).round(3).tolist()
    [[0.5, 0.5, 0.0], [0.333, 0.333, 0.333]]
    """
    ordered = -np.sort(-targets, axis=1)
    sums = np.cumsum(ordered, axis=1) - 1.0
    counts = np.arange(1, targets.shape[1] + 1)
    last = np.sum(ordered - sums / counts > 0, axis=1)
    shift = sums[np.arange(len(targets)), last - 1] / last
    return np.maximum(targets - shift[:, None], 0.0)

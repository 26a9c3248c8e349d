"""The smallest loss that the range of the last activation allows, whatever the parameters are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from landscape.model import Model
from landscape.model.losses import OF_CLASSES, OF_SIDES, classes_first, is_soft
from landscape.model.nodes import Node
from landscape.objective.examples import score_outputs
from landscape.objective.targets import Targets

Array = NDArray[np.float64]

# A logit beyond this costs nothing more in double precision.
FAR = 700.0
# Halvings by which a shift is found.
HALVINGS = 60
ANYWHERE = (-math.inf, math.inf)
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
    span = range_of(end_of(model))
    return 0.0 if span is None else least_within(model, span, split)


def least_within(model: Model, span: tuple[float, float], split: str = "train") -> float:
    """Give the least loss of outputs in a range; `ANYWHERE` gives what no network has less than: 0, but for smoothed or shared targets."""
    node, targets = end_of(model), np.asarray(model.data[f"y_{split}"])
    losses = score_outputs(model, best_outputs(model, node, span, targets), targets)[0]
    # Examples of classes that are left out count as little as in the loss itself.
    counts = Targets(model, targets).counts(targets)
    return float(np.average(losses, weights=counts)) if counts.any() else 0.0


def best_outputs(model: Model, node: Node, span: tuple[float, float], targets: NDArray) -> Array:
    """Return the outputs [N, …] of the least loss that lie in a range."""
    shape, options = (len(targets), *model.nodes[-1].shape), model.loss_options
    if model.loss not in OF_CLASSES:
        wanted = targets.reshape(len(targets), -1).astype(np.float64)
        targets = wanted[:, : math.prod(shape[1:])] if wanted.shape[1] else wanted
    asked = Asked(
        model.loss, span, axis=1 if classes_first(model.loss, shape[1:]) else -1,
        soft=is_soft(model.loss, targets), simplex=span != ANYWHERE and node.traits.applied_by == "cross_entropy" and node.shape == shape[1:],
        smoothing=options.label_smoothing, class_weights=options.class_weights, pos_weight=options.pos_weight,
    )  # fmt: skip
    return asked.outputs(targets, shape)


@dataclass(frozen=True)
class Asked:
    """A loss by its name in the format, and the range that outputs are looked for in.

    Attributes
    ----------
    axis
        Where the classes of an output [N, …] lie.
    soft
        Whether the targets of a loss over classes are a number for each of them.
    simplex
        Whether the outputs along the last axis sum to 1 besides.
    smoothing, class_weights, pos_weight
        What the loss makes of its targets, as the format's options of these names.
    """

    loss: str
    span: tuple[float, float]
    axis: int = -1
    soft: bool = False
    simplex: bool = False
    smoothing: float = 0.0
    class_weights: Any = None
    pos_weight: Any = None

    def outputs(self, targets: NDArray, shape: tuple[int, ...]) -> Array:
        """Return the outputs of a shape [N, …] that have the least loss of all in the range."""
        low, high = max(self.span[0], -FAR), min(self.span[1], FAR)
        if self.loss in OF_CLASSES:
            return self.of_classes(targets, shape, low, high)
        wanted = targets.reshape(len(targets), -1).astype(np.float64)
        if self.loss in DISTANCES and self.simplex:
            return on_simplex(wanted.reshape(-1, shape[-1])).reshape(shape)
        return np.clip(free_outputs(self.loss, self.weighed(wanted, shape)), low, high).reshape(shape)

    def weighed(self, wanted: Array, shape: tuple[int, ...]) -> Array:
        """Return the shares of ones whose unweighted entropy has its least where that of the targets has it, with a weight on the ones."""
        if self.pos_weight is None:
            return wanted
        positive = wanted * np.broadcast_to(np.asarray(self.pos_weight, np.float64), shape).reshape(
            wanted.shape
        )
        total = positive + (1.0 - wanted)
        return np.divide(positive, total, out=np.zeros(total.shape), where=total > 0)

    def of_classes(self, targets: NDArray, shape: tuple[int, ...], low: float, high: float) -> Array:
        """Return logits in a range: all of the wanted class and none of the others, or those nearest to shares of classes."""
        axis = self.axis % len(shape)
        classes = shape[axis]
        moved = (*(n for i, n in enumerate(shape) if i != axis), classes)
        if self.soft:
            shares = np.moveaxis(targets.reshape(shape), axis, -1).astype(np.float64)
        else:
            labels = targets.reshape(moved[:-1])
            shares = (labels[..., None] == np.arange(classes)).astype(np.float64)
        if not self.soft and not self.smoothing:
            return np.asarray(np.moveaxis(np.where(shares > 0, high, low), -1, axis))
        weights = 1.0 if self.class_weights is None else np.asarray(self.class_weights, np.float64)
        masses = weights * ((1.0 - self.smoothing) * shares + self.smoothing / classes)
        flat = nearest_logits(masses.reshape(-1, classes), low, high).reshape(moved)
        return np.asarray(np.moveaxis(flat, -1, axis))


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

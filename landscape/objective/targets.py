"""Targets in the form that the kernels read: class ids, numbers, or weights of classes (masses) from class weights, smoothing and soft targets.

Where a loss is a weighted mean Σ w l / Σ w the weights are divided by their mean over the whole split. So sums over any part of the examples, a batch of
training among them, are divided by the number of targets as without weights, and over the split the result is that mean.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from landscape.formulas.losses import CROSS_ENTROPY, LOSSES, MARGIN, MASSES, SQUARED_MARGIN, WEIGHTED
from landscape.model import Model
from landscape.model.finite import pieces
from landscape.model.header import WEIGHTS
from landscape.model.loss_options import IGNORED, constant_of, spread
from landscape.model.losses import OF_SIDES, classes_first, classes_of, is_soft


class Prepared(NamedTuple):
    """Targets of examples in the form that the kernels read.

    `labels` [N, T] are class ids (−100 where none counts) or sides of zero, `numbers` [N, G] the targets, the masses or the weights, `counts` [N] how
    many elements of an example count.
    """

    labels: NDArray
    numbers: NDArray
    counts: NDArray[np.float64]


def loss_code(model: Model) -> int:
    """Return the kernels' number of a model's loss."""
    options, name, weighs = model.loss_options, model.loss, weighs_examples(model)
    if name in LOSSES:
        weighted = weighs or any(
            given is not None for given in (options.element_weights, options.pos_weight, options.alpha)
        )
        return list(LOSSES).index(name) + (WEIGHTED if weighted else 0)
    if name == "multi_margin":
        return MARGIN if options.exponent == 1 else SQUARED_MARGIN
    plain = options.class_weights is None and options.label_smoothing == 0 and not has_soft_targets(model)
    return CROSS_ENTROPY if plain and not weighs else MASSES


def loss_constant(model: Model) -> float:
    """Return the one number that the loss's formulas read."""
    return constant_of(model.loss, model.delta, model.loss_options)


def has_soft_targets(model: Model) -> bool:
    """Say whether a split of a model has a number for each class as its target."""
    return any(is_soft(model.loss, model.data[f"y_{split}"]) for split in model.splits)


def weighs_examples(model: Model) -> bool:
    """Say whether a split of a model has a weight for each example."""
    return any(key.startswith(WEIGHTS) for key in model.data)


def weights_of(model: Model, split: str) -> NDArray | None:
    """Return a split's weights of its examples as the file has them, [N]; None if they all count alike."""
    return model.data.get(f"{WEIGHTS}_{split}")


def unsupported_loss(model: Model) -> list[str]:
    """Name a model's loss where it has no CUDA kernel: one of margins, of masses, or with a weight for each element."""
    if loss_code(model) <= CROSS_ENTROPY:
        return []
    options = [name for name in model.loss_options.given() if name not in ("ignored", "exponent", "margin")]
    options += ["soft targets"] if model.loss == "cross_entropy" and has_soft_targets(model) else []
    options += ["weights of examples"] if weighs_examples(model) else []
    return [f"the loss '{model.loss}'" + (f" with {' and '.join(options)}" if options else "")]


class Targets:
    """Converts a split's targets to the form that the kernels read.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> layers, x = [(np.eye(2), np.zeros(2))], np.eye(2)
    >>> model = build_model(layers=layers, x_train=x, y_train=[0, 1], loss_options={"class_weights": [1, 3]})
    >>> made = Targets(model, model.data["y_train"]).prepared(model.data["y_train"])
    >>> made.numbers.tolist(), made.counts.tolist()
    ([[0.5, 0.0, 0.0], [0.0, 1.5, 0.0]], [1.0, 1.0])
    """

    def __init__(self, model: Model, whole: NDArray, examples: NDArray | None = None) -> None:
        self.model, self.options, self.whole = model, model.loss_options, whole
        self.of_examples = None if examples is None else np.asarray(examples, np.float64)
        self.output = model.nodes[-1].shape
        self.classes = classes_of(model.loss, self.output)
        self.code = loss_code(model)
        self.soft = is_soft(model.loss, whole)

    @property
    def sizes(self) -> tuple[int, int]:
        """The numbers of labels and of real targets that an example has."""
        size = math.prod(self.whole.shape[1:])
        if self.code >= WEIGHTED:
            return (size if self.model.loss in OF_SIDES else 0), 2 * size
        if self.code < CROSS_ENTROPY:
            return 0, size
        groups = size // self.classes if self.soft else size
        numbers = {CROSS_ENTROPY: 0, MASSES: groups * (self.classes + 1)}
        return groups, numbers.get(self.code, groups)

    def fits(self, outputs: int) -> bool:
        """Say whether so many outputs find their targets where the kernels look for them."""
        labels, numbers = self.sizes
        if self.code >= WEIGHTED:
            return numbers == 2 * outputs
        return numbers == outputs if self.code < CROSS_ENTROPY else labels * self.classes == outputs

    def counts(self, y: NDArray) -> NDArray[np.float64]:
        """Count the elements of each example [N, …] that count."""
        of_groups = CROSS_ENTROPY <= self.code < WEIGHTED
        each = float(self.sizes[0] if of_groups else math.prod(y.shape[1:]))
        if self.model.loss != "cross_entropy" or self.soft:
            return np.full(len(y), each)
        return np.sum(y.reshape(len(y), -1) != self.options.ignored, axis=1).astype(np.float64)

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """The weight of each class."""
        given = self.options.class_weights
        return np.ones(self.classes) if given is None else np.asarray(given, np.float64)

    @cached_property
    def mean_weight(self) -> float:
        """The mean weight of the split's targets, by which weights are divided where the loss is a weighted mean."""
        by_class = (
            self.options.class_weights is not None and not self.soft and self.model.loss == "cross_entropy"
        )
        if not by_class and self.of_examples is None:
            return 1.0
        total = count = 0.0
        for start, piece in pieces(self.whole):
            y = np.asarray(piece).reshape(len(piece), -1)
            each = counts = self.counts(np.asarray(piece))
            if by_class:
                kept = y != self.options.ignored
                each = np.sum(self.weights[np.where(kept, y, 0)], axis=1, where=kept)
            if self.of_examples is not None:
                each = each * self.of_examples[start : start + len(piece)]
            total += float(each.sum())
            count += float(counts.sum())
        return total / count if count else math.nan

    def prepared(self, y: NDArray, examples: NDArray | None = None) -> Prepared:
        """Turn targets [N, …] of the split, and the weights [N] of their examples, into what the kernels read."""
        made = self.alike(y)
        if self.of_examples is None or examples is None:
            return made
        mean = self.mean_weight if self.code != MASSES else 1.0  # masses are divided by it already
        scale = np.asarray(examples, np.float64)[:, None] / (mean or math.nan)
        numbers = np.array(made.numbers, np.float64)
        numbers[:, numbers.shape[1] // 2 if self.code >= WEIGHTED else 0 :] *= scale
        return made._replace(numbers=numbers)

    def alike(self, y: NDArray) -> Prepared:
        """Turn targets [N, …] into what the kernels read where all examples count alike."""
        flat = np.asarray(y).reshape(len(y), -1)
        counts = self.counts(y)
        if self.code >= WEIGHTED:
            return Prepared(*self.weighted(flat.astype(np.float64)), counts)
        if self.code < CROSS_ENTROPY:
            return Prepared(np.zeros((len(y), 0), np.int32), flat, counts)
        if self.code == MASSES:
            return Prepared(*self.masses(np.asarray(y)), counts)
        labels = self.labels(flat)
        if self.code == CROSS_ENTROPY:
            return Prepared(labels, np.zeros((len(y), 0)), counts)
        return Prepared(labels, self.weights[flat] / self.classes, counts)

    def labels(self, ids: NDArray) -> NDArray:
        """Give class ids in which what is ignored is −100."""
        ignored = self.options.ignored
        return (
            ids
            if ignored == IGNORED or self.model.loss != "cross_entropy"
            else np.where(ids == ignored, IGNORED, ids)
        )

    def weighted(self, y: NDArray[np.float64]) -> tuple[NDArray, NDArray[np.float64]]:
        """Give the sides of zero and, concatenated, targets and weights of elements."""
        options = self.options
        labels = y > 0.5 if self.model.loss in OF_SIDES else y[:, :0] > 0.5
        weight = np.ones(y.shape)
        if options.element_weights is not None:
            weight = weight * spread("element_weights", options.element_weights, self.output).ravel()
        if options.alpha is not None:
            weight = weight * (options.alpha * y + (1.0 - options.alpha) * (1.0 - y))
        if options.pos_weight is not None:
            positive = spread("pos_weight", options.pos_weight, self.output).ravel() * y
            mass = positive + (1.0 - y)
            y = np.divide(positive, mass, out=np.zeros(y.shape), where=mass > 0)
            weight = weight * mass
        return labels.astype(np.int32), np.concatenate([y, weight], axis=1)

    def masses(self, y: NDArray) -> tuple[NDArray, NDArray[np.float64]]:
        """Give the labels, and the weights (masses) of the classes with the loss's constant term."""
        share, kept, labels = self.shares(y)
        beside = np.zeros(labels.shape)
        if self.model.loss == "kl_divergence":
            logs = np.log(share, out=np.zeros(share.shape), where=share > 0)
            beside = np.sum(share * logs, axis=2)
        smoothing = self.options.label_smoothing
        # As PyTorch has it: smoothing first, then each class's own weight.
        masses = self.weights * ((1.0 - smoothing) * share + smoothing / self.classes) * kept[:, :, None]
        found = np.concatenate([masses.reshape(len(y), -1), beside], axis=1)
        return labels, found / self.mean_weight if self.mean_weight else np.full(found.shape, math.nan)

    def shares(self, y: NDArray) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray]:
        """Give the share of each class [N, T, C], which of the groups count [N, T], and the classes that are right [N, T]."""
        if self.soft:
            last = np.moveaxis(y, 1, -1) if classes_first(self.model.loss, self.output) else y
            share = last.reshape(len(y), -1, self.classes).astype(np.float64)
            return share, np.ones(share.shape[:2], bool), share.argmax(axis=2)
        labels = self.labels(y.reshape(len(y), -1)).astype(np.int64)
        share = (labels[:, :, None] == np.arange(self.classes)).astype(np.float64)
        return share, labels != IGNORED, labels

"""Whether validation data were split off by order instead of at random."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2_contingency

from landscape.diagnosis.outcomes import plain
from landscape.model import Model
from landscape.model.losses import is_soft

# Shares differ where the distance between them is this large and chance would hardly make it.
APART, RARE = 0.2, 1e-3
# So many classes at most have shares that can be compared.
MOST_CLASSES = 1000
LABELLED = ("cross_entropy", "binary_cross_entropy", "multi_margin")


@dataclass(frozen=True, kw_only=True)
class SplitShift:
    """How the classes of a held-out split differ from training's.

    `unseen` is the share of its examples whose class training has none of, `distance` half the sum of differences of the shares, `p` how
    often chance makes such a difference (χ²). `resplit` is the metric's gap, in parts of its range, after a split by chance and a refit.
    """

    split: str
    unseen: float
    distance: float
    p: float
    resplit: float = math.nan
    explains: bool = False

    @property
    def by_order(self) -> bool:
        """Whether the split was hardly made by chance."""
        return self.distance >= APART and self.p < RARE

    def told(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {name: plain(value) for name, value in asdict(self).items()}


def split_shift(model: Model, split: str) -> SplitShift | None:
    """Compare the classes of a split with training's; None if targets are no classes.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> x, layers = np.arange(40.0)[:, None], [(np.zeros((1, 3)), np.zeros(3))]
    >>> data = {"x_train": x, "y_train": np.arange(40) % 2, "x_test": x, "y_test": np.full(40, 2)}
    >>> found = split_shift(build_model(layers=layers, **data), "test")
    >>> found.unseen, found.distance, found.by_order
    (1.0, 1.0, True)
    """
    ours, theirs = (np.asarray(model.data[f"y_{part}"]) for part in ("train", split))
    if not targets_of_classes(model, ours):
        return None
    names, places = np.unique(np.concatenate([ours.ravel(), theirs.ravel()]), return_inverse=True)
    if not 1 < len(names) <= MOST_CLASSES:
        return None
    counts = np.stack(
        [np.bincount(part, minlength=len(names)) for part in (places[: len(ours)], places[len(ours) :])]
    )
    shares = counts / counts.sum(axis=1, keepdims=True)
    unseen = float(shares[1][counts[0] == 0].sum())
    p = float(chi2_contingency(counts).pvalue) if counts.shape[1] > 1 else math.nan
    return SplitShift(
        split=split, unseen=unseen, distance=float(0.5 * np.abs(shares[0] - shares[1]).sum()), p=p
    )


def targets_of_classes(model: Model, targets: NDArray) -> bool:
    """Say whether targets are a class for each example."""
    classes = model.loss == "binary_cross_entropy" or (
        targets.dtype.kind in "iu" and not is_soft(model.loss, targets)
    )
    return classes and targets.reshape(len(targets), -1).shape[1] == 1 and model.loss in LABELLED

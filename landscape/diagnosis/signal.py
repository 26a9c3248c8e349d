"""Whether examples with similar inputs have similar targets, and whether targets are in sorted order."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.diagnosis.outcomes import plain
from landscape.diagnosis.splits import targets_of_classes
from landscape.diagnosis.vetoes import flat_inputs
from landscape.model import Model

Array = NDArray[np.float64]

PERMUTATIONS = 199
# More examples than these are drawn from.
MOST, LEAST = 1000, 20
# Neighbours tell of each other where chance would hardly make it, and tell nothing where it easily would.
TELLS, NOTHING = 0.01, 0.05


@dataclass(frozen=True, kw_only=True)
class Signal:
    """How much nearest neighbours among the inputs are alike in their targets.

    `alike` is the share of examples whose nearest neighbour is of their class or, of numbers, the correlation with its target; `chance` the
    mean of the same over permuted targets, `p` how often these come as far. `in_order` says whether the targets stand in sorted order.
    """

    alike: float
    chance: float
    p: float
    in_order: bool = False

    @property
    def tells(self) -> bool:
        """Whether near examples have nearer targets than chance gives them."""
        return self.p <= TELLS

    @property
    def is_nothing(self) -> bool:
        """Whether the targets might as well be permuted."""
        return self.p > NOTHING

    def told(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {name: plain(value) for name, value in asdict(self).items()}


def signal_of(model: Model, seed: int) -> Signal | None:
    """Compare the targets of nearest neighbours among the training inputs, each input standardized; None if there is no distance or too little data.

    With n permutations of the targets, of which k come as far, p = (k + 1)/(n + 1).

    Examples
    --------
    >>> from landscape.model import build_model
    >>> x = np.arange(40.0)[:, None] % 7.3
    >>> layers = [(np.zeros((1, 2)), np.zeros(2))]
    >>> found = signal_of(build_model(layers=layers, x_train=x, y_train=(x[:, 0] > 3).astype(int)), 0)
    >>> found.alike > 0.9, found.p
    (True, 0.005)
    """
    x, y = np.asarray(model.data["x_train"]), np.asarray(model.data["y_train"])
    rng = streams.numpy_generator("two samples", seed, 1)
    rows = np.sort(rng.permutation(len(y))[:MOST])
    if x.dtype.kind not in "fu" or len(rows) < LEAST:
        return None
    flat = flat_inputs(model, "train")[rows]
    deviation = flat.std(axis=0)
    flat = (flat - flat.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    # ‖a − b‖² without ‖a‖², which is the same for all b.
    distances = np.sum(flat**2, axis=1) - 2 * flat @ flat.T
    np.fill_diagonal(distances, np.inf)
    near = distances.argmin(axis=1)
    values = y.reshape(len(y), -1)[rows]
    measure = same_class if targets_of_classes(model, y) else correlation
    alike = measure(values, near)
    drawn = np.array([measure(values[rng.permutation(len(rows))], near) for _ in range(PERMUTATIONS)])
    return Signal(
        alike=alike, chance=float(drawn.mean()), p=float((np.sum(drawn >= alike) + 1) / (PERMUTATIONS + 1)), in_order=is_sorted(y),
    )  # fmt: skip


def same_class(values: NDArray, near: NDArray[np.intp]) -> float:
    """Return the share of rows [N, …] that are their neighbour's."""
    return float(np.mean(np.all(values == values[near], axis=1)))


def correlation(values: NDArray, near: NDArray[np.intp]) -> float:
    """Return the correlation of numbers [N, C] with their neighbours', over the columns; 0 where they do not vary."""
    centred = values - values.mean(axis=0)
    square = float(np.mean(centred**2))
    return float(np.mean(centred * centred[near])) / square if square > 0 and math.isfinite(square) else 0.0


def is_sorted(y: NDArray) -> bool:
    """Say whether targets, one for each example, rise or fall all the way.

    >>> is_sorted(np.array([0, 0, 1, 2])), is_sorted(np.array([1, 0, 2]))
    (True, False)
    """
    if y.size != len(y):
        return False
    steps = np.diff(y.ravel().astype(np.float64))
    return bool(np.any(steps)) and bool(np.all(steps >= 0) or np.all(steps <= 0))


def disordered(found: Signal | None) -> list[str]:
    """Warn of targets in sorted order of which the inputs tell nothing: one of the two was sorted alone, or shuffled alone."""
    if found is None or not (found.in_order and found.is_nothing):
        return []
    return [
        f"the training targets are sorted, and similar inputs have no more similar targets than by chance (p {found.p:.2g}): check whether inputs or "
        "targets were sorted or shuffled alone"
    ]

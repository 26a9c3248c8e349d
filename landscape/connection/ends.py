"""The minima that are connected: their parameters, their own losses, and what evaluates points between them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.connection.nodes import Nodes, nodes_of_any
from landscape.errors import ComputationError
from landscape.objective import HasValue

Array = NDArray[np.float64]
Columns = dict[str, Array]

SPLITS = ("train", "test")
# Of the range of losses, what counts as no barrier.
TOLERATED = 0.02


@dataclass(frozen=True)
class Examples:
    """The loss [N] of each example, whether it is right [N] (None if nothing is), and the weight of each [N]."""

    loss: Array
    hit: Array | None
    weight: Array


class Ends(ABC):
    """M minima of one function: θ [M, P], names, and values at any θ with the constants that belong there.

    `scale` is the range of losses by which a barrier is small: of a network from the better end to the best constant predictor.
    """

    names: tuple[str, ...]
    thetas: Array
    constants: Array | None
    splits: tuple[str, ...]
    model: str
    data: str
    settings: dict[str, Any]
    exact: bool

    @property
    def count(self) -> int:
        """M, how many minima there are."""
        return len(self.thetas)

    @property
    def size(self) -> int:
        """The length P of θ."""
        return int(self.thetas.shape[1])

    @abstractmethod
    def columns(self, split: str, thetas: Array, constants: Array | None) -> Columns:
        """Give loss, and accuracy if there is one, at each row, without weight decay."""

    def losses(self, split: str, thetas: Array, constants: Array | None) -> Array:
        """Give the loss alone at each row [K], with the bits that `columns` gives."""
        return self.columns(split, thetas, constants)["loss"]

    @abstractmethod
    def values(self, thetas: Array, constants: Array | None) -> Array:
        """Give training losses with weight decay [K]."""

    @abstractmethod
    def values_and_gradients(self, thetas: Array, constants: Array | None) -> tuple[Array, Array]:
        """Give training losses with weight decay [K], and their gradients [K, P]."""

    def nodes(self, basis: Array, weights: Array, i: int, j: int, constants: Array | None) -> Nodes:
        """Give what evaluates the nodes of a curve from end i to end j as a function of its bends: training losses with weight decay."""
        return nodes_of_any(
            lambda thetas: self.values_and_gradients(thetas, constants), basis, weights, self.thetas[[i, j]]
        )

    @abstractmethod
    def examples(self, split: str, theta: Array, constants: Array | None) -> Examples | None:
        """Give what each example has at θ, None if that is not known."""

    @abstractmethod
    def objective(self, constants: Array | None) -> HasValue:
        """Give the training objective with constants [C], for an analysis of one point."""

    @abstractmethod
    def range_of(self, i: int, j: int) -> float:
        """Give the range of losses by which a barrier between two ends is small."""

    @abstractmethod
    def own(self, number: int) -> dict[str, Columns]:
        """Give what each end has by itself, by split."""

    def constants_between(self, i: int, j: int, t: Array) -> Array | None:
        """Give the constants on the line from one end's to another's, [K, C]."""
        return None if self.constants is None else between(self.constants[i], self.constants[j], t)

    def distance(self, i: int, j: int) -> float:
        """Give ‖θⱼ − θᵢ‖."""
        return float(np.linalg.norm(self.thetas[j] - self.thetas[i]))


def between(one: Array, other: Array, t: Array) -> Array:
    """Give (1 − t)·one + t·other for each t, [K, P]; at 0 and 1 the ends themselves, to the last bit.

    >>> between(np.array([0.1]), np.array([0.7]), np.array([0.0, 0.5, 1.0])).tolist()
    [[0.1], [0.39999999999999997], [0.7]]
    """
    rows = (1.0 - t)[:, None] * one + t[:, None] * other
    rows[t == 0.0], rows[t == 1.0] = one, other
    return rows


def require_own_losses(
    found: Mapping[str, Columns], own: Mapping[str, Columns], place: int, name: str
) -> None:
    """Refuse a path whose end is not the model itself.

    Raises
    ------
    ComputationError
        A loss or an accuracy differs in any bit.
    """
    for split, columns in own.items():
        for quantity, values in columns.items():
            if (
                quantity in found[split]
                and found[split][quantity][place] != values[0]
                and not np.isnan(values[0])
            ):
                raise ComputationError(
                    f"the path's {split} {quantity} at {name} is {found[split][quantity][place]!r}, and its own is {values[0]!r}: "
                    "this is a fault of the program, please report it"
                )  # fmt: skip

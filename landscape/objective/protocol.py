"""The methods that algorithms expect of an objective, on any device."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from landscape.model import Model
from landscape.objective.evaluation import Evaluation

Array = NDArray[np.float64]


class Sweep(Protocol):
    """A grid of points in progress: steps in their order, all progress in `state`, results at any time.

    `names` are the columns of the result; `state` (float64) is everything accumulated so far and can be saved and
    restored; points that are not done are NaN in `finish`.
    """

    names: tuple[str, ...]
    steps: int
    state: Array

    def run(self, step: int) -> None:
        """Do one step of work."""

    def finish(self) -> dict[str, Array]:
        """Give each column, float64 [K], points in C order."""

    def point_done(self) -> NDArray[np.bool_]:
        """Say which points are done, bool [K]."""


class HasValue(Protocol):
    """A function of θ [P] with its value and its size, the minimum that an analysis needs.

    `complete` makes an `Objective` of it. Whatever else of an `Objective` it has is used.
    Names that it has but cannot compute may stand in an attribute `missing`.
    """

    @property
    def size(self) -> int:
        """The length P of θ."""

    def value(self, theta: Array, /) -> float:
        """Evaluate at θ."""


class HasSweep(HasValue, Protocol):
    """A function of θ [P] that can be evaluated on a grid. Values include the penalty, which `evaluate` gives separately."""

    @property
    def dtype(self) -> DTypeLike:
        """The type of the arithmetic."""

    def value(self, theta: ArrayLike, /) -> float:
        """Evaluate at θ."""

    def values(self, thetas: ArrayLike, /) -> Array:
        """Evaluate at each row of thetas [K, P], giving [K]."""

    def evaluate(self, theta: ArrayLike, /) -> Evaluation:
        """Give loss, accuracy and penalty at θ."""

    def sweep(self, center: ArrayLike, directions: ArrayLike, axes: tuple[Array, ...], /) -> Sweep:
        """Prepare the grid center + Σ αᵢ directions[i] with αᵢ from axes[i]."""


class Objective(HasSweep, Protocol):
    """A function of θ [P] with its derivatives, all of them with the penalty of weight decay."""

    def gradient(self, theta: ArrayLike, /) -> Array:
        """Return the gradient at θ, [P]."""

    def gradients(self, thetas: ArrayLike, /) -> Array:
        """Return the gradients at each row of thetas [K, P], as [K, P]."""

    def hvp(self, theta: ArrayLike, vector: ArrayLike, /) -> Array:
        """Return the Hessian at θ times a vector, [P]."""

    def hvps(self, theta: ArrayLike, vectors: ArrayLike, /) -> Array:
        """Return the Hessian at θ times each row of vectors [K, P], as [K, P]."""


class NetworkLike(Objective, Protocol):
    """The loss of a network with what only networks have: the model, its weight decay and its outputs. `as_network` asks for it."""

    model: Model
    split: str
    threads: int
    decay: Array

    def outputs(self, theta: ArrayLike, /) -> NDArray:
        """Give the network's outputs at θ for every example, [N, …]."""

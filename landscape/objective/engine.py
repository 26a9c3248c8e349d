"""What an objective needs from an engine, which sums the loss over examples on some device.

An engine knows nothing of weight decay, of the loss's scale, or of means: it sums over the examples of a sample. What it is given are *complete
vectors*, θ and after it the model's frozen parameters and buffers, [P + C] in the setting's dtype; in a direction these are 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from landscape.model import Model
from landscape.objective.cpu_network import CpuNetwork
from landscape.objective.sample import Sample

Array = NDArray[np.float64]
Products = Callable[[NDArray], Array]


@dataclass(frozen=True)
class Setting:
    """What an engine computes: the loss of a model, whose own θ is not read, on a sample of its data.

    `dtype` is that of the arithmetic; sums over examples are in float64. `threads` is how many threads may compute. `device` is the name of the
    device that was chosen, "cpu" or "cuda:N".
    """

    model: Model
    sample: Sample
    dtype: np.dtype
    threads: int
    device: str


@dataclass(frozen=True)
class Matrix:
    r"""A matrix of second derivatives, summed over the examples, by which an engine multiplies.

    With the outputs z of an example, their derivative J in θ, and its loss $\ell$, `kind` is one of

    - "hessian": $\nabla^2 \ell$,
    - "curvature": $J^\top \nabla_z^2 \ell\, J$ (Gauss–Newton),
    - "outer": $\nabla \ell\, \nabla \ell^\top$ (empirical Fisher),
    - "constant": `factor` · $J^\top J$.
    """

    kind: str
    factor: float = 1.0


HESSIAN = Matrix("hessian")


class Grid(NamedTuple):
    """The points center + Σ αᵢ directions[i] with αᵢ from axes[i], in C order: complete vectors [1 + D, P + C], the center first."""

    vectors: NDArray
    axes: tuple[Array, ...]

    @property
    def points(self) -> int:
        """How many points there are."""
        return math.prod(len(axis) for axis in self.axes)


class GridSums(Protocol):
    """Sums over the examples at the points of a grid, to be done part by part.

    `parts` is how many parts of the data there are, `points_a_step` how many points a step has. Neither may depend on the number of threads, since a
    scan that is taken up counts steps.
    """

    @property
    def parts(self) -> int:
        """How many parts of the data there are."""

    @property
    def points_a_step(self) -> int:
        """How many points a step has."""

    def add(self, part: int, first: int, last: int, sums: Array) -> None:
        """Add a part's sums at points first … last − 1 to their rows of sums [K, 6], which are as `Engine.sums` gives them."""


class Engine(Protocol):
    """An engine, which computes sums over examples: of the loss, its gradients, products with matrices, and at grids of points.

    A function of a `Setting` that returns one, such as a class of which `__init__` takes a setting, is what `NetworkObjective` takes as `engine`.
    """

    @property
    def device(self) -> str:
        """The device that computes, as records name it."""

    @property
    def on_cpu(self) -> CpuNetwork | None:
        """The network for the CPU's kernels, for work that only they can do; None if they cannot compute it."""

    def sums(self, vectors: NDArray) -> Array:
        """Return [K, 6] for complete vectors [K, P + C]: over the examples the sums of s, s², s·c, k, k² and k·c.

        s is an example's loss summed over its targets, c the number of these that are not ignored, k how many are right (any number where the loss
        knows no right and wrong).
        """

    def gradients(self, vectors: NDArray) -> tuple[Array, Array]:
        """Return the sums [K, 6], and the gradients of the sum of s, [K, P + C] or [K, P]."""

    def products(self, matrix: Matrix, vector: NDArray) -> Products:
        """Return the function that multiplies complete vectors [K, P + C] by a matrix at a complete vector, giving [K, P + C] or [K, P]."""

    def sweep(self, grid: Grid) -> GridSums:
        """Prepare the sums at the points of a grid."""

    def outputs(self, vector: NDArray) -> NDArray:
        """Return the network's outputs for every example, [N, …] in the setting's dtype."""

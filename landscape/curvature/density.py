"""The spectral density: an estimate of the distribution of eigenvalues, without computing them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.curvature.krylov import Quadrature, lanczos
from landscape.curvature.operators import SymmetricOperator
from landscape.errors import InputError
from landscape.memory import available_memory
from landscape.objective.probes import unit_rows

Array = NDArray[np.float64]

LEAST_VECTORS = 8
GRID_POINTS = 512
# Widths of the smoothing beyond the outermost nodes that the grid reaches.
MARGIN = 5.0
GROUP_BYTES = 2**30


@dataclass(frozen=True)
class SpectralDensity:
    """A density on a grid [g], smoothed by a Gaussian of a width, with one standard error over the vectors.

    `nodes` and `weights` [m, steps] are the quadratures of the m random vectors; each row of weights sums
    to one.
    """

    grid: Array
    value: Array
    error: Array
    nodes: Array
    weights: Array
    width: float

    def moment(self, power: int) -> float:
        """Estimate trace(Aᵖ)/n: the mean over the vectors of vᵀAᵖv."""
        return float(np.mean(np.sum(self.weights * self.nodes**power, axis=1)))


def steps_for(accuracy: float) -> int:
    """Return the number of Lanczos steps that an accuracy needs.

    >>> steps_for(0.05)
    241
    """
    return math.ceil(12 / accuracy + 0.5)


def vectors_for(accuracy: float, size: int, failure: float = 0.05) -> int:
    """Return the number of random vectors that an accuracy needs, at least as many as an error estimate takes.

    >>> vectors_for(0.05, 2410), vectors_for(0.05, 100)
    (8, 131)
    """
    wished = 4 * math.log(2 * size / failure) / ((size + 2) * accuracy**2)
    return max(LEAST_VECTORS, math.ceil(wished))


def spectral_density(
    operator: SymmetricOperator,
    *,
    accuracy: float = 0.05,
    steps: int | None = None,
    vectors: int | None = None,
    seed: int = 0,
) -> SpectralDensity:
    r"""Estimate the density of eigenvalues by stochastic Lanczos quadrature, fully reorthogonalized.

    The cumulative distribution is within `accuracy`·(λmax − λmin) of the true one in Wasserstein's
    distance, with probability 0.95, for $\lceil 12/t + ½\rceil$ steps and $\lceil
    4\ln(2n/\eta)/((n+2)t^2)\rceil$ vectors.

    Parameters
    ----------
    operator
        The matrix.
    accuracy
        t, from which steps (at most n) and vectors (at least 8) follow where they are not given.
    steps, vectors
        Of Lanczos; of random vectors.
    seed
        Of the vectors.

    Raises
    ------
    InputError
        An accuracy not between 0 and 1, fewer than one step or two vectors, or a basis that does not fit.

    References
    ----------
    Chen, Trogdon and Ubaru, "Analysis of stochastic Lanczos quadrature for spectrum approximation"
    (arXiv 2105.06595), theorem 1.
    """
    if not 0 < accuracy < 1:
        raise InputError(f"accuracy: expected a number between 0 and 1, found {accuracy}")
    size = operator.size
    steps = min(size, steps_for(accuracy) if steps is None else steps)
    vectors = vectors_for(accuracy, size) if vectors is None else vectors
    if steps < 1 or vectors < 2:
        raise InputError(f"expected at least 1 step and 2 vectors, found {steps} and {vectors}")
    quadrature = grouped_lanczos(operator, steps, vectors, seed)
    return smoothed(quadrature, accuracy)


def grouped_lanczos(operator: SymmetricOperator, steps: int, vectors: int, seed: int) -> Quadrature:
    """Run Lanczos from all vectors, as many at a time as memory holds the bases of."""
    size = operator.size
    one = 8 * steps * size
    free = available_memory()
    if one > free:
        raise InputError(
            f"the basis of {steps} Lanczos steps takes {one / 1e9:.1f} GB, {free / 1e9:.1f} GB are free: "
            "ask for a coarser --accuracy"
        )
    group = max(1, min(vectors, min(GROUP_BYTES, free // 2) // one))
    starts = range(0, vectors, group)
    parts = [
        lanczos(operator, unit_rows(seed, streams.DENSITY[0], min(group, vectors - k), size, first=k), steps)
        for k in starts
    ]
    return Quadrature(
        np.concatenate([part.nodes for part in parts]), np.concatenate([part.weights for part in parts])
    )


def smoothed(quadrature: Quadrature, accuracy: float) -> SpectralDensity:
    """Put a Gaussian of a tenth of the accuracy's width on every node."""
    nodes, weights = quadrature.nodes, quadrature.weights
    low, high = float(nodes.min()), float(nodes.max())
    width = 0.1 * accuracy * (high - low) or 1e-3 * max(abs(high), 1e-300)
    grid = np.linspace(low - MARGIN * width, high + MARGIN * width, GRID_POINTS)
    curves = np.stack(
        [gaussian_sum(grid, node, weight, width) for node, weight in zip(nodes, weights, strict=True)]
    )
    # All eigenvalues at one place are a peak so narrow that its square overflows.
    with np.errstate(over="ignore"):
        error = curves.std(axis=0, ddof=1) / np.sqrt(len(curves))
    return SpectralDensity(grid, curves.mean(axis=0), error, nodes, weights, width)


def gaussian_sum(grid: Array, nodes: Array, weights: Array, width: float) -> Array:
    """Give Σ wᵢ N(x; θᵢ, width²) on a grid."""
    z = (grid[:, None] - nodes) / width
    return np.asarray(np.exp(-0.5 * z * z) @ weights / (width * math.sqrt(2 * math.pi)))

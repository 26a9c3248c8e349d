"""Settings of the measures, with the defaults that the literature suggests."""

from __future__ import annotations

from dataclasses import dataclass, fields

from landscape.errors import InputError


@dataclass(frozen=True)
class Options:
    """Settings of the measures.

    Parameters
    ----------
    epsilon, iterations, dimensions
        Keskar's box, the steps of L-BFGS-B, and the dimensions of the random subspace.
    rho, adaptive_rho
        Radii of SAM's ball, and of the ball of changes relative to the weights.
    sigma, adaptive_sigma, samples
        Standard deviation of Gaussian noise, also relative to the weights, and pairs ±δ of it.
    directions, rise
        Of the width: random directions, and the rise as a part of 1 + loss.
    starts
        Random starts of each maximization, beside those that suggest themselves.

    Raises
    ------
    InputError
        A number that is not positive; one sample or one direction, from which no error follows.
    """

    epsilon: float = 1e-3
    iterations: int = 10
    dimensions: int = 100
    rho: float = 0.05
    adaptive_rho: float = 0.5
    sigma: float = 0.01
    adaptive_sigma: float = 0.1
    samples: int = 100
    directions: int = 10
    rise: float = 0.1
    starts: int = 2

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not 0 < value < float("inf"):
                raise InputError(f"{each.name}: expected a positive number, found {value}")
        if min(self.samples, self.directions) < 2:
            raise InputError("expected at least 2 samples and 2 directions: one gives no standard error")

"""The mean rise of the loss under Gaussian noise of the parameters, absolute or relative to them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.curvature import Estimate
from landscape.curvature.trace import mean_of
from landscape.objective.probes import gaussian_rows
from landscape.sharpness.options import Options
from landscape.sharpness.subject import Subject

Array = NDArray[np.float64]

# Noise in memory at one time, in bytes.
BLOCK_BYTES = 64 * 2**20


def average(subject: Subject, options: Options, seed: int) -> Estimate:
    r"""Measure $E_{\delta \sim N(0, \sigma^2 I)} L(\theta + \delta) - L(\theta)$."""
    return mean_rise(subject, np.full(subject.theta.size, options.sigma), options, seed)


def adaptive_average(subject: Subject, options: Options, seed: int) -> Estimate:
    r"""Measure $E L(\theta + \delta) - L(\theta)$ with $\delta_i \sim N(0, \sigma^2 \theta_i^2)$.

    References
    ----------
    Andriushchenko et al., "A modern look at the relationship between sharpness and generalization" (arXiv
    2302.07011), eq. 3.
    """
    return mean_rise(subject, options.adaptive_sigma * np.abs(subject.theta), options, seed)


def mean_rise(subject: Subject, deviations: Array, options: Options, seed: int) -> Estimate:
    """Average over pairs ±δ, in which all odd orders cancel; one standard error over the pairs."""
    size = deviations.size
    block = max(1, BLOCK_BYTES // (16 * size))
    parts = []
    for start in range(0, options.samples, block):
        count = min(block, options.samples - start)
        moves = deviations * gaussian_rows(seed, streams.NOISE[0], count, size, first=start)
        both = subject.values(np.concatenate([moves, -moves]))
        parts.append(0.5 * (both[:count] + both[count:]) - subject.loss)
    return mean_of(np.concatenate(parts))

"""The Fisher–Rao norm: how far the parameters are from zero in the metric of the empirical Fisher matrix."""

from __future__ import annotations

import numpy as np

from landscape.curvature import Estimate
from landscape.errors import InputError
from landscape.sharpness.options import Options
from landscape.sharpness.subject import Subject


def fisher_rao(subject: Subject, options: Options, seed: int) -> Estimate:
    r"""Measure $\|\theta\|_{fr} = \sqrt{E_i \langle \theta, \nabla \ell_i \rangle^2}$ over the examples.

    Raises
    ------
    InputError
        A function of θ, which has no examples.

    References
    ----------
    Liang et al., "Fisher–Rao metric, geometry, and complexity of neural networks" (arXiv 1711.01530), definition 2.
    """
    products = subject.empirical_fisher
    if products is None:
        raise InputError("fisher_rao needs the examples of a model: a function of θ has none")
    square = float(subject.theta @ products(subject.theta[None])[0])
    norm = float(np.sqrt(max(square, 0.0)))
    return Estimate(norm, 8 * subject.objective.epsilon * norm)

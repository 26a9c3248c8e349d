"""Keskar's sharpness: how far the loss rises within a box around the minimum, in per cent of 1 + loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.curvature import Estimate
from landscape.formulas.random import normal, uniform
from landscape.sharpness.options import Options
from landscape.sharpness.subject import Subject

Array = NDArray[np.float64]


def keskar(subject: Subject, options: Options, seed: int) -> Estimate:
    r"""Measure eq. 3 over the full space.

    $$\phi = 100\,\frac{\max_{|z_i| \le \epsilon(|x_i| + 1)} f(x + z) - f(x)}{1 + f(x)}$$

    References
    ----------
    Keskar et al., "On large-batch training for deep learning" (arXiv 1609.04836), section 2.2.2.
    """
    box = options.epsilon * (np.abs(subject.theta) + 1)
    return risen(subject, box, lambda z: z, lambda gradient: gradient, options, seed)


def keskar_subspace(subject: Subject, options: Options, seed: int) -> Estimate:
    r"""Measure eq. 3 over x + Az, A [P, p] of standard normal numbers, with the box $\epsilon(|A^+x| + 1)$."""
    count = min(options.dimensions, subject.theta.size)
    basis = normal(seed, streams.SUBSPACE[0], 0, count * subject.theta.size).reshape(count, -1)
    coordinates = np.linalg.lstsq(basis.T, subject.theta, rcond=None)[0]
    box = options.epsilon * (np.abs(coordinates) + 1)
    return risen(subject, box, lambda z: z @ basis, lambda gradient: basis @ gradient, options, seed + 1)


def risen(
    subject: Subject,
    box: Array,
    spread: Callable[[Array], Array],
    pulled: Callable[[Array], Array],
    options: Options,
    seed: int,
) -> Estimate:
    """Maximize over a box by L-BFGS-B from several points; the error is the distance to the second best.

    They are the center, the corner that the gradient points to, the one it points to from there, and random points:
    where the gradient vanishes, nothing moves away from the center.
    """
    from scipy.optimize import minimize

    def downhill(scaled: Array) -> tuple[float, Array]:
        value, gradient = subject.value_and_gradient(spread(box * scaled))
        return -value, -box * pulled(gradient)

    draws = uniform(seed, streams.BOX[0], 0, options.starts * box.size).reshape(options.starts, -1)
    corner = -np.sign(downhill(np.zeros(box.size))[1])
    further = -np.sign(downhill(corner)[1])
    starts = [np.zeros(box.size), corner, further, *(2 * draws - 1)]
    reached = []
    for start in starts:
        found = minimize(
            downhill,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[(-1.0, 1.0)] * box.size,
            # The rise may be far below 1, where the usual tolerances would stop at once.
            options={"maxiter": options.iterations, "ftol": 0.0, "gtol": 0.0},
        )
        reached.append(max(0.0, -float(found.fun) - subject.loss))
    scale = 100 / (1 + subject.loss)
    return best_of(reached, subject.rounding, scale)


def best_of(reached: list[float], rounding: float, scale: float = 1.0) -> Estimate:
    """Give the best of what several starts reached, and how far the second best is from it.

    Examples
    --------
    >>> best_of([0.0, 3.0, 2.5], 0.0)
    Estimate(value=3.0, error=0.5)
    """
    ordered = sorted(reached)
    return Estimate(scale * ordered[-1], scale * (ordered[-1] - ordered[-2] + rounding))

"""The largest rise of the loss within a ball: SAM's (by one step, and maximized), and for relative changes of the parameters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.curvature import Estimate, congruence, eigenpairs
from landscape.objective.probes import unit_rows
from landscape.sharpness.keskar import best_of
from landscape.sharpness.options import Options
from landscape.sharpness.subject import Subject

Array = NDArray[np.float64]

MOST_STEPS = 100
TOLERANCE = 1e-9


def sam(subject: Subject, options: Options, seed: int) -> Estimate:
    r"""Measure $L(\theta + \rho g/\|g\|) - L(\theta)$; at a zero gradient the step is none and so is the rise.

    References
    ----------
    Foret et al., "Sharpness-aware minimization" (arXiv 2010.01412), eq. 2.
    """
    _, gradient = subject.value_and_gradient(np.zeros(subject.theta.size))
    length = float(np.linalg.norm(gradient))
    # A gradient by differences that is no more than their error may be zero.
    if length <= subject.objective.gradient_error:
        return Estimate(0.0, 0.0)
    risen = float(subject.values((options.rho / length * gradient)[None])[0])
    return Estimate(risen - subject.loss, subject.rounding)


def sam_maximized(subject: Subject, options: Options, seed: int) -> Estimate:
    r"""Measure $\max_{\|d\|_2 \le \rho} L(\theta + d) - L(\theta)$."""
    return highest(subject, np.ones(subject.theta.size), options.rho, options, seed)


def adaptive(subject: Subject, options: Options, seed: int) -> Estimate:
    r"""Measure $\max_{\|u\|_2 \le \rho} L(\theta + |\theta| u) - L(\theta)$, without the η of Kwon et al.

    References
    ----------
    Kwon et al., "ASAM" (arXiv 2102.11600), definition 2; Andriushchenko et al. (arXiv 2302.07011), section 2.
    """
    return highest(subject, np.abs(subject.theta), options.adaptive_rho, options, seed)


def highest(subject: Subject, scale: Array, radius: float, options: Options, seed: int) -> Estimate:
    """Maximize over the sphere ‖u‖ = radius, moves scale·u, from several starts.

    They are both ends of the top eigenvector of the scaled Hessian, the gradient, and random directions: on a
    quadratic the first is the answer. The error is the distance to the best of the others.
    """
    _, gradient = subject.value_and_gradient(np.zeros(scale.size))
    top = eigenpairs(congruence(subject.hessian, scale), top=1, seed=seed).vectors[-1:]
    rows = [*top, *(-top), scale * gradient, *unit_rows(seed, streams.BALL[0], options.starts, scale.size)]
    starts = [row / np.linalg.norm(row) for row in rows if np.any(row)]
    reached = [climbed(subject, scale, radius, start) for start in starts]
    return best_of([0.0, *reached], subject.rounding)


def climbed(subject: Subject, scale: Array, radius: float, unit: Array) -> float:
    """Climb on the sphere and give the rise: step to where the gradient points, halving the step while the loss is not higher.

    On a quadratic this is power iteration; for a convex loss no step goes down.
    """
    value, gradient = subject.value_and_gradient(radius * scale * unit)
    for _ in range(MOST_STEPS):
        pull = scale * gradient
        length = float(np.linalg.norm(pull))
        if length == 0.0:
            break
        step = stepped(subject, scale, radius, unit, pull / length, value)
        if step is None:
            break
        before, (unit, value, gradient) = value, step
        if value - before <= TOLERANCE * abs(value - subject.loss):
            break
    return value - subject.loss


def stepped(
    subject: Subject, scale: Array, radius: float, unit: Array, goal: Array, value: float
) -> tuple[Array, float, Array] | None:
    """Step to `goal` on the unit sphere, or towards it as far as the loss is higher; None if it never is."""
    for _ in range(12):
        found, gradient = subject.value_and_gradient(radius * scale * goal)
        if found > value:
            return goal, found, gradient
        between = unit + goal
        length = float(np.linalg.norm(between))
        if length < 1e-12:
            return None
        goal = between / length
    return None

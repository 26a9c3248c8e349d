"""Measures that are numbers of a Hessian: its largest eigenvalue, trace and Frobenius norm, and |w|H|w|."""

from __future__ import annotations

from dataclasses import replace

from landscape.curvature import (
    Estimate,
    SymmetricOperator,
    congruence,
    eigenpairs,
    frobenius,
    hutch_plus_plus,
)
from landscape.errors import ComputationError
from landscape.sharpness.options import Options
from landscape.sharpness.subject import Subject


def largest(operator: SymmetricOperator, seed: int) -> Estimate:
    """Give the largest eigenvalue and its bound.

    Raises
    ------
    ComputationError
        The search did not converge.
    """
    found = eigenpairs(operator, top=1, seed=seed)
    if found.status or len(found.values) == 0:
        raise ComputationError(f"the largest eigenvalue: {found.status}")
    return Estimate(float(found.values[-1]), float(found.errors[-1]))


def lambda_max(subject: Subject, options: Options, seed: int) -> Estimate:
    """Measure the largest eigenvalue of the Hessian."""
    return largest(subject.hessian, seed)


def trace(subject: Subject, options: Options, seed: int) -> Estimate:
    """Measure the trace of the Hessian."""
    found = hutch_plus_plus(subject.hessian, seed=seed)
    return replace(found, error=found.error + subject.theta.size * subject.hessian.spread)


def frobenius_norm(subject: Subject, options: Options, seed: int) -> Estimate:
    """Measure the Frobenius norm of the Hessian."""
    found = frobenius(subject.hessian, seed=seed)
    return replace(found, error=found.error + subject.theta.size**0.5 * subject.hessian.spread)


def weighted_lambda_max(subject: Subject, options: Options, seed: int) -> Estimate:
    """Measure the largest eigenvalue of |w| H |w|, with |w| a diagonal matrix."""
    return largest(congruence(subject.hessian, abs(subject.theta)), seed)

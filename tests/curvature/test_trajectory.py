"""Eigenvalues along a trajectory: those of every point, for fewer products than one by one."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from landscape.curvature import eigenpairs_along
from landscape.errors import InputError
from landscape.objective import CallableObjective
from tests.curvature.matrices import matrix_of

SIZE = 700
POINTS = np.outer(np.arange(4.0), np.eye(1, SIZE)[0])


@cache
def first():
    return matrix_of(np.r_[np.linspace(-1, 1, SIZE - 4), 1.6, 2.0, 2.5, 3.0])


@cache
def change():
    return 1e-4 * matrix_of(np.linspace(-1, 1, SIZE), seed=1)


def counted():
    """An objective whose Hessian moves with the first parameter, and the products it was asked for."""
    calls = []

    def hvp(x, v):
        calls.append(1)
        return (first() + x[0] * change()) @ v

    return CallableObjective(lambda x: 0.0, hvp=hvp, size=SIZE), calls


def test_every_point_has_its_own_eigenvalues_for_fewer_products():
    objective, warm = counted()
    found = eigenpairs_along(objective, POINTS, top=3)
    for point, pairs in zip(POINTS, found, strict=True):
        expected = np.linalg.eigvalsh(first() + point[0] * change())[-3:]
        assert np.allclose(pairs.values, expected, rtol=0, atol=1e-8)
    other, cold = counted()
    for point in POINTS:
        eigenpairs_along(other, point[None], top=3)
    assert len(warm) < 0.9 * len(cold)


def test_progress_is_told_and_no_points_are_refused():
    told = []
    eigenpairs_along(counted()[0], POINTS[:2], progress=lambda *at: told.append(at))
    assert told == [(0.5, "1 of 2 points"), (1.0, "2 of 2 points")]
    with pytest.raises(InputError, match="expected points"):
        eigenpairs_along(counted()[0], np.zeros((0, SIZE)))

"""Projection on a plane: what the least squares say, for directions of any angle and length."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.trajectories import project

RNG = np.random.default_rng(0)
CENTER = RNG.standard_normal(9)
DIRECTIONS = RNG.standard_normal((2, 9)) * [[3.0], [0.01]]
POINTS = CENTER + RNG.standard_normal((5, 9))


def test_coordinates_are_those_of_least_squares():
    found = project(POINTS, CENTER, DIRECTIONS)
    expected = np.linalg.lstsq(DIRECTIONS.T, (POINTS - CENTER).T, rcond=None)[0].T
    np.testing.assert_allclose(found.coordinates, expected, rtol=1e-10)


def test_what_is_out_of_the_plane_is_orthogonal_to_it_and_as_long_as_said():
    found = project(POINTS, CENTER, DIRECTIONS)
    rest = POINTS - CENTER - found.coordinates @ DIRECTIONS
    np.testing.assert_allclose(rest @ DIRECTIONS.T, 0.0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(rest, axis=1), found.distance, rtol=1e-12)


def test_shares_and_squared_distances_sum_to_the_whole():
    found = project(POINTS, CENTER, DIRECTIONS)
    total = np.sum((POINTS - CENTER) ** 2)
    assert found.captured.sum() + np.sum(found.distance**2) / total == pytest.approx(1.0, rel=1e-12)


def test_a_point_of_the_plane_keeps_its_coordinates_and_is_not_out_of_it():
    wanted = np.array([[2.0, -30.0], [0.0, 0.0]])
    found = project(CENTER + wanted @ DIRECTIONS, CENTER, DIRECTIONS)
    np.testing.assert_allclose(found.coordinates, wanted, atol=1e-10)
    np.testing.assert_allclose(found.distance, 0.0, atol=1e-12)
    assert found.captured.sum() == pytest.approx(1.0)


def test_points_that_are_all_the_center_capture_nothing():
    assert project(CENTER[None], CENTER, DIRECTIONS).captured.tolist() == [0.0, 0.0]

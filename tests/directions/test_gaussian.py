"""Gaussian directions are functions of the seed, and can be made orthogonal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landscape.directions import gaussian, orthogonalize
from landscape.errors import InputError


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    assert np.array_equal(gaussian(1001, 2, seed=5), gaussian(1001, 2, seed=5))
    assert not np.any(gaussian(1001, 2, seed=5) == gaussian(1001, 2, seed=6))


def test_a_direction_does_not_depend_on_how_many_are_drawn():
    assert np.array_equal(gaussian(50, 3, seed=1)[:2], gaussian(50, 2, seed=1))


def test_entries_are_standard_normal_and_directions_independent():
    draws = gaussian(200_000, 2, seed=0)
    assert np.abs(draws.mean(axis=1)).max() < 0.01
    assert np.abs(draws.std(axis=1) - 1).max() < 0.01
    assert abs(np.mean(draws**4) - 3) < 0.05
    assert abs(np.corrcoef(draws)[0, 1]) < 0.01


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.integers(3, 60), st.integers(1, 3))
def test_orthogonalized_directions_are_orthogonal_to_each_other_and_to_what_was_given(seed, size, count):
    given_direction = gaussian(size, 1, seed + 1) * 1e3
    count = min(count, size - 1)
    result = orthogonalize(gaussian(size, count, seed), against=given_direction)
    everything = np.concatenate([given_direction, result])
    units = everything / np.linalg.norm(everything, axis=1, keepdims=True)
    assert np.abs(units @ units.T - np.eye(count + 1)).max() < 1e-13


def test_orthogonalization_keeps_the_first_direction_and_the_plane():
    draws = gaussian(10, 2, seed=3)
    result = orthogonalize(draws, against=np.empty((0, 10)))
    assert np.array_equal(result[0], draws[0])
    assert np.linalg.matrix_rank(np.concatenate([draws, result]), tol=1e-10) == 2


def test_more_orthogonal_directions_than_parameters_are_refused():
    with pytest.raises(InputError, match="3 orthogonal directions need more parameters than the 2"):
        orthogonalize(gaussian(2, 3, seed=0), against=np.empty((0, 2)))

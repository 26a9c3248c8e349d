"""The penalty over a grid in closed form is the sum of squares at every point."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from landscape.scanning.penalty import grid_penalty


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_the_closed_form_is_the_sum_at_every_point(dimensions):
    rng = np.random.default_rng(dimensions)
    center, directions = rng.standard_normal(40), rng.standard_normal((dimensions, 40))
    decay = rng.uniform(0, 2, 40) * (rng.random(40) < 0.7)
    axes = tuple(np.linspace(-1, 2, 3 + index) for index in range(dimensions))
    points = [center + np.asarray(at) @ directions for at in product(*axes)]
    expected = [0.5 * np.sum(decay * point**2) for point in points]
    found = grid_penalty(center, directions, axes, decay)
    assert found.shape == tuple(axis.size for axis in axes)
    assert np.allclose(found.reshape(-1), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("decay", [None, np.zeros(4)])
def test_without_weight_decay_it_is_zero(decay):
    assert not grid_penalty(np.ones(4), np.ones((1, 4)), (np.ones(3),), decay).any()

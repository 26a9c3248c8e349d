"""Batches: every example once an epoch, drawn anew each epoch; masks that drop what they should; transposes."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from landscape.kernels.cpu.batches import draw, draw_mask, shuffle
from landscape.kernels.cpu.transpose import transpose
from landscape.training import Recipe
from tests.training import twins

SEED = np.uint64(5)


def order(epoch, count=53, seed=SEED):
    found = np.zeros(count, np.int64)
    shuffle(seed, epoch, found)
    return found


def test_an_epoch_is_a_permutation_and_its_twin():
    assert sorted(order(3)) == list(range(53))
    np.testing.assert_array_equal(order(3), twins.epoch_order(5, 3, 53))
    np.testing.assert_array_equal(order(0, count=1), [0])


def test_epochs_and_seeds_differ():
    assert np.any(order(0) != order(1))
    assert np.any(order(0) != order(0, seed=np.uint64(6)))


def test_every_place_gets_every_example_equally_often():
    counts = np.zeros((4, 4))
    for epoch in range(4000):
        counts[np.arange(4), order(epoch, count=4)] += 1
    # χ² with 9 degrees of freedom is above 33.7 once in ten thousand times.
    assert np.sum((counts - 1000) ** 2 / 1000) < 33.7


def test_draws_with_replacement_are_their_twin_and_cover_the_data():
    found = np.zeros(20, np.int64)
    draw(SEED, 7, found, 6)
    np.testing.assert_array_equal(
        found[:6], twins.batch(Recipe(seed=5, batch_size=6, replacement=True), 7, 20)
    )
    drawn = set()
    for step in range(100):
        draw(SEED, step, found, 20)
        drawn |= set(found)
    assert drawn == set(range(20))


def test_a_mask_drops_the_given_part_and_scales_the_rest():
    mask = np.zeros((50, 200))
    draw_mask(SEED, 2, 0, 0.3, mask)
    assert set(np.unique(mask)) == {0.0, 1 / 0.7}
    # Five standard deviations of a binomial's share.
    assert np.mean(mask == 0) == pytest.approx(0.3, abs=5 * np.sqrt(0.21 / mask.size))


def test_a_mask_follows_the_example_and_not_the_tile():
    whole, part = np.zeros((9, 16)), np.zeros((9, 8))
    draw_mask(SEED, 2, 100, 0.5, whole)
    draw_mask(SEED, 2, 104, 0.5, part)
    np.testing.assert_array_equal(part, whole[:, 4:12])


@numba.njit
def turn(m, n, x, y):
    transpose(m, n, x, 1, y, 2)


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (8, 16), (13, 7), (32, 10), (5, 24)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_transpose_is_numpys(shape, dtype):
    x = np.arange(1 + shape[0] * shape[1], dtype=dtype)
    y = np.full(x.size + 1, -1, dtype)
    turn(*shape, x, y)
    np.testing.assert_array_equal(y[2:].reshape(shape[::-1]), x[1:].reshape(shape).T)
    assert np.all(y[:2] == -1)

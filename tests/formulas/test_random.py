"""Counter-based random numbers: known answers, streams cut anywhere, and their distribution."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.formulas.random import normal, permutation, philox, uniform

# Random123's known answers for philox4x32-10: counter, key, result, each as hexadecimal words.
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]
DRAWS = 200_000


def two_words(low: str, high: str) -> np.uint64:
    return np.uint64(int(low, 16) | int(high, 16) << 32)


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_philox_gives_the_published_answers(counter, key, answer):
    c, k = counter.split(), key.split()
    found = philox(two_words(*c[:2]), two_words(*c[2:]), two_words(*k))
    assert [f"{int(word):08x}" for word in found] == answer.split()


@pytest.mark.parametrize("draw", [uniform, normal])
@pytest.mark.parametrize(("start", "count"), [(0, 1), (1, 1), (2, 5), (3, 4), (101, 64)])
def test_a_part_of_a_stream_is_the_same_drawn_alone(draw, start, count):
    assert np.array_equal(draw(9, 4, start, count), draw(9, 4, 0, start + count)[start:])


@pytest.mark.parametrize("draw", [uniform, normal])
def test_drawing_nothing_gives_nothing(draw):
    assert draw(0, 0, 5, 0).shape == (0,)


@pytest.mark.parametrize("draw", [uniform, normal])
def test_seeds_and_streams_are_unrelated(draw):
    rows = [draw(seed, stream, 0, 20_000) for seed in (0, 1, 2**63, 2**64 - 1) for stream in (0, 1, 7)]
    correlations = np.corrcoef(rows)
    assert np.abs(correlations - np.eye(len(rows))).max() < 5 / np.sqrt(20_000)


def test_uniform_numbers_lie_inside_the_unit_interval_and_fill_it():
    u = uniform(3, 0, 0, DRAWS)
    assert u.min() > 0.0
    assert u.max() < 1.0
    counts = np.histogram(u, bins=100, range=(0, 1))[0]
    expected = DRAWS / 100
    chi_squared = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi_squared - 99) < 5 * np.sqrt(2 * 99)


@pytest.mark.parametrize(("power", "moment", "spread"), [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)])
def test_normal_numbers_have_the_moments_of_a_standard_normal(power, moment, spread):
    z = normal(3, 1, 0, DRAWS)
    assert abs(np.mean(z**power) - moment) < 5 * np.sqrt(spread / DRAWS)


def test_neighbouring_normal_numbers_are_uncorrelated():
    z = normal(3, 2, 0, DRAWS)
    for lag in (1, 2, 3):
        assert abs(np.mean(z[lag:] * z[:-lag])) < 5 / np.sqrt(DRAWS)


def test_normal_tails_are_as_heavy_as_they_should_be():
    z = np.abs(normal(11, 2, 0, DRAWS))
    for limit, share in ((2.0, 0.0455003), (3.0, 0.0026998), (4.0, 6.334e-5)):
        assert abs(np.sum(z > limit) - DRAWS * share) < 5 * np.sqrt(DRAWS * share)


@pytest.mark.parametrize("count", [0, 1, 2, 17, 1000])
def test_a_permutation_holds_every_number_once(count):
    assert np.array_equal(np.sort(permutation(5, 0, count)), np.arange(count))


def test_permutations_differ_by_seed_and_stream():
    kinds = {permutation(seed, stream, 12).tobytes() for seed in range(4) for stream in range(3)}
    assert len(kinds) == 12


def test_every_place_is_equally_likely_in_a_permutation():
    first = [int(permutation(seed, 0, 5)[0]) for seed in range(3000)]
    counts = np.bincount(first, minlength=5)
    assert np.abs(counts - 600).max() < 5 * np.sqrt(600)

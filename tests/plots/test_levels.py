"""Levels: increasing, inside the values, and where the basin shows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from landscape.errors import InputError
from landscape.plots.levels import choose_levels
from tests.plots.examples import EXAMPLES, bowl, decades, negative, outliers

RADIUS = np.hypot(*np.meshgrid(np.linspace(-1, 1, 51), np.linspace(-1, 1, 51)))


def fullest_band(values: np.ndarray, lines: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return np.bincount(np.searchsorted(lines, finite)).max() / finite.size


@given(
    values=arrays_of.arrays(np.float64, (5, 6), elements=st.floats(width=32)),
    count=st.none() | st.integers(1, 100),
    even=st.booleans(),
)
@settings(max_examples=300)
def test_lines_increase_inside_the_values_and_bands_hold_them_all(values, count, even):
    levels = choose_levels(values, count, even=even)
    finite = values[np.isfinite(values)]
    assert (np.diff(levels.bands) > 0).all()
    if levels.scale not in ("nothing", "constant"):
        assert levels.lines.size
        assert len(set(levels.texts)) == levels.lines.size
        assert finite.min() == levels.low < levels.lines[0]
        assert levels.lines[-1] < levels.high <= finite.max()
        assert levels.clipped == np.count_nonzero(finite > levels.high)
        colors = levels.norm()(finite)
        assert ((colors >= 0) & (colors <= 256)).all()


def test_a_plane_bowl_has_even_lines():
    levels = choose_levels(2.0 + RADIUS**2)
    assert levels.scale == "linear"
    assert np.allclose(np.diff(levels.lines), np.diff(levels.lines)[0])


def test_a_wide_range_has_logarithmic_lines_at_round_numbers():
    levels = choose_levels(decades().values["train_loss"])
    assert levels.scale == "logarithmic"
    assert np.allclose(np.log10(levels.lines), np.round(np.log10(levels.lines)))
    assert levels.texts[0].startswith("$10^{")


def test_zeros_do_not_keep_lines_from_being_logarithmic():
    levels = choose_levels(RADIUS**4)
    assert levels.scale == "logarithmic"
    assert levels.low == 0 < levels.lines[0]


def test_crowded_values_below_zero_are_told_above_the_minimum():
    levels = choose_levels(negative().values["train_loss"])
    assert levels.scale == "above the minimum"
    assert all(text.startswith("+") for text in levels.texts)
    assert levels.low == pytest.approx(-3.2)


def test_a_high_floor_does_not_hide_a_shallow_basin():
    values = 0.69 + 1e-3 * RADIUS**2 + 0.8 * RADIUS**40
    assert fullest_band(values, choose_levels(values).lines) < 0.6


def test_a_few_huge_values_do_not_hide_the_basin():
    values = outliers().values["train_loss"]
    levels = choose_levels(values)
    assert levels.high < 10
    assert levels.clipped == 10
    assert levels.extend == "max"
    usual = choose_levels(bowl().values["train_loss"])
    assert np.array_equal(levels.lines, usual.lines)


@pytest.mark.parametrize("name", ["bowl", "valley", "decades", "diverging", "outliers", "oblong", "negative"])
def test_no_band_hides_more_than_half_of_the_map(name):
    values = EXAMPLES[name]().values["train_loss"]
    lines = choose_levels(values).lines
    assert 5 <= lines.size <= 14
    assert fullest_band(values, lines) <= 0.5


def test_nothing_finite_and_all_the_same_have_no_lines():
    assert choose_levels(np.full((3, 3), np.nan)).scale == "nothing"
    constant = choose_levels(np.full((3, 3), 2.3))
    assert constant.scale == "constant"
    assert constant.low < 2.3 < constant.high


def test_even_steps_are_even_whatever_the_values():
    levels = choose_levels(10.0 ** (4 * RADIUS), even=True)
    assert levels.scale == "linear"


@pytest.mark.parametrize("count", [1, 4, 20])
def test_a_number_of_lines_is_nearly_kept(count):
    assert abs(choose_levels(1 + RADIUS, count).lines.size - count) <= count / 2


def test_given_heights_are_taken_as_they_are():
    levels = choose_levels(RADIUS, [0.2, 0.5, 7.0])
    assert levels.lines.tolist() == [0.2, 0.5]
    assert levels.texts == ["0.2", "0.5"]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (0, "1 to 100"),
        (101, "1 to 100"),
        ([], "number of lines"),
        ([np.nan], "finite"),
        ([0.5, 0.2], "increase"),
        ([8.0, 9.0], "outside"),
    ],
)
def test_impossible_levels_are_refused_with_what_was_expected(wanted, words):
    with pytest.raises(InputError, match=words):
        choose_levels(RADIUS, wanted)

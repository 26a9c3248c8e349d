"""`auto` widens or narrows until the rise over the centre is worth looking at."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.scanning.span import LARGEST_RISE, LEAST_RISE, choose_span


def chosen(function, start=(-1.0, 1.0)):
    calls = []

    def values(thetas):
        calls.append(len(thetas))
        return np.array([function(theta[0]) for theta in thetas])

    span, note = choose_span(values, np.zeros(1), np.ones(1), start)
    assert sum(calls) <= 1 + 2 * 14
    return span, note


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 1e3])
@pytest.mark.parametrize("curvature", [1e-4, 1.0, 1e8])
def test_a_bowl_of_any_curvature_rises_by_once_to_a_thousand_times_its_floor(scale, curvature):
    (low, high), _ = chosen(lambda x: scale * (1.0 + curvature * x * x))
    assert low == -high
    assert LEAST_RISE <= curvature * high * high <= LARGEST_RISE


def test_a_span_that_is_good_already_is_kept():
    assert chosen(lambda x: 1 + 2 * x * x)[0] == (-1.0, 1.0)


def test_a_loss_that_diverges_far_out_is_narrowed_to_where_it_is_finite():
    (_, high), note = chosen(lambda x: 1 + 100 * x * x if abs(x) < 0.3 else np.inf)
    assert 0.1 <= high < 0.3
    assert "rises from 1 to" in note


def test_a_loss_that_saturates_gets_the_narrowest_span_that_shows_its_rise():
    (_, high), _ = chosen(lambda x: 1 + 0.5 * np.tanh(x / 10) ** 2)
    assert np.tanh(high / 10) ** 2 >= 0.9
    assert np.tanh(high / 20) ** 2 < 0.9


def test_a_centre_of_exactly_zero_is_content_with_any_rise():
    assert chosen(lambda x: x * x)[0] == (-1.0, 1.0)


def test_a_plain_keeps_the_span_and_says_so():
    span, note = chosen(lambda x: 1.0)
    assert span == (-1.0, 1.0)
    assert "does not rise" in note


def test_a_loss_that_diverges_everywhere_ends_and_says_so():
    _, note = chosen(lambda x: 1.0 if x == 0 else np.nan)
    assert "diverges at an end however near" in note


def test_a_centre_that_is_not_finite_keeps_the_span_and_says_so():
    span, note = chosen(lambda x: np.nan)
    assert span == (-1.0, 1.0)
    assert "not finite at the centre" in note


def test_the_way_between_two_models_keeps_both_and_its_middle():
    (low, high), _ = chosen(lambda x: 1e-3 + 1e6 * x * x, start=(0.0, 1.0))
    assert (low, high) == (0.0, 1.0)
    (low, high), _ = chosen(lambda x: 1.0 + 0.1 * x * x, start=(0.0, 1.0))
    assert low < 0.0
    assert high > 1.0
    assert low + high == 1.0

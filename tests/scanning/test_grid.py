"""The grid: points and spans are read strictly, and axes hit the origin exactly."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landscape.errors import InputError
from landscape.scanning.grid import make_axis, parse_points, parse_span, parse_spans

DEFAULTS = ((-1.0, 1.0), (0.0, 1.0))


@pytest.mark.parametrize(
    ("points", "dimensions", "expected"),
    [
        (51, 2, (51, 51)),
        ("51", 1, (51,)),
        ("51x31", 2, (51, 31)),
        ("51X31×3", 3, (51, 31, 3)),
        ((5, 7), 2, (5, 7)),
        (np.int64(4), 3, (4, 4, 4)),
        ([3.0], 1, (3,)),
        (" 5 x 6 ", 2, (5, 6)),
    ],
)
def test_points_are_one_number_for_all_axes_or_one_an_axis(points, dimensions, expected):
    assert parse_points(points, dimensions) == expected


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (0, "no points"),
        ("51x0", "no points"),
        (-3, "no points"),
        ("", "no grid"),
        ("many", "no grid"),
        ("5x", "no grid"),
        (5.5, "no grid"),
        ("5.5", "no grid"),
        (np.nan, "no grid"),
        (True, "no grid"),
        ((5, 5, 5), "for 3 axes, the scan has 2"),
        ("9" * 5000, "no grid"),
        (10**9, "more than memory holds"),
        ("99999999999999999999", "more than memory holds"),
    ],
)
def test_points_that_make_no_grid_are_refused(points, message):
    with pytest.raises(InputError, match=message):
        parse_points(points, 2)


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (1, (-1.0, 1.0)),
        ("0.5", (-0.5, 0.5)),
        ("-1:3", (-1.0, 3.0)),
        ((0, 2), (0.0, 2.0)),
        ("1e-3", (-1e-3, 1e-3)),
        ("AUTO", "auto"),
    ],
)
def test_a_span_is_a_half_width_a_range_or_auto(span, expected):
    assert parse_span(span) == expected


@pytest.mark.parametrize(
    "span",
    [0, -1, "0", "2:1", "1:1", "nan", "inf", "0:inf", "1:2:3", "", ":", "wide", (1,) * 3, "-1e308:1e308"],
)
def test_a_span_that_is_not_a_range_is_refused(span):
    with pytest.raises(InputError, match=r"is not a range"):
        parse_span(span)


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        (None, DEFAULTS),
        ([], DEFAULTS),
        (2, ((-2.0, 2.0), (-2.0, 2.0))),
        ((0, 2), ((0.0, 2.0), (0.0, 2.0))),
        ([1, 2], ((-1.0, 1.0), (-2.0, 2.0))),
        (["1", "0:2"], ((-1.0, 1.0), (0.0, 2.0))),
        ([(0, 1), "auto"], ((0.0, 1.0), "auto")),
    ],
)
def test_spans_are_once_or_once_an_axis(spans, expected):
    assert parse_spans(spans, DEFAULTS) == expected


def test_spans_for_another_number_of_axes_are_refused():
    with pytest.raises(InputError, match="3 spans for 2 axes"):
        parse_spans([1, 2, 3], DEFAULTS)


@given(st.floats(1e-6, 1e6), st.integers(1, 200))
def test_a_symmetric_axis_is_exactly_symmetric_and_odd_counts_have_the_centre(half, count):
    axis = make_axis((-half, half), count)
    assert np.array_equal(axis, -axis[::-1])
    assert (0.0 in axis) == (count % 2 == 1)


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3), st.integers(2, 200))
def test_an_axis_has_its_ends_and_even_steps(low, width, count):
    axis = make_axis((low, low + width), count)
    assert (axis[0], axis[-1], axis.size) == (low, low + width, count)
    assert np.allclose(np.diff(axis), (axis[-1] - low) / (count - 1), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(("span", "count"), [((-0.3, 0.6), 10), ((-1.0, 2.0), 4), ((-0.1, 0.7), 9)])
def test_an_axis_that_passes_the_origin_has_it_exactly(span, count):
    assert np.count_nonzero(make_axis(span, count) == 0.0) == 1


def test_one_point_lies_in_the_middle():
    assert make_axis((0.0, 1.0), 1).tolist() == [0.5]


def test_a_span_too_narrow_for_its_points_is_refused():
    with pytest.raises(InputError, match="too narrow"):
        make_axis((1.0, np.nextafter(1.0, 2.0)), 5)


@given(st.text(alphabet="0123456789.:-+xX×einfatouNA _\x00", max_size=12))
def test_any_text_is_a_grid_or_a_refusal(text):
    with contextlib.suppress(InputError):
        assert all(count >= 1 for count in parse_points(text, 2))
    with contextlib.suppress(InputError):
        span = parse_span(text)
        assert span == "auto" or span[0] < span[1]

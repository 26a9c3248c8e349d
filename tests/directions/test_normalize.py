"""Filter and layer normalization give directions the lengths of the weights, and biases none."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.directions import (
    NORMALIZATIONS,
    Origin,
    check_directions,
    gaussian,
    normalized,
    shaped_tensors,
)
from landscape.errors import InputError

SHAPES = [(4, 3), (4,), (2, 4, 3, 3), (2,), (5, 2)]
SIZE = 12 + 4 + 72 + 2 + 10
WEIGHTS = [slice(0, 12), slice(16, 88), slice(90, 100)]
BIASES = [slice(12, 16), slice(88, 90)]
FILTERS = [4, 2, 5]


@pytest.fixture
def origin():
    return Origin(np.random.default_rng(0).standard_normal(SIZE) * 3, shaped_tensors(SHAPES, SIZE))


def rows(vector, piece, filters):
    return np.linalg.norm(vector[piece].reshape(filters, -1), axis=1)


def test_filter_normalization_gives_every_row_of_axis_0_its_filters_norm(origin):
    direction = normalized(gaussian(SIZE, 1, 0)[0], origin, "filter", include_bias=False)
    for piece, filters in zip(WEIGHTS, FILTERS, strict=True):
        assert np.allclose(
            rows(direction, piece, filters), rows(origin.theta, piece, filters), rtol=1e-14, atol=0
        )


def test_layer_normalization_gives_every_tensor_its_norm_and_not_every_row(origin):
    direction = normalized(gaussian(SIZE, 1, 0)[0], origin, "layer", include_bias=False)
    for piece, filters in zip(WEIGHTS, FILTERS, strict=True):
        assert np.isclose(np.linalg.norm(direction[piece]), np.linalg.norm(origin.theta[piece]), rtol=1e-14)
        assert not np.allclose(rows(direction, piece, filters), rows(origin.theta, piece, filters), rtol=1e-2)


@pytest.mark.parametrize("normalize", ["filter", "layer"])
def test_rows_keep_their_way(origin, normalize):
    draw = gaussian(SIZE, 1, 0)[0]
    direction = normalized(draw, origin, normalize, include_bias=False)
    for row in range(4):
        piece = slice(3 * row, 3 * row + 3)
        cosine = (
            draw[piece] @ direction[piece] / np.linalg.norm(draw[piece]) / np.linalg.norm(direction[piece])
        )
        assert cosine == pytest.approx(1, abs=1e-14)


@pytest.mark.parametrize("normalize", ["filter", "layer"])
def test_biases_are_zero_unless_included_and_then_as_long_as_theirs(origin, normalize):
    draw = gaussian(SIZE, 1, 0)[0]
    without = normalized(draw, origin, normalize, include_bias=False)
    included = normalized(draw, origin, normalize, include_bias=True)
    for piece in BIASES:
        assert not without[piece].any()
        assert np.linalg.norm(included[piece]) == pytest.approx(
            np.linalg.norm(origin.theta[piece]), rel=1e-14
        )
        assert not np.allclose(included[piece], origin.theta[piece])
    for piece in WEIGHTS:
        assert np.array_equal(without[piece], included[piece])


def test_none_returns_the_direction_with_its_biases(origin):
    draw = gaussian(SIZE, 1, 0)[0]
    assert np.array_equal(normalized(draw, origin, "none", include_bias=False), draw)


@pytest.mark.parametrize("normalize", ["filter", "layer"])
def test_rows_of_no_length_become_zero_and_never_nan(origin, normalize):
    theta = origin.theta.copy()
    theta[0:3] = 0.0
    theta[90:100] = 0.0
    draw = gaussian(SIZE, 1, 0)[0]
    draw[3:6] = 0.0
    direction = normalized(draw, Origin(theta, origin.tensors), normalize, include_bias=True)
    assert np.all(np.isfinite(direction))
    assert not direction[90:100].any()
    assert not direction[3:6].any()
    assert direction[0:3].any() == (normalize == "layer")


@pytest.mark.parametrize("exponent", [-300, -160, 160, 300])
def test_lengths_far_from_one_are_scaled_without_overflow(origin, exponent):
    direction = normalized(gaussian(SIZE, 1, 0)[0] * 10.0**exponent, origin, "filter", include_bias=False)
    expected = normalized(gaussian(SIZE, 1, 0)[0], origin, "filter", include_bias=False)
    assert np.allclose(direction, expected, rtol=1e-12, atol=0)


def test_rescaled_relu_layers_have_directions_rescaled_alike(origin):
    theta = origin.theta.copy()
    theta[0:16] *= 10.0
    draw = gaussian(SIZE, 1, 0)[0]
    before = normalized(draw, origin, "filter", include_bias=False)
    after = normalized(draw, Origin(theta, origin.tensors), "filter", include_bias=False)
    assert np.allclose(after[0:12], 10.0 * before[0:12], rtol=1e-14, atol=0)
    assert np.array_equal(after[16:], before[16:])


def test_an_unknown_normalization_is_refused_with_those_there_are(origin):
    with pytest.raises(InputError, match=", ".join(NORMALIZATIONS)):
        normalized(origin.theta, origin, "weights", include_bias=False)


def test_a_plain_function_cannot_be_normalized_without_shapes():
    with pytest.raises(InputError, match="shapes="):
        normalized(np.ones(3), Origin(np.ones(3)), "filter", include_bias=False)


def test_shapes_must_add_up():
    with pytest.raises(InputError, match="hold 8 parameters, expected 9"):
        shaped_tensors([(2, 3), (2,)], 9)


def test_the_check_measures_what_normalization_promises(origin):
    draws = np.stack([normalized(d, origin, "filter", include_bias=False) for d in gaussian(SIZE, 2, 0)])
    check = check_directions(draws, origin)
    assert check.filter_deviation < 1e-14
    assert check.zeroed == (6 / SIZE, 6 / SIZE)
    units = draws / np.linalg.norm(draws, axis=1, keepdims=True)
    assert check.cosine == pytest.approx(units[0] @ units[1], abs=1e-15)
    assert check.lengths == pytest.approx(np.linalg.norm(draws, axis=1))


def test_the_check_finds_a_row_that_is_too_long(origin):
    direction = normalized(gaussian(SIZE, 1, 0)[0], origin, "filter", include_bias=False)
    direction[0:3] *= 1.5
    check = check_directions(direction[None, :], origin)
    assert check.filter_ratio == pytest.approx((1.0, 1.5))
    assert check.filter_deviation == pytest.approx(0.5)
    assert check.cosine is None


def test_the_check_leaves_out_zeros_along_a_filter_of_zeros_and_writes_infinity_as_null(origin):
    theta = origin.theta.copy()
    theta[0:3] = 0.0
    direction = origin.theta.copy()
    direction[0:3] = 0.0
    there = Origin(theta, origin.tensors)
    assert check_directions(direction[None, :], there).filter_deviation == 0.0
    assert check_directions(origin.theta[None, :], there).summary()["filter_deviation"] is None

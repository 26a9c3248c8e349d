"""Normalized features make a valley round, by as much as their correlation leaves."""

from __future__ import annotations

import numpy as np
import pytest

import landscape
from landscape.gallery.normalization import deep_network, line_on, raw_features, standardized


def curvatures(model: landscape.Model, node: str | None = None) -> np.ndarray:
    return np.sort(landscape.analyze_hessian(model, node=node, all=True).eigenvalues)[::-1]


def test_the_hessian_of_a_line_is_twice_the_second_moment_of_its_features():
    features, y = raw_features()
    moment = np.linalg.eigvalsh(2 * features.T @ features / len(features))[::-1]
    assert curvatures(line_on(features, y)) == pytest.approx(moment, rel=1e-10)


def test_standardized_features_leave_the_ratio_of_their_correlation():
    features, y = raw_features()
    high, low = curvatures(line_on(standardized(features), y))
    correlation = abs(np.corrcoef(features.T)[0, 1])
    assert high / low == pytest.approx((1 + correlation) / (1 - correlation), rel=1e-9)
    raw_high, raw_low = curvatures(line_on(features, y))
    assert raw_high / raw_low > 50 * high / low


def test_batch_norm_evens_the_curvatures_of_the_layer_behind_it():
    """The shift of all ten scores by the same changes nothing: 33 of the 330 eigenvalues are 0 whatever the features are."""
    plain, normalized = (curvatures(deep_network(with_norm), "fc4") for with_norm in (False, True))
    assert (normalized[297:] < 1e-12 * normalized[0]).all()
    assert normalized[296] > 1e-4 * normalized[0]
    assert plain[0] / plain[9] > 10 * normalized[0] / normalized[9]

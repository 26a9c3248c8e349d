"""Value, slope and curvature of every element-wise loss against closed forms and differences."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from landscape.formulas.losses import LOSSES
from landscape.model import losses as model
from landscape.model.loss_options import LossOptions
from tests.formulas.compiled import apply, returned_type
from tests.reference import regression
from tests.reference_activations import sigmoid, softplus
from tests.reference_losses import of_elements

DELTA = 0.5
every_name = pytest.mark.parametrize("name", LOSSES)
every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def grid(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Take outputs and targets away from kinks: residuals are never 0 nor ±DELTA."""
    if name == "binary_cross_entropy":
        z = np.concatenate([np.linspace(-8, 8, 65) + 0.0625, [-1000.0, -60.0, 60.0, 1000.0]])
        return np.tile(z, 2), np.repeat([0.0, 1.0], len(z))
    z = np.linspace(-4, 4, 65) + 0.0625
    if name in ("hinge_embedding", "focal"):
        return np.tile(z, 2), np.repeat([-1.0 if name == "hinge_embedding" else 0.0, 1.0], len(z))
    if name == "poisson_rate":
        z = np.linspace(0.25, 4, 65)
    return np.tile(z, 2), np.repeat([0.0, 1.25], len(z))


def exact(name: str, z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the referee's value and slope."""
    if name == "binary_cross_entropy":
        return softplus(np.where(y > 0, -z, z)), sigmoid(z) - y
    if name in ("mse", "mae", "huber"):
        return regression(name, z - y, DELTA)
    if name == "output":
        return z, np.ones_like(z)
    options = LossOptions(margin=DELTA, gamma=DELTA, eps=DELTA)
    return of_elements(SimpleNamespace(loss=name, loss_options=options), z, y)[:2]


def found(name: str, z: np.ndarray, y: np.ndarray, dtype: type) -> list[np.ndarray]:
    """Give value, slope and curvature by the compiled formulas."""
    return [apply(formula, z, y, DELTA, dtype=dtype) for formula in LOSSES[name]]


def test_the_table_has_the_losses_of_the_format():
    assert set(LOSSES) == set(model.LOSSES) - set(model.OF_CLASSES)


@every_dtype
@every_name
def test_value_and_slope_are_the_closed_forms(name, dtype):
    z, y = grid(name)
    value, slope, _ = found(name, z, y, dtype)
    for ours, closed in zip((value, slope), exact(name, z, y), strict=True):
        assert np.allclose(ours, closed, rtol=8 * np.finfo(dtype).eps, atol=4 * np.finfo(dtype).eps)


@every_name
def test_slope_and_curvature_are_differences_of_what_they_belong_to(name):
    z, y = grid(name)
    h = 1e-5
    _, slope, curvature = found(name, z, y, np.float64)
    up, down = found(name, z + h, y, np.float64), found(name, z - h, y, np.float64)
    assert np.allclose((up[0] - down[0]) / (2 * h), slope, rtol=1e-9, atol=1e-8)
    assert np.allclose((up[1] - down[1]) / (2 * h), curvature, rtol=1e-9, atol=1e-8)


@every_dtype
def test_a_confident_binary_loss_keeps_its_digits(dtype):
    loss = LOSSES["binary_cross_entropy"].value
    small = apply(loss, np.array([30.0, -30.0]), np.array([1.0, 0.0]), 0.0, dtype=dtype)
    assert np.allclose(small, np.log1p(np.exp(-30.0)), rtol=8 * np.finfo(dtype).eps, atol=0)
    large = apply(loss, np.array([1e4, -1e4]), np.array([0.0, 1.0]), 0.0, dtype=dtype)
    assert np.array_equal(large, np.full(2, 1e4, dtype))


@every_dtype
@every_name
def test_nan_stays_nan(name, dtype):
    value, slope, _ = found(name, np.array([np.nan]), np.array([1.0]), dtype)
    assert np.isnan(value).all()
    assert np.isnan(slope).all()


@every_dtype
def test_an_exact_fit_has_no_absolute_slope(dtype):
    assert found("mae", np.ones(1), np.ones(1), dtype)[1][0] == 0.0


@every_name
def test_no_literal_leaks_a_dtype(name):
    found(name, np.ones(1), np.ones(1), np.float32)
    for formula in LOSSES[name]:
        assert returned_type(formula) <= {"float32 → float32", "float64 → float64"}

"""Value, slope and curvature of every activation against closed forms and differences."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.formulas.activations import ACTIVATIONS
from landscape.ops.activation import PARAMETERS
from landscape.program.codes import ACTIVATION_CODES
from tests.formulas.compiled import apply, returned_type
from tests.reference import TINY
from tests.reference_activations import ACTIVATIONS as EXACT

PARAMETER = {
    "leaky_relu": 0.25,
    "elu": 0.75,
    "celu": 0.75,
    "hardtanh": 1.25,
    "softshrink": 0.75,
    "hardshrink": 0.75,
    "clip_below": -0.5,
    "clip_above": 0.5,
    "scale": -1.5,
    "shift": 0.5,
    "power": 3.0,
}
# Rounding errors that a formula may have; 1 − t² cancels where the cubic in gelu_tanh has saturated t, and 1 where others are near −1.
ROUNDINGS = {"gelu_tanh": 128, "tanhshrink": 16, "sinh": 16, "cosh": 16, "shift": 128}
# Poles at 0, with the numbers beside them that are left out.
POLES = {"reciprocal": 1e-20, "log": 1e-20}
# Functions of numbers above 0.
POSITIVE = ("log", "log1p", "sqrt", "rsqrt")
every_name = pytest.mark.parametrize("name", ACTIVATIONS)
every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def grid(name: str, dtype: type) -> np.ndarray:
    """Take ordinary, tiny and large numbers, without zero."""
    tiny = np.array([1e-30, 1e-12, 1e-8, 1e-5, 1e-3])
    far = np.array([25.0, 40.0, 90.0, 150.0, 800.0, 1e4])
    z = np.concatenate([np.linspace(-12, 12, 481) + 0.0125, tiny, -tiny, far, -far])
    return (np.abs(z) if name in POSITIVE else z).astype(dtype)


def tame(name: str, z: np.ndarray) -> np.ndarray:
    """Move numbers up to 6 to where a function has no pole and is defined."""
    if name == "tan":
        return z / 8
    return (
        np.abs(z) + 0.5 if name in POSITIVE else np.sign(z) * (np.abs(z) + 0.5) if name == "reciprocal" else z
    )


def exact(name: str, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give value and slope by the referee's closed forms, curvature as the slope's complex-step tangent."""
    attributes = {
        ACTIVATIONS[name].attribute: PARAMETER.get(name),
        "approximate": "tanh" if name == "gelu_tanh" else "none",
    }
    op, z = EXACT[name.removesuffix("_tanh")], z.astype(np.float64)
    with np.errstate(all="ignore"):
        value, slope = op(z, attributes)
        curvature = np.asarray(op(z + 1j * TINY, attributes)[1]).imag / TINY
    return value, slope, curvature


def found(name: str, z: np.ndarray, dtype: type) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give value, slope and curvature by the compiled formulas."""
    formula, p = ACTIVATIONS[name], PARAMETER.get(name, 0.0)
    value = apply(formula.value, z, p, dtype=dtype)
    return (
        value,
        apply(formula.slope, z, value, p, dtype=dtype),
        apply(formula.curvature, z, value, p, dtype=dtype),
    )


def test_the_table_has_the_activations_of_the_format():
    assert set(ACTIVATIONS) == (set(EXACT) - {"dropout"}) | {"gelu_tanh"}


def test_an_activation_has_one_code_and_one_parameter_in_programs_and_formulas():
    assert {name: code for code, name in enumerate(ACTIVATIONS)} == ACTIVATION_CODES
    assert {name: row.attribute for name, row in ACTIVATIONS.items() if row.attribute} == PARAMETERS


@every_dtype
@every_name
def test_formulas_are_the_closed_forms(name, dtype):
    z = grid(name, dtype)
    for ours, closed in zip(found(name, z, dtype), exact(name, z), strict=True):
        # Where mathematics is finite in the dtype, and a complex step is small beside z.
        there = (np.abs(closed) < 0.25 * np.finfo(dtype).max) & (np.abs(z) > POLES.get(name, 0.0))
        assert there.sum() > 460
        ours, closed, at = ours[there], closed[there], z[there]
        sizes = np.maximum(np.maximum(1, np.abs(at)), np.abs(closed))
        errors = np.abs(ours - closed) / (np.finfo(dtype).eps * sizes)
        assert errors.max() <= ROUNDINGS.get(name, 8), at[errors.argmax()]


@every_dtype
@every_name
def test_values_near_zero_keep_their_digits(name, dtype):
    small = np.logspace(-30, 0, 61)
    z = np.concatenate([small, small if name in POSITIVE else -small]).astype(dtype)
    closed = exact(name, z)[0]
    error = np.abs(found(name, z, dtype)[0] - closed)
    allowed = ROUNDINGS.get(name, 8) * np.finfo(dtype).eps * np.abs(closed) + np.finfo(dtype).tiny
    assert (error <= allowed).all(), z[np.argmax(error / allowed)]


@every_name
def test_slope_and_curvature_are_differences_of_what_they_belong_to(name):
    z, h = tame(name, np.linspace(-6, 6, 121) + 0.0125), 1e-5
    value, slope, curvature = found(name, z, np.float64)
    near = 1e-8 * max(1.0, np.abs(value).max())
    up, down = found(name, z + h, np.float64), found(name, z - h, np.float64)
    assert np.allclose((up[0] - down[0]) / (2 * h), slope, rtol=0, atol=near)
    assert np.allclose((up[1] - down[1]) / (2 * h), curvature, rtol=0, atol=near)


@every_dtype
@pytest.mark.parametrize(
    ("name", "kinks", "slopes"),
    [
        ("relu", [0], [0]),
        ("leaky_relu", [0], [0.25]),
        ("elu", [0], [0.75]),
        ("celu", [0], [1]),
        ("relu6", [0, 6], [0, 0]),
        ("hardtanh", [-1.25, 1.25], [0, 0]),
        ("hardsigmoid", [-3, 3], [0, 0]),
        ("hardswish", [-3, 3], [0, 1]),
        ("softshrink", [-0.75, 0.75], [0, 0]),
        ("hardshrink", [-0.75, 0.75], [0, 0]),
        ("clip_below", [-0.5], [1]),
        ("clip_above", [0.5], [1]),
        ("abs", [0], [0]),
        ("sign", [0], [0]),
        ("floor", [1], [0]),
    ],
)
def test_a_kink_takes_pytorchs_side(name, kinks, slopes, dtype):
    assert np.array_equal(found(name, np.array(kinks, float), dtype)[1], slopes)


@every_dtype
@pytest.mark.parametrize(
    ("exponent", "at_zero", "at_minus_two"),
    [
        (0, (1, 0, 0), (1, 0, 0)),
        (1, (0, 1, 0), (-2, 1, 0)),
        (2, (0, 0, 2), (4, -4, 2)),
        (3, (0, 0, 0), (-8, 12, -12)),
        (1.5, (0, 0, np.inf), (np.nan,) * 3),
        (0.5, (0, np.inf, -np.inf), (np.nan,) * 3),
        (-1, (np.inf, -np.inf, np.inf), (-0.5, -0.25, -0.25)),
        (-2, (np.inf, -np.inf, np.inf), (0.25, 0.25, 0.375)),
    ],
)
def test_powers_of_zero_and_of_negative_numbers_are_pytorchs(exponent, at_zero, at_minus_two, dtype):
    z = np.array([0.0, -2.0])
    value = apply(ACTIVATIONS["power"].value, z, exponent, dtype=dtype)
    rest = [apply(formula, z, value, exponent, dtype=dtype) for formula in ACTIVATIONS["power"][1:3]]
    assert np.allclose(np.stack([value, *rest]).T, [at_zero, at_minus_two], equal_nan=True)


@every_dtype
@pytest.mark.parametrize(
    ("name", "z", "expected"),
    [
        ("log", 0, (-np.inf, np.inf, -np.inf)),
        ("log1p", -1, (-np.inf, np.inf, -np.inf)),
        ("sqrt", 0, (0, np.inf, -np.inf)),
        ("rsqrt", 0, (np.inf, -np.inf, np.inf)),
        ("reciprocal", 0, (np.inf, -np.inf, np.inf)),
    ],
)
def test_the_ends_of_a_domain_are_infinite(name, z, expected, dtype):
    assert [part[0] for part in found(name, np.array([z], float), dtype)] == list(expected)


@every_dtype
@pytest.mark.parametrize(("name", "z"), [("log", -1.0), ("log1p", -1.5), ("sqrt", -1.0), ("rsqrt", -1.0)])
def test_outside_of_a_domain_is_nan(name, z, dtype):
    assert np.isnan(found(name, np.array([z]), dtype)[0])


@every_dtype
@every_name
def test_nan_stays_nan(name, dtype):
    assert np.isnan(found(name, np.array([np.nan]), dtype)[0]).all()


@every_dtype
@pytest.mark.parametrize(
    ("name", "below", "above"),
    [
        ("identity", -np.inf, np.inf),
        ("relu", 0.0, np.inf),
        ("leaky_relu", -np.inf, np.inf),
        ("elu", -0.75, np.inf),
        ("tanh", -1.0, 1.0),
        ("sigmoid", 0.0, 1.0),
        ("softplus", 0.0, np.inf),
    ],
)
def test_limits_at_infinity_are_exact(name, below, above, dtype):
    assert np.array_equal(found(name, np.array([-np.inf, np.inf]), dtype)[0], np.array([below, above], dtype))


@every_dtype
@pytest.mark.parametrize("name", ["silu", "gelu", "gelu_tanh"])
def test_gated_units_grow_without_bound(name, dtype):
    assert found(name, np.array([np.inf]), dtype)[0][0] == np.inf


@every_name
def test_no_literal_leaks_a_dtype(name):
    found(name, grid(name, np.float32)[-1:], np.float32)
    for formula in ACTIVATIONS[name][:3]:
        assert returned_type(formula) <= {"float32 → float32", "float64 → float64"}

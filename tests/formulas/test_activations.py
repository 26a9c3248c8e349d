"""Value, slope and curvature of every activation against closed forms and differences."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.formulas.activations import ACTIVATIONS
from landscape.ops.activation import PARAMETERS
from landscape.program.codes import ACTIVATION_CODES
from tests.formulas.compiled import apply, returned_type
from tests.reference import TINY
from tests.reference_ops import ACTIVATIONS as EXACT

PARAMETER = {"leaky_relu": 0.25, "elu": 0.75}
# Rounding errors that a formula may have; 1 − t² cancels where the cubic in gelu_tanh has saturated t.
ROUNDINGS = {"gelu_tanh": 128}
every_name = pytest.mark.parametrize("name", ACTIVATIONS)
every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def grid(dtype: type) -> np.ndarray:
    """Take ordinary, tiny and large numbers, without zero."""
    tiny = np.array([1e-30, 1e-12, 1e-8, 1e-5, 1e-3])
    far = np.array([25.0, 40.0, 90.0, 150.0, 800.0, 1e4])
    z = np.concatenate([np.linspace(-12, 12, 481) + 0.0125, tiny, -tiny, far, -far])
    return z.astype(dtype)


def exact(name: str, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give value and slope by the referee's closed forms, curvature as the slope's complex-step tangent."""
    attributes = {
        "slope": PARAMETER.get(name),
        "alpha": PARAMETER.get(name),
        "approximate": "tanh" if name == "gelu_tanh" else "none",
    }
    op = EXACT[name.removesuffix("_tanh")]
    with np.errstate(under="ignore"):
        value, slope = op(z.astype(np.float64), attributes)
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
    z = grid(dtype)
    scale = ROUNDINGS.get(name, 8) * np.finfo(dtype).eps * np.maximum(1, np.abs(z))
    for ours, closed in zip(found(name, z, dtype), exact(name, z), strict=True):
        assert (np.abs(ours - closed) <= scale).all(), z[np.argmax(np.abs(ours - closed) / scale)]


@every_dtype
@every_name
def test_values_near_zero_keep_their_digits(name, dtype):
    z = np.concatenate([np.logspace(-30, 0, 61), -np.logspace(-30, 0, 61)]).astype(dtype)
    closed = exact(name, z)[0]
    error = np.abs(found(name, z, dtype)[0] - closed)
    assert (error <= 8 * np.finfo(dtype).eps * np.abs(closed)).all()


@every_name
def test_slope_and_curvature_are_differences_of_what_they_belong_to(name):
    z, h = np.linspace(-6, 6, 121) + 0.0125, 1e-5
    _, slope, curvature = found(name, z, np.float64)
    up, down = found(name, z + h, np.float64), found(name, z - h, np.float64)
    assert np.allclose((up[0] - down[0]) / (2 * h), slope, rtol=0, atol=1e-8)
    assert np.allclose((up[1] - down[1]) / (2 * h), curvature, rtol=0, atol=1e-8)


@every_dtype
@pytest.mark.parametrize(("name", "left"), [("relu", 0.0), ("leaky_relu", 0.25), ("elu", 0.75)])
def test_a_kink_takes_the_slope_of_its_left_side(name, left, dtype):
    value, slope, _ = found(name, np.zeros(1), dtype)
    assert (value[0], slope[0]) == (0.0, left)


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
    found(name, grid(np.float32)[:1], np.float32)
    for formula in ACTIVATIONS[name][:3]:
        assert returned_type(formula) <= {"float32 → float32", "float64 → float64"}

"""The CPU's exp, tanh, log, log1p and erf: units in the last place over all of their range, and at its ends; the larger of two."""

from __future__ import annotations

import math

import numpy as np
import pytest

import landscape.kernels.cpu.primitives  # noqa: F401  (replaces the plain primitives where they are compiled)
from landscape.formulas import primitives
from landscape.jit import kernel

DTYPES = (np.float32, np.float64)
# Without fused multiply-adds float32's tanh comes to 5.5; its erf comes to 5.0 near its end.
LIMITS = {"exp": 2.0, "tanh": 6.0, "log": 3.0, "log1p": 3.0, "erf": 6.0}
every_dtype = pytest.mark.parametrize("dtype", DTYPES)
every_primitive = pytest.mark.parametrize("name", LIMITS)


@kernel
def exp_all(x, out):
    for i in range(x.size):
        out[i] = primitives.exp(x[i])


@kernel
def tanh_all(x, out):
    for i in range(x.size):
        out[i] = primitives.tanh(x[i])


@kernel
def log_all(x, out):
    for i in range(x.size):
        out[i] = primitives.log(x[i])


@kernel
def log1p_all(x, out):
    for i in range(x.size):
        out[i] = primitives.log1p(x[i])


@kernel
def erf_all(x, out):
    for i in range(x.size):
        out[i] = primitives.erf(x[i])


@kernel
def larger_all(x, y):
    for i in range(x.size):
        y[i] = primitives.larger(x[i], y[i])


COMPILED = {"exp": exp_all, "tanh": tanh_all, "log": log_all, "log1p": log1p_all, "erf": erf_all}


def erf_exact(x: np.ndarray) -> np.ndarray:
    """Evaluate erf in extended precision: its series near zero, one minus the C library's erfc elsewhere."""
    wide = x.astype(np.longdouble)
    term = wide.copy()
    total = term.copy()
    for k in range(1, 60):
        term = -term * wide * wide / k
        total += term / (2 * k + 1)
    series = total * 2 / np.sqrt(np.arctan(np.longdouble(1)) * 4)
    tail = np.array([math.erfc(abs(float(v))) for v in x], np.longdouble)
    return np.where(np.abs(wide) < 1, series, np.sign(wide) * (1 - tail))


EXACT = {
    "exp": lambda x: np.exp(x.astype(np.longdouble)),
    "tanh": lambda x: np.tanh(x.astype(np.longdouble)),
    "log": lambda x: np.log(x.astype(np.longdouble)),
    "log1p": lambda x: np.log1p(x.astype(np.longdouble)),
    "erf": erf_exact,
}


def apply(name: str, x: np.ndarray) -> np.ndarray:
    out = np.empty_like(x)
    COMPILED[name](x, out)
    return out


def arguments(name: str, dtype: type) -> np.ndarray:
    """Take tiny, ordinary and large numbers of both signs, inside the range without overflow."""
    largest = math.log(np.finfo(dtype).max) * 0.9999
    rng = np.random.default_rng(2)
    if name == "exp":
        bounds = (math.log(2 * np.finfo(dtype).tiny), largest)  # the last binade flushes to zero
        small = rng.standard_normal(20_000)
        return np.concatenate([rng.uniform(*bounds, 60_000), small, small * 1e-6]).astype(dtype)
    exponents = rng.uniform(np.log2(np.finfo(dtype).tiny) / 2, 6, 40_000)
    x = np.concatenate([np.exp2(exponents), rng.uniform(0, 1, 20_000), rng.uniform(0, 10, 20_000)])
    if name == "log":
        # Of all sizes, those below the smallest normal number too, and near 1, where the logarithm is 0.
        least, most = np.log2(np.finfo(dtype).smallest_subnormal), np.log2(np.finfo(dtype).max)
        near = 1 + 1e-3 * rng.standard_normal(10_000)
        return np.concatenate(
            [np.exp2(rng.uniform(least, most, 40_000)), rng.uniform(0.1, 3, 20_000), near]
        ).astype(dtype)
    if name == "log1p":
        return np.concatenate([x, np.exp2(rng.uniform(0, np.log2(np.finfo(dtype).max) - 1, 10_000))]).astype(
            dtype
        )
    return (x * np.where(rng.random(x.size) < 0.5, -1, 1)).astype(dtype)


@every_dtype
@every_primitive
def test_error_is_a_few_units_in_the_last_place(name, dtype):
    x = arguments(name, dtype)
    exact = EXACT[name](x)
    error = np.abs(apply(name, x).astype(np.longdouble) - exact) / np.spacing(np.abs(exact).astype(dtype))
    assert error.max() <= LIMITS[name], f"{error.max():.2f} units in the last place at {x[error.argmax()]!r}"


@every_dtype
@every_primitive
def test_nan_stays_nan(name, dtype):
    assert np.isnan(apply(name, np.full(19, np.nan, dtype))).all()


@every_dtype
@pytest.mark.parametrize(
    ("name", "argument", "limit"),
    [
        ("exp", np.inf, np.inf),
        ("exp", -np.inf, 0.0),
        ("exp", 0.0, 1.0),
        ("exp", 1e6, np.inf),
        ("log", 0.0, -np.inf),
        ("log", np.inf, np.inf),
        ("log", 1.0, 0.0),
        ("exp", -1e6, 0.0),
        ("exp", 1e30, np.inf),
        ("exp", -1e30, 0.0),
        ("tanh", np.inf, 1.0),
        ("tanh", -np.inf, -1.0),
        ("tanh", 1e30, 1.0),
        ("tanh", -1e30, -1.0),
        ("tanh", 0.0, 0.0),
        ("log1p", 0.0, 0.0),
        ("log1p", np.inf, np.inf),
        ("erf", np.inf, 1.0),
        ("erf", -np.inf, -1.0),
        ("erf", 1e30, 1.0),
        ("erf", 0.0, 0.0),
    ],
)
def test_ends_are_exact(name, argument, limit, dtype):
    assert np.array_equal(apply(name, np.full(19, argument, dtype)), np.full(19, limit, dtype))


@every_dtype
def test_exp_overflows_where_it_should_and_underflows_to_almost_nothing(dtype):
    info = np.finfo(dtype)
    top, bottom = math.log(info.max), math.log(info.tiny)
    assert np.isfinite(apply("exp", np.array([top * (1 - 1e-6)], dtype))).all()
    assert np.isinf(apply("exp", np.array([top * (1 + 1e-6), top + 1, 2 * top, 4 * top], dtype))).all()
    below = np.linspace(bottom * 1.2, bottom, 1000).astype(dtype)
    found = apply("exp", below)
    assert (found >= 0).all()
    assert np.abs(found.astype(np.longdouble) - EXACT["exp"](below)).max() <= 1.001 * info.tiny


@every_dtype
@pytest.mark.parametrize("name", ["tanh", "erf"])
def test_odd_functions_are_odd_to_the_bit_and_never_beyond_one(name, dtype):
    x = arguments(name, dtype)
    found = apply(name, x)
    assert np.array_equal(apply(name, -x), -found)
    assert np.abs(found).max() <= 1


@every_dtype
@every_primitive
def test_a_result_does_not_depend_on_its_place_in_a_vector(name, dtype):
    x = arguments(name, dtype)[:257]
    together = apply(name, x)
    alone = np.concatenate([apply(name, x[i : i + 1]) for i in range(len(x))])
    assert np.array_equal(together, alone)


@every_dtype
@every_primitive
def test_the_dtype_is_kept(name, dtype):
    assert apply(name, np.ones(3, dtype)).dtype == dtype


@every_primitive
def test_the_plain_primitive_is_the_same_function(name):
    x = arguments(name, np.float64)[::997]
    plain = [getattr(primitives, name)(float(v)) for v in x]
    assert np.allclose(plain, apply(name, x), rtol=1e-14, atol=0)


@every_dtype
def test_the_larger_of_two_is_the_greatest_number_and_nan_where_either_is(dtype):
    values = [-math.inf, -2.0, -0.0, 0.0, 1.5, math.inf, math.nan]
    x, y = (part.ravel().astype(dtype) for part in np.meshgrid(values, values))
    plain = [primitives.larger(float(a), float(b)) for a, b in zip(x, y, strict=True)]
    found = y.copy()
    larger_all(x, found)
    assert np.array_equal(found, np.maximum(x, y), equal_nan=True)
    assert np.array_equal(plain, np.maximum(x, y), equal_nan=True)

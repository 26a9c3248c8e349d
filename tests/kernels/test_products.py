"""Every way to a matrix product gives NumPy's: BLAS's symbol, `np.dot`, registers, plain Python."""

from __future__ import annotations

import itertools
from inspect import signature

import numba
import numpy as np
import pytest

from landscape.jit import kernel
from landscape.kernels.cpu import dots, micro, products

allocating = numba.njit(**products.ALLOCATING)(products.by_dot)


@kernel(cached=False)
def by_dot(transpose_a, transpose_b, m, n, k, a, ia, b, ib, beta, c, ic):
    """Multiply as a kernel does where BLAS's symbol is missing: a kernel does not allocate, but may call what does."""
    allocating(transpose_a, transpose_b, m, n, k, a, ia, b, ib, beta, c, ic)


WAYS = {
    "symbol": kernel(cached=False)(products.direct),
    "dot": by_dot,
    "plain": products.gemm,
}
registers = kernel(cached=False)(micro.in_registers)
over_examples = kernel(cached=False)(dots.in_registers)
TOLERANCE = {"float32": 1e-5, "float64": 1e-13}
every_dtype = pytest.mark.parametrize("dtype", TOLERANCE)


def blocks(dtype, m, n, k, seed=0):
    """Draw A [m, k], B [k, n] and C [m, n]."""
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(dtype) for shape in ((m, k), (k, n), (m, n))]


def padded(block, transposed=False):
    """Lay a block into a flat array, after three numbers that are not to be read."""
    stored = block.T if transposed else block
    return np.concatenate([np.full(3, np.nan, block.dtype), np.ascontiguousarray(stored).reshape(-1)])


@every_dtype
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("ta", "tb", "beta"), list(itertools.product((False, True), (False, True), (0.0, 1.0)))
)
def test_every_way_multiplies_parts_of_flat_arrays(way, ta, tb, beta, dtype):
    a, b, c = blocks(dtype, 5, 7, 3)
    out = padded(c)
    WAYS[way](ta, tb, 5, 7, 3, padded(a, ta), 3, padded(b, tb), 3, beta, out, 3)
    assert np.allclose(out[3:].reshape(5, 7), a @ b + beta * c, atol=TOLERANCE[dtype])


@every_dtype
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("beta", [0.0, 1.0])
@pytest.mark.parametrize("n", [8, 24, 13])
@pytest.mark.parametrize("m", [1, 2, 3, 5, 6, 10, 17])
def test_products_in_registers_are_right_for_every_remainder(m, n, beta, transposed, dtype):
    a, b, c = blocks(dtype, m, n, 11)
    out = padded(c)
    registers(transposed, m, n, 11, padded(a, transposed), 3, padded(b), 3, beta, out, 3)
    assert np.allclose(out[3:].reshape(m, n), a @ b + beta * c, atol=10 * TOLERANCE[dtype])


@every_dtype
def test_a_depth_beyond_the_registers_reach_goes_to_blas(dtype):
    a, b, c = blocks(dtype, 7, 16, micro.DEEPEST + 5)
    out = padded(c)
    registers(False, 7, 16, micro.DEEPEST + 5, padded(a), 3, padded(b), 3, 0.0, out, 3)
    assert np.allclose(out[3:].reshape(7, 16), a @ b, atol=100 * TOLERANCE[dtype])


@every_dtype
@pytest.mark.parametrize("way", [*WAYS, "registers"])
def test_beta_zero_overwrites_even_what_is_not_a_number(way, dtype):
    a, b, _ = blocks(dtype, 6, 8, 4)
    out = np.full(48, np.nan, dtype)
    if way == "registers":
        registers(False, 6, 8, 4, a.reshape(-1), 0, b.reshape(-1), 0, 0.0, out, 0)
    else:
        WAYS[way](False, False, 6, 8, 4, a.reshape(-1), 0, b.reshape(-1), 0, 0.0, out, 0)
    assert np.allclose(out.reshape(6, 8), a @ b, atol=TOLERANCE[dtype])


@every_dtype
def test_a_column_has_the_same_bits_whatever_the_width(dtype):
    a, b, _ = blocks(dtype, 10, 64, 33)
    wide, narrow = np.zeros(640, dtype), np.zeros(160, dtype)
    registers(False, 10, 64, 33, a.reshape(-1), 0, b.reshape(-1), 0, 0.0, wide, 0)
    part = np.ascontiguousarray(b[:, 8:24])
    registers(False, 10, 16, 33, a.reshape(-1), 0, part.reshape(-1), 0, 0.0, narrow, 0)
    assert np.array_equal(wide.reshape(10, 64)[:, 8:24], narrow.reshape(10, 16))


@every_dtype
@pytest.mark.parametrize("k", [8, 24, 64, 72, 300, 520])
@pytest.mark.parametrize(("m", "n"), [(1, 1), (4, 9), (5, 11), (9, 20)])
def test_products_over_examples_are_right_for_every_remainder(m, n, k, dtype):
    a, b, c = blocks(dtype, m, n, k)
    out = padded(c)
    over_examples(m, n, k, padded(a), 3, padded(b, True), 3, out, 3)
    assert np.allclose(out[3:].reshape(m, n), a @ b + c, atol=100 * TOLERANCE[dtype])


@pytest.mark.parametrize("has_wide_registers", [True, False])
def test_products_compile_whatever_the_machine_s_registers(monkeypatch, has_wide_registers):
    for module in (micro, dots):
        monkeypatch.setattr(module, "USES_MICRO", not has_wide_registers)
    w, x, _ = blocks("float64", 2, 8, 3)
    right = {"product": w @ x, "affine": w @ x, "outer": x @ x.T}
    given = {
        "product": (False, 2, 8, 3, w.ravel(), 0, x.ravel(), 0, 0.0),
        "affine": (2, 8, 3, w.ravel(), 0, -1, x.ravel(), 0),
        "outer": (3, 3, 8, x.ravel(), 0, x.ravel(), 0),
    }
    chosen = {"product": micro.product_on_cpu, "affine": micro.affine_on_cpu, "outer": dots.outer_on_cpu}
    for name, choose in chosen.items():
        way = choose(*[None] * len(signature(choose).parameters))
        assert signature(way).parameters == signature(choose).parameters, "Numba compares them"
        out = np.zeros(right[name].size)
        kernel(cached=False)(way)(*given[name], out, 0)
        assert np.allclose(out, right[name].ravel())

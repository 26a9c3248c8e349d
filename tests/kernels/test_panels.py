"""Products with packed weights and over turned inputs: compiled they are the plain function's, for every remainder."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.jit import kernel
from landscape.kernels.cpu import packed, turned
from landscape.kernels.cpu.arrays import Part
from landscape.kernels.cpu.gathered import Window


@kernel(cached=False)
def over_window(m, n, k, w, x, first, cut, c):
    weights, columns = packed.Packed(w, 5, 6 * k, k, 3 * k, k), packed.Columns(x, 2, 7 * n * k, n * k)
    packed.packed_product(m, n, Window(2, 2, k), weights, columns, first, cut, Part(c, 3))


@kernel(cached=False)
def over_positions(positions, m, n, width, a, b, c, panel):
    turned.turned_outer(positions, m, n, width, Part(a, 1), Part(b, 2), Part(c, 3), panel)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("first", "cut"), [(0, True), (0, False), (-1, False)])
@pytest.mark.parametrize("m", [1, 3, 8, 13])
@pytest.mark.parametrize("n", [8, 24])
def test_a_packed_product_is_the_plain_one(m, n, first, cut, dtype):
    rng = np.random.default_rng(m + n)
    k, w, x = 3, rng.standard_normal(1000).astype(dtype), rng.standard_normal(3000).astype(dtype)
    start = rng.standard_normal(3 + m * n + 9).astype(dtype)
    found, expected = start.copy(), start.copy()
    over_window(m, n, k, w, x, first, cut, found)
    over_window.py_func(m, n, k, w, x, first, cut, expected)
    assert np.allclose(found, expected, rtol=0, atol=50 * np.finfo(dtype).eps)
    assert np.array_equal(found[:3], start[:3])
    assert np.array_equal(found[3 + m * n :], start[3 + m * n :])


def test_packed_weights_give_the_product_with_the_weights_and_their_transpose():
    rng = np.random.default_rng(0)
    w, x, y = rng.standard_normal((13, 5)), rng.standard_normal((5, 8)), rng.standard_normal((13, 8))
    ones, out, plain, back = np.ones(13), np.zeros(70), np.zeros(13 * 8), np.zeros(5 * 8)
    packed.pack_rows(13, 5, 1, Part(w.ravel(), 0), Part(ones, 0), Part(out, 0))
    one, columns = packed.Packed(out, 0, 5, 0, 0, 0), packed.Columns(x.ravel(), 0, 0, 0)
    packed.packed_product(13, 8, Window(1, 1, 5), one, columns, -1, False, Part(plain, 0))
    packed.pack_transposed(5, 13, w.ravel(), 0, out)
    one, columns = packed.Packed(out, 0, 13, 0, 0, 0), packed.Columns(y.ravel(), 0, 0, 0)
    packed.packed_product(5, 8, Window(1, 1, 13), one, columns, -1, False, Part(back, 0))
    assert np.allclose(plain.reshape(13, 8), w @ x, rtol=0, atol=1e-14)
    assert np.allclose(back.reshape(5, 8), w.T @ y, rtol=0, atol=1e-14)


def test_a_number_that_is_none_is_not_cut_off():
    w, x = np.array([np.nan, -1.0]), np.ones(8)
    over_window(2, 8, 0, w, x, 0, True, c := np.zeros(19))
    assert np.isnan(c[3:11]).all()
    assert np.array_equal(c[11:], np.zeros(8))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [3, 8, 21])
@pytest.mark.parametrize(("m", "width", "positions"), [(1, 8, 40), (10, 32, 5), (13, 160, 2)])
def test_a_product_over_positions_is_a_sum_of_products(m, n, width, positions, dtype):
    rng = np.random.default_rng(n)
    a = rng.standard_normal((positions, m, width)).astype(dtype)
    b = rng.standard_normal((positions, n, width)).astype(dtype)
    start = rng.standard_normal((m, n)).astype(dtype)
    c = np.concatenate([np.zeros(3, dtype), start.ravel(), np.ones(9, dtype)])
    panel = np.zeros(turned.panel_numbers(positions, width, c.itemsize), dtype)
    left, right = np.concatenate([[0], a.ravel()]), np.concatenate([[0, 0], b.ravel()])
    over_positions(positions, m, n, width, left.astype(dtype), right.astype(dtype), c, panel)
    expected = start + np.einsum("tmj,tnj->mn", a, b)
    assert np.allclose(c[3 : 3 + m * n].reshape(m, n), expected, rtol=0, atol=400 * np.finfo(dtype).eps)
    assert np.array_equal(c[-9:], np.ones(9))

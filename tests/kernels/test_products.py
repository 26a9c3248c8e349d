"""Products in registers give NumPy's, for every remainder of rows, columns and depth, and touch nothing beside them."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.jit import kernel
from landscape.kernels.cpu import register_products
from landscape.kernels.cpu.arrays import FROM_OUT, FROM_ZERO, Depth, Left, Out, Part, Product, Right
from landscape.kernels.cpu.products import columns_of, examples_of, pack_rows, rows_of
from landscape.kernels.cpu.vectors import VECTOR_BYTES

EPSILONS = {"float32": 2.0**-23, "float64": 2.0**-52}
every_dtype = pytest.mark.parametrize("dtype", EPSILONS)
# Rows: every remainder of a block. Columns: less than a vector, some vectors of either dtype, and what is left beside them.
ROWS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 17)
COLUMNS = (1, 5, 8, 16, 24, 39, 64)


@kernel(cached=False)
def run(product):
    register_products.multiply(product)


def drawn(dtype, *shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def placed(block):
    """Lay a block into a flat array, after three numbers and before three that are not to be read or written."""
    none = np.full(3, np.nan, block.dtype)
    return np.concatenate([none, np.ascontiguousarray(block).ravel(), none])


def plain(m, n, k, w, x, c, *, start=FROM_ZERO, cut=0, transposed=False):
    """Multiply W [m, k] by X [k, n], each in a flat array of its own, into C."""
    left = columns_of(w, 3, m) if transposed else rows_of(w, 3, k)
    run(Product(m, n, Depth(1, 1, k), left, examples_of(x, 3, n), start, cut, Out(c, 3, n)))


def bound(dtype, a, b):
    """Bound an element's error of rounding: the depth times the unit, times the product of what is positive."""
    return (a.shape[1] + 2) * EPSILONS[dtype] * (np.abs(a).astype("f8") @ np.abs(b).astype("f8")) + 1e-30


@every_dtype
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("n", COLUMNS)
@pytest.mark.parametrize("m", ROWS)
def test_products_are_right_for_every_remainder(m, n, transposed, dtype):
    w, x = drawn(dtype, m, 11), drawn(dtype, 11, n, seed=1)
    out = placed(np.full((m, n), np.nan, dtype))
    plain(m, n, 11, placed(w.T if transposed else w), placed(x), out, transposed=transposed)
    found = out[3:-3].reshape(m, n)
    assert np.all(np.abs(found - w.astype("f8") @ x) <= bound(dtype, w, x))
    assert np.isnan(out[:3]).all()
    assert np.isnan(out[-3:]).all(), "nothing is written beside the product"


def many_rows(dtype):
    """Numbers of rows around those with which columns are copied, and a second part of the rows begins."""
    step = register_products.TOGETHER * VECTOR_BYTES // np.dtype(dtype).itemsize
    near = [step + more for more in range(-1, 5)]
    return [register_products.MANY - 1, register_products.MANY, *near, 2 * step + 1, 2 * step + 2]


@every_dtype
@pytest.mark.parametrize("packed", [False, True])
def test_many_rows_are_multiplied_in_the_blocks_that_they_are_packed_in(packed, dtype):
    for m in many_rows(dtype):
        w, x, bias = drawn(dtype, m, 5), drawn(dtype, 5, 37, seed=1), drawn(dtype, m, seed=2)
        numbers = np.concatenate([w.ravel(), bias])
        left = rows_of(numbers, 0, 5)
        if packed:
            pack_rows(m, 5, 1, Part(w.ravel(), 0), Part(np.ones(m, dtype), 0), Part(numbers, 0))
            left = Left(numbers, 0, 5, 0, 0, 0, 1, 1)
        out = np.zeros(m * 37, dtype)
        run(Product(m, 37, Depth(1, 1, 5), left, examples_of(x.ravel(), 0, 37), 5 * m, 0, Out(out, 0, 37)))
        expected = bias[:, None].astype("f8") + w.astype("f8") @ x
        error = np.abs(out.reshape(m, 37) - expected)
        assert np.all(error <= bound(dtype, w, x) + 8 * EPSILONS[dtype] * np.abs(bias)[:, None]), m


@every_dtype
@pytest.mark.parametrize("k", [0, 1, register_products.DEEP, 2 * register_products.DEEP + 5])
def test_a_long_depth_is_summed_in_one_order(k, dtype):
    w, x, start = drawn(dtype, 7, k), drawn(dtype, k, 16, seed=1), drawn(dtype, 7, 16, seed=2)
    out = placed(start)
    plain(7, 16, k, placed(w), placed(x), out, start=FROM_OUT)
    short = placed(start)
    step = max(1, k // 3)
    for q in range(0, k, step):
        few = min(step, k - q)
        plain(7, 16, few, placed(w[:, q : q + few]), placed(x[q : q + few]), short, start=FROM_OUT)
    assert np.array_equal(out, short, equal_nan=True), "the same bits as in parts"
    error = np.abs(out[3:-3].reshape(7, 16) - (start + w.astype("f8") @ x))
    assert np.all(error <= bound(dtype, w, x) + (k + 2) * EPSILONS[dtype] * np.abs(start))


@every_dtype
@pytest.mark.parametrize("cut", [0, 1])
@pytest.mark.parametrize("k", [4, register_products.DEEP + 3])
def test_sums_begin_with_the_bias_and_end_above_zero(k, cut, dtype):
    w, x, bias = drawn(dtype, 10, k), drawn(dtype, k, 19, seed=1), drawn(dtype, 10, seed=2)
    numbers = np.concatenate([placed(w), bias])
    out = placed(np.zeros((10, 19), dtype))
    plain(10, 19, k, numbers, placed(x), out, start=numbers.size - 10, cut=cut)
    expected = bias[:, None].astype("f8") + w.astype("f8") @ x
    expected = np.maximum(expected, 0) if cut else expected
    error = np.abs(out[3:-3].reshape(10, 19) - expected)
    assert np.all(error <= bound(dtype, w, x) + (k + 2) * EPSILONS[dtype] * np.abs(bias)[:, None])


def test_a_number_that_is_none_is_not_cut_off():
    w, x = np.array([[np.nan], [-1.0]]), np.ones((1, 8))
    out = placed(np.zeros((2, 8)))
    plain(2, 8, 1, placed(w), placed(x), out, cut=1)
    assert np.isnan(out[3:11]).all()
    assert np.array_equal(out[11:19], np.zeros(8))


@every_dtype
def test_a_column_has_the_same_bits_whatever_stands_beside_it(dtype):
    w, x = drawn(dtype, 10, 33), drawn(dtype, 33, 64, seed=1)
    wide = placed(np.zeros((10, 64), dtype))
    plain(10, 64, 33, placed(w), placed(x), wide)
    for rows, first, last in ((10, 8, 25), (1, 40, 41), (7, 63, 64)):
        part = placed(np.zeros((rows, last - first), dtype))
        plain(rows, last - first, 33, placed(w[:rows]), placed(x[:, first:last]), part)
        whole = wide[3:-3].reshape(10, 64)[:rows, first:last]
        assert np.array_equal(part[3:-3].reshape(rows, last - first), whole)


def windows(dtype, m, n, packed):
    """A product over a window of 2 lines of 3 places of 5 channels, with strides of which some go back."""
    w, x, c = drawn(dtype, 4000), drawn(dtype, 4000, seed=1), drawn(dtype, 3 + 17 * 70, seed=2)
    left = Left(w, 7, 40, 2, 16, 5, 1, 1) if packed else Left(w, 100, 61, 0, -20, 7, 1, 0)
    return Product(m, n, Depth(2, 3, 5), left, Right(x, 1500, -700, 2 * n, n), FROM_OUT, 0, Out(c, 3, 70))


@every_dtype
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("n", [3, 16, 41])
@pytest.mark.parametrize("m", ROWS)
def test_a_product_over_a_window_is_the_plain_function_s(m, n, packed, dtype):
    found, expected = windows(dtype, m, n, packed), windows(dtype, m, n, packed)
    run(found)
    run.py_func(expected)
    assert np.allclose(found.out.numbers, expected.out.numbers, rtol=0, atol=200 * EPSILONS[dtype])
    beside = np.ones(expected.out.numbers.size, bool)
    beside[3 + 70 * np.arange(m)[:, None] + np.arange(n)] = False
    assert np.array_equal(found.out.numbers[beside], drawn(dtype, 3 + 17 * 70, seed=2)[beside])


@pytest.mark.parametrize("channels", [3, register_products.DEEP // 4, register_products.DEEP + 1])
def test_a_deep_window_is_cut_where_a_line_a_place_or_a_channel_ends(channels):
    m, n, k = 3, 4, 2 * 5 * channels
    w, x = drawn("float64", m, k), drawn("float64", k, n, seed=1)
    for packed in (False, True):
        numbers = w.ravel()
        left = Left(numbers, 0, k, 0, 5 * channels, channels, 1, 0)
        if packed:
            numbers = np.zeros(m * k)
            pack_rows(m, k, 1, Part(w.ravel(), 0), Part(np.ones(m), 0), Part(numbers, 0))
            left = Left(numbers, 0, k, 0, 5 * channels, channels, 1, 1)
        right = Right(x.ravel(), 0, 5 * channels * n, channels * n, n)
        out = np.zeros(m * n)
        run(Product(m, n, Depth(2, 5, channels), left, right, FROM_ZERO, 0, Out(out, 0, n)))
        assert np.all(np.abs(out.reshape(m, n) - w @ x) <= bound("float64", w, x))


@pytest.mark.parametrize("m", ROWS)
def test_packed_weights_give_the_product_with_scaled_weights(m):
    w, x, scales = drawn("float64", m, 5, 4), drawn("float64", 20, 8, seed=1), drawn("float64", m, seed=2)
    packed, out = np.zeros(m * 20), np.zeros(m * 8)
    pack_rows(m, 5, 4, Part(w.ravel(), 0), Part(scales, 0), Part(packed, 0))
    run(
        Product(
            m,
            8,
            Depth(1, 1, 20),
            Left(packed, 0, 20, 0, 0, 0, 1, 1),
            examples_of(x.ravel(), 0, 8),
            FROM_ZERO,
            0,
            Out(out, 0, 8),
        )
    )
    scaled = (w * scales[:, None, None]).transpose(0, 2, 1).reshape(m, 20)
    assert np.allclose(out.reshape(m, 8), scaled @ x, rtol=0, atol=1e-13)

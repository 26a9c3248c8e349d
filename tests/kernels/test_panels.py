"""Products over examples, by panels of turned rows: NumPy's, for every remainder."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.jit import kernel
from landscape.kernels.cpu import over_examples, rules, transpose, views
from landscape.kernels.cpu.arrays import Part
from landscape.kernels.cpu.products import add_outer

# Importing it fills the table of rules.
from landscape.kernels.cpu.table import TABLE
from landscape.kernels.cpu.vectors import lanes_of

every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@kernel(cached=False)
def run(addresses, positions, m, n, width, a, b, c):
    add_outer(addresses, positions, (m, n), width, Part(a, 1), Part(b, 2), Part(c, 3))


@kernel(cached=False)
def turned(count, x, y):
    transpose.transpose_rows(count, x, 2, 40, y, 1, 24)


@kernel(cached=False)
def whole(m, n, x, y):
    transpose.transpose(m, n, x, 0, y, 1)


@kernel(cached=False)
def own_numbers(x, out):
    numbers = views.room(x, 256)
    for q in range(numbers.size):
        numbers[q] = q
    for q in range(numbers.size):
        out[q] = numbers[q] + x[0]


def addresses(dtype):
    table = rules.empty_table()
    rules.fill(table, (rules.PRODUCT, rules.OUTER), np.dtype(dtype))
    assert {rules.PRODUCT, rules.OUTER} <= set(TABLE)
    return table


@every_dtype
@pytest.mark.parametrize("n", [1, 3, 8, 21, 40, 70])
@pytest.mark.parametrize(
    ("m", "width", "positions"),
    [(1, 16, 40), (10, 32, 5), (13, 160, 2), (6, 64, 1), (9, over_examples.DEEP * 2 + 16, 2)],
)
def test_a_product_over_examples_is_a_sum_of_products(m, width, positions, n, dtype):
    rng = np.random.default_rng(n)
    a = rng.standard_normal((positions, m, width)).astype(dtype)
    b = rng.standard_normal((positions, n, width)).astype(dtype)
    start = rng.standard_normal((m, n)).astype(dtype)
    c = np.concatenate([np.zeros(3, dtype), start.ravel(), np.ones(9, dtype)])
    left, right = np.concatenate([[0], a.ravel()]), np.concatenate([[0, 0], b.ravel()])
    run(addresses(dtype), positions, m, n, width, left.astype(dtype), right.astype(dtype), c)
    expected = start + np.einsum("tmj,tnj->mn", a.astype("f8"), b.astype("f8"))
    error = np.abs(c[3 : 3 + m * n].reshape(m, n) - expected)
    size = np.abs(start) + np.einsum("tmj,tnj->mn", np.abs(a), np.abs(b))
    assert np.all(error <= np.sqrt(positions * width) * 4 * np.finfo(dtype).eps * size)
    assert np.array_equal(c[-9:], np.ones(9))
    assert np.array_equal(c[:3], np.zeros(3))


@every_dtype
def test_some_rows_are_turned_and_no_row_beside_them_is_read(dtype):
    lanes = lanes_of(np.zeros(1, dtype))
    for count in range(1, lanes + 1):
        x = np.full(2 + 40 * lanes, np.nan, dtype)
        rows = np.random.default_rng(count).standard_normal((count, lanes)).astype(dtype)
        for r in range(count):
            x[2 + 40 * r : 2 + 40 * r + lanes] = rows[r]
        y = np.zeros(1 + 24 * lanes, dtype)
        turned(count, x, y)
        found = y[1 + 24 * np.arange(lanes)[:, None] + np.arange(lanes)]
        assert np.array_equal(found[:, :count], rows.T)
        assert np.isfinite(found).all()


@every_dtype
@pytest.mark.parametrize(("m", "n"), [(1, 1), (16, 16), (33, 20), (7, 50)])
def test_a_transpose_is_numpy_s(m, n, dtype):
    x = np.random.default_rng(0).standard_normal((m, n)).astype(dtype)
    y = np.zeros(m * n + 2, dtype)
    whole(m, n, x.ravel(), y)
    assert np.array_equal(y[1:-1].reshape(n, m), x.T)
    assert y[0] == y[-1] == 0


@every_dtype
def test_numbers_on_the_stack_are_the_caller_s_own(dtype):
    count = 256 // np.dtype(dtype).itemsize
    out = np.zeros(count + 1, dtype)
    own_numbers(np.ones(1, dtype), out)
    assert np.array_equal(out, [*np.arange(count) + 1.0, 0.0])

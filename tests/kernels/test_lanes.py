"""Products of matrices whose elements are vectors: compiled they are the plain function's, for every remainder and stride."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.jit import kernel
from landscape.kernels.cpu import lanes
from landscape.kernels.cpu.vectors import VECTOR_BYTES

# Numbers of the narrowest dtype in a vector, which matrices of vectors are spaced by.
WIDE = VECTOR_BYTES // 4


@kernel(cached=False)
def product(m, n, k, a, b, add, c, lines, columns):
    left, right = lanes.Vectors(a, 1, 9 * WIDE, WIDE), lanes.Vectors(b, 2, WIDE, 7 * WIDE)
    lanes.lane_product(m, n, k, left, right, add, lanes.Vectors(c, 3, lines, columns))


@kernel(cached=False)
def moved(count, a, add, c):
    lanes.lane_copy(count, a, 2, 20, add, c, 1, 24)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize("m", [1, 3, 4, 9])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_product_of_vectors_is_one_product_a_lane(m, n, add, dtype):
    rng = np.random.default_rng(10 * m + n)
    a, b = rng.standard_normal((2, 2000)).astype(dtype)
    start = rng.standard_normal(2000).astype(dtype)
    found, expected = start.copy(), start.copy()
    product(m, n, 6, a, b, add, found, 8 * WIDE, WIDE)
    product.py_func(m, n, 6, a, b, add, expected, 8 * WIDE, WIDE)
    assert np.allclose(found, expected, rtol=0, atol=20 * np.finfo(dtype).eps)
    assert np.array_equal(found == start, expected == start)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("add", [False, True])
def test_vectors_are_copied_or_added_from_one_stride_to_another(add, dtype):
    rng = np.random.default_rng(0)
    a, start = rng.standard_normal((2, 200)).astype(dtype)
    found, expected = start.copy(), start.copy()
    moved(5, a, add, found)
    lanes.lane_copy(5, a, 2, 20, add, expected, 1, 24)
    assert np.array_equal(found, expected)
    assert np.any(found != start)

"""Convolutions by squares, and the gradients of their taps: exact sums over windows, for every remainder of the image, and the polynomials behind them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from landscape.jit import kernel
from landscape.kernels.cpu import rules, squares, winograd
from landscape.kernels.cpu.arrays import FROM_OUT, FROM_ZERO, Convolution, Image, Part
from landscape.kernels.cpu.products import convolve

# Importing it fills the table of rules.
from landscape.kernels.cpu.table import TABLE

WIDTH = 16
EPSILONS = {"float32": 2.0**-23, "float64": 2.0**-52}
every_dtype = pytest.mark.parametrize("dtype", EPSILONS)
SIZES = [(4, 4, 1), (7, 5, 1), (8, 13, 0), (3, 9, 2), (5, 4, 3)]


@kernel(cached=False)
def run(addresses, number, convolution):
    convolve(addresses, number, convolution)


@kernel(cached=False)
def gather(image, square, out):
    winograd.gather_pixels(image, square, out)


def addresses(dtype):
    table = rules.empty_table()
    rules.fill(table, (rules.PRODUCT, rules.OUTER, rules.CONVOLVE, rules.TAPS_GRADIENT), np.dtype(dtype))
    assert rules.CONVOLVE in TABLE
    return table


def drawn(dtype, *shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


class Problem:
    """Images [height, width, channels, examples] that a convolution of a padding reads and writes, its weight, and the memory for it."""

    def __init__(self, dtype, channels, outputs, size):
        height, width, padding = size
        self.padding, self.channels, self.outputs = padding, channels, outputs
        self.x = drawn(dtype, height, width, channels, WIDTH)
        self.w = drawn(dtype, outputs, channels, 3, 3, seed=1)
        self.y = drawn(dtype, height + 2 * padding - 2, width + 2 * padding - 2, outputs, WIDTH, seed=2)
        self.table = addresses(dtype)
        rows = 45 * (channels * outputs + 40) + 80 * (channels + outputs + 4) * WIDTH
        self.scratch = np.full(rows + 2 * outputs, np.nan, dtype)
        self.scratch[: 2 * outputs] = drawn(dtype, 2 * outputs, seed=3)

    def windows(self):
        """Every output's pixels [height, width, channels, examples, 3, 3]."""
        p = self.padding
        padded = np.pad(self.x.astype("f8"), ((p, p), (p, p), (0, 0), (0, 0)))
        return np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))

    def image(self, pixels, numbers=None):
        height, width, channels, _ = pixels.shape
        return Image(
            pixels.ravel() if numbers is None else numbers, 0, height, width, channels * WIDTH, WIDTH
        )

    def run(self, number, *, taps, scale=-1, start=FROM_ZERO, cut=0):
        """Run forward, or for the gradient of the taps; the target as it is then."""
        out = self.y.ravel().copy()
        run(
            self.table, number,
            Convolution(
                self.image(self.x), self.image(self.y, out), self.channels, self.outputs, self.padding, self.padding, Part(taps, 0),
                9 * self.channels, 9, 0, scale, start, cut, 2 * self.outputs, self.scratch, self.table,
            ),
        )  # fmt: skip
        return out.reshape(self.y.shape)


def close(found, expected, size, dtype):
    """Whether errors are some hundred units of the size of what was added."""
    return np.all(np.abs(found - expected) <= 300 * EPSILONS[dtype] * (size + 1e-3))


@every_dtype
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("channels", "outputs"), [(1, 1), (5, 3), (8, 16), (19, 10)])
def test_outputs_are_sums_over_windows(channels, outputs, size, dtype):
    problem = Problem(dtype, channels, outputs, size)
    seen = problem.windows()
    expected = np.einsum("yxcbij,ocij->yxob", seen, problem.w.astype("f8"))
    large = np.einsum("yxcbij,ocij->yxob", np.abs(seen), np.abs(problem.w)).max()
    found = problem.run(rules.CONVOLVE, taps=problem.w.ravel())
    assert close(found, expected, large, dtype)
    found = problem.run(rules.CONVOLVE, taps=problem.w.ravel(), start=FROM_OUT)
    assert close(found, expected + problem.y, large, dtype)
    bias, scale = (problem.scratch[first : first + outputs].astype("f8")[:, None] for first in (0, outputs))
    found = problem.run(rules.CONVOLVE, taps=problem.w.ravel(), scale=outputs, start=0, cut=1)
    assert close(found, np.maximum(scale * expected + bias, 0), 4 * large, dtype)


@every_dtype
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("channels", "outputs"), [(1, 1), (5, 3), (8, 16), (19, 10)])
def test_the_gradient_of_the_taps_is_a_sum_over_outputs(channels, outputs, size, dtype):
    problem = Problem(dtype, channels, outputs, size)
    before = drawn(dtype, outputs, channels, 3, 3, seed=5)
    gradient = before.ravel().copy()
    problem.run(rules.TAPS_GRADIENT, taps=gradient)
    seen = problem.windows()
    expected = before + np.einsum("yxcbij,yxob->ocij", seen, problem.y.astype("f8"))
    large = np.einsum("yxcbij,yxob->ocij", np.abs(seen), np.abs(problem.y)).max()
    assert close(gradient.reshape(before.shape), expected, large, dtype)


@every_dtype
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("channels", "outputs"), [(5, 3), (8, 16)])
def test_turned_taps_give_the_adjoint(channels, outputs, size, dtype):
    problem = Problem(dtype, channels, outputs, size)
    into = np.zeros_like(problem.x).ravel()
    back = 2 - problem.padding
    run(
        problem.table, rules.CONVOLVE,
        Convolution(
            problem.image(problem.y), problem.image(problem.x, into), outputs, channels, back, back, Part(problem.w.ravel(), 0), 9,
            9 * channels, 1, -1, FROM_ZERO, 0, 2 * outputs, problem.scratch, problem.table,
        ),
    )  # fmt: skip
    made = np.einsum("yxcbij,ocij->yxob", problem.windows(), problem.w.astype("f8"))
    # ⟨y, W x⟩ = ⟨Wᵀ y, x⟩, example by example.
    left = np.sum(problem.y * made, axis=(0, 1, 2))
    right = np.sum(into.reshape(problem.x.shape).astype("f8") * problem.x, axis=(0, 1, 2))
    assert np.allclose(
        left, right, rtol=0, atol=1000 * EPSILONS[dtype] * np.abs(problem.y * made).sum(axis=(0, 1, 2)).max()
    )


@every_dtype
def test_compiled_and_plain_transforms_agree(dtype):
    image = Image(drawn(dtype, 9 * 9 * 3 * WIDTH), 0, 9, 9, 3 * WIDTH, WIDTH)
    room = np.zeros(40 * 3 * WIDTH + 3 * WIDTH, dtype)
    square = winograd.Square(-1, 5, 3, WIDTH, 40 * 3 * WIDTH)
    found, plain = room.copy(), room.copy()
    gather(image, square, winograd.Components(found, 0, 3 * WIDTH, WIDTH))
    winograd.gather_pixels(image, square, winograd.Components(plain, 0, 3 * WIDTH, WIDTH))
    assert np.allclose(found, plain, rtol=0, atol=100 * EPSILONS[dtype])


def test_the_matrices_multiply_polynomials_exactly():
    """Σ Aᵀ[j, s]·G[s, k]·Bᵀ[s, i] is 1 where i = j + k, else 0: in fractions, for the points are."""
    pixels, taps, outputs = winograd.matrices()
    points = [Fraction(point) for point in winograd.POINTS]

    def exact(matrix):
        return [[Fraction(float(number)).limit_denominator(10**6) for number in row] for row in matrix]

    a, b = exact(outputs), exact(pixels)
    # G has divisions that are not exact in binary: again, from the points.
    g = [
        [point**k / np.prod([point - other for other in points if other != point]) for k in range(3)]
        for point in points
    ]
    g.append([Fraction(0), Fraction(0), Fraction(1)])
    assert np.allclose(np.array(g, float), taps, rtol=1e-15, atol=0)
    for j in range(4):
        for k in range(3):
            for i in range(6):
                total = sum(a[j][s] * g[s][k] * b[s][i] for s in range(6))
                assert total == (1 if i == j + k else 0)


def test_components_lie_an_odd_number_of_vectors_apart():
    for count in (1, 16, 17, 512, 4096):
        step = squares.apart(count)
        assert step >= count
        assert step % 16 == 0
        assert step // 16 % 2 == 1

"""Products in the form that the rules of ops need, and weights packed for them; `register_products.py` multiplies.

They are rules themselves, called by their address, so that the micro-kernels are compiled once and not in every caller.
"""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.arrays import Left, OverExamples, Repeated, Right
from landscape.kernels.cpu.register_products import together
from landscape.kernels.cpu.rules import OUTER, PRODUCT, pointed, run_convolution, run_outer, run_product


@kernel(within=True)
def multiply(rules, product):
    """Compute a product."""
    run_product(rules, PRODUCT, (pointed(Repeated(product, 1, 0, 0)),))


@kernel(within=True)
def multiply_each(rules, product, times, right_step, out_step):
    """Compute a product so many times, at places of X and of C that lie some numbers apart."""
    run_product(rules, PRODUCT, (pointed(Repeated(product, times, right_step, out_step)),))


@kernel(within=True)
def add_outer(rules, positions, shape, width, left, right, out):
    """Add Σ_t A_t [m, width] · B_t [n, width]ᵀ to C [m, n] for parts of flat arrays; the shape is (m, n)."""
    m, n = shape
    run_outer(rules, OUTER, (pointed(OverExamples(positions, m, n, width, left, right, out, rules)),))


@kernel(within=True)
def convolve(rules, number, convolution):
    """Run a convolution by squares, or the gradient of its taps, by the number of the rule."""
    run_convolution(rules, number, (pointed(convolution),))


@kernel
def rows_of(numbers, at, wide):
    """Give a matrix of rows of so many numbers as the left side of a product."""
    return Left(numbers, at, wide, 0, 0, 0, 1, 0)


@kernel
def columns_of(numbers, at, wide):
    """Give the transpose of a matrix of rows of so many numbers as the left side of a product."""
    return Left(numbers, at, 1, 0, 0, 0, wide, 0)


@kernel
def examples_of(numbers, at, width):
    """Give rows of so many examples as the right side of a product."""
    return Right(numbers, at, 0, 0, width)


@kernel
def pack_rows(m, k, taps, weights, scales, packed):
    """Pack a part W [m, k, taps] as [block][tap][channel][row of the block], row i times number i of the scales."""
    w, factors, out, i = weights.numbers, scales.numbers, packed.numbers, 0
    while i < m:
        r, at = together(m - i), packed.start + i * k * taps
        for tap in range(taps):
            for q in range(k):
                for s in range(r):
                    out[at + s] = (
                        w[weights.start + ((i + s) * k + q) * taps + tap] * factors[scales.start + i + s]
                    )
                at += r
        i += r

"""A step of an optimizer over a block's whole vector, by the formulas of all devices."""

from __future__ import annotations

import math

from numpy import uint32

from landscape.formulas.optimizers import OPTIMIZERS, Scales
from landscape.kernels.cuda.shape import REAL, THREADS
from landscape.kernels.cuda.target import cuda
from landscape.kernels.cuda.text import choice
from landscape.kernels.runs import scales_at

update = choice("update", [row.update for row in OPTIMIZERS.values()], "theta, g, a, b, c, k")


def set_scales(whole, numbers, step, k):
    """Set k [7] to the step's `Scales`, computed in float64; steps count from zero."""
    wide = scales_at(whole, numbers, step)
    k[0], k[1], k[2], k[3] = REAL(wide.rate), REAL(wide.momentum), REAL(wide.beta2), REAL(wide.eps)
    k[4], k[5], k[6] = REAL(wide.decay), REAL(wide.first), REAL(wide.second)


def update_numbers(code, theta, q, g, slots, scales):
    """Update one parameter and its memory, of which an optimizer has up to three numbers."""
    count, zero = slots.shape[0], REAL(0)
    a = slots[0, q] if count > 0 else zero
    b = slots[1, q] if count > 1 else zero
    c = slots[2, q] if count > 2 else zero
    theta[q], a, b, c = update(code, theta[q], g, a, b, c, scales)
    if count > 0:
        slots[0, q] = a
    if count > 1:
        slots[1, q] = b
    if count > 2:
        slots[2, q] = c


def scaled_step(optimizer, k, theta, size, gradient, factor, slots):
    """Update θ [P] by an optimizer with a step's scales k, which lie in shared memory, the gradient multiplied by a factor; say whether it stayed finite."""
    scales = Scales(k[0], k[1], k[2], k[3], k[4], k[5], k[6])
    broken, q = 0, uint32(cuda.threadIdx.x)
    while q < size:
        update_numbers(optimizer, theta, q, gradient[q] * REAL(factor), slots, scales)
        if not abs(theta[q]) < REAL(math.inf):
            broken = 1
        q = uint32(q + THREADS)
    return cuda.syncthreads_or(broken) == 0


DEVICE = (update, set_scales, update_numbers, scaled_step)
ENTRIES = ()

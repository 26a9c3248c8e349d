"""Descents on a surface of two parameters: a thread a start, through all its steps."""

from __future__ import annotations

import math

from landscape.formulas.optimizers import Scales
from landscape.formulas.surfaces import SURFACES
from landscape.kernels.cuda.shape import KIND, REAL
from landscape.kernels.cuda.target import cuda
from landscape.kernels.cuda.text import choice
from landscape.kernels.cuda.updates import set_scales, update_numbers
from landscape.kernels.runs import CLIP, OPTIMIZER, RADIUS

slope = choice("slope", [row.slope for row in SURFACES.values()], "x, y")


def clipped_slope(surface, x, y, clip):
    """Give the gradient at a point, shortened to a norm where there is one."""
    dx, dy = slope(surface, x, y)
    if clip > REAL(0):
        norm = math.sqrt(dx * dx + dy * dy)
        if norm > clip:
            dx, dy = dx * (clip / norm), dy * (clip / norm)
    return dx, dy


def slope_near(surface, x, y, radius, clip):
    """Give the gradient at a point, or with a radius where the surface is highest within it, to first order."""
    if radius > REAL(0):
        dx, dy = slope(surface, x, y)
        norm = math.sqrt(dx * dx + dy * dy)
        reach = radius / norm if norm > REAL(0) else REAL(0)
        return clipped_slope(surface, x + reach * dx, y + reach * dy, clip)
    return clipped_slope(surface, x, y, clip)


def descend(surface, runs, theta, slots, every, steps, buffers, path):
    """Take the starts theta [R, 2] through all steps.

    `runs` has one row; slots [R, S, 2]; path [K, R, 2] is kept before every `every`-th step and at the end; `buffers` is not used: a start's
    numbers are in registers.
    """
    k = cuda.shared.array(8, KIND)
    whole, numbers = runs.whole[0], runs.numbers[0]
    radius, clip = REAL(numbers[RADIUS]), REAL(numbers[CLIP])
    r = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    for step in range(steps):
        cuda.syncthreads()
        if cuda.threadIdx.x == 0:
            set_scales(whole, numbers, step, k)
        cuda.syncthreads()
        scales = Scales(k[0], k[1], k[2], k[3], k[4], k[5], k[6])
        if r < theta.shape[0]:
            point = theta[r]
            if step % every == 0:
                path[step // every, r, 0], path[step // every, r, 1] = point[0], point[1]
            dx, dy = slope_near(surface, point[0], point[1], radius, clip)
            update_numbers(whole[OPTIMIZER], point, 0, dx, slots[r], scales)
            update_numbers(whole[OPTIMIZER], point, 1, dy, slots[r], scales)
    if r < theta.shape[0]:
        path[path.shape[0] - 1, r, 0], path[path.shape[0] - 1, r, 1] = theta[r, 0], theta[r, 1]


DEVICE = (slope, clipped_slope, slope_near)
ENTRIES = (descend,)

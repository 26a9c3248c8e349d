"""Thousands of descents on a surface of two parameters: a block of starts is one long vector for the optimizer's loop."""

from __future__ import annotations

import math
from typing import Any

from landscape.formulas.surfaces import SURFACES
from landscape.jit import kernel
from landscape.kernels.cpu.combine import copy_rows
from landscape.kernels.cpu.updates import scaled_step
from landscape.kernels.runs import CLIP, RADIUS


def slope_loops() -> Any:
    """Compile a function of (code, x, y, dx, dy): the gradient at each start, a loop a surface."""
    names: dict[str, Any] = {}
    lines = ["def slopes(code, x, y, dx, dy):"]
    for code, row in enumerate(SURFACES.values()):
        names[f"slope_{code}"] = row.slope
        lines += [
            f"    if code == {code}:",
            "        for j in range(x.size):",
            f"            dx[j], dy[j] = slope_{code}(x[j], y[j])",
        ]
    exec("\n".join(lines), names)
    return kernel(cached=False)(names["slopes"])


slopes = slope_loops()


@kernel
def climb_each(theta, gradient, radius):
    """Move each start to where the loss is worst within a radius, to first order."""
    count = theta.size // 2
    for j in range(count):
        norm = math.sqrt(gradient[j] * gradient[j] + gradient[count + j] * gradient[count + j])
        reach = radius / norm if norm > theta.dtype.type(0) else theta.dtype.type(0)
        theta[j] += reach * gradient[j]
        theta[count + j] += reach * gradient[count + j]


@kernel
def clip_each(gradient, most):
    """Shorten each start's gradient to a norm."""
    count = gradient.size // 2
    for j in range(count):
        norm = math.sqrt(gradient[j] * gradient[j] + gradient[count + j] * gradient[count + j])
        part = most / norm if norm > most else gradient.dtype.type(1)
        gradient[j] *= part
        gradient[count + j] *= part


@kernel
def descend(worker, workers, rules, surface, runs, theta, slots, every, steps, buffers, path):
    """Take this worker's blocks of starts, theta [blocks, 2·n] with all x before all y, through all steps.

    `runs` has one row; slots [blocks, S, 2·n]; buffers [workers, 2, 2·n]; path [K, blocks, 2·n] is kept before every `every`-th step and at the end.
    """
    count, kind, whole, numbers = theta.shape[1] // 2, theta.dtype.type, runs.whole[0], runs.numbers[0]
    gradient, previous = buffers[worker, 0], buffers[worker, 1]
    for b in range(worker, theta.shape[0], workers):
        points = theta[b]
        for step in range(steps):
            if step % every == 0:
                copy_rows(points, path[step // every, b])
            slopes(surface, points[:count], points[count:], gradient[:count], gradient[count:])
            if numbers[RADIUS] > 0.0:
                copy_rows(points, previous)
                climb_each(points, gradient, kind(numbers[RADIUS]))
                slopes(surface, points[:count], points[count:], gradient[:count], gradient[count:])
                copy_rows(previous, points)
            if numbers[CLIP] > 0.0:
                clip_each(gradient, kind(numbers[CLIP]))
            scaled_step(rules, whole, numbers, step, points, gradient, 1.0, slots[b])
        copy_rows(points, path[path.shape[0] - 1, b])

"""The loss on two planes through a point: that of the extreme eigenvectors, and a random one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.critical.escape import Escape
from landscape.critical.local import Local
from landscape.objective import Completed
from landscape.objective.probes import unit_rows

Array = NDArray[np.float64]

POINTS = 25
BLOCK_BYTES = 64 * 2**20
# How far beyond the escape's best step a plane goes, and what ratio of radii is evened out.
BEYOND, ALIKE = 1.6, 4.0


def planes(derivatives: Completed, local: Local, escape: Escape | None, scale: float) -> dict[str, Array]:
    """Evaluate the loss on both planes; nothing for a single parameter."""
    if local.theta.size < 2:
        return {}
    ends = local.vectors[[0, -1]]
    radii = radii_of(local, escape, scale)
    random = unit_rows(derivatives.seed, streams.PLANE[0], 2, local.theta.size)
    random = np.linalg.qr(random.T)[0].T
    widest = np.full(2, radii.max())
    return surface(derivatives, local.theta, "plane", ends, radii) | surface(
        derivatives, local.theta, "random", random, widest
    )


def radii_of(local: Local, escape: Escape | None, scale: float) -> Array:
    """Choose the half width of each axis: where the quadratic model has changed by the scale, or beyond the escape."""
    farthest = max(1.0, float(np.linalg.norm(local.theta)))
    curvatures = np.maximum(np.abs(local.eigenvalues[[0, -1]]), 1e-300)
    radii = np.sqrt(2 * max(scale, abs(local.loss)) / curvatures)
    if escape is not None and escape.best:
        radii[0] = farthest = BEYOND * abs(escape.best)
    radii = np.minimum(radii, farthest)
    return np.full(2, radii.max()) if radii.max() < ALIKE * radii.min() else radii


def surface(
    derivatives: Completed, theta: Array, name: str, vectors: Array, radii: Array
) -> dict[str, Array]:
    """Evaluate one plane on a grid, block by block."""
    axes = [radius * np.linspace(-1.0, 1.0, POINTS) for radius in radii]
    grid = np.stack([mesh.ravel() for mesh in np.meshgrid(*axes, indexing="ij")], axis=1)
    block = max(1, BLOCK_BYTES // (8 * theta.size))
    parts = [
        derivatives.values(theta + grid[start : start + block] @ vectors)
        for start in range(0, len(grid), block)
    ]
    losses = np.concatenate(parts).reshape(POINTS, POINTS)
    return {
        f"{name}.axis.0": axes[0],
        f"{name}.axis.1": axes[1],
        f"{name}.loss": losses,
        f"{name}.vectors": vectors,
    }

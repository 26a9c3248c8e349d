"""Descents from thousands of starts on a test surface or on any compiled function."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.errors import InputError
from landscape.memory import available_memory
from landscape.objective.by_device import descend_surface
from landscape.objective.cpu_surfaces import descend_function
from landscape.objective.devices import settle_device
from landscape.objective.kinds import as_surface
from landscape.objective.protocol import HasValue
from landscape.objective.trainer import runs_of
from landscape.training.recipe import Recipe, columns
from landscape.training.run import read_recipe

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Descent:
    """R descents, recorded at K steps: `step` [K], `path` [R, K, P] and `loss` [R, K].

    The last of the K is the end of the descent.
    """

    recipe: Recipe
    step: NDArray[np.int64]
    path: NDArray[Any]
    loss: Array


def descend(
    objective: HasValue | str | Callable[[Array], float],
    starts: ArrayLike,
    *,
    gradient: Any = None,
    every: int = 1,
    dtype: str = "float64",
    threads: int | None = None,
    device: str = "auto",
    **settings: Any,
) -> Descent:
    """Follow an optimizer from each start with exact gradients of an objective.

    Parameters
    ----------
    objective
        A `SurfaceObjective` or the name of one, or a function of θ [P] under `@numba.njit`.
    starts
        [R, P], or one [P].
    gradient
        Of a function: θ to [P] under `@numba.njit`; central differences where there is none.
    every
        Keep the path before every so many steps; after the last step it is always kept.
    dtype
        Of a surface's arithmetic; functions are in float64.
    threads, device
        As `NetworkObjective` takes them; functions have the CPU only, and so does `auto`.
    **settings
        Fields of `Recipe`: `optimizer`, `learning_rate`, `schedule`, `steps`, …

    Raises
    ------
    InputError
        A setting that cannot be, a start that is not finite, a path that does not fit into memory.

    Examples
    --------
    >>> found = descend("convex", [-120.0, -4.0], learning_rate=1e-7, steps=100_000, every=100_000)
    >>> found.path[0, -1].round(3).tolist()
    [-123.692, 2.483]
    """
    recipe = read_recipe(settings).filled()
    points = np.atleast_2d(np.asarray(starts, np.float64))
    if points.ndim != 2 or points.size == 0 or not np.isfinite(points).all():
        raise InputError("starts: expected finite numbers [R, P] with at least one row")
    if every < 1:
        raise InputError(f"every: expected at least 1, found {every}")
    looks = math.ceil(recipe.steps / every) + 1
    if 3 * looks * points.size * 8 > available_memory():
        raise InputError(
            f"{len(points)} paths of {looks} points do not fit into memory: try a larger `every`"
        )
    runs = runs_of(columns([recipe], recipe.batch_size), np.zeros(1, np.int64))
    surface = as_surface(objective)
    if surface is not None:
        if points.shape[1] != 2:
            raise InputError(f"starts: a surface has 2 parameters, found shape {list(points.shape)}")
        path = descend_surface(surface, runs, points, recipe.steps, every, dtype, threads, device)
        x, y = path[..., 0].astype(np.float64), path[..., 1].astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            loss = surface.values(np.stack([x.ravel(), y.ravel()], axis=1)).reshape(x.shape)
    else:
        settle_device(device, None, without=("functions",))
        function: Any = objective
        path = descend_function(function, gradient, runs, points, recipe.steps, every, threads)
        loss = np.array([[function(theta) for theta in look] for look in path])
    step = np.minimum(np.arange(looks) * every, recipe.steps)
    return Descent(recipe=recipe, step=step, path=np.ascontiguousarray(path.transpose(1, 0, 2)), loss=loss.T)

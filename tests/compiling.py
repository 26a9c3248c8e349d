"""Small pieces of work that have the kernels compiled which most tests need, the longest first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

import numpy as np

from landscape.curvature import dense_matrix, hessian_operator
from landscape.model import Model, bundled_path, load_model
from landscape.objective import NetworkObjective
from landscape.objective.fisher import fisher_products
from landscape.scanning import scan
from landscape.training import descend, train_many

DENSE, WIDE = "digits", "lenet_bn"


@cache
def small(name: str) -> Model:
    """A bundled network on a few examples."""
    model = load_model(bundled_path(name))
    return replace(model, data={key: array[:16] for key, array in model.data.items()})


def objective(name: str, dtype: str) -> NetworkObjective:
    """Make the objective of a bundled network."""
    return NetworkObjective(small(name), dtype=dtype, threads=1)


def values(name: str, dtype: str) -> None:
    objective(name, dtype).value(small(name).theta)


def gradients(name: str, dtype: str) -> None:
    objective(name, dtype).gradient(small(name).theta)


def products(name: str, dtype: str) -> None:
    objective(name, dtype).hvp(small(name).theta, small(name).theta)


def hessians(dtype: str) -> None:
    dense_matrix(hessian_operator(objective(DENSE, dtype), small(DENSE).theta))


def fishers(dtype: str) -> None:
    fisher_products(objective(DENSE, dtype), small(DENSE).theta, np.ones((1, small(DENSE).size)))


def trainings(dtype: str) -> None:
    train_many(small(DENSE), steps=2, batch_size=4, dtype=dtype, threads=1)


def scans(dtype: str) -> None:
    scan(small(DENSE), points=3, dtype=dtype, threads=1)


def descents(dtype: str) -> None:
    descend("himmelblau", [[0.0, 0.0]], steps=2, learning_rate=0.01, dtype=dtype)


def both(name: str, work: Callable[..., None], *given: str) -> dict[str, Callable[[], None]]:
    """Name a piece of work in each dtype."""
    return {f"{name}-{dtype}": partial(work, *given, dtype) for dtype in ("float64", "float32")}


TASKS = (
    both("trainings", trainings)
    | both("products", products, DENSE)
    | both("wide-products", products, WIDE)
    | {"hessians-float64": partial(hessians, "float64")}
    | both("gradients", gradients, DENSE)
    | both("values", values, DENSE)
    | both("scans", scans)
    | both("wide-values", values, WIDE)
    | {"fishers-float64": partial(fishers, "float64")}
    | both("descents", descents)
)

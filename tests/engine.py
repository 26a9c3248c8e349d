"""What the tests of the engine share: objectives made once, points near a case's own, tolerances."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from landscape.objective import NetworkObjective
from tests import reference
from tests.cases import CASES, Case

DTYPES = ("float32", "float64")
# Norm-wise, against the float64 referee; float32 sees the same float32 numbers.
TOLERANCE = {"float32": 1e-5, "float64": 1e-11}
VALUE_TOLERANCE = {"float32": 1e-5, "float64": 1e-12}

# Ops and losses whose cases run in float32 always; the others' need most of the compiling, and their tests are marked as thorough.
COMMON_OPS = {"dense", "relu", "tanh", "conv2d", "maxpool2d", "flatten"}
COMMON_LOSSES = {"cross_entropy", "mse"}

every_case = pytest.mark.parametrize("name", CASES)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


def is_common(case: Case) -> bool:
    """Tell whether a case has common ops and a common loss only."""
    return {node.op for node in case.model.nodes} <= COMMON_OPS and case.model.loss in COMMON_LOSSES


@cache
def objective(name: str, dtype: str, threads: int | None = None, split: str = "train") -> NetworkObjective:
    """Make a case's objective once."""
    return NetworkObjective(CASES[name].model, split, dtype=dtype, threads=threads)


def distance(found: np.ndarray, expected: np.ndarray) -> float:
    """‖found − expected‖ / ‖expected‖."""
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def single(array: np.ndarray) -> np.ndarray:
    """Round to float32, so that both dtypes are given the same numbers."""
    return array.astype(np.float32).astype(np.float64)


def vectors(case: Case, count: int) -> np.ndarray:
    """Draw directions of about unit length, [count, P]."""
    size = case.model.size
    return single(case.rng.standard_normal((count, size)) / np.sqrt(size))


def points(case: Case, count: int) -> np.ndarray:
    """Draw points near θ that are away from kinks, [count, P]; the first is θ itself."""
    model, rng, found = case.model, case.rng, [case.model.theta]
    while len(found) < count:
        point = single(model.theta + 0.2 * rng.standard_normal(model.size))
        if reference.margin(model, point) > 1e-4:
            found.append(point)
    return np.stack(found)

"""The kernels are plain Python too: without compilation they compute what the referee does (float64; `.ci/run` has float32 too).

One fresh interpreter runs the whole table of cases with `NUMBA_DISABLE_JIT` and the CUDA simulator on, both
of which must be set before numba is imported. What is right there and wrong compiled is the compiler's doing.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest

from tests import reference
from tests.cases import CASES, Case
from tests.engine import TOLERANCE, VALUE_TOLERANCE, distance, vectors
from tests.processes import told_by_plain_python

DTYPE = "float64"
AXES = (np.array([-0.5, 0.5]), np.array([0.25, 1.0]))

Numbers = dict[str, Any]


def compute(case: Case) -> Numbers:
    """Evaluate a case at θ and on a small grid around it."""
    from landscape.objective import NetworkObjective

    objective = NetworkObjective(case.model, dtype=DTYPE, threads=2)
    theta, directions = case.model.theta, vectors(case, 2)
    sweep = objective.sweep(theta, directions, AXES)
    for step in range(sweep.steps):
        sweep.run(step)
    return {
        "value": objective.value(theta),
        "gradient": objective.gradient(theta).tolist(),
        "hvp": objective.hvp(theta, directions[0]).tolist(),
        "sweep": sweep.finish()["loss"].tolist(),
    }


def runs_of_parameters() -> dict[str, int]:
    """Count how often the rows of parameters are run for a network whose weight is computed of them, on several tiles."""
    from landscape.kernels.cpu.rules import TABLE, VALUE
    from landscape.objective import NetworkObjective
    from landscape.program.codes import Op
    from landscape.program.table import Column

    model, rule, count = CASES["weight_norm"].model, TABLE[VALUE + Op.PARAMETER], 0
    plain = rule.function

    def counted(*arguments: Any) -> None:
        nonlocal count
        count += 1
        plain(*arguments)

    rule.function = counted
    objective, found = NetworkObjective(model, threads=1), {}
    assert objective.on_cpu.tiled.tiles.count > 1
    thetas = model.theta * np.array([[1.0], [2.0], [3.0]])
    for name, run in (
        ("values", lambda: objective.values(thetas)),
        ("gradients", lambda: objective.gradients(thetas)),
        ("outputs", lambda: objective.outputs(thetas[0])),
    ):
        count = 0
        run()
        found[name] = count
    found["rows"] = int((objective.on_cpu.tiled.plain.network.rows[:, Column.OP] == Op.PARAMETER).sum())
    rule.function = plain
    return found


def main() -> None:
    """Print every case as JSON; run in an interpreter that has `PLAIN` of tests/processes.py in its environment."""
    from numba import config

    assert config.DISABLE_JIT
    assert config.ENABLE_CUDASIM
    computed = {name: compute(CASES[name]) for name in CASES}
    print(json.dumps(computed | {"runs of parameters": runs_of_parameters()}))


@cache
def uncompiled() -> dict[str, Numbers]:
    return told_by_plain_python(__name__)


def expected(name: str) -> Numbers:
    """Compute the case by the referee."""
    case = CASES[name]
    model, directions = case.model, vectors(case, 2)
    grid = [
        reference.loss(model, model.theta + a * directions[0] + b * directions[1])
        for a in AXES[0]
        for b in AXES[1]
    ]
    return {
        "value": reference.value(model, model.theta),
        "gradient": reference.gradient(model, model.theta),
        "hvp": reference.hvp(model, model.theta, directions[0]),
        "sweep": grid,
    }


@pytest.mark.parametrize("name", CASES)
def test_plain_python_agrees_with_the_referee(name):
    found, right = uncompiled()[name], expected(name)
    assert found["value"] == pytest.approx(right["value"], rel=VALUE_TOLERANCE[DTYPE])
    assert distance(np.array(found["gradient"]), right["gradient"]) <= TOLERANCE[DTYPE]
    assert distance(np.array(found["hvp"]), right["hvp"]) <= TOLERANCE[DTYPE]
    np.testing.assert_allclose(found["sweep"], right["sweep"], rtol=VALUE_TOLERANCE[DTYPE])


def test_what_is_the_same_for_all_examples_is_computed_once_a_theta():
    found = uncompiled()["runs of parameters"]
    assert found["rows"] > 1
    assert (found["values"], found["gradients"], found["outputs"]) == (
        3 * found["rows"],
        3 * found["rows"],
        found["rows"],
    )


if __name__ == "__main__":
    main()

"""Any object with the engine's protocol serves as an engine: the objective's numbers follow from its sums over examples."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from landscape.curvature import hessian_operator
from landscape.errors import InputError
from landscape.model import Model
from landscape.objective import NetworkObjective
from landscape.objective.cpu_engine import CpuEngine
from landscape.objective.cpu_sweep import CpuSweep
from landscape.objective.cpu_training import CpuTraining
from landscape.objective.cuda_engine import CudaEngine
from landscape.objective.cuda_sweep import CudaSweep
from landscape.objective.cuda_training import CudaTraining
from landscape.objective.engine import Engine, Grid, GridSums, Matrix, Products, Setting
from landscape.objective.fisher import fisher_products
from landscape.objective.training_network import TrainingEngine
from landscape.objective.units import unit_ranges
from landscape.objective.whole import is_dense
from tests import reference
from tests.cases import CASES
from tests.engine import TOLERANCE, distance, points, vectors
from tests.objective.test_determinism import run

NAMES = ["loss_scale_and_decay", "frozen_middle", "ignored_labels", "binary_three_outputs", "huber_delta"]


class NumpyEngine:
    """The referee as an engine: sums over examples in plain NumPy, and no kernel."""

    device = "numpy"
    on_cpu = None

    def __init__(self, setting: Setting) -> None:
        sample = setting.sample
        rows = sample.chosen if sample.chosen is not None else np.arange(sample.examples)
        # So that the referee's mean times its loss scale is the sum.
        self.model: Model = replace(setting.model, weight_decay=0.0, loss_scale=sample.counts.total)
        self.where, self.targets = (sample.split, rows), sample.targets()

    def theta(self, vector: np.ndarray) -> np.ndarray:
        """Give θ of a complete vector."""
        return vector[: self.model.size].astype(np.float64)

    def outputs(self, vector: np.ndarray) -> np.ndarray:
        inputs = reference.examples(self.model, *self.where)[0]
        return reference.forward(self.model, self.theta(vector), inputs)[self.model.nodes[-1].name]

    def sums(self, vectors: np.ndarray) -> np.ndarray:
        return np.array([self.sums_at(vector) for vector in vectors]).reshape(-1, 6)

    def sums_at(self, vector: np.ndarray) -> list[float]:
        output = self.outputs(vector)
        losses, _, counted = reference.element_losses(self.model, output, self.targets)
        met = reference.correct_elements(self.model, output, self.targets)
        s, c = reference.by_example(losses), reference.by_example(counted)
        k = np.zeros(len(s)) if met is None else reference.by_example(met[0] & met[1])
        return [s.sum(), s @ s, s @ c, k.sum(), k @ k, k @ c]

    def gradients(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = [reference.gradient(self.model, self.theta(vector), *self.where) for vector in vectors]
        return self.sums(vectors), np.array(found).reshape(len(vectors), -1)

    def products(self, matrix: Matrix, vector: np.ndarray) -> Products:
        if matrix.kind != "hessian":
            raise InputError(f"the engine 'numpy' has no products with the matrix '{matrix.kind}'")
        point = self.theta(vector)
        return lambda rows: np.array(
            [reference.hvp(self.model, point, self.theta(row), *self.where) for row in rows]
        )

    def sweep(self, grid: Grid) -> GridSums:
        return NumpyGrid(self, grid)


class NumpyGrid:
    """A grid of points, two of them a step."""

    parts = 1
    points_a_step = 2

    def __init__(self, engine: NumpyEngine, grid: Grid) -> None:
        coordinates = np.stack(np.meshgrid(*grid.axes, indexing="ij"), axis=-1).reshape(grid.points, -1)
        self.engine, self.vectors = engine, grid.vectors[0] + coordinates @ grid.vectors[1:]

    def add(self, part: int, first: int, last: int, sums: np.ndarray) -> None:
        sums[first:last] += self.engine.sums(self.vectors[first:last])


@pytest.mark.parametrize(
    ("protocol", "kind"),
    [
        *[(Engine, kind) for kind in (CpuEngine, CudaEngine, NumpyEngine)],
        *[(GridSums, kind) for kind in (CpuSweep, CudaSweep, NumpyGrid)],
        *[(TrainingEngine, kind) for kind in (CpuTraining, CudaTraining)],
    ],
)
def test_every_engine_has_what_its_protocol_asks_for_and_inherits_from_none(protocol: type, kind: type):
    assert kind.__bases__ == (object,)
    for name, asked in vars(protocol).items():
        if isinstance(asked, property):
            assert hasattr(kind, name) or name in inspect.get_annotations(kind)
        elif not name.startswith("_"):
            ours, theirs = (list(inspect.signature(each).parameters) for each in (getattr(kind, name), asked))
            assert ours == theirs, name


def pair(name: str, **options: Any) -> tuple[NetworkObjective, NetworkObjective]:
    """The same objective by NumPy and by the CPU's kernels."""
    model = CASES[name].model
    return NetworkObjective(model, engine=NumpyEngine, **options), NetworkObjective(model, **options)


def close(found: Any, expected: Any) -> bool:
    return distance(np.asarray(found), np.asarray(expected)) <= TOLERANCE["float64"]


@pytest.mark.parametrize("name", NAMES)
def test_an_engine_of_numpy_gives_the_objective_all_its_numbers(name):
    ours, theirs = pair(name)
    thetas, many = points(CASES[name], 2), vectors(CASES[name], 2)
    axes = (np.array([-0.5, 0.0, 0.25]), np.array([0.0, 1.0]))
    assert ours.device == "numpy"
    assert close(ours.values(thetas), theirs.values(thetas))
    assert close(ours.gradients(thetas), theirs.gradients(thetas))
    assert close(ours.hvps(thetas[1], many), theirs.hvps(thetas[1], many))
    assert close(ours.outputs(thetas[1]), theirs.outputs(thetas[1]))
    assert ours.evaluate(thetas[1]).accuracy == theirs.evaluate(thetas[1]).accuracy
    swept = [run(each.sweep(thetas[1], many, axes)) for each in (ours, theirs)]
    assert swept[0].keys() == swept[1].keys()
    assert close(swept[0]["loss"], swept[1]["loss"])


def test_an_engine_of_numpy_sums_over_the_sample_that_was_drawn():
    ours, theirs = pair("ignored_labels", examples=5, seed=3)
    found, expected = (each.evaluate(each.model.theta) for each in (ours, theirs))
    assert found.loss == pytest.approx(expected.loss, rel=1e-12)
    assert found.loss_error == pytest.approx(expected.loss_error, rel=1e-12)
    assert found.accuracy_error == pytest.approx(expected.accuracy_error, rel=1e-12)


def test_the_whole_hessian_is_made_of_the_products_of_an_engine_without_kernels():
    ours, theirs = pair("loss_scale_and_decay")
    units = np.eye(ours.size)
    assert not is_dense(ours)
    assert close(*(hessian_operator(each, ours.model.theta).rows(units) for each in (ours, theirs)))


def test_what_needs_the_kernels_of_the_cpu_or_another_matrix_says_so_in_a_line():
    ours, _ = pair("frozen_middle")
    with pytest.raises(InputError, match="needs the kernels of the CPU, which the engine of 'numpy'"):
        unit_ranges(ours, ours.model.theta)
    with pytest.raises(InputError, match="no products with the matrix 'outer'"):
        fisher_products(ours, ours.model.theta, np.ones((1, ours.size)), matrix="empirical-fisher")

"""Running statistics taken anew at every θ: those of the batches, whatever the file's are, and the loss that they give."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.model import Model
from landscape.objective import NetworkObjective, RecomputedObjective
from landscape.objective.recomputed import RunningStatistics
from landscape.scanning import scan
from tests import reference
from tests.cases import CASES
from tests.engine import single
from tests.networks import network

BATCH = 9
GRAPH = (
    f"c conv2d 2 3 3 3 | b batchnorm 3 batch_size={BATCH} | s silu | d conv2d 3 4 2 2"
    f"| e batchnorm 4 batch_size={BATCH} | t tanh | g globalavgpool | fc dense 4 3"
)


@cache
def model() -> Model:
    return network(GRAPH, (2, 5, 4), 3, n=23, test=7)(np.random.default_rng(5))


def expected(theta: np.ndarray) -> dict[str, np.ndarray]:
    """Average each node's batch statistics, with the referee, batch by batch and node by node."""
    found: dict[str, list[np.ndarray]] = {}
    x, _ = reference.examples(model(), "train", None)
    for start in range(0, len(x), BATCH):
        values, named = {"input": x[start : start + BATCH]}, reference.unpack(model(), theta)
        for node in model().nodes:
            inputs = [values[name] for name in node.inputs]
            attributes = dict(node.attributes)
            if node.op == "batchnorm":
                attributes["mode"] = "batch"
                found.setdefault(f"{node.name}.running_mean", []).append(inputs[0].mean(axis=(0, 2, 3)))
                found.setdefault(f"{node.name}.running_var", []).append(inputs[0].var(axis=(0, 2, 3), ddof=1))
            own = reference.parameters_of(node, named)
            values[node.name] = reference.forward_op(node.op, inputs, own, attributes)
    return {key: np.mean(parts, axis=0) for key, parts in found.items()}


def far() -> np.ndarray:
    return single(model().theta + 0.5 * np.random.default_rng(1).standard_normal(model().size))


@pytest.mark.parametrize("threads", [1, 2])
def test_statistics_are_the_averages_of_the_batches(threads):
    constants = RunningStatistics(model(), threads=threads).at(far())
    for slot in model().constant_layout:
        np.testing.assert_allclose(constants[slot.start : slot.stop], expected(far())[slot.name], rtol=1e-12)


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_loss_is_that_of_the_network_with_these_statistics(split):
    there = replace(model(), buffers=expected(far()))
    found = RecomputedObjective(model(), split).evaluate(far())
    plain = NetworkObjective(there, split).evaluate(far())
    assert found.loss == pytest.approx(plain.loss, rel=1e-12)
    assert found.accuracy == plain.accuracy


def test_a_sweep_is_its_points():
    objective = RecomputedObjective(model())
    direction = single(np.random.default_rng(2).standard_normal(model().size))
    sweep = objective.sweep(model().theta, direction, (np.array([-0.5, 0.0, 1.0]),))
    sweep.run(0)
    assert sweep.point_done().tolist() == [True, False, False]
    for step in (1, 2):
        sweep.run(step)
    points = model().theta + np.array([[-0.5], [0.0], [1.0]]) * direction
    np.testing.assert_array_equal(sweep.finish()["loss"], objective.values(points))


def test_a_scan_with_recomputed_statistics_differs_and_says_so():
    choices = {"dimensions": 1, "points": 3, "dtype": "float64", "split": "train"}
    plain, recomputed = scan(model(), **choices), scan(model(), recompute_statistics=True, **choices)
    assert recomputed.settings["recompute_statistics"] is True
    assert "recompute_statistics" not in plain.settings
    assert not np.allclose(plain.values["train_loss"], recomputed.values["train_loss"])


def test_a_network_without_running_statistics_is_refused():
    for name in ("chain_tanh", "batch_statistics"):
        with pytest.raises(InputError, match="batch normalization in mode 'running'"):
            RecomputedObjective(CASES[name].model)

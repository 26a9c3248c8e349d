"""What a network gives for each example is the referee's, whatever the batch that normalizes it and whatever pads a tile."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from landscape.model import Model
from landscape.objective import NetworkObjective, tiles
from landscape.objective.examples import score_outputs
from landscape.objective.patterns import KinkPatterns
from landscape.objective.units import silent_inputs, unit_ranges
from landscape.program.table import WIDEST_VECTOR
from tests import reference
from tests.cases import CASES
from tests.engine import TOLERANCE, VALUE_TOLERANCE, distance, every_case, every_dtype, objective
from tests.networks import network

# Whole batches and a last one that is not, for every way in which a batch may fill two vectors.
SIZES = range(1, 2 * WIDEST_VECTOR + 2)
EXAMPLES = 19
OF_FEATURES = network(
    "a dense 3 4 | n batchnorm 4 mode=batch eps=0.1 | r relu | b dense 4 3",
    3,
    3,
    n=EXAMPLES,
    test=EXAMPLES - 6,
)
OF_IMAGES = network(
    "c conv2d 2 3 2 2 | n batchnorm 3 mode=batch eps=0.1 | p maxpool2d kernel=2 stride=1 | t tanh | flat flatten | b dense 3 2",
    (2, 3, 3),
    2,
    loss="mse",
    n=EXAMPLES,
)


def in_batches(build, size: int) -> Model:
    """Build a network that normalizes by batches of a size."""
    model = build(np.random.default_rng(0))
    nodes = tuple(
        replace(node, attributes=node.attributes | {"batch_size": size}) if node.op == "batchnorm" else node
        for node in model.nodes
    )
    return replace(model, nodes=nodes)


def expected_outputs(model: Model, split: str = "train") -> np.ndarray:
    """Compute the outputs by the referee."""
    x, _ = reference.examples(model, split, None)
    return reference.forward(model, model.theta, x)[model.nodes[-1].name]


@every_dtype
@every_case
def test_outputs_are_the_referees(name, dtype):
    expected = expected_outputs(CASES[name].model)
    found = objective(name, dtype).outputs(CASES[name].model.theta)
    assert found.shape == expected.shape
    assert distance(found, expected) <= TOLERANCE[dtype]


@every_dtype
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("build", [OF_FEATURES, OF_IMAGES], ids=["features", "images"])
def test_outputs_of_batches_of_any_size_are_the_referees_and_make_the_loss(build, size, dtype):
    model = in_batches(build, size)
    engine = NetworkObjective(model, dtype=dtype)
    found = engine.outputs(model.theta)
    assert distance(found, expected_outputs(model)) <= TOLERANCE[dtype]
    loss, _ = score_outputs(model, found.astype(np.float64), model.data["y_train"])
    assert loss.mean() == pytest.approx(engine.value(model.theta), rel=VALUE_TOLERANCE[dtype])


@pytest.mark.parametrize("size", [5, 8])
def test_outputs_follow_the_examples_over_blocks_splits_and_subsets(monkeypatch, size):
    monkeypatch.setattr(tiles, "BLOCK_BYTES", 1)
    model = in_batches(OF_FEATURES, size)
    assert NetworkObjective(model).on_cpu.tiled.tiles.blocks > 1
    for split in ("train", "test"):
        found = NetworkObjective(model, split).outputs(model.theta)
        assert distance(found, expected_outputs(model, split)) <= TOLERANCE["float64"]
    part = NetworkObjective(model, examples=11, seed=4)
    kept = replace(
        model,
        data={
            key: np.asarray(array)[part.sample.chosen] for key, array in model.data.items() if "train" in key
        },
    )
    assert distance(part.outputs(model.theta), expected_outputs(kept)) <= TOLERANCE["float64"]


@pytest.mark.parametrize(
    "name", ["output_in_the_middle", "unused_branch_before_the_last", "functions_shrunk"]
)
def test_units_are_those_of_their_nodes_where_others_lead_nowhere(name):
    model = CASES[name].model
    x, _ = reference.examples(model, "train", None)
    values, nodes = reference.forward(model, model.theta, x), {node.name: node for node in model.nodes}
    found = unit_ranges(objective(name, "float64"), model.theta)
    assert found
    for unit in found:
        before = values[nodes[unit.node].inputs[0]]
        np.testing.assert_allclose(unit.low, before.min(axis=0), atol=1e-12)
        np.testing.assert_allclose(unit.high, before.max(axis=0), atol=1e-12)


@pytest.mark.parametrize("size", [1, 3, 5, 12])
def test_what_is_said_of_units_and_inputs_is_of_the_examples_and_of_no_padding(size):
    model = in_batches(OF_FEATURES, size)
    data = dict(model.data)
    data["x_train"] = data["x_train"] * np.array([1, 0, 1], np.float32)
    model = replace(model, data=data)
    engine = NetworkObjective(model)
    x, _ = reference.examples(model, "train", None)
    values = reference.forward(model, model.theta, x)["n"]
    found = unit_ranges(engine, model.theta)[0]
    np.testing.assert_allclose(found.low, values.min(axis=0), atol=1e-12)
    np.testing.assert_allclose(found.high, values.max(axis=0), atol=1e-12)
    assert silent_inputs(engine).tolist() == [False, True, False]
    pattern = KinkPatterns(engine).at(model.theta)
    assert pattern.sum() == (values > 0).sum()
    assert pattern.size == values.size


def test_groups_far_from_zero_are_normalized_up_to_one_rounding_of_their_mean():
    build = network("n groupnorm 6 groups=2", (6, 9, 9), (6, 9, 9), loss="mse", n=3)
    model, offset = build(np.random.default_rng(0)), 3000.0
    far = (model.data["x_train"] + offset).astype(np.float32)
    model = replace(model, data=dict(model.data) | {"x_train": far})
    expected = reference.forward(model, model.theta, far.astype(np.float64))["n"]
    found = NetworkObjective(model, dtype="float32", threads=1).outputs(model.theta)
    largest = np.abs(model.parameters["n.weight"]).max()
    assert np.abs(found - expected).max() < largest * offset * np.finfo(np.float32).eps

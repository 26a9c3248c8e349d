"""The symmetries that are found in a graph are symmetries: the network computes the same with its units in any order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from landscape.alignment.groups import Group, Order, Symmetry, symmetry_of
from landscape.model import Model, build_model
from landscape.ops.table import OPERATIONS
from landscape.ops.unit_rules import ODD, RULES, rule_of
from tests import reference
from tests.cases import CASES
from tests.model.test_traits import GIVEN, POSITIVE, evaluated


def shuffled(group: Group, rng: np.random.Generator) -> Order:
    signs = np.where(rng.random(group.size) < 0.5, -1.0, 1.0) if group.odd else np.ones(group.size)
    return Order(rng.permutation(group.size), signs)


def disturbed(model: Model, seed: int) -> tuple[Model, Symmetry]:
    """Put all units of a model in a random order."""
    symmetry, rng = symmetry_of(model), np.random.default_rng(seed)
    wide = replace(
        model,
        parameters={key: np.asarray(array, np.float64) for key, array in model.parameters.items()},
        buffers={key: np.asarray(array, np.float64) for key, array in model.buffers.items()},
    )
    return symmetry.applied(wide, [shuffled(group, rng) for group in symmetry.groups]), symmetry


def outputs(model: Model) -> np.ndarray:
    x, _ = reference.examples(model, "train", None)
    return np.asarray(reference.forward(model, model.theta, x)[model.nodes[-1].name])


@pytest.mark.parametrize("name", CASES)
def test_units_in_another_order_give_the_same_outputs(name):
    model = CASES[name].model
    moved, symmetry = disturbed(model, 3)
    if symmetry.groups:
        assert not np.array_equal(moved.theta, model.theta)
    expected, found = outputs(model), outputs(moved)
    assert np.abs(found - expected).max() <= 1e-12 * max(1.0, np.abs(expected).max())


def built(nodes: list[dict], shapes: dict[str, tuple[int, ...]], input_shape: tuple[int, ...]) -> Model:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((6, *input_shape))
    parameters = {key: rng.standard_normal(shape) for key, shape in shapes.items()}
    return build_model(
        nodes=nodes,
        parameters=parameters,
        loss="mse",
        x_train=x,
        y_train=np.zeros((6, *x.shape[1:-1], 2)),
        input_shape=input_shape,
    )


def dense(name: str, **more) -> dict:
    return {"name": name, "op": "dense", **more}


def sizes(name: str, before: int, after: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (after, before), f"{name}.bias": (after,)}


def test_both_sides_of_a_residual_branch_are_one_group():
    nodes = [
        dense("in"), dense("a"), {"name": "act", "op": "relu"}, dense("b"), {"name": "sum", "op": "add", "inputs": ["in", "b"]}, dense("out"),
    ]  # fmt: skip
    shapes = sizes("in", 3, 4) | sizes("a", 4, 7) | sizes("b", 7, 4) | sizes("out", 4, 2)
    found = symmetry_of(built(nodes, shapes, (3,)))
    assert sorted((group.size, group.odd) for group in found.groups) == [(4, True), (7, False)]
    stream = next(group for group in found.groups if group.size == 4)
    keys = {(place.key, place.axis) for place in stream.places}
    assert keys == {
        ("in.weight", 0), ("in.bias", 0), ("a.weight", 1), ("b.weight", 0), ("b.bias", 0), ("out.weight", 1),
    }  # fmt: skip


def test_concatenation_keeps_its_blocks_apart():
    nodes = [
        dense("a", inputs=["input"]), dense("b", inputs=["input"]), {"name": "both", "op": "concat", "inputs": ["a", "b"], "axis": 1},
        {"name": "act", "op": "relu"}, dense("out"),
    ]  # fmt: skip
    found = symmetry_of(built(nodes, sizes("a", 3, 4) | sizes("b", 3, 5) | sizes("out", 9, 2), (3,)))
    assert sorted((group.name, group.size) for group in found.groups) == [("a", 4), ("b", 5)]


def test_layers_with_shared_parameters_share_their_order():
    nodes = [
        dense("a"), {"name": "act", "op": "relu"}, dense("b"), {"name": "act2", "op": "relu"},
        dense("again", parameters_of="b"), {"name": "act3", "op": "relu"}, dense("out"),
    ]  # fmt: skip
    found = symmetry_of(built(nodes, sizes("a", 3, 4) | sizes("b", 4, 4) | sizes("out", 4, 2), (3,)))
    assert [group.size for group in found.groups] == [4]


def test_units_that_meet_numbers_of_other_places_stay_and_are_named():
    """In a product of matrices the columns of the first meet rows that are tokens; the columns of the second go on."""
    nodes = [
        {"name": "a", "op": "dense"}, {"name": "b", "op": "dense", "inputs": ["input"]},
        {"name": "product", "op": "matmul", "inputs": ["a", "b"]}, dense("out"),
    ]  # fmt: skip
    found = symmetry_of(built(nodes, sizes("a", 3, 4) | sizes("b", 3, 4) | sizes("out", 4, 2), (4, 3)))
    assert [(group.name, group.size) for group in found.groups] == [("b", 4)]
    assert found.stays == {"product": "units meet numbers of other places"}


def test_a_part_of_the_units_that_is_summed_stays_among_itself():
    """The sum of the first three of seven units is unchanged only if those three are permuted among themselves."""
    nodes = [
        dense("a"), {"name": "few", "op": "slice", "inputs": ["a"], "axis": 1, "stop": 3},
        {"name": "sum", "op": "reduce_sum", "inputs": ["few"], "axes": [1], "keepdims": True}, dense("b", inputs=["a"]),
        {"name": "out", "op": "add", "inputs": ["b", "sum"]},
    ]  # fmt: skip
    model = built(nodes, sizes("a", 5, 7) | sizes("b", 7, 2), (5,))
    moved, found = disturbed(model, 0)
    assert sorted(group.size for group in found.groups) == [3, 4]
    assert np.allclose(outputs(moved), outputs(model), rtol=0, atol=1e-12)


PLAIN = [name for name, op in OPERATIONS.items() if op.traits.elementwise and op.inputs == (1, 1)]


@pytest.mark.parametrize("op", PLAIN)
def test_signs_turn_where_a_function_is_odd(op):
    x = 3.0 * np.random.default_rng(1).standard_normal((2, 4, 6, 6))
    if op in POSITIVE:
        assert op not in ODD
        return
    # A power is odd for some of its exponents.
    if op != "power":
        assert np.allclose(evaluated(op, -x), -evaluated(op, x), atol=1e-12) == (op in ODD)


def test_every_op_has_a_rule():
    without = {
        name for name, op in OPERATIONS.items() if rule_of(name, elementwise=op.traits.elementwise) is None
    }
    assert without == set()
    assert set(RULES) <= set(OPERATIONS)
    assert GIVEN

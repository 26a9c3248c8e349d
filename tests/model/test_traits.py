"""The traits of ops agree with what the ops compute, and no other package distinguishes ops by name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import landscape
from landscape.model.graph import read_nodes
from landscape.model.initialization import INITIALIZATIONS
from landscape.model.losses import LOSSES
from landscape.ops.table import OPERATIONS
from landscape.ops.traits import Bend, Traits
from tests.reference_activations import ACTIVATIONS
from tests.reference_ops import forward_op

# Attributes without a default.
GIVEN: dict[str, dict[str, Any]] = {
    "maxpool2d": {"kernel": 2},
    "avgpool2d": {"kernel": 2},
    "mean": {"axis": 2},
    "pad_channels": {"before": 1, "after": 2},
    "scale": {"by": 1.5},
    "shift": {"by": 0.5},
    "clip_below": {"least": 0.5},
    "clip_above": {"most": 0.5},
    "power": {"exponent": 3.0},
    "reshape": {"shape": [6, -1]},
    "transpose": {"axes": [2, 1, 3]},
    "slice": {"axis": 1, "start": 1},
    "take": {"axis": 2, "indices": [1, 1, 0]},
    "pad": {"before": [1, 0, 0], "after": [0, 0, 0], "value": 0.5},
    "expand": {"shape": [2, *(4, 6, 6)]},
    "reduce_sum": {"axes": [1, 3]},
    "reduce_mean": {"axes": [2]},
    "reduce_max": {"axes": [3]},
    "reduce_min": {"axes": [1]},
}
# Functions of numbers above 0.
POSITIVE = ("log", "log1p", "sqrt", "rsqrt")
# Ops of one input without parameters: functions that can be tried out.
PLAIN = [name for name, op in OPERATIONS.items() if not op.parameters and op.inputs == (1, 1)]
BENT = [name for name, op in OPERATIONS.items() if op.traits.bend]
SHAPE = (4, 6, 6)
DEFAULTS = {"slope": 0.01, "alpha": 1.0, "approximate": "none", "limit": 1.0, "threshold": 0.5}
# Where the slope of `elu` jumps.
BENDING = DEFAULTS | {"alpha": 2.0}


def evaluated(op: str, x: np.ndarray) -> np.ndarray:
    """Evaluate an op on examples [N, 4, 6, 6]."""
    node = read_nodes([{"name": "n", "op": op, **GIVEN.get(op, {})}], SHAPE, {})[0]
    return forward_op(op, [np.abs(x) if op in POSITIVE else x], {}, node.attributes)


@pytest.fixture
def x() -> np.ndarray:
    return 3.0 * np.random.default_rng(1).standard_normal((2, *SHAPE))


@pytest.mark.parametrize("kind", [Traits, Bend])
def test_a_new_op_has_to_answer_everything(kind):
    assert [f.name for f in fields(kind) if (f.default, f.default_factory) != (MISSING, MISSING)] == []


@pytest.mark.parametrize("op", PLAIN)
def test_homogeneous_ops_scale_with_their_input(op, x):
    assert np.allclose(evaluated(op, 2 * x), 2 * evaluated(op, x)) == OPERATIONS[op].traits.homogeneous


@pytest.mark.parametrize("op", PLAIN)
def test_ops_that_pass_give_the_same_numbers_in_the_same_order(op, x):
    assert np.array_equal(evaluated(op, x).ravel(), x.ravel()) == OPERATIONS[op].traits.passes


@pytest.mark.parametrize("op", PLAIN)
def test_elementwise_ops_do_not_see_where_an_element_stands(op, x):
    order = np.random.default_rng(2).permutation(x.size)
    one, other = evaluated(op, x), evaluated(op, x.ravel()[order].reshape(x.shape))
    same = one.shape == x.shape and np.array_equal(one.ravel()[order], other.ravel())
    assert same == OPERATIONS[op].traits.elementwise


@pytest.mark.parametrize("op", [op for op in PLAIN if OPERATIONS[op].traits.output_range])
def test_outputs_fill_the_range_that_an_op_names(op, x):
    low, high = OPERATIONS[op].traits.output_range
    y = evaluated(op, np.concatenate([100 * x, 1e-3 * x]))
    assert low <= y.min() <= low + 0.01
    assert y.max() <= high
    assert y.max() >= min(high, 100.0) - 0.01


@pytest.mark.parametrize("op", [op for op in PLAIN if op not in BENT])
def test_only_functions_of_one_number_bend(op):
    assert OPERATIONS[op].traits.bend is None


def slopes(op: str, *z: float, attributes: dict[str, Any] = DEFAULTS) -> np.ndarray:
    return np.abs(ACTIVATIONS[op](np.array(z), attributes)[1])


@pytest.mark.parametrize("op", BENT)
def test_an_activation_is_flat_where_it_says(op):
    low, high = OPERATIONS[op].traits.bend.flat
    beyond = [z for z in (1.01 * low - 1e-9, 1.01 * high + 1e-9) if np.isfinite(z)]
    inside = [z for z in (0.75 * low + 1e-9, 0.75 * high - 1e-9) if np.isfinite(z)] or [-1e3, 1e3]
    assert np.all(slopes(op, *beyond) <= 1e-12)
    assert np.all(slopes(op, *inside) > 1e-12)


@pytest.mark.parametrize("op", BENT)
def test_an_activation_hardly_moves_beyond_where_it_is_weak(op):
    edges = [z for z in OPERATIONS[op].traits.bend.weak if np.isfinite(z)]
    largest = slopes(op, *np.linspace(-10, 10, 2001)).max()
    assert np.all(slopes(op, *edges) < 0.01 * largest)
    assert np.all(slopes(op, *(0.7 * z + (1e-9 if z == 0 else 0) for z in edges)) > 0.01 * largest)


@pytest.mark.parametrize("op", [op for op in BENT if OPERATIONS[op].traits.bend.silent])
def test_a_silent_activation_is_zero_where_it_is_flat_on_the_left(op):
    low = OPERATIONS[op].traits.bend.flat[0]
    assert abs(ACTIVATIONS[op](np.array([low - 1.0]), DEFAULTS)[0][0]) < 1e-11


@pytest.mark.parametrize("op", BENT)
def test_the_slope_or_its_own_jumps_where_an_activation_is_kinked(op):
    below, above = ACTIVATIONS[op](np.array([-1e-9, 1e-9]), BENDING)[1]
    left, right = ACTIVATIONS[op](np.array([-1e-9, 1e-9]) + 1e-30j, BENDING)[1].imag / 1e-30
    assert (max(abs(above - below), abs(right - left)) > 0.1) == OPERATIONS[op].traits.bend.kinked


LAYOUTS = [name for name, op in OPERATIONS.items() if op.places]


@pytest.mark.parametrize("op", LAYOUTS)
def test_the_places_of_a_layout_say_which_number_stands_where(op, x):
    node = read_nodes([{"name": "n", "op": op, **GIVEN[op]}], SHAPE, {})[0]
    places = OPERATIONS[op].places(SHAPE, node.shape, node.attributes).ravel()
    numbers, y = x.reshape(len(x), -1), evaluated(op, x)
    expected = np.where(places < 0, node.attributes.get("value", 0.0), numbers[:, places])
    assert y.shape == (len(x), *node.shape)
    assert np.array_equal(y.reshape(len(x), -1), expected)


@pytest.mark.parametrize("op", [name for name, op in OPERATIONS.items() if op.keeps_single])
def test_what_follows_from_parameters_alone_is_the_same_for_all_examples(op):
    most = OPERATIONS[op].inputs[1]
    nodes = [
        {"name": "p", "op": "parameter", "shape": list(SHAPE)},
        {
            "name": "n",
            "op": op,
            "inputs": ["p"] * min(most, 2),
            **GIVEN.get(op, {"shape": [3]} if not most else {}),
        },
    ]
    assert read_nodes(nodes, (3,), {"p.value": SHAPE, "n.value": (3,)})[-1].single
    if most:
        nodes[1]["inputs"] = ["input", *nodes[1]["inputs"][1:]]
        assert not read_nodes(nodes, SHAPE, {"p.value": SHAPE})[-1].single


@pytest.mark.parametrize("op", OPERATIONS)
def test_what_an_op_owns_starts_somehow(op):
    row = OPERATIONS[op]
    assert (row.traits.start != "none") == any(not one.buffer for one in row.parameters)
    assert row.traits.batch_statistics == any(one.name == "running_mean" for one in row.parameters)
    assert row.traits.product == "none" or "weight" in [one.name for one in row.parameters]
    assert row.traits.normalizes == (row.traits.start == "ones")


def test_names_of_other_tables_are_there():
    assert {op.traits.applied_by for op in OPERATIONS.values()} - {None} <= set(LOSSES)
    assert {op.traits.bend.start for op in OPERATIONS.values() if op.traits.bend} <= set(INITIALIZATIONS)


PACKAGE = Path(landscape.__file__).parent
# Files that may name ops, with the reason.
NAMING = {
    "formulas/activations.py": "has the formulas of the activations by their names",
    "program/codes.py": "has the codes of the activations by their names",
    "kernels/cpu/primitives.py": "has the functions that formulas are made of, by the names that they have everywhere",
    "kernels/cuda/target.py": "has the same for the GPU",
    "kernels/cuda/table.py": "lists files of kernels, some of which are called after an op",
    "faults/networks.py": "builds networks",
    "diagnosis/pytorch.py": "gives activations the names that PyTorch has for them",
    "torch_objective/endings.py": "gives nodes of PyTorch's graph the names that their activations have here",
    "torch_objective/units.py": "gives functions of PyTorch the names that their activations have here",
    "interactive/content.py": "has keys of a page's data that are called as ops are",
}
# Folders that may, with the reason.
NAMING_FOLDERS = {
    "ops": "is where they are defined",
    "importers": "gives other libraries' names our own",
}


def names_in(node: ast.AST) -> list[str]:
    """Give the names of ops among the elements of a collection, or of the pairs of a mapping."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        parts = node.elts
    elif isinstance(node, ast.Dict):
        parts = [*node.keys, *node.values]
    else:
        parts = [node]
    return [part.value for part in parts if isinstance(part, ast.Constant) and part.value in OPERATIONS]


def asks_for_names(tree: ast.AST) -> Iterator[str]:
    """Give the places where ops are told apart by their names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Dict) and len(set(names_in(node))) > 1:
            yield f"line {node.lineno}: lists {', '.join(names_in(node))}"
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            named = any(getattr(side, "attr", getattr(side, "id", "")) == "op" for side in sides)
            if named and any(names_in(side) for side in sides):
                yield f"line {node.lineno}: compares an op with a name"


def test_ops_are_asked_for_traits_not_for_names():
    sources = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
    found = [
        f"{name}: {place}"
        for name, path in sources.items()
        if name not in NAMING and name.split("/")[0] not in NAMING_FOLDERS
        for place in asks_for_names(ast.parse(path.read_text("utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    "code", ['node.op == "dense"', 'node.op in ("relu", "elu")', 'X = {"tanh", "relu"}', 'op != "dropout"']
)
def test_asking_for_a_name_is_found(code):
    assert list(asks_for_names(ast.parse(code)))

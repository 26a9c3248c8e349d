"""No two uses of random numbers share a stream: all are listed in one place, apart from each other."""

from __future__ import annotations

import ast
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest

from landscape import streams
from landscape.formulas.random import normal

PACKAGE = Path(streams.__file__).parent
RANGES = {name: value for name, value in vars(streams).items() if isinstance(value, range)}
# Where the stream stands among the arguments of what draws from one.
DRAWING = {
    "normal": 1,
    "uniform": 1,
    "permutation": 1,
    "words": 1,
    "gaussian_rows": 1,
    "unit_rows": 1,
    "sign_rows": 1,
    "sign_blocks": 1,
}
GENERATORS = {"default_rng", "RandomState", "Philox", "PCG64", "SeedSequence"}
# The gallery is written as a user would, with data of its own.
SOURCES = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if "gallery" not in path.parts and path != PACKAGE / "streams.py"
]
COUNT = 4000


def test_the_streams_of_different_uses_are_disjoint():
    ordered = sorted(RANGES.values(), key=lambda one: one.start)
    assert all(one.stop <= other.start for one, other in pairwise(ordered))
    assert all(0 <= one.start < one.stop < 2**63 for one in ordered)
    assert len(set(streams.NUMPY.values())) == len(streams.NUMPY)


def test_no_use_reaches_beyond_its_streams():
    with pytest.raises(IndexError):
        streams.KINKS[2]


@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1])
def test_first_draws_of_all_streams_are_uncorrelated(seed):
    numbers = {one[k] for one in RANGES.values() for k in (0, 1, 2) if k < len(one)}
    numbers |= {one[-1] for one in RANGES.values()}
    draws = [normal(seed, number, 0, COUNT) for number in sorted(numbers)]
    draws += [
        streams.numpy_generator(use, seed, part).standard_normal(COUNT)
        for use in streams.NUMPY
        for part in (0, 1)
    ]
    found = np.corrcoef(draws)[np.triu_indices(len(draws), 1)]
    assert np.abs(found).max() < 5.5 / np.sqrt(COUNT)


def names_a_stream(node: ast.expr) -> bool:
    """`streams.NAME[…]`, or a parameter called `stream` that a caller has filled so."""
    if isinstance(node, ast.Name):
        return node.id == "stream"
    value = node.value if isinstance(node, ast.Subscript) else None
    return (
        isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name) and value.value.id == "streams"
    )


def called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def draws_from_elsewhere(node: ast.AST) -> bool:
    """Whether a call, a name or an attribute gives random numbers of a stream that is not listed."""
    if isinstance(node, ast.Call):
        drawing = isinstance(node.func, ast.Name) and node.func.id in DRAWING
        return called(node) in GENERATORS or (
            drawing and not names_a_stream(node.args[DRAWING[called(node)]])
        )
    if isinstance(node, ast.Assign):
        names = [name for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
        return any("STREAM" in name.id for name in names)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
        # What a user's own code draws from is kept, begun and put back around it.
        return node.value.attr == "random" and node.attr not in (
            "Generator",
            "get_state",
            "set_state",
            "seed",
        )
    return False


def test_random_numbers_come_from_listed_streams_only():
    found = [
        f"{path.relative_to(PACKAGE)}: line {node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if draws_from_elsewhere(node)
    ]
    assert found == []


@pytest.mark.parametrize(
    "code", ["normal(seed, 7, 0, 3)", "np.random.default_rng(0)", "MY_STREAM = 3", "numpy.random.normal(3)"]
)
def test_a_draw_from_elsewhere_would_be_found(code):
    assert any(map(draws_from_elsewhere, ast.walk(ast.parse(code))))


def test_kernels_count_from_the_listed_streams():
    from landscape.formulas import draws

    assert (streams.EPOCHS[0], streams.DRAWS[0], streams.MASKS[0]) == (draws.EPOCHS, draws.DRAWS, draws.MASKS)


def test_a_stream_repeats_nothing_of_another_seed():
    pairs = combinations([normal(seed, streams.STARTS[0], 0, COUNT) for seed in range(4)], 2)
    assert max(abs(np.corrcoef(pair)[0, 1]) for pair in pairs) < 5.5 / np.sqrt(COUNT)

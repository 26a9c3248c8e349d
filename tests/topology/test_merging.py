"""The merge tree: against paper, against a slow twin by flooding, against gudhi, and what must not change it."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.topology import maxima_of, merge_tree
from tests.topology.examples import himmelblau, two_valleys

PAPER = np.array([[2.0, 1, 6, 8], [5, 9, 4, 7], [4, 7, 3, 9]])


def bars(values, connectivity="faces"):
    """Give the pairs that last, sorted; the flat ones are artefacts of the order of ties."""
    pairs = merge_tree(values, connectivity).pairs(values)
    return sorted(map(tuple, pairs[pairs[:, 1] > pairs[:, 0]].tolist()))


def peaks(values, connectivity="faces"):
    """Give heights of saddle and maximum, those that last."""
    found = np.asarray(values).ravel()[maxima_of(values, connectivity)]
    return sorted(map(tuple, found[found[:, 1] > found[:, 0]].tolist()))


def flooded(values):
    """Find the pairs by flooding from scratch at every height: the slow twin, for neighbours across faces."""
    shape, heights = values.shape, np.unique(values)
    order = {place: rank for rank, place in enumerate(np.argsort(values, axis=None, kind="stable"))}
    alive, pairs = {}, []
    for height in heights:
        left = {at for at in product(*map(range, shape)) if values[at] <= height}
        found = {}
        while left:
            piece, todo = set(), [left.pop()]
            while todo:
                at = todo.pop()
                piece.add(at)
                for axis, step in product(range(values.ndim), (-1, 1)):
                    near = tuple(a + step * (i == axis) for i, a in enumerate(at))
                    if near in left:
                        left.remove(near)
                        todo.append(near)
            lowest = min(piece, key=lambda at: order[int(np.ravel_multi_index(at, shape))])
            found[lowest] = piece
        pairs += [(values[at], height) for at in alive if at not in found]
        alive = found
    return sorted([(a, b) for a, b in pairs if b > a] + [(values[at], np.inf) for at in alive])


def random_arrays(count, shape, seed=0):
    """Give arrays, every second one of few different numbers, so that there are ties."""
    draw = np.random.default_rng(seed)
    for number in range(count):
        yield draw.integers(0, 6, shape).astype(float) if number % 2 else draw.normal(size=shape)


def test_an_array_from_paper():
    assert bars(PAPER) == [(1.0, np.inf), (3.0, 6.0), (4.0, 5.0)]
    assert bars(PAPER, "corners") == [(1.0, np.inf), (3.0, 4.0), (4.0, 5.0)]
    assert peaks(PAPER) == [(7.0, 9.0)]


def test_a_checkerboard_has_two_minima_across_faces_and_one_across_corners():
    board = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert bars(board) == [(0.0, 1.0), (0.0, np.inf)]
    assert bars(board, "corners") == [(0.0, np.inf)]


@pytest.mark.parametrize("shape", [(9,), (5, 6), (3, 3, 4)], ids=str)
def test_it_agrees_with_flooding_from_scratch_at_every_height(shape):
    for values in random_arrays(12, shape):
        assert bars(values) == flooded(values)


def test_valleys_that_the_grid_misses_make_shallow_minima_and_one_deep_pair():
    values = two_valleys().values["train_loss"]
    pairs = merge_tree(values).pairs(values)
    assert len(pairs) == 22
    assert len(merge_tree(values, "corners").births) == 14
    rise = pairs[:, 1] - pairs[:, 0]
    deep = np.flatnonzero(np.isfinite(rise) & (rise > 0.05))
    assert pairs[deep].tolist() == [[0.0, 1.0]]
    # Everywhere on the axes the height is 1: the pass is the origin, or the point next to it that comes first.
    assert (
        np.abs(np.subtract(np.unravel_index(merge_tree(values).deaths[deep[0]], values.shape), 20)).max() <= 1
    )
    assert rise[np.isfinite(rise) & (rise <= 0.05)].max() <= 0.0101


def test_the_saddles_and_the_maximum_of_himmelblaus_function():
    values = himmelblau().values["train_loss"]
    saddles = sorted(pair[1] for pair in bars(values) if np.isfinite(pair[1]) and pair[1] - pair[0] > 1)
    assert saddles == pytest.approx([13.311926, 67.719150, 104.015163], rel=1e-3)
    assert peaks(values)[-1] == pytest.approx((178.337239, 181.616522), rel=1e-3)


def test_a_constant_is_one_basin_without_a_saddle_and_without_a_maximum():
    flat = np.full((4, 5), 2.0)
    assert bars(flat) == [(2.0, np.inf)]
    assert peaks(flat) == []
    assert (merge_tree(flat).label == 0).all()


@pytest.mark.parametrize("connectivity", ["faces", "corners"])
def test_pairs_follow_scaling_and_do_not_depend_on_the_orientation(connectivity):
    for values in random_arrays(10, (5, 6)):
        found, high = bars(values, connectivity), peaks(values, connectivity)
        assert bars(values * 2 + 8, connectivity) == [(2 * a + 8, 2 * b + 8) for a, b in found]
        for turned in (values.T, values[::-1], values[:, ::-1], np.rot90(values)):
            assert bars(turned, connectivity) == found
            assert peaks(turned, connectivity) == high


def test_a_small_change_of_the_values_moves_births_and_deaths_by_no_more():
    draw = np.random.default_rng(3)
    for values in random_arrays(10, (6, 7), seed=4):
        change = 0.05 * draw.uniform(-1, 1, values.shape)
        long = [pair for pair in bars(values) if 0.1 < pair[1] - pair[0] < np.inf]
        near = np.array(bars(values + change))
        # The lengths of finite bars beyond twice the change are matched one by one.
        lengths = np.sort([b - a for a, b in near if np.isfinite(b)])[::-1]
        expected = np.sort([b - a for a, b in long])[::-1]
        assert np.abs(lengths[: len(expected)] - expected).max(initial=0.0) <= 0.1 + 1e-12


def test_what_is_not_finite_is_a_wall_and_each_piece_has_a_deepest_point():
    values = np.array([[1.0, np.nan, 3.0], [2.0, np.inf, 4.0]])
    tree = merge_tree(values)
    assert bars(values) == [(1.0, np.inf), (3.0, np.inf)]
    assert tree.label.tolist() == [[0, -1, 1], [0, -1, 1]]


def test_a_basin_is_where_one_descends_to_its_minimum():
    values = himmelblau(31).values["train_loss"]
    label = merge_tree(values).label
    for at in np.argwhere(label >= 0):
        i, j = at
        near = [(i + a, j + b) for a, b in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))]
        lowest = min((p for p in near if 0 <= p[0] < 31 and 0 <= p[1] < 31), key=lambda p: values[p])
        assert label[lowest] == label[i, j]


def test_nothing_finite_and_unknown_neighbours_are_refused():
    with pytest.raises(InputError, match="no value is finite"):
        merge_tree(np.full((2, 2), np.nan))
    with pytest.raises(InputError, match="expected faces or corners, found 'edges'"):
        merge_tree(np.zeros((2, 2)), "edges")


@pytest.mark.gudhi
@pytest.mark.parametrize("shape", [(5, 6), (3, 4, 4)], ids=str)
def test_it_agrees_with_gudhi_on_random_arrays(shape):
    gudhi = pytest.importorskip("gudhi")
    top = len(shape) - 1
    for values in random_arrays(200, shape):
        for connectivity, cells in (("faces", "vertices"), ("corners", "top_dimensional_cells")):
            theirs = gudhi.CubicalComplex(**{cells: values})
            theirs.persistence(homology_coeff_field=2, min_persistence=0)
            zero = theirs.persistence_intervals_in_dimension(0)
            high = theirs.persistence_intervals_in_dimension(top)
            assert bars(values, connectivity) == sorted(
                tuple(map(float, pair)) for pair in zero if pair[1] > pair[0]
            )
            assert peaks(values, connectivity) == sorted(tuple(map(float, pair)) for pair in high)

"""Barriers, curves and bands on functions whose answers are known on paper."""

from __future__ import annotations

import math

import numpy as np
import pytest

from landscape.connection import band, climbing, connect, relax
from landscape.connection.barrier import judged, peak, standard_error
from landscape.connection.climbing import climb, follow
from landscape.connection.saddles import minimax, tree_of
from landscape.errors import ComputationError, InputError
from landscape.objective import CallableObjective, complete

RING = CallableObjective(lambda w: (w @ w - 1) ** 2, gradient=lambda w: 4 * (w @ w - 1) * w, size=2)
TOY = CallableObjective(
    lambda w: (1 - w[0] * w[1]) ** 2, gradient=lambda w: -2 * (1 - w[0] * w[1]) * w[::-1], size=2
)


def himmelblau(w):
    """Give the gradient of (x² + y − 11)² + (x + y² − 7)²."""
    a, b = w[0] ** 2 + w[1] - 11, w[0] + w[1] ** 2 - 7
    return np.array([4 * a * w[0] + 2 * b, 2 * a + 4 * b * w[1]])


HIMMELBLAU = CallableObjective(
    lambda w: (w[0] ** 2 + w[1] - 11) ** 2 + (w[0] + w[1] ** 2 - 7) ** 2, gradient=himmelblau, size=2
)
MINIMA = [[3.0, 2.0], [-2.805118086953, 3.131312518250], [-3.779310253378, -3.283185991286], [3.584428340330, -1.848126526964]]  # fmt: skip
# The heights of its saddles.
PASSES = {(0, 3): 13.311926, (0, 1): 67.719150, (1, 2): 104.015163, (2, 3): 178.337239}


@pytest.fixture(scope="module")
def ring():
    return connect(RING, points=[[-1.0, 0.0], [1.0, 0.0]], curve=["bezier", "polychain"], band=True)


def test_the_ring_has_a_barrier_of_one_on_the_line(ring):
    found = ring.highest
    assert found["connected"] == "barrier"
    for name in ("barrier", "barrier_mean_ends", "barrier_max_end"):
        assert found[name] == {"value": 1.0, "error": 0.0, "at": 0.5}


def test_the_bezier_curve_over_the_ring_is_the_best_one(ring):
    """∫ (x² + y² − 1)² is least for the bend (0, ±3/√2): mean 2/105, maximum 4/81."""
    bend = ring.series["path.0-1.bezier.points"][1]
    assert np.allclose(np.abs(bend), [0.0, 3 / math.sqrt(2)], atol=1e-6)
    curve = ring.highest["curves"]["bezier"]
    assert curve["barrier"]["value"] == pytest.approx(4 / 81, abs=1e-8)
    assert curve["away"] == pytest.approx(3 / math.sqrt(2), abs=1e-6)
    t = np.linspace(0, 1, 4001)
    x, y = 2 * t - 1, 2 * t * (1 - t) * abs(bend[1])
    assert np.trapezoid((x**2 + y**2 - 1) ** 2, t) == pytest.approx(2 / 105, abs=1e-6)


def test_the_chain_of_pieces_over_the_ring_is_the_best_one(ring):
    assert np.allclose(np.abs(ring.series["path.0-1.polychain.points"][1]), [0.0, math.sqrt(1.5)], atol=1e-6)
    assert ring.highest["curves"]["polychain"]["barrier"]["value"] == pytest.approx(0.25, abs=1e-8)
    t = np.linspace(0, 1, 100_001)
    x, y = 2 * t - 1, (1 - np.abs(2 * t - 1)) * math.sqrt(1.5)
    assert np.trapezoid((x**2 + y**2 - 1) ** 2, t) == pytest.approx(1 / 12, abs=1e-6)


def test_the_band_lies_on_the_ring_and_has_no_pass(ring):
    found = ring.highest
    assert found["curves"]["band"]["connected"] == "connected"
    assert found["curves"]["band"]["length"] == pytest.approx(math.pi / 2, abs=0.01)
    assert not found["saddle"]["certified"]


@pytest.mark.parametrize("count", [5, 9, 17])
def test_a_band_of_few_points_rises_by_its_chords(count):
    """With N points on the half circle the middle of a piece has radius cos(π/(2(N−1))), and the loss there is sin⁴ of that."""
    t = np.linspace(0, math.pi, count)
    start = np.stack([-np.cos(t), 0.8 * np.sin(t)], axis=1)
    start[[0, -1], 1] = 0.0

    def sloped(thetas, places):
        r = np.sum(thetas**2, axis=1)
        return (r - 1) ** 2, 4 * (r - 1)[:, None] * thetas

    found = relax(sloped, lambda w, places: sloped(w, places)[0], start, np.zeros(2), insert=False)
    assert np.abs(found.values).max() < 1e-12
    middle = 0.5 * (found.points[1:] + found.points[:-1])
    highest = ((np.sum(middle**2, axis=1) - 1) ** 2).max()
    assert highest == pytest.approx(math.sin(math.pi / (2 * (count - 1))) ** 4, rel=0.02)


def test_a_band_stops_where_nothing_on_it_lies_above_the_higher_end():
    """Between points a little outside of the ring it need not come down to the ring."""
    t = np.linspace(0, math.pi, 9)
    start = np.stack([-1.1 * np.cos(t), 0.5 * np.sin(t)], axis=1)

    def sloped(thetas, places):
        r = np.sum(thetas**2, axis=1)
        return (r - 1) ** 2, 4 * (r - 1)[:, None] * thetas

    end = 0.21**2
    found = relax(sloped, lambda w, places: sloped(w, places)[0], start, np.full(2, end))
    middles = 0.5 * (found.points[1:] + found.points[:-1])
    assert 1e-6 < found.values[1:-1].max() <= end
    assert sloped(middles, None)[0].max() <= end * (1 + 1e-12)


def test_momentum_brings_a_band_down_a_narrow_valley_in_fewer_steps(monkeypatch):
    """Across the way the curvatures are 400 and 1, so that steps alone take hundreds to come down along the second."""
    curvatures = np.array([0.0, 400.0, 1.0])
    t = np.linspace(0.0, 1.0, 7)
    start = np.stack([t, np.sin(math.pi * t), np.sin(math.pi * t)], axis=1)
    start[[0, -1], 1:] = 0.0

    def sloped(thetas, places):
        return 0.5 * thetas**2 @ curvatures, thetas * curvatures

    def highest():
        found = relax(sloped, lambda w, places: sloped(w, places)[0], start, np.zeros(2), cycles=(60,))
        return found.values.max()

    fast = highest()
    monkeypatch.setattr(band, "MOMENTUM", 0.0)
    monkeypatch.setattr(band, "SLOW_GROWTH", band.GROWTH)
    assert fast < 0.1 * highest()


def test_the_lectures_function_has_a_pass_of_one_at_the_origin():
    found = connect(TOY, points=[[1.0, 1.0], [-1.0, -1.0]], band=True, curve="bezier")
    pair = found.highest
    assert pair["barrier"]["value"] == 1.0
    assert pair["curves"]["band"]["barrier_max_end"]["value"] == pytest.approx(1.0, abs=1e-3)
    # Every way crosses w₁w₂ = 0.
    assert pair["curves"]["bezier"]["barrier"]["value"] >= 1.0 - 1e-6
    saddle = pair["saddle"]
    assert (saddle["certified"], saddle["index"]) == (True, 1)
    assert saddle["height"] == pytest.approx(1.0, abs=1e-12)
    assert np.abs(found.series["saddle.0-1.theta"]).max() < 1e-6
    assert np.allclose(np.abs(found.series["saddle.0-1.eigenvector"]), math.sqrt(0.5), atol=1e-6)


def test_the_lowest_ways_between_himmelblaus_minima_cross_its_three_lowest_saddles():
    found = connect(HIMMELBLAU, points=MINIMA, band=True)
    heights = [edge["height"] for edge in found.report["tree"]]
    assert np.allclose(heights, [13.311926, 67.719150, 104.015163], atol=1e-5)
    expected = {(0, 3): 13.311926, (0, 1): 67.719150, (1, 3): 67.719150}
    for pair in found.report["pairs"]:
        ends = (pair["from"], pair["to"])
        assert pair["lowest"] == pytest.approx(expected.get(ends, 104.015163), abs=1e-5)
        saddle = pair["saddle"]
        assert saddle["certified"]
        if ends in PASSES:
            assert saddle["height"] == pytest.approx(PASSES[ends], abs=1e-5)
            assert saddle["joins"]
            assert sorted(side["to"] for side in saddle["sides"]) == list(ends)
        else:
            # The lowest way between these two leads by a third one.
            assert not saddle["joins"]
            assert None in [side["to"] for side in saddle["sides"]]
        assert all(side["highest"] == pytest.approx(saddle["height"], rel=1e-12) for side in saddle["sides"])


def test_the_maximum_is_refined_between_the_points_of_the_grid():
    """The barrier of −(t − 0.37)² on the line is known, and 0.37 is no point of the grid."""
    hill = CallableObjective(lambda w: float(-((w[0] - 0.37) ** 2) * 10), size=1)
    found = connect(hill, points=[[0.0], [1.0]]).highest
    assert found["barrier_max_end"]["at"] == pytest.approx(0.37, abs=2e-3)
    assert found["barrier_max_end"]["value"] == pytest.approx(10 * 0.37**2, abs=1e-4)
    # Above the chord −10 (0.37² + 0.26 t) it is 10 t (1 − t).
    assert found["barrier"]["value"] == pytest.approx(2.5, abs=1e-9)
    assert found["barrier"]["at"] == pytest.approx(0.5, abs=2e-3)


PEAKS = {
    "smooth": lambda x: -(x**2) - x**4,
    "steeper on one side": lambda x: 6 * x - np.exp(6 * x),
    "narrow": lambda x: np.exp(-200 * x**2),
    "flat": lambda x: -(x**8),
    "a kink": lambda x: -abs(x) - 0.3 * x,
    "a kink that is steep on one side": lambda x: -5 * max(0.0, x) - max(0.0, -x) / 5,
    "beside losses that are not finite": lambda x: -(x**2) if x < 0.02 else -np.inf,
}


@pytest.mark.parametrize("shape", PEAKS)
@pytest.mark.parametrize("step", [1 / 60, 1 / 24, 1 / 4])
def test_the_place_of_a_maximum_is_found_to_a_thousandth(shape, step):
    for top in np.linspace(0.31, 0.69, 20):
        looks = []

        def height(place, top=top, looks=looks):
            looks.append(place)
            return PEAKS[shape](place - top)

        grid = np.arange(0.0, 1.0 + step / 2, step)
        heights = [PEAKS[shape](place - top) for place in grid]
        best = int(np.argmax(heights))
        around = slice(best - 1, best + 2)
        assert abs(peak(height, list(grid[around]), heights[around]) - top) <= 1e-3
        assert len(looks) <= (4 if shape == "smooth" and step < 0.1 else 40)


def test_an_interval_decides():
    assert judged(0.0, 0.0, 1.0) == "connected"
    assert judged(0.019, 0.001, 1.0) == "not resolved"
    assert judged(0.1, 0.039, 1.0) == "barrier"
    assert judged(0.1, 0.041, 1.0) == "not resolved"
    weights = np.array([1.0, 2.0, 1.0])
    whole = standard_error(np.array([1.0, 3.0, 3.0, 4.0]), np.ones(4))
    assert whole == pytest.approx(np.std([1, 3, 3, 4], ddof=1) / 2)
    assert standard_error(np.zeros(3), weights) == 0.0


def test_a_tree_of_passes_takes_the_way_by_others():
    tree = tree_of(3, {(0, 1): 9.0, (0, 2): -1.0, (1, 2): 2.0})
    assert tree == [(0, 2, -1.0), (1, 2, 2.0)]
    assert minimax(3, tree)[0, 1] == 2.0
    assert tree_of(2, {(0, 1): math.inf}) == []


def test_a_point_climbs_to_the_saddle_with_and_without_the_hessian():
    toy = complete(TOY)

    def sloped(thetas, t):
        return toy.values(thetas), toy.gradients(thetas)

    start, tangent = np.array([0.2, 0.1]), np.array([1.0, 1.0]) / math.sqrt(2)
    assert np.abs(climb(sloped, start, tangent, 0.5, 1.0)).max() < 1e-6
    assert np.abs(follow(toy, start, tangent, 1.0)).max() < 1e-8


class Wide:
    """(1 − w₀w₁)² + ½ Σ bₖ wₖ² + 0.3 w₀w₂², by products alone: its saddle is the origin, its minima near it (1, 1) and (−1, −1)."""

    def __init__(self, size):
        self.size, self.bowl = size, np.linspace(1.0, 3.0, size - 2)

    def value(self, w):
        return float((1 - w[0] * w[1]) ** 2 + 0.5 * (self.bowl * w[2:]) @ w[2:] + 0.3 * w[0] * w[2] ** 2)

    def gradient(self, w):
        found = np.concatenate([-2 * (1 - w[0] * w[1]) * w[1::-1], self.bowl * w[2:]])
        found[0] += 0.3 * w[2] ** 2
        found[2] += 0.6 * w[0] * w[2]
        return found

    def hvp(self, w, v):
        toy = 2 * (w[1] * v[0] + w[0] * v[1]) * w[1::-1] - 2 * (1 - w[0] * w[1]) * v[1::-1]
        found = np.concatenate([toy, self.bowl * v[2:]])
        found[0] += 0.6 * w[2] * v[2]
        found[2] += 0.6 * w[2] * v[0] + 0.6 * w[0] * v[2]
        return found


def test_a_saddle_among_thousands_of_directions_is_found_and_certified_by_products():
    """From 3,000 parameters on no Hessian is taken, neither on the way to the saddle nor to judge it."""
    size = 3100
    function, ends = Wide(size), np.zeros((2, size))
    ends[0, :2], ends[1, :2] = 1.0, -1.0
    start, tangent = np.zeros(size), np.zeros(size)
    start[:6], tangent[:2] = (0.3, -0.2, 0.4, 0.0, 0.0, 0.3), (0.6, 0.8)
    assert np.abs(follow(complete(function), start, tangent, 2.0)).max() < 1e-12
    saddle = connect(function, points=list(ends), band=True, pivots=5).highest["saddle"]
    assert (saddle["certified"], saddle["index"], saddle["joins"]) == (True, 1, True)
    assert saddle["height"] == pytest.approx(1.0, abs=1e-12)


def test_steps_by_products_come_to_the_saddle_that_steps_by_the_whole_hessian_come_to(monkeypatch):
    function, tangent = complete(Wide(40)), np.zeros(40)
    start = 0.1 * np.cos(np.arange(40.0))
    tangent[:2] = 0.6, 0.8
    whole = follow(function, start, tangent, 3.0)
    monkeypatch.setattr(climbing, "MOST_DENSE", 2)
    assert np.allclose(follow(function, start, tangent, 3.0), whole, rtol=0, atol=1e-10)


def flat(thetas, t):
    return np.ones(len(thetas)), np.zeros_like(thetas)


def lost(thetas, t):
    return np.full(len(thetas), np.nan), np.zeros_like(thetas)


def test_a_band_that_folded_back_or_left_the_numbers_is_refused():
    # At equal distances along it, three of its points stand at one half.
    folded = np.array([[0.0, 0.0], [0.75, 0.0], [0.25, 0.0], [0.625, 0.0], [1.0, 0.0]])
    straight = np.linspace([0.0, 0.0], [1.0, 0.0], 5)
    with pytest.raises(ComputationError, match="points 1 and 2 of 5 fell together"):
        relax(flat, lambda w, t: flat(w, t)[0], folded, np.zeros(2))
    with pytest.raises(ComputationError, match="not finite"):
        relax(lost, lambda w, t: lost(w, t)[0], straight, np.zeros(2))
    with pytest.raises(InputError, match="at least 3 points"):
        relax(flat, lambda w, t: flat(w, t)[0], straight[:2], np.zeros(2))


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"curve": "bezir"}, "unknown curve 'bezir': choose bezier, polychain; did you mean 'bezier'"),
        ({"bends": 0}, "bends: expected a whole number from 1 to 100, found 0"),
        ({"pivots": 2}, "pivots: expected a whole number from 3"),
        ({"fitting": "ful"}, "unknown fitting 'ful'"),
        ({"align": True}, "align: needs the graph of models"),
        ({"repair": True}, "repair: needs the graph of models"),
        ({"recompute_statistics": True}, "recompute_statistics: needs the graph of models"),
        ({"examples": 3}, "an objective has its own data"),
        ({"points": [[1.0, 0.0]]}, "at least two points"),
        ({"points": [[1.0, 0.0], [1.0, 0.0]]}, "nothing between them"),
        ({"points": [[1.0, 0.0], [1.0]]}, r"\[1\]"),
    ],
)
def test_what_is_impossible_is_refused_in_a_line(choices, message):
    with pytest.raises(InputError, match=message):
        connect(RING, **({"points": [[-1.0, 0.0], [1.0, 0.0]]} | choices))

"""The topology of scans: what is told of known surfaces, its errors, its walls, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

import landscape
from landscape.commands import main
from landscape.errors import InputError
from landscape.objective import CallableObjective
from landscape.records import Topology, load_record
from landscape.scanning import scan
from landscape.tables.topology import headline, topology_table
from landscape.topology import analyze_topology
from tests.records.examples import scan as ramp
from tests.records.examples import trajectory
from tests.scanning.examples import small_model
from tests.topology.examples import himmelblau, scan_of, two_valleys


def test_himmelblaus_four_basins_share_the_window_and_are_told_from_the_deepest_on():
    told = analyze_topology(himmelblau()).summary()
    basins = told["basins"]
    assert [basin["minimum"] for basin in basins] == sorted(basin["minimum"] for basin in basins)
    assert len(basins) == 4
    assert told["open_basins"] == []
    assert sum(basin["area"] for basin in basins) == pytest.approx(1)
    assert basins[0]["at"] == pytest.approx([3, 2])
    assert basins[0]["saddle"] is None
    assert basins[0]["persistence"]["value"] is None
    exact = [(-3.779310, -3.283186), (-2.805118, 3.131313), (3.584428, -1.848127)]
    assert np.abs(np.array([basin["at"] for basin in basins[1:]]) - exact).max() < 0.11
    assert len(told["maxima"]) == 1
    assert told["maxima"][0]["at"] == pytest.approx([-0.270845, -0.923039], abs=0.06)
    assert told["resolved"]


def test_the_centers_basin_is_as_deep_as_its_lowest_way_out():
    # On the grid the centre belongs to one of three basins; each has its own lowest pass.
    found = analyze_topology(himmelblau())
    basin = found.center_basin()
    assert found.depth_of_center() == pytest.approx(found.passes()[basin] - found.pairs[basin, 0])
    assert analyze_topology(two_valleys()).depth_of_center() == pytest.approx(1.0)


def test_a_valley_that_leaves_the_window_makes_open_basins():
    told = analyze_topology(two_valleys()).summary()
    assert told["basins"] == []
    assert [basin["minimum"] for basin in told["open_basins"]] == [0.0, 0.0]
    assert told["threshold"] == pytest.approx(0.01 * np.median(two_valleys().values["train_loss"]))


def test_the_deepest_persists_through_a_rising_threshold_and_labels_follow_the_tree():
    kept = [analyze_topology(himmelblau(61), threshold=limit).kept.size for limit in (1, 20, 80, 200)]
    assert kept == [4, 3, 2, 1]
    last = analyze_topology(himmelblau(61), threshold=200)
    assert (last.basin_of == 0).all()


def test_what_is_within_its_own_error_is_no_basin():
    axis = np.linspace(-2, 2, 81)
    shape = 1e3 + (axis**2 - 1) ** 2 * 1e-4
    fine, coarse = (
        analyze_topology(scan_of(shape, axis, dtype=dtype), threshold=0) for dtype in ("float64", "float32")
    )
    assert [found.kept.size for found in (fine, coarse)] == [2, 1]
    error = analyze_topology(scan_of(shape, axis, dtype="float32"), threshold=0).error
    assert error.min() == pytest.approx(2 * 10 * np.finfo(np.float32).eps * 1e3, rel=1e-3)


def test_two_standard_errors_of_a_subset_of_the_examples_make_noise():
    axis = np.linspace(-2, 2, 81)
    shape = (axis**2 - 1) ** 2
    small, large = (scan_of(shape, axis, errors={"train_loss": np.full(81, error)}) for error in (0.1, 0.3))
    assert analyze_topology(small).kept.size == 2
    assert analyze_topology(large).kept.size == 1


def test_a_far_wall_adds_no_error():
    axis = np.linspace(-2, 2, 81)
    shape = (axis**2 - 1) ** 2
    shape[-1] = 1e30
    found = analyze_topology(scan_of(shape, axis, dtype="float32"), threshold=0.1)
    assert found.kept.size == 2
    assert found.error[found.kept[1]] < 1e-4


def test_diverged_points_are_walls_between_pieces():
    axis = np.linspace(-1, 1, 9)
    values = np.tile(axis**2, (9, 1))
    values[4] = np.inf
    found = analyze_topology(scan_of(values, axis, axis))
    assert found.summary()["pieces"] == 2
    assert found.depth_of_center() is None


def test_a_basin_of_one_point_depends_on_the_grid_and_a_wide_one_does_not():
    axis = np.linspace(-2, 2, 81)
    wide = (axis**2 - 1) ** 2
    narrow = axis**2 + 0.0
    narrow[61] -= 1.0
    assert not analyze_topology(scan_of(wide, axis)).grid_dependent.any()
    found = analyze_topology(scan_of(narrow, axis))
    assert found.grid_dependent[found.kept].any()
    assert "not resolved by this grid" in headline(found)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_one_to_three_dimensions_and_axes_of_one_point(count):
    axis = np.linspace(-2, 2, 21)
    grid = np.meshgrid(*[axis] * count, indexing="ij")
    values = sum((x**2 - 1) ** 2 for x in grid)
    found = analyze_topology(scan_of(values, *[axis] * count))
    assert found.kept.size == 2**count
    assert found.pairs[found.kept[-1], 1] == pytest.approx(1.0)
    # With an axis of one point beside, the same.
    flat = scan_of(values[..., None], *[axis] * count, np.array([0.5]))
    beside = analyze_topology(flat)
    assert beside.kept.size == 2**count
    assert not beside.open[beside.kept].any()


def test_descents_tell_basins_of_the_slice_from_minima():
    double = CallableObjective(
        lambda x: float((x[0] ** 2 - 1) ** 2 + x[1] ** 2 + (x[2] - x[0]) ** 2),
        lambda x: np.array([4 * x[0] * (x[0] ** 2 - 1) - 2 * (x[2] - x[0]), 2 * x[1], 2 * (x[2] - x[0])]),
        size=3,
    )
    surface = scan(double, center=np.zeros(3), direction=np.eye(3)[:2], points=41, span=2)
    found = analyze_topology(surface, verify=double)
    assert sorted(found.verified["minimum"].tolist()) == [0, 1]
    assert found.verified["loss"] == pytest.approx([0, 0], abs=1e-8)
    assert found.verified["distance"][0, 1] == pytest.approx(2 * np.sqrt(2), rel=1e-3)
    assert found.verified["between"][0, 1] == pytest.approx(1.0, rel=0.02)
    assert found.verified["converged"].all()
    assert found.verified["way"][0, 1] == pytest.approx(1.0, rel=0.02), "the straight way is the lowest"
    (way,) = found.summary()["ways"]
    assert way["bent"] == pytest.approx(1.0, rel=0.02)
    assert "2 distinct ones" in topology_table(found)
    assert "between those of basins 1 and 2 the loss rises by 1" in topology_table(found)


def test_a_bent_way_shows_two_ends_to_be_one_minimum_or_how_high_the_pass_is():
    def ring(depth):
        """A ring of low loss around a hill, cut at the south more than at the north, so that the straight way is the highest."""

        def value(x):
            r = x[0] ** 2 + x[1] ** 2 - 1
            return float(r**2 + depth * np.exp(-8 * x[0] ** 2) * (1 + 0.5 * (x[1] < 0)) + 1e-5 * x[1] ** 2)

        return CallableObjective(value, size=2)

    for depth, distinct in ((0.3, 2), (0.0, 1)):
        surface = scan(
            ring(depth),
            center=np.array([0.0, 0.1]),
            direction=np.eye(2)[:1],
            dimensions=1,
            points=61,
            span=1.5,
        )
        found = analyze_topology(surface, verify=ring(depth), threshold=0.2)
        assert found.kept.size == 2
        assert np.unique(found.verified["minimum"]).size == distinct
        assert found.verified["between"][0, 1] > 0.9
        if distinct == 2:
            assert found.verified["way"][0, 1] == pytest.approx(depth, rel=0.05), "over the north"


def test_records_without_bent_ways_stay_readable(tmp_path):
    from tests.records.examples import topology

    made = topology()
    made.save(tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz") as file:
        arrays = {name: file[name] for name in file if name != "verified.way"}
    np.savez(tmp_path / "old.npz", **arrays)
    old = load_record(tmp_path / "old.npz")
    assert np.isnan(old.verified["way"]).all()
    assert old.summary()["ways"] == []
    assert made.summary()["ways"] == [
        {"basins": [0, 1], "straight": pytest.approx(0.8), "bent": pytest.approx(0.6)}
    ]


def test_a_valley_that_bends_out_of_the_slice_is_one_minimum():
    # (x² − 1)² on the slice z = 0, but with z free it is (x² − 1 + z)², whose valley z = 1 − x² leads to the one minimum at x = 0.
    valley = CallableObjective(
        lambda x: float((x[0] ** 2 - 1 + x[1]) ** 2 + 0.1 * x[0] ** 2),
        lambda x: np.array([4 * x[0] * (x[0] ** 2 - 1 + x[1]) + 0.2 * x[0], 2 * (x[0] ** 2 - 1 + x[1])]),
        size=2,
    )
    surface = scan(valley, center=np.zeros(2), direction=np.eye(2)[:1], dimensions=1, points=81, span=2)
    found = analyze_topology(surface, verify=valley)
    assert found.kept.size == 2
    assert found.verified["minimum"].tolist() == [0, 0]
    assert "one and the same" in topology_table(found)


def test_a_network_is_verified_against_its_own_scan_only(tmp_path):
    model = small_model(examples=20, test=10)
    surface = scan(model, points=9, span=2, dtype="float64", threads=1)
    found = analyze_topology(surface, verify=model, threads=1, output=tmp_path / "t.npz")
    assert len(found.verified["loss"]) == min(found.kept.size, 12)
    assert (found.verified["loss"] <= found.pairs[found.verified["basin"], 0] + 1e-9).all()
    assert load_record(tmp_path / "t.npz") == found
    with pytest.raises(InputError, match="another model"):
        analyze_topology(surface, verify=small_model(examples=21, test=10))
    with pytest.raises(InputError, match="found 3"):
        analyze_topology(surface, verify=CallableObjective(lambda x: 0.0, size=3))


def test_a_trajectorys_plane_can_be_given():
    path = trajectory()
    assert analyze_topology(path).pairs.tolist() == analyze_topology(path.scan).pairs.tolist()


def test_bad_input_is_refused_in_one_line():
    with pytest.raises(InputError, match="one point has no basins"):
        analyze_topology(ramp(1, 1))
    with pytest.raises(InputError, match="all 9 points diverged"):
        analyze_topology(scan_of(np.full((3, 3), np.nan)))
    with pytest.raises(InputError, match="did you mean 'test_loss'"):
        analyze_topology(ramp(3, 3), quantity="tst_loss")
    with pytest.raises(InputError, match="expected a number from 0 on"):
        analyze_topology(ramp(3, 3), threshold=-1)
    with pytest.raises(InputError, match="expected a scan"):
        analyze_topology(
            landscape.build_model(layers=[([[2.0]], [0.5])], loss="mse", x_train=[[0.0]], y_train=[[0.5]])
        )


def test_the_command_writes_the_record_and_figures_and_tells_them(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    himmelblau(31).save("him.npz")
    for _ in range(2):
        with pytest.raises(SystemExit) as end:
            main(["topology", "him.npz", "--json"])
        assert end.value.code == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert len(told["basins"]) == 4
    assert told["files"] == [
        f"him.topology.{part}" for part in ("npz", "map.png", "barcode.png", "diagram.png", "tree.png")
    ]
    record = Topology.load("him.topology.npz")
    assert record.summary()["basins"] == told["basins"]
    with pytest.raises(SystemExit) as end:
        main(["topology", "him.npz", "--threshold", "-1"])
    assert end.value.code == 2


def test_a_notebook_shows_what_the_command_prints():
    from landscape.notebook.lines import lines_of

    rows = lines_of(analyze_topology(himmelblau(31)))
    assert ("surface", headline(analyze_topology(himmelblau(31)))) in rows
    assert any(label == "basin 1" for label, _ in rows)


def test_on_a_logarithmic_scale_ratios_decide_and_not_differences(tmp_path, capsys, monkeypatch):
    values = np.array([0.05, 0.01, 0.1, 0.02, 5.0, 4.0, 6.0])
    line = scan_of(values, np.arange(7.0))
    linear, log = (
        analyze_topology(line, threshold=limit, scale=scale)
        for limit, scale in ((0.5, "linear"), (2.0, "log"))
    )
    assert sorted(linear.pairs[linear.kept, 0].tolist()) == [0.01, 4.0]
    assert sorted(log.pairs[log.kept, 0].tolist()) == [0.01, 0.02]
    assert (log.summary()["scale"], linear.summary()["scale"]) == ("log", "linear")
    assert "saddle above 2 times the minimum" in headline(log)
    assert analyze_topology(line, scale="log").threshold == 1.1
    # A factor of all values changes nothing.
    again = analyze_topology(scan_of(1e-3 * values, np.arange(7.0)), scale="log")
    assert again.kept.tolist() == analyze_topology(line, scale="log").kept.tolist()
    line.save(tmp_path / "a.npz")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["topology", "a.npz", "--scale", "log", "--quiet"])
    assert end.value.code == 0
    assert "saddle above 1.1 times the minimum" in capsys.readouterr().out
    assert (tmp_path / "a.topology.log.npz").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scale": "log"}, "needs values above 0, found .* 0"),
        ({"scale": "logarithm"}, "expected linear or log, found 'logarithm'"),
        ({"scale": "log", "threshold": 0.5}, "from 1 on"),
    ],
)
def test_a_scale_that_cannot_be_is_refused_in_one_line(options, words):
    surface = two_valleys() if options == {"scale": "log"} else himmelblau(31)
    if "threshold" in options:
        surface = scan_of(np.array([1.0, 2.0, 1.5]), np.arange(3.0))
    with pytest.raises(InputError, match=words) as refusal:
        analyze_topology(surface, **options)
    assert "\n" not in str(refusal.value)

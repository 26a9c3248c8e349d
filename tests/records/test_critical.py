"""Records of critical points and of atlases: the same after saving, refused where they do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from landscape.critical import analyze_critical, search_critical
from landscape.errors import InputError
from landscape.files import read_archive, write_archive
from landscape.plots import figures
from landscape.records import Atlas, Critical, load_record
from landscape.tables.critical import critical_table
from tests.critical.points import toy_network
from tests.critical.test_search import egg_box
from tests.curvature.matrices import toy

OLD = Path(__file__).parent / "old"


@pytest.fixture
def paths(tmp_path):
    """Write one record of each kind."""
    analyze_critical(toy(), [0.0, 0.0], output=tmp_path / "critical.npz")
    search_critical(egg_box(), 2, [0.0, 0.0], output=tmp_path / "atlas.npz")
    return tmp_path


@pytest.mark.parametrize(("name", "kind"), [("critical", Critical), ("atlas", Atlas)])
def test_a_loaded_record_is_the_saved_one(paths, name, kind):
    record = load_record(paths / f"{name}.npz")
    assert isinstance(record, kind)
    record.save(paths / "again.npz")
    assert (paths / "again.npz").read_bytes() == (paths / f"{name}.npz").read_bytes()


@pytest.mark.parametrize(
    ("name", "key", "value", "message"),
    [
        ("critical", "gradient", np.zeros(3), r"gradient: expected the shape \[2\]"),
        ("critical", "escape.theta", np.zeros(3), r"escape.theta: expected the shape \[2\]"),
        ("critical", "verdict", np.array("{}"), "verdict: expected one of minimum"),
        ("critical", "verdict", np.array("nonsense"), "verdict: expected a JSON object"),
        ("critical", "plane.loss", np.zeros((2, 2)), "plane.loss: expected the shape"),
        ("critical", "theta", None, "the array theta is missing"),
        ("critical", "plane.vectors", None, "the array plane.vectors is missing"),
        ("atlas", "inertia", np.zeros((2, 2)), r"inertia: expected the shape \[2, 3\]"),
        ("atlas", "done", np.zeros(2), "done: expected bool"),
        ("atlas", "loss", None, "the array loss is missing"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_name(paths, name, key, value, message):
    arrays = read_archive(paths / f"{name}.npz")
    arrays = {k: a for k, a in arrays.items() if k != key} | ({} if value is None else {key: value})
    write_archive(paths / "bad.npz", arrays)
    with pytest.raises(InputError, match=message):
        load_record(paths / "bad.npz")


@pytest.mark.parametrize(("name", "kind"), [("critical_saddle", "saddle"), ("critical_left", "not critical")])
def test_a_record_of_the_version_before_is_read_told_and_drawn(name, kind, tmp_path):
    """Both were written by 0.1.0 before the radius: one polished onto a saddle, one whose polishing led too far away."""
    record = Critical.load(OLD / f"{name}.npz")
    assert record.summary()["kind"] == kind
    told = critical_table(record)
    assert f"kind              {kind}" in told
    assert "polished" in told
    assert {"escape"} <= set(figures(record))
    record.save(tmp_path / "again.npz")
    assert Critical.load(tmp_path / "again.npz") == record


def test_a_record_of_the_version_before_is_not_taken_for_the_new_one(tmp_path):
    path = tmp_path / "toy.npz"
    Critical.load(OLD / "critical_saddle.npz").save(path)
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"radius null there.*--fresh"):
        analyze_critical(toy_network(0.01, -0.02), output=path)
    assert path.read_bytes() == before

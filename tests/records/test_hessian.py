"""The record of a Hessian: what is saved comes back, what does not fit is refused, the summary is the contract's."""

from __future__ import annotations

import json

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.files import read_archive, write_archive
from landscape.records import Hessian, load_record


def hessian(**changes):
    fields = {
        "eigenvalues": np.array([-1.0, 2.0]),
        "residuals": np.array([1e-9, 1e-10]),
        "errors": np.array([2e-9, 1e-9]),
        "eigenvectors": np.eye(2, 3),
        "products": 40,
        "orthogonality": 1e-15,
        "estimates": {"trace": (1.5, 0.1), "finite_difference": (1e-9, 1e-8)},
        "density": {
            "grid": np.array([-1.0, 0.0, 2.0]),
            "value": np.ones(3),
            "error": np.zeros(3),
            "nodes": np.array([[-1.0, 2.0], [-1.0, 1.5]]),
            "weights": np.full((2, 2), 0.5),
        },
        "node_names": ("fc1", "fc2"),
        "node_eigenvalues": np.array([[-0.5, 1.0], [0.0, 1.5]]),
        "node_errors": np.full((2, 2), 1e-8),
        "kinks": (3, 2),
        "model": "a" * 64,
        "data": "b" * 64,
        "settings": {"top": 1, "bottom": 1, "parameters": 3, "all": False, "layout": [["fc1", 0, 3]]},
        "version": "0.1.0",
        "seconds": 1.0,
    }
    return Hessian(**{**fields, **changes})


def test_a_record_comes_back_exactly_and_by_its_kind(tmp_path):
    record = hessian(status="one of two converged")
    record.save(tmp_path / "r.npz")
    loaded = load_record(tmp_path / "r.npz")
    assert loaded == record
    assert (loaded.products, loaded.kinks, loaded.status) == (40, (3, 2), "one of two converged")
    assert loaded.estimates == record.estimates
    assert loaded.node_names == ("fc1", "fc2")


def test_what_was_not_asked_for_is_absent_and_comes_back_so(tmp_path):
    bare = hessian(estimates={}, density={}, node_names=(), node_eigenvalues=np.zeros((0, 2)),
                   node_errors=np.zeros((0, 2)))  # fmt: skip
    bare.save(tmp_path / "r.npz")
    assert not [name for name in read_archive(tmp_path / "r.npz") if name.startswith(("density", "node"))]
    assert Hessian.load(tmp_path / "r.npz") == bare
    assert bare.summary()["trace"] is None


def test_the_keys_are_those_of_the_contract(tmp_path):
    hessian().save(tmp_path / "r.npz")
    keys = set(read_archive(tmp_path / "r.npz"))
    density = {f"density.{name}" for name in ("grid", "value", "nodes", "weights")}
    assert {"eigenvalues", "residuals", "eigenvectors", "trace", "trace_error"} | density <= keys


def test_the_summary_is_strict_json_of_the_contract():
    told = json.loads(json.dumps(hessian(orthogonality=float("nan")).summary(["x.npz"]), allow_nan=False))
    assert told["eigenvalues"] == [{"value": -1.0, "error": 2e-9}, {"value": 2.0, "error": 1e-9}]
    assert told["trace"] == {"value": 1.5, "error": 0.1}
    assert told["finite_difference"] == {"value": 1e-9, "error": 1e-8}
    assert told["products"] == 40
    assert told["orthogonality"] is None
    assert told["nodes"]["fc2"] == [{"value": 0.0, "error": 1e-8}, {"value": 1.5, "error": 1e-8}]
    assert told["files"] == ["x.npz"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"eigenvalues": np.array([2.0, -1.0])}, "ascending"),
        ({"eigenvalues": np.array([1.0])}, "eigenvalues: expected the shape"),
        ({"residuals": np.zeros(3)}, "residuals: expected the shape"),
        ({"eigenvectors": np.zeros(3)}, "eigenvectors: expected the shape"),
        ({"eigenvectors": np.zeros((2, 3), complex)}, "expected real numbers"),
        ({"density": {"grid": np.arange(2.0)}}, "density.value is missing"),
        ({"node_eigenvalues": np.zeros((1, 2))}, "node.eigenvalues: expected the shape"),
        ({"estimates": {"guess": (1.0, 0.0)}}, "expected trace"),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        hessian(**changes)


@pytest.mark.parametrize("name", ["eigenvalues", "eigenvectors", "residuals", "products", "trace_error"])
def test_a_missing_array_is_named(tmp_path, name):
    hessian().save(tmp_path / "r.npz")
    members = read_archive(tmp_path / "r.npz")
    members.pop(name)
    write_archive(tmp_path / "r.npz", members)
    with pytest.raises(InputError, match=f"{name} is missing"):
        Hessian.load(tmp_path / "r.npz")

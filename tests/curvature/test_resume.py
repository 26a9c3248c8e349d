"""An analysis that was cut goes on to the same bits, or says why it does not."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import numpy as np
import pytest

from landscape.curvature import analyze_hessian
from landscape.errors import InputError
from landscape.objective.products import TileProducts
from landscape.plots.hessians import hessian_figure_names
from landscape.records import Hessian
from landscape.records.keeper import Keeper
from tests.scanning.examples import small_model

MODEL = small_model()


def press():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def cut(tmp_path, monkeypatch):
    """Begin an analysis, and press Ctrl-C at its n-th block of products or part of a dense matrix."""

    def cut(after, **asked):
        done, pause = [], Keeper.pause

        def counted(keeper):
            done.append(1)
            if len(done) == after:
                press()
            pause(keeper)

        with monkeypatch.context() as patch:
            patch.setattr(Keeper, "pause", counted)
            with pytest.raises(KeyboardInterrupt, match="the same command goes on from there"):
                analyze_hessian(MODEL, output=tmp_path / "r.npz", **asked)
        return Hessian.load(tmp_path / "r.npz")

    return cut


def same_numbers(found: Hessian, expected: Hessian) -> bool:
    """Compare everything but the seconds."""
    theirs = expected.arrays()
    return found.settings == expected.settings and all(
        np.array_equal(array, theirs[name]) for name, array in found.arrays().items()
    )


@pytest.mark.parametrize(
    ("after", "asked"),
    [
        (40, {"top": 3, "bottom": 2}),
        (3, {"density": True, "accuracy": 0.3}),
        (2, {"all": True, "trace": True}),
        (30, {"top": 1, "by_node": True, "precondition": False}),
        (2, {"top": 2, "operator": "gauss-newton", "node": "fc2"}),
    ],
)
def test_an_analysis_cut_anywhere_goes_on_to_the_same_bits(after, asked, cut, tmp_path, monkeypatch):
    if not asked.get("all"):
        # As for a matrix that is too large to be had at once.
        monkeypatch.setattr("landscape.curvature.eigen.SMALL", 8)
    monkeypatch.setattr("landscape.objective.whole.UNITS", 4)
    unfinished = cut(after, **asked)
    assert not unfinished.finished
    assert unfinished.status.startswith("unfinished")
    with pytest.raises(InputError, match="nothing to draw yet"):
        hessian_figure_names(unfinished)
    resumed = analyze_hessian(MODEL, output=tmp_path / "r.npz", **asked)
    assert resumed.finished
    assert same_numbers(resumed, analyze_hessian(MODEL, **asked))
    assert same_numbers(Hessian.load(tmp_path / "r.npz"), resumed)


def test_what_was_saved_is_read_off_and_not_computed_again(cut, tmp_path, monkeypatch):
    asked = {"top": 3, "bottom": 2}
    monkeypatch.setattr("landscape.curvature.eigen.SMALL", 8)
    saved = len(cut(40, **asked).partial["products"])
    counted, multiply = [], TileProducts.__call__

    def count(products, vectors):
        counted.append(len(vectors))
        return multiply(products, vectors)

    monkeypatch.setattr(TileProducts, "__call__", count)
    found = analyze_hessian(MODEL, output=tmp_path / "r.npz", **asked)
    assert saved >= 40
    assert sum(counted) == found.products - saved


def test_other_settings_another_version_and_other_vectors_are_refused_with_the_reason(cut, tmp_path):
    path, asked = tmp_path / "r.npz", {"density": True, "accuracy": 0.3}
    unfinished = cut(3, **asked)
    with pytest.raises(InputError, match="seed 0 there, 1 here"):
        analyze_hessian(MODEL, output=path, seed=1, **asked)
    replace(unfinished, version="0.0.1").save(path)
    with pytest.raises(InputError, match=r"version 0\.0\.1 there"):
        analyze_hessian(MODEL, output=path, **asked)
    digests = unfinished.partial["digests"].copy()
    digests[0, 0] ^= 1
    replace(unfinished, partial=unfinished.partial | {"digests": digests}).save(path)
    with pytest.raises(InputError, match="multiplied other vectors"):
        analyze_hessian(MODEL, output=path, **asked)
    assert analyze_hessian(MODEL, output=path, fresh=True, **asked).finished


def test_products_beyond_the_limit_are_computed_again_to_the_same_bits(cut, tmp_path, monkeypatch):
    asked = {"density": True, "accuracy": 0.3}
    monkeypatch.setattr("landscape.curvature.journal.KEPT_BYTES", 24 * 8 * MODEL.size)
    assert len(cut(6, **asked).partial["products"]) <= 24
    assert same_numbers(
        analyze_hessian(MODEL, output=tmp_path / "r.npz", **asked), analyze_hessian(MODEL, **asked)
    )

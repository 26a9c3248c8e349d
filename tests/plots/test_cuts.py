"""Planes of eigenvectors and of checkpoints: negative curvature and the run are in the picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.plots import plot_contours, plot_surface
from landscape.plots.cuts import cut_axes, plot_cuts
from landscape.plots.scans import scan_figure_names
from landscape.plots.style import figure_of
from landscape.plots.words import eigenvalues_of
from landscape.scanning import scan
from landscape.scanning.plane import path_of
from tests.plots.examples import axis, made
from tests.scanning.examples import small_model

STEEP, DOWN = 50.0, -0.5


def saddle(**words):
    """Make the plane of ½ · 50 α² − ½ · ½ β², whose contour lines show next to nothing of the way down."""
    a = axis(21)
    values = 0.5 * STEEP * a[:, None] ** 2 + 0.5 * DOWN * a[None] ** 2 + 3.0
    labels = [f"eigen 1 (λ = {STEEP})", f"eigen 2 (λ = {DOWN})"]
    return made(
        (a, a),
        {"train_loss": values},
        center={"train": {"loss": 3.0}},
        **{"directions": labels, "normalize": "none", **words},
    )


def texts(ax):
    return [text.get_text() for legend in figure_of(ax).legends for text in legend.get_texts()]


def test_a_quadratic_is_its_own_model_along_each_eigenvector():
    figure = figure_of(plot_cuts(saddle()))
    for panel, curvature in zip(figure.axes, (STEEP, DOWN), strict=True):
        _, truth, model, _ = panel.lines
        x = np.asarray(truth.get_xdata())
        assert truth.get_ydata() == pytest.approx(0.5 * curvature * x**2, abs=1e-12)
        assert model.get_ydata() == pytest.approx(truth.get_ydata(), abs=1e-12)
    low, high = figure.axes[1].get_ylim()
    assert low < DOWN / 2 < 0 < high <= -DOWN, "the way down fills the panel"


def test_the_line_as_high_as_the_model_is_the_cross_of_a_saddle():
    ax = plot_contours(saddle())
    assert "as high as θ; negative curvature along β" in texts(ax)
    (cross,) = [found for found in ax.collections if np.array_equal(getattr(found, "levels", []), [3.0])]
    points = np.concatenate([path.vertices for path in cross.get_paths()])
    slope = np.abs(points[:, 0]) - np.abs(points[:, 1]) * np.sqrt(-DOWN / STEEP)
    assert np.abs(slope).max() < 0.05
    bowl = saddle(directions=["eigen 1 (λ = 50.0)", "eigen 2 (λ = 0.5)"])
    assert not any("negative" in text for text in texts(plot_contours(bowl)))


def test_a_map_of_curvatures_marks_where_the_loss_becomes_convex():
    a = axis(9)
    values = {
        "train_loss": a[:, None] ** 2 + a[None] ** 2,
        "train_curvature": 0.3 * a[:, None] + 0 * a[None] + 0.1,
    }
    (line,) = [
        found
        for found in plot_contours(made((a, a), values), quantity="train_curvature").collections
        if np.array_equal(getattr(found, "levels", []), [0.0])
    ]
    assert np.concatenate([path.vertices for path in line.get_paths()])[:, 0] == pytest.approx(-1 / 3)


def test_cuts_are_a_figure_of_planes_of_eigenvectors_alone():
    assert "cuts" in scan_figure_names(saddle())
    turned = saddle(directions=["eigen 1 (λ = 50.0), filter-normalized", "random 1 (seed 0)"])
    assert eigenvalues_of(turned) == {}
    assert "cuts" not in scan_figure_names(turned)
    beside = replace(saddle(), axes=(axis(21) + 0.01, axis(21)))
    assert cut_axes(beside) == []
    with pytest.raises(InputError, match="with θ inside the grid"):
        plot_cuts(beside)
    with pytest.raises(InputError, match="no contour lines"):
        plot_cuts(saddle(), levels=5)


def test_a_principal_plane_shows_the_run_that_gave_it():
    theta = small_model(examples=20, test=10).theta
    steps = np.random.default_rng(0).normal(size=(4, theta.size)) * np.arange(3, -1, -1)[:, None]
    model = replace(
        small_model(examples=20, test=10),
        checkpoints=theta + steps,
        checkpoint_steps=np.array([0, 5, 10, 15]),
    )
    record = scan(model, direction="principal", points=5, threads=1)
    run = record.settings["run"]
    whole = np.array(run["points"]) @ record.directions
    assert run["captured"] == pytest.approx(np.sum(whole**2) / np.sum(steps**2))
    assert run["steps"] == [0, 5, 10, 15]
    assert np.abs(run["points"]).max() == pytest.approx(1.0)
    for drawn in (plot_contours(record), plot_surface(record)):
        assert any(text.startswith("4 checkpoints") for text in texts(drawn))
        assert "the first checkpoint (update 0)" in texts(drawn)
    ax = figure_of(plot_contours(record)).add_subplot(3, 3, 9)
    plot_contours(record, ax=ax)
    assert [text.get_text() for text in ax.get_legend().get_texts()][:2] == [
        "4 checkpoints",
        "the first checkpoint",
    ]
    assert "run" not in scan(model, direction="principal", points=3, normalize="filter", threads=1).settings


def test_of_a_long_run_some_checkpoints_are_drawn_the_last_among_them():
    many = path_of(np.arange(4000.0).reshape(2000, 2), np.arange(2000), np.zeros(2), np.eye(2))
    assert len(many["points"]) == len(many["steps"]) == 500
    assert many["steps"][-1] == 1999

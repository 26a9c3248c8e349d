"""Figures of critical points: what is drawn is what the record holds."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.critical import analyze_critical, search_critical
from landscape.errors import InputError
from landscape.plots import figures, plot_atlas, plot_escape
from landscape.plots.critical_maps import plot_quadratic_model, quadratic_model
from tests.critical.points import quartic
from tests.critical.test_search import egg_box
from tests.curvature.matrices import quadratic, toy

SADDLE = analyze_critical(toy(), [0.0, 0.0])


def test_a_saddle_has_three_figures_and_a_point_of_one_parameter_none():
    assert list(figures(SADDLE)) == ["escape", "model", "random"]
    assert figures(analyze_critical(quartic(), [0.0])) == {}


def test_the_quadratic_model_of_a_quadratic_is_the_loss():
    record = analyze_critical(quadratic(np.diag([-1.0, 2.0, 5.0])), np.zeros(3))
    assert np.allclose(quadratic_model(record), record.planes["plane.loss"])


def test_the_escape_line_shows_the_truth_and_the_prediction():
    ax = plot_escape(SADDLE)
    truth, model = ax.get_lines()[:2]
    assert np.allclose(truth.get_ydata(), 1 + SADDLE.escape_actual)
    assert np.allclose(model.get_ydata(), 1 - SADDLE.escape_step**2)
    assert "saddle" in ax.get_title(loc="left")


def test_the_point_lies_in_the_middle_of_both_planes():
    for name in ("plane", "random"):
        losses = SADDLE.planes[f"{name}.loss"]
        assert losses[len(losses) // 2, len(losses) // 2] == pytest.approx(1.0)


def test_the_atlas_counts_with_the_error_and_without():
    record = search_critical(egg_box(), 6, [0.0, 0.0], spread=3.0)
    left = plot_atlas(record)
    drawn = left.get_lines()[0].get_xdata()
    assert np.array_equal(np.sort(drawn), np.sort(record.inertia[record.critical, 2]))
    assert list(figures(record)) == ["atlas"]


def test_what_is_not_there_is_not_drawn():
    bowl = analyze_critical(quadratic(np.eye(1)), np.zeros(1))
    with pytest.raises(InputError, match="no escape to draw"):
        plot_escape(bowl)
    with pytest.raises(InputError, match="no surfaces"):
        plot_quadratic_model(bowl)
    with pytest.raises(InputError, match="leave --quantity out"):
        figures(SADDLE, quantity="train_loss")

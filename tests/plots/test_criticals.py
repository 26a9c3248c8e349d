"""Figures of critical points: what is drawn is what the record holds."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.critical import analyze_critical, search_critical
from landscape.errors import InputError
from landscape.objective import CallableObjective
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


def axes_of(figure):
    """Return the two maps and, beside them, the bars of their colours."""
    return figure.axes[:2], figure.axes[2:]


def test_a_constant_loss_is_drawn_and_called_so():
    flat = CallableObjective(lambda x: 0.7, lambda x: 0 * x, lambda x, v: 0 * v, size=3)
    drawn = figures(analyze_critical(flat, np.ones(3)))
    assert list(drawn) == ["model", "random"]
    for figure in drawn.values():
        maps, bars = axes_of(figure)
        assert [[text.get_text() for text in ax.texts] for ax in maps] == [["constant: 0.7"]] * 2
        assert not any(bar.get_visible() for bar in bars)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize("offset", [0.0, 2.3, 1e4])
def test_both_ends_of_the_colours_are_named(scale, offset):
    bowl = CallableObjective(
        lambda x: float(offset + scale * (x[0] ** 2 - 0.3 * x[1] ** 2 + x[1] ** 4)),
        lambda x: scale * np.array([2 * x[0], -0.6 * x[1] + 4 * x[1] ** 3]),
        lambda x, v: scale * np.array([2 * v[0], (-0.6 + 12 * x[1] ** 2) * v[1]]),
        size=2,
    )
    record = analyze_critical(bowl, np.zeros(2), scale=scale)
    for figure in figures(record).values():
        for bar in axes_of(figure)[1]:
            texts = [label.get_text() for label in bar.get_xticklabels()]
            assert len(set(texts)) == len(texts) >= 2
            low, high = bar.get_xlim()
            assert np.allclose([bar.get_xticks()[0], bar.get_xticks()[-1]], [low, high])


def test_hatching_is_named_where_it_can_be_seen():
    plain = analyze_critical(quadratic(np.diag([-1.0, 2.0])), np.zeros(2))
    assert "hatched" not in plot_quadratic_model(plain).get_suptitle()
    assert "hatched" in plot_quadratic_model(SADDLE).get_suptitle()


def test_a_loss_that_hardly_changes_is_told_by_how_much_it_does():
    shallow = CallableObjective(
        lambda x: float(5 + 0.01 * (x[0] ** 2 - x[1] ** 2 + x[1] ** 4)),
        lambda x: 0.01 * np.array([2 * x[0], -2 * x[1] + 4 * x[1] ** 3]),
        lambda x, v: 0.01 * np.array([2 * v[0], (-2 + 12 * x[1] ** 2) * v[1]]),
        size=2,
    )
    record = analyze_critical(shallow, np.zeros(2))
    ax = plot_escape(record)
    assert ax.get_ylabel() == "loss − 5"
    assert np.allclose(ax.get_lines()[0].get_ydata(), record.escape_actual)


def test_the_title_says_where_the_way_down_begins():
    slope = analyze_critical(toy(), [0.5, -0.4], polishing=False)
    assert "down from a point that is not critical" in plot_escape(slope).get_title(loc="left")

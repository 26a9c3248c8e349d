"""Surfaces: heights, holes, and a view that shows what is marked."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from mpl_toolkits.mplot3d import Axes3D

from landscape.errors import InputError
from landscape.plots import Look, looking, plot_surface
from landscape.plots.contours import shared_levels
from landscape.plots.field import field_of
from landscape.plots.heights import choose_heights
from landscape.plots.style import figure_of
from landscape.plots.view import AZIMUTHS, ELEVATIONS, best_view
from landscape.records import Scan
from tests.plots.examples import (
    EXAMPLES,
    axis,
    bowl,
    constant,
    decades,
    diverging,
    line,
    made,
    oblong,
    outliers,
    valley,
)

PLANES = ["bowl", "valley", "decades", "diverging", "outliers", "oblong", "negative", "constant", "hopeless"]


def said(ax: Axes) -> str:
    return "\n".join(text.get_text() for legend in figure_of(ax).legends for text in legend.get_texts())


def heights(record: Scan):
    field = field_of(record)
    return choose_heights(field.values, shared_levels(field, None))


@pytest.mark.parametrize("name", PLANES)
def test_every_plane_is_drawn_with_its_axes_said_below(name):
    ax = plot_surface(EXAMPLES[name]())
    assert isinstance(ax, Axes3D)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("α", "β")
    assert "α along" in said(ax) or "α on the way" in said(ax)
    assert ax.get_zlabel().startswith("training loss")


def test_heights_are_logarithmic_only_where_the_surface_would_lie_on_the_floor():
    assert heights(decades()).logarithmic
    assert "heights and colours logarithmic" in said(plot_surface(decades()))
    assert "heights linear, colours logarithmic" in said(plot_surface(bowl()))
    assert not heights(bowl()).logarithmic
    assert not heights(valley()).logarithmic


def test_outliers_are_cut_and_the_words_say_where():
    ax = plot_surface(outliers())
    assert ax.get_zlim()[1] < 10
    assert "cut at" in said(ax)


def test_points_without_a_value_are_holes_and_counted():
    ax = plot_surface(diverging())
    assert "not finite: 114 of 1681 points (holes)" in said(ax)
    assert "not computed yet: 80 of 1681 points (holes)" in said(ax)


def test_the_centre_stands_at_its_own_height():
    (mark,) = plot_surface(bowl()).lines
    assert np.ravel(mark.get_data_3d()).tolist() == pytest.approx([0.0, 0.0, 0.03])


def test_the_view_looks_over_the_lowest_rim():
    x, y = np.meshgrid(np.linspace(0, 1, 21), np.linspace(0, 1, 21), indexing="ij")
    for azimuth in (-60.0, 120.0):
        slope = x * np.cos(np.radians(azimuth)) + y * np.sin(np.radians(azimuth))
        slope = (slope - slope.min()) / np.ptp(slope)
        _, chosen = best_view(slope, (1.0, 1.0), [])
        assert np.cos(np.radians(chosen - azimuth)) < -0.8


def test_the_view_rises_until_a_pit_is_seen_into():
    x, y = np.meshgrid(np.linspace(-1, 1, 41), np.linspace(-1, 1, 41), indexing="ij")
    pit = 0.6 * (np.hypot(x, y) > 0.75)
    elevation, _ = best_view(pit, (1.0, 1.0), [(0.5, 0.5, 0.0)])
    assert elevation > ELEVATIONS[0]
    assert best_view(0 * pit, (1.0, 1.0), [(0.5, 0.5, 0.0)]) == (ELEVATIONS[0], AZIMUTHS[0])


def test_a_hole_counts_as_a_wall_for_the_view():
    holed = np.zeros((21, 21))
    holed[11:, :10] = np.nan
    _, azimuth = best_view(holed, (1.0, 1.0), [])
    assert azimuth != AZIMUTHS[0]


def test_two_models_are_both_seen():
    assert "the other model" in said(plot_surface(oblong()))
    assert len(plot_surface(oblong()).lines) == 2


def test_a_very_fine_grid_is_thinned_but_for_its_rim():
    a = axis(301)
    ax = plot_surface(made((a, axis(5)), {"train_loss": np.add.outer(a**2, np.zeros(5))}))
    (sheet,) = ax.collections
    assert len(sheet.get_facecolor()) == 100 * 4
    assert (ax.get_xlim(), ax.get_ylim()) == ((-1, 1), (-1, 1))


def test_flat_axes_are_refused():
    with pytest.raises(InputError, match="projection='3d'"):
        plot_surface(bowl(), ax=Figure().add_subplot())


def test_given_axes_get_short_words_that_reach_no_neighbour():
    mine = Figure().add_subplot(projection="3d")
    assert plot_surface(bowl(), ax=mine) is mine
    assert (mine.get_xlabel(), mine.get_ylabel(), mine.get_title()) == ("α", "β", "training loss")
    assert mine.get_legend() is None


def test_a_line_has_no_surface():
    with pytest.raises(InputError, match="two axes"):
        plot_surface(line())


@pytest.mark.parametrize("exponent", [-300, -200, -155, -100, -40, 0, 40, 100, 154, 200, 300])
def test_a_plane_of_any_width_is_drawn_with_ticks_of_its_own_coordinates(exponent):
    width = 10.0**exponent
    across = np.linspace(-1, 1, 5) ** 2
    record = made((np.linspace(-width, width, 5),) * 2, {"train_loss": across[:, None] + across})
    ax = plot_surface(record)
    figure_of(ax).canvas.draw()
    texts = [label.get_text().replace("−", "-") for label in ax.get_xticklabels()]
    shown = [float(text) for text in texts if text]
    if abs(exponent) > 30:
        assert min(shown) == pytest.approx(-0.5 * width)
        assert max(shown) == pytest.approx(0.5 * width)


def bar_of(ax: Axes) -> Axes:
    """Find the axes of the colour bar."""
    (bar,) = [other for other in figure_of(ax).axes if other is not ax]
    return bar


def test_the_bar_beside_a_surface_names_its_colours_and_has_them():
    record = decades()
    ax = plot_surface(record)
    assert bar_of(ax).get_ylabel() == "training loss (mean squared error)"
    levels = shared_levels(field_of(record), None)
    corners = record.values["train_loss"]
    mean = (corners[:-1, :-1] + corners[1:, :-1] + corners[1:, 1:] + corners[:-1, 1:]) / 4
    figure_of(ax).draw_without_rendering()
    sheet = ax.collections[0].get_facecolor()
    (mesh,) = [one for one in bar_of(ax).collections if one.get_array() is not None]
    on_bar = mesh.get_cmap()(mesh.norm(mean.ravel()))
    # Painters' order differs: the colours are compared as sets, in order.
    assert np.sort(sheet.ravel()) == pytest.approx(np.sort(on_bar.ravel()), abs=0.02)
    assert bar_of(ax).get_ylim() == pytest.approx((levels.low, levels.high))


@pytest.mark.parametrize("name", ["constant", "hopeless"])
def test_a_surface_of_one_colour_has_no_bar(name):
    ax = plot_surface(EXAMPLES[name]())
    assert figure_of(ax).axes == [ax]


def written_on(ax: Axes) -> list[tuple[str, Bbox]]:
    """Give what is written beside the axes of a surface and where, after a drawing; the heights' name first."""
    figure_of(ax).draw_without_rendering()
    texts = [ax.zaxis.label, ax.xaxis.label, ax.yaxis.label]
    for side in (ax.xaxis, ax.yaxis, ax.zaxis):
        low, high = sorted(side.get_view_interval())
        texts += [tick.label1 for tick in side.get_major_ticks() if low <= tick.get_loc() <= high]
    return [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text()]


@pytest.mark.parametrize("width", ["single", "double"])
@pytest.mark.parametrize("name", ["bowl", "decades", "diverging", "oblong", "valley", "negative"])
def test_what_is_written_beside_a_surface_stands_in_the_figure_and_off_the_bar(name, width):
    for azimuth in (None, *AZIMUTHS) if (name, width) == ("negative", "single") else (None,):
        view = None if azimuth is None else (ELEVATIONS[0], azimuth)
        with looking(Look(width=width, view=view)):
            ax = plot_surface(EXAMPLES[name]())
        (first, heights), *others = written_on(ax)
        bar, page = bar_of(ax).get_tightbbox(), figure_of(ax).bbox
        for text, box in [(first, heights), *others, ("the bar", bar)]:
            assert page.x0 <= box.x0 < box.x1 <= page.x1, (azimuth, text)
        for text, box in [(first, heights), *others]:
            assert not box.overlaps(bar), (azimuth, text)
        for text, box in others:
            assert not box.overlaps(heights), (azimuth, text)


def test_the_heights_are_named_on_the_left_whatever_the_view():
    for azimuth in AZIMUTHS:
        with looking(Look(view=(ELEVATIONS[0], azimuth))):
            ax = plot_surface(constant())
        (name, box), *_ = written_on(ax)
        assert name == "training loss (nats)"
        assert box.x1 < ax.get_window_extent().x0 + ax.get_window_extent().width / 2

"""Slices of a volume: common levels, the slices that matter."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape.errors import InputError
from landscape.plots import plot_slices
from landscape.plots.field import field_of
from landscape.plots.slices import chosen_slices
from landscape.plots.style import figure_of
from landscape.records import Scan
from tests.plots.examples import axis, bowl, made, volume


def panels(ax: Axes) -> list[Axes]:
    return [each for each in figure_of(ax).axes if each.get_title().startswith("γ")]


def block(third: np.ndarray, lowest: int) -> Scan:
    a = axis(5)
    values = np.ones((5, 5, third.size)) + np.arange(third.size)
    values[1, 2, lowest] = 0.1
    return made((a, a, third), {"train_loss": values}, center={"train": {"loss": 0.5}})


def test_nine_slices_with_the_centre_among_them():
    ax = plot_slices(volume())
    titles = [panel.get_title() for panel in panels(ax)]
    assert len(titles) == 9
    assert ax.get_title() == "γ = 0"
    assert titles[0] == "γ = −1"
    assert titles[-1] == "γ = 1"


def test_all_slices_have_the_same_lines():
    drawn = [panel.collections for panel in panels(plot_slices(volume()))]
    levels = {tuple(contours.levels) for collections in drawn for contours in collections[1:2]}
    assert len(levels) == 1


def test_the_axes_are_said_below_and_the_holes_counted():
    (legend,) = figure_of(plot_slices(volume())).legends
    text = "\n".join(each.get_text() for each in legend.get_texts())
    for greek in "αβγ":
        assert f"{greek} along random direction" in text
    assert "not finite: 315 of 6615 points" in text
    assert "the model θ (0.05)" in text


@pytest.mark.parametrize(("count", "lowest"), [(2, 1), (5, 0), (15, 4), (40, 17), (41, 33)])
def test_the_centre_and_the_best_point_are_in_a_slice(count, lowest):
    third = axis(count)
    record = block(third, lowest)
    positions = chosen_slices(field_of(record))
    assert lowest in positions
    assert int(np.abs(third).argmin()) in positions
    assert len(positions) <= 9
    assert positions == sorted(set(positions))


@pytest.mark.parametrize("count", [2, 4, 8])
def test_any_number_of_slices_is_laid_out(count):
    ax = plot_slices(block(axis(count), 0))
    assert len(panels(ax)) == count
    legends = [text.get_text() for text in figure_of(ax).legends[0].get_texts()]
    assert sum("lowest on the grid" in text for text in legends) == 1


def test_given_axes_show_the_slice_through_the_centre():
    mine = Figure().add_subplot()
    assert plot_slices(volume(), ax=mine) is mine
    assert mine.get_title() == "γ = 0"
    assert mine.get_xlabel() == "α"


def test_a_volume_without_a_finite_value_is_drawn():
    a = axis(3)
    record = made((a, a, a), {"train_loss": np.full((3, 3, 3), np.inf)})
    assert "no finite value" in [text.get_text() for text in plot_slices(record).texts]


def test_a_plane_has_no_slices():
    with pytest.raises(InputError, match="three axes"):
        plot_slices(bowl())

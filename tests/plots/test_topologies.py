"""The figures of a topology say what their marks are."""

from __future__ import annotations

from landscape.plots.style import figure_of
from landscape.plots.topologies import plot_persistence
from tests.records import examples


def test_every_mark_of_the_diagram_of_heights_is_in_its_legend():
    """The deepest basin has a triangle, since it joins no other; the legend had circles only."""
    ax = plot_persistence(examples.topology())
    drawn = {line.get_marker() for line in ax.lines} - {"None"}
    (legend,) = figure_of(ax).legends
    told = {line.get_marker() for line in legend.get_lines()} - {"None", ""}
    assert drawn == told == {"^", "o"}

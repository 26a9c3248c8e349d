"""Every figure in a column and over both: as wide as it is asked to be, not twice as high, and nothing cut off."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from landscape.plots import Look, figures, looking, plot_comparison, plot_contours
from landscape.plots.style import COLUMN_WIDTH, figure_of
from tests.plots import examples as scans
from tests.records.examples import EXAMPLES

ALL = EXAMPLES | {name: getattr(scans, name) for name in ("line", "oblong", "diverging")}
# Inches: what a map over both columns may have, of a page of nine.
HIGHEST = 4.6


def drawn(name: str, look: Look) -> dict[str, Figure]:
    """Draw all figures of an example."""
    with looking(look):
        return figures(ALL[name]())


def cut_off(figure: Figure) -> list[float]:
    """Give how far, in inches, a figure's contents stand out on each side; 0.01 is the thickness of a line."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    box, page = figure.get_tightbbox(renderer).padded(-0.01), figure.bbox_inches
    return [out for out in (page.x0 - box.x0, box.x1 - page.x1, page.y0 - box.y0, box.y1 - page.y1) if out > 0]  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_a_figure_over_both_columns_is_whole_and_not_twice_as_high(name):
    single, double = drawn(name, Look()), drawn(name, Look(width="double"))
    assert list(single) == list(double)
    for title, wide in double.items():
        assert wide.get_figwidth() == pytest.approx(7.0)
        assert single[title].get_figwidth() == pytest.approx(COLUMN_WIDTH)
        assert wide.get_figheight() <= max(single[title].get_figheight(), HIGHEST)
        assert not cut_off(wide), title


def test_pictures_below_each_other_fit_a_page():
    """Two surfaces in one column of a page were 11.6 inches high."""
    tall = scans.made((scans.axis(9, 0, 1), scans.axis(9)), {"train_loss": np.ones((9, 9)) * scans.axis(9)})
    with looking(Look(width="double")):
        assert figure_of(plot_contours(tall)).get_figheight() < HIGHEST
    for kind in ("contour", "surface"):
        figure = plot_comparison([tall, tall], kind=kind, columns=1, look=Look(width="double"))
        assert figure.get_figheight() < 8.5


@pytest.mark.parametrize("name", EXAMPLES)
def test_larger_letters_are_not_cut_off(name):
    for title, figure in drawn(name, Look(style="slides")).items():
        assert not cut_off(figure), title


@pytest.mark.parametrize("name", EXAMPLES)
def test_losses_and_accuracies_have_their_units_on_every_axis(name):
    """Studies and diagnoses named the kind of a loss without its unit, other figures with it."""
    for title, figure in drawn(name, Look()).items():
        labels = [label for ax in figure.axes for label in (ax.get_xlabel(), ax.get_ylabel())]
        for label in labels:
            assert "nats" in label or "cross-entropy" not in label, (title, label)
            assert "fraction" in label or "accuracy" not in label, (title, label)

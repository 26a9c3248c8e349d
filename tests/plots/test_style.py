"""The style is legible in grey, and no longer active once the figure is drawn."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from landscape.optimizer_names import NAMES
from landscape.plots import plot_scan, style
from landscape.plots.connections import LOOKS
from landscape.plots.races import look_of
from landscape.plots.style import COLUMN_WIDTH, SPLIT_LINES, colormap, figure_of
from tests.plots.examples import EXAMPLES
from tests.processes import python


def test_lightness_only_rises_with_the_value():
    red, green, blue = colormap()(np.linspace(0, 1, 256))[:, :3].T
    grey = 0.299 * red + 0.587 * green + 0.114 * blue
    assert (np.diff(grey) > 0).all()
    assert grey[-1] - grey[0] > 0.6


def test_curves_are_told_apart_without_colour():
    assert len({str(look["linestyle"]) for look in SPLIT_LINES.values()}) == len(SPLIT_LINES)
    assert len({str(look["linestyle"]) for look in LOOKS.values()}) == len(LOOKS)
    # The usual race has four optimizers, the study of schedules five.
    assert len({str(look_of(index)["linestyle"]) for index in range(6)}) == 6
    assert len({str(look_of(index)) for index in range(len(NAMES))}) == len(NAMES)


def test_the_style_ends_with_its_block():
    before = dict(matplotlib.rcParams)
    with style():
        assert matplotlib.rcParams["font.size"] == 7.5
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_figure_fits_its_column_with_nothing_cut_off_or_too_small(name):
    before = dict(matplotlib.rcParams)
    figure = figure_of(plot_scan(EXAMPLES[name]()))
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    assert dict(matplotlib.rcParams) == before
    assert "training" in figure.get_suptitle()
    assert figure.get_figwidth() == COLUMN_WIDTH
    assert figure.get_figheight() < 2 * COLUMN_WIDTH
    drawn = figure.get_tightbbox(renderer).padded(-0.01)
    assert figure.bbox_inches.containsx(drawn.x0)
    assert figure.bbox_inches.containsx(drawn.x1)
    assert figure.bbox_inches.containsy(drawn.y0)
    assert figure.bbox_inches.containsy(drawn.y1)
    assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text().strip()) >= 6.5


def test_drawing_does_not_load_pyplot():
    code = (
        "import sys, io\n"
        "from tests.plots.examples import bowl\n"
        "from landscape.plots import figures\n"
        "from landscape.plots.saving import figure_bytes\n"
        "[figure_bytes(figure) for figure in figures(bowl()).values()]\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert 'scipy' not in sys.modules and 'numba' not in sys.modules\n"
    )
    python("-W", "error", "-c", code)

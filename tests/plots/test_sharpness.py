"""The figure of sharpness: curves of the minima compared, and every measure with its error."""

from __future__ import annotations

import pytest

from landscape.errors import InputError
from landscape.plots import figures, plot_sharpness, save_figures
from tests.records.test_sharpness import sharpness


def words(ax):
    return {text.get_text() for axes in ax.figure.figure.axes for text in axes.texts}


def test_two_models_stand_side_by_side_on_one_scale():
    ax = plot_sharpness(sharpness())
    panels = [axes for axes in ax.figure.figure.axes if axes.lines]
    assert [panel.get_title(loc="left") for panel in panels] == ["one", "two"]
    assert panels[0].get_ylim() == panels[1].get_ylim()


def test_models_of_one_name_are_told_apart():
    same = sharpness(settings=sharpness().settings | {"compare_name": "one"})
    ax = plot_sharpness(same)
    panels = [axes for axes in ax.figure.figure.axes if axes.lines]
    assert [panel.get_title(loc="left") for panel in panels] == ["one (1)", "one (2)"]
    assert {"one (1)", "one (2)"} <= words(ax)


def test_every_measure_is_written_with_its_error_and_what_rescaling_did():
    found = words(plot_sharpness(sharpness()))
    assert {"λₘₐₓ(H)", "2", "3", "×16", "adaptive", "0.50(1)", "same"} <= found


def test_without_a_test_theory_is_written():
    assert "changes" in words(plot_sharpness(sharpness(beside={})))


def test_a_function_of_theta_has_no_figure():
    assert figures(sharpness(curves={})) == {}
    with pytest.raises(InputError, match="no curves"):
        plot_sharpness(sharpness(curves={}))
    with pytest.raises(InputError, match="leave --quantity out"):
        figures(sharpness(), quantity="train_loss")


def test_the_same_record_gives_the_same_bytes(tmp_path):
    first, second = (save_figures(sharpness(), tmp_path / name) for name in ("one", "two"))
    assert [path.name for path in first] == ["one.curves.png"]
    assert first[0].read_bytes() == second[0].read_bytes()

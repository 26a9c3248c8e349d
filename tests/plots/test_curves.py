"""Curves of a line: panels, bands, gaps."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from landscape.errors import InputError
from landscape.plots import Look, looking, plot_curves
from landscape.plots.style import figure_of
from tests.plots.examples import axis, between, bowl, line, made, single_point, single_row


def said(ax: Axes) -> list[str]:
    return [text.get_text() for legend in figure_of(ax).legends for text in legend.get_texts()]


def curves(ax: Axes) -> dict[str, np.ndarray]:
    return {str(each.get_label()): each.get_xydata() for each in ax.lines if len(each.get_xydata()) > 2}


def test_loss_stands_above_accuracy_and_shares_its_axis():
    ax = plot_curves(line())
    upper, lower = figure_of(ax).axes
    assert ax is upper
    assert (upper.get_ylabel(), lower.get_ylabel()) == (
        "loss\n(cross-entropy, nats)",
        "accuracy\n(fraction correct)",
    )
    assert upper.get_shared_x_axes().joined(upper, lower)
    assert lower.get_xlabel().startswith("α along random direction 1")
    assert upper.get_xlabel() == ""
    assert set(curves(upper)) == set(curves(lower)) == {"training", "test"}


def test_metrics_by_name_have_panels_of_their_own():
    record = line()
    a = record.axes[0]
    more = {
        "train_top5": np.full(a.size, 0.9),
        "train_r2": 1 - 40 * a**2,
        "train_root_mean_squared_error": a**2,
    }
    ax = plot_curves(made((a,), {**record.values, **more}))
    loss, accuracy, top, share, error = figure_of(ax).axes
    assert accuracy.get_ylabel() == "accuracy\n(fraction correct)"
    assert top.get_ylabel() == "training top-5\naccuracy\n(fraction correct)"
    assert share.get_ylabel() == "training R²\n(drawn from −1)"
    assert error.get_ylabel() == "training root\nmean squared\nerror\n(target's unit)"
    assert share.get_ylim() == (-1.0, 1.0)
    assert top.get_ylim() == (0.0, 1.0)
    assert curves(share)["training"][:, 1] == pytest.approx(1 - 40 * a**2)
    assert loss.get_xlabel() == ""


def test_train_and_test_differ_in_more_than_colour():
    ax = plot_curves(line())
    styles = {each.get_linestyle() for each in ax.lines if len(each.get_xydata()) > 2}
    assert len(styles) == 2


def test_standard_errors_are_bands_one_error_wide():
    record = line()
    ax = plot_curves(record)
    bands = [each for each in ax.collections if isinstance(each, PolyCollection)]
    assert len(bands) == 2
    assert "band: ± one standard error" in said(ax)
    spread = bands[0].get_paths()[0].vertices
    at_zero = spread[np.isclose(spread[:, 0], 0.0), 1]
    assert np.ptp(at_zero) == pytest.approx(2 * 0.08)
    assert not [each for each in plot_curves(between()).collections if isinstance(each, PolyCollection)]


def test_a_stretch_that_is_not_finite_is_hatched_and_counted():
    ax = plot_curves(line())
    assert "not finite: 9 of 101 points" in said(ax)
    (span,) = [patch for patch in ax.patches if patch.get_hatch()]
    assert span.get_x() + span.get_width() == pytest.approx(1.5)


def test_a_barrier_between_two_models_marks_both():
    ax = plot_curves(between())
    assert len(figure_of(ax).axes) == 1
    assert {"the model θ", "the other model"} <= set(said(ax))


def test_many_decades_are_logarithmic_and_few_are_not():
    a = axis(21)
    steep = made((a,), {"train_loss": 1e-5 + a**4})
    assert plot_curves(steep).get_yscale() == "log"
    assert plot_curves(line()).get_yscale() == "linear"


def test_a_huge_value_does_not_flatten_the_curve():
    a = axis(41)
    values = 0.5 + a**2
    values[-1] = 1e20
    assert plot_curves(made((a,), {"train_loss": values})).get_ylim()[1] < 3


def test_a_quantity_is_drawn_alone_for_every_split():
    ax = plot_curves(line(), quantity="test_accuracy")
    assert len(figure_of(ax).axes) == 1
    assert set(curves(ax)) == {"training", "test"}
    assert "training and test accuracy" in figure_of(ax).get_suptitle()
    penalty = plot_curves(line(), quantity="penalty")
    assert set(curves(penalty)) == {"penalty"}


def test_a_grid_of_one_row_is_a_line_at_its_place():
    ax = plot_curves(single_row())
    assert ax.get_xlabel().startswith("β along")
    assert "α = 0.25" in figure_of(ax).get_suptitle()
    assert "the model" not in " ".join(said(ax))


def test_a_single_point_is_seen():
    ax = plot_curves(single_point())
    drawn = [each for each in ax.lines if each.get_label() == "training"]
    assert drawn[0].get_marker() == "o"
    assert figure_of(ax).get_suptitle().endswith("1 point")


def test_a_line_without_a_finite_value_says_so():
    a = axis(5)
    ax = plot_curves(made((a,), {"train_loss": np.full(5, np.nan)}))
    assert "no finite value" in [text.get_text() for text in ax.texts]
    assert "not finite: 5 of 5 points" in said(ax)


def test_given_axes_are_drawn_on_and_returned():
    mine = Figure().add_subplot()
    assert plot_curves(line(), ax=mine) is mine
    assert "training" in [text.get_text() for text in mine.get_legend().get_texts()]


def test_a_plane_has_no_curves():
    with pytest.raises(InputError, match="one axis"):
        plot_curves(bowl())


def test_limits_and_scale_are_those_that_were_chosen():
    with looking(Look(limits=(0.1, 3.0), scale="log")):
        upper, lower = figure_of(plot_curves(line())).axes
    assert (upper.get_yscale(), upper.get_ylim()) == ("log", (0.1, 3.0))
    assert (lower.get_yscale(), lower.get_ylim()) == ("linear", (0.0, 1.0))
    a = axis(101)
    steep = made((a,), {"train_loss": 1e-6 + np.expm1(20 * a**2)})
    with looking(Look(scale="linear")):
        assert plot_curves(steep).get_yscale() == "linear"
    below = made((a,), {"train_loss": a})
    with looking(Look(scale="log")), pytest.raises(InputError, match="needs values above 0"):
        plot_curves(below)

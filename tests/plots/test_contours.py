"""Contour maps: what is drawn, marked, hatched and said."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape.directions import Origin, make_directions
from landscape.errors import InputError
from landscape.plots import plot_contours, plot_curves, plot_surface
from landscape.plots.contours import shared_levels
from landscape.plots.field import field_of
from landscape.plots.style import figure_of
from tests.plots.examples import (
    axis,
    bowl,
    constant,
    diverging,
    hopeless,
    line,
    made,
    negative,
    oblong,
    outliers,
    valley,
)


def said(ax: Axes) -> list[str]:
    """Everything in the legend under a figure of ours."""
    return [text.get_text() for legend in figure_of(ax).legends for text in legend.get_texts()]


def scale_of(ax: Axes) -> Axes:
    return ax.child_axes[0]


def labels_on_lines(ax: Axes) -> list:
    return [text for text in ax.texts if text.get_text() and text.get_rotation() is not None]


def test_the_map_says_model_axes_scale_and_centre():
    ax = plot_contours(bowl())
    assert "digits-mlp: training loss" in figure_of(ax).get_suptitle()
    assert ax.get_xlabel() == "α along random direction 1\n(filter-normalized, seed 0)"
    assert ax.get_ylabel() == "β along random direction 2\n(filter-normalized, seed 0)"
    assert scale_of(ax).get_ylabel() == "training loss (cross-entropy, nats)"
    assert said(ax) == ["the model θ (0.03)"]
    assert [tuple(mark.get_xydata()[0]) for mark in ax.lines] == [(0.0, 0.0)]


def test_the_lowest_point_is_marked_only_where_it_beats_the_centre():
    test = plot_contours(bowl(), quantity="test_loss")
    assert "lowest on the grid (0.142 at α = 0.12, β = −0.08)" in said(test)
    assert not [text for text in said(plot_contours(bowl())) if "lowest" in text]


def test_of_equally_low_points_the_nearest_to_the_centre_is_marked():
    assert "lowest on the grid (0 at α = −1, β = −1)" in said(plot_contours(valley()))


def test_cells_that_are_not_finite_are_hatched_left_blank_and_counted():
    record = diverging()
    ax = plot_contours(record)
    count = np.count_nonzero(~np.isfinite(record.values["train_loss"]) & record.done)
    assert f"not finite: {count} of 1681 points" in said(ax)
    assert "not computed yet: 80 of 1681 points" in said(ax)
    hatched = [patch for patch in ax.get_children() if getattr(patch, "get_hatch", lambda: None)()]
    assert len(hatched) == 2
    overflow = hatched[1].get_path()
    assert overflow.contains_point((1.4, 1.4))
    assert not overflow.contains_point((0.0, 0.0))
    filled = ax.collections[0]
    assert not any(path.contains_point((1.4, 1.4)) for path in filled.get_paths())


def test_axes_are_equal_only_where_a_step_is_equally_long():
    assert plot_contours(bowl()).get_aspect() == 1.0
    assert plot_contours(oblong()).get_aspect() == "auto"
    a, b = axis(9), axis(9, -10, 10)
    sliver = made((a, b), {"train_loss": np.add.outer(a**2, b**2)})
    assert plot_contours(sliver).get_aspect() == "auto"


def test_the_other_model_is_marked_at_one():
    ax = plot_contours(oblong())
    assert "the other model" in said(ax)
    assert (1.0, 0.0) in [tuple(mark.get_xydata()[0]) for mark in ax.lines]


def test_train_and_test_maps_share_their_levels():
    record = bowl()
    train, test = (shared_levels(field_of(record, f"{split}_loss"), None) for split in ("train", "test"))
    assert np.array_equal(train.bands, test.bands)


def test_accuracy_has_even_steps_and_its_best_is_the_highest():
    record = bowl()
    field = field_of(record, "test_accuracy")
    assert shared_levels(field, None).scale == "linear"
    assert field.values[field.best] == record.values["test_accuracy"].max()


def test_a_metric_is_best_where_it_is_high_unless_it_is_an_error():
    a = axis(9)
    square = a[:, None] ** 2 + a**2
    values = {
        "train_loss": square,
        "train_top5": 1 - square / 4,
        "train_r2": 1 - 100 * square,
        "train_mean_absolute_error": square,
    }
    record = made((a, a), values)
    for name in values:
        field = field_of(record, name)
        assert field.best == (4, 4), name
        assert field.rises == (name in ("train_top5", "train_r2"))
    assert field_of(record, "train_r2").values.min() == -1
    assert field_of(record, "train_r2").values[4, 4] == 1
    assert shared_levels(field_of(record, "train_r2"), None).low == -1


def test_an_open_end_of_the_scale_says_that_values_lie_above():
    ax = plot_contours(outliers())
    assert scale_of(ax)._colorbar.extend == "max"
    assert scale_of(plot_contours(valley()))._colorbar.extend == "neither"


def test_heights_above_the_minimum_say_so():
    assert "above −3.2" in scale_of(plot_contours(negative())).get_ylabel()


def test_a_label_that_is_longer_than_its_scale_has_two_lines_and_leaves_the_map_its_height():
    values = 1.0 + np.add.outer(np.linspace(-1, 1, 21) ** 2, np.linspace(-1, 1, 11) ** 2)
    ax = plot_contours(made((axis(21), axis(11, -0.6, 0.6)), {"train_loss": values}))
    ax.figure.draw_without_rendering()
    assert "\n(" in scale_of(ax).get_ylabel()
    assert ax.get_window_extent().height > 0.9 * ax.figure.dpi


@pytest.mark.parametrize("height", [0.5, 0.6, 0.75, 1.0])
def test_the_name_of_the_upright_axis_stands_beside_the_map_or_below_it(height):
    values = 1.0 + np.add.outer(np.linspace(-1, 1, 21) ** 2, np.linspace(-1, 1, 11) ** 2)
    ax = plot_contours(made((axis(21), axis(11, -height, height)), {"train_loss": values}))
    figure = figure_of(ax)
    figure.draw_without_rendering()
    name = ax.yaxis.label.get_window_extent()
    titles = [
        text.get_window_extent() for text in (ax.title, ax._left_title, *figure.texts) if text.get_text()
    ]
    assert titles
    assert not any(name.overlaps(title) for title in titles)
    assert name.height < 1.1 * ax.get_window_extent().height
    assert ("direction 2" in ax.get_ylabel()) != any("β along random direction 2" in row for row in said(ax))


def test_a_constant_surface_says_its_value_and_has_no_scale():
    ax = plot_contours(constant())
    assert "constant: 2.303" in [text.get_text() for text in ax.texts]
    assert not ax.child_axes


def test_a_surface_without_a_finite_value_is_drawn_all_the_same():
    ax = plot_contours(hopeless())
    assert "no finite value" in [text.get_text() for text in ax.texts]
    assert "not finite: 441 of 441 points" in said(ax)
    assert "the model θ (not finite)" in said(ax)


def test_isolated_finite_points_do_not_break_the_map():
    values = np.full((7, 7), np.nan)
    values[::2, ::2] = np.arange(16.0).reshape(4, 4)
    ax = plot_contours(made((axis(7), axis(7)), {"train_loss": values}))
    assert "not finite: 33 of 49 points" in said(ax)


def test_a_surface_too_rough_for_lines_keeps_its_bands():
    a = axis(61)
    noise = np.random.default_rng(0).uniform(1, 2, (61, 61))
    ax = plot_contours(made((a, a), {"train_loss": noise}))
    assert len(ax.collections) == 1
    assert scale_of(ax).get_ylabel()


def test_two_points_a_side_are_enough():
    a = np.array([-1.0, 1.0])
    assert plot_contours(made((a, a), {"train_loss": np.array([[0.1, 1.0], [2.0, 3.0]])}))


@pytest.mark.parametrize("example", [bowl, valley, diverging, outliers, negative, oblong])
def test_numbers_on_lines_do_not_touch_each_other_the_marks_or_the_frame(example):
    ax = plot_contours(example())
    figure = figure_of(ax)
    figure.draw_without_rendering()
    texts = labels_on_lines(ax)
    assert len(texts) >= 2
    centers = np.array([ax.transData.transform(text.get_position()) for text in texts])
    widths = np.array([len(text.get_text()) * text.get_fontsize() * 0.62 * figure.dpi / 72 for text in texts])
    gaps = np.hypot(*(centers[:, None] - centers[None, :]).transpose(2, 0, 1))
    np.fill_diagonal(gaps, np.inf)
    assert (gaps > (widths[:, None] + widths[None, :]) / 2).all()
    marks = ax.transData.transform(np.concatenate([mark.get_xydata() for mark in ax.lines]))
    to_marks = np.hypot(*(centers[:, None] - marks[None, :]).transpose(2, 0, 1))
    assert (to_marks > widths[:, None] / 2).all()
    frame = ax.get_window_extent()
    assert all(frame.contains(*center) for center in centers)


def test_given_axes_are_drawn_on_and_returned():
    figure = Figure()
    mine = figure.add_subplot()
    assert plot_contours(bowl(), ax=mine, levels=[0.5, 1.0]) is mine
    assert [text.get_text() for text in mine.get_legend().get_texts()] == ["the model θ (0.03)"]
    assert not figure.legends


def test_a_line_has_no_contour_map():
    with pytest.raises(InputError, match="two axes"):
        plot_contours(line())


def test_an_unknown_quantity_is_refused_with_those_there_are():
    with pytest.raises(InputError, match="train_loss, test_loss"):
        plot_contours(bowl(), quantity="loss")


@pytest.mark.parametrize(
    ("name", "words"), [("the other model", "the other model"), ("b.npz", "the other model (b.npz)")]
)
def test_the_model_at_the_end_of_a_way_is_marked_and_named(name, words):
    """The direction's label names the other model's file; a figure that knew one name only marked none."""
    way = make_directions(Origin(np.zeros(6)), "between", to=np.ones(6), to_name=name, dimensions=2)
    axes = (axis(5, 0, 1), axis(5))
    told = {"directions": list(way.labels), "normalize": way.normalize}
    plane = made(axes, {"train_loss": np.add.outer(axes[0], axes[1] ** 2)}, **told)
    curve = made(axes[:1], {"train_loss": axes[0]}, **told)
    normalized = made(axes, plane.values, **{**told, "normalize": "filter"})
    for draw, record in ((plot_contours, plane), (plot_surface, plane), (plot_curves, curve)):
        assert words in said(draw(record)), draw
    assert words not in said(plot_contours(normalized))


def test_no_number_stands_on_the_line_of_the_best_constant():
    """A level of the same height got its number there."""
    x = axis(31)
    plane = {"train_loss": 2.5 * np.add.outer(x**2, x**2)}
    told = {"constant_loss": {"train": 2.0}, "center": {"train": {"loss": 0.0}}}
    bare, dashed = plot_contours(made((x, x), plane)), plot_contours(made((x, x), plane, **told))
    assert "2" in [text.get_text() for text in labels_on_lines(bare)]
    assert len(labels_on_lines(dashed)) > 1
    assert "2" not in [text.get_text() for text in labels_on_lines(dashed)]

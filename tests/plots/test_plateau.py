"""A plateau looks like one: the best constant prediction is drawn, flatness is said, and numbers that round alike are told apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from landscape.plots import plot_contours, plot_curves
from landscape.plots.field import field_of
from landscape.plots.marks import best_text
from landscape.plots.plateau import constant_of, flat_words
from landscape.plots.style import figure_of
from landscape.scanning import scan
from tests.records import examples
from tests.scanning.examples import small_model


def plateau(*points):
    """Make a scan whose loss is 2.303 within 0.02 %, with the constant's loss noted."""
    made = examples.scan(*points)
    values = 2.303 + 2e-4 * np.linspace(-1, 1, int(np.prod(points))).reshape(points)
    return replace(
        made, values={"train_loss": values}, errors={}, center_values={"train": {"loss": 2.303}},
        settings=made.settings | {"constant_loss": {"train": 2.3029}},
    )  # fmt: skip


def words(ax):
    return [text.get_text() for legend in figure_of(ax).legends for text in legend.get_texts()]


@pytest.mark.parametrize("plot", [plot_contours, plot_curves])
def test_the_constant_and_the_flatness_are_in_the_picture(plot):
    ax = plot(plateau(*(5,) if plot is plot_curves else (5, 6)))
    assert "best constant prediction (2.303)" in words(ax)
    assert any(text.startswith("flat: the loss changes by 0.017 %") for text in words(ax))


def test_a_constant_far_above_the_curves_would_flatten_them_and_is_left_out():
    far = replace(plateau(5), settings=plateau(5).settings | {"constant_loss": {"train": 9.0}})
    assert not any("constant" in text for text in words(plot_curves(far)))


def test_a_loss_that_changes_is_not_called_flat():
    assert flat_words(field_of(examples.scan(5))) == []


def test_values_that_round_alike_are_told_by_their_difference():
    assert "2e−4 lower at" in best_text(field_of(plateau(5)))
    rounds_down = replace(plateau(5), center_values={"train": {"loss": 2.308}})
    assert "0.0052 lower at" in best_text(field_of(rounds_down)), "2.3 beside 2.31 would say less"
    assert "(0.1 at" in best_text(field_of(examples.scan(5)))


def test_a_scan_of_a_network_notes_the_loss_of_its_best_constant():
    model = small_model(examples=20, test=10)
    record = scan(model, points=3, dimensions=1, threads=1, dtype="float64")
    shares = np.bincount(np.asarray(model.data["y_train"])) / 20
    shares = shares[shares > 0]
    assert constant_of(field_of(record)) == pytest.approx(-(shares * np.log(shares)).sum())
    assert constant_of(field_of(record, "train_accuracy")) == pytest.approx(shares.max())


def test_a_constant_that_no_point_reaches_is_told_beside_the_map_where_the_network_is_near_it():
    low, far = (
        replace(plateau(5, 6), settings=plateau(5, 6).settings | {"constant_loss": {"train": value}})
        for value in (2.29, 0.5)
    )
    assert "best constant prediction (2.29): nowhere on this map" in words(plot_contours(low))
    assert not any("constant" in text for text in words(plot_contours(far)))


def test_the_share_of_the_most_common_class_stands_among_the_accuracies():
    curve = plateau(5)
    both = replace(
        curve,
        values=curve.values | {"train_accuracy": np.full(5, 0.1)},
        settings=curve.settings | {"constant_accuracy": {"train": 0.104}},
    )
    assert "most common class alone (0.104)" in words(plot_curves(both))

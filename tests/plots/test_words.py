"""The words on the figures."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.plots.words import axis_label, distinct, quantity_label, quantity_name, shorten, title
from landscape.records import Scan
from tests.plots.examples import axis, bowl, line, made, single_row


def labelled(label: str) -> Scan:
    return made((axis(3),), {"train_loss": np.arange(3.0)}, directions=[label])


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("random 1 (seed 0), filter-normalized", "α along random direction 1\n(filter-normalized, seed 0)"),
        ("random 1 (filter-normalized, seed 0)", "α along random direction 1\n(filter-normalized, seed 0)"),
        ("principal 2 (45.3%)", "α along principal direction 2\n(45.3% of the variance)"),
        ("eigen 2 (λ = -0.0194)", "α along the Hessian's eigenvector\n(smallest λ = −0.0194)"),
        ("gradient", "α along the gradient\n(θ + αg: a learning rate is −α)"),
        ("to the other model", "α on the way to the other model"),
        ("direction 1 of ways.npz", "α along direction 1 of ways.npz"),
        ("gradient, layer-normalized", "α along the gradient\n(layer-normalized)"),
    ],
)
def test_an_axis_says_what_it_is(label, text):
    assert axis_label(labelled(label), 0) == text


def test_an_axis_without_a_label_has_a_number():
    record = made((axis(3),), {"train_loss": np.arange(3.0)}, directions=None)
    assert axis_label(record, 0) == "α along direction 1"


def test_a_loss_has_its_kind_and_unit():
    assert quantity_label(bowl(), "test_loss") == "test loss (cross-entropy, nats)"
    assert quantity_label(bowl(), "train_accuracy") == "training accuracy (fraction correct)"
    scaled = made((axis(3),), {"train_loss": np.arange(3.0)}, loss_scale=2.0)
    assert quantity_label(scaled, "train_loss") == "training loss (cross-entropy, scaled)"
    assert quantity_label(bowl(), "penalty") == "penalty (weight decay)"


def test_the_loss_of_a_function_without_data_is_no_training_loss():
    record = made((axis(3),), {"train_loss": np.arange(3.0)}, data="", loss=None)
    assert quantity_name(record, "train_loss") == "loss"
    assert quantity_label(record, "train_loss") == "loss"


def test_the_title_tells_model_loss_grid_span_and_subset():
    text = title(line(), "training loss", (0,))
    assert text.splitlines() == [
        "digits-mlp: training loss",
        "101 points, α ∈ [−1.5, 1.5], 256 random examples",
    ]
    assert title(bowl(), "training loss", (0, 1)).endswith("51 × 51 points, α, β ∈ [−1, 1]")
    assert title(single_row(), "loss", (1,), "α = 0.25").endswith("31 points, β ∈ [−1, 1], α = 0.25")


def test_no_line_of_a_title_is_wider_than_a_column():
    record = made(
        (axis(51), axis(31, -0.123, 4.56)),
        {"train_loss": np.ones((51, 31))},
        model_name="a-model-with-a-very-long-name-that-goes-on-and-on",
        examples={"train": 100000},
    )
    assert max(map(len, title(record, "training loss", (0, 1)).splitlines())) <= 50


def test_a_dollar_in_a_name_is_no_formula():
    assert shorten("cost $x$") == r"cost \$x\$"


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.05, 0.1, 0.2], ["0.05", "0.1", "0.2"]),
        ([0.0, 12.5, 25.0], ["0", "12.5", "25"]),
        ([-1.0, 0.0, 1.0], ["−1", "0", "1"]),
        ([1e-6, 1e-3, 1.0], ["$10^{-6}$", "$10^{-3}$", "$10^{0}$"]),
        ([3e-5, 1e-3, 0.1], ["3e−5", "1e−3", "0.1"]),
        ([2.3025, 2.303, 2.3035], ["2.3025", "2.303", "2.3035"]),
        ([1e6, 2e6, 5e6], ["1e6", "2e6", "5e6"]),
    ],
)
def test_levels_are_written_in_one_manner_with_few_digits(values, texts):
    assert distinct(np.array(values)) == texts

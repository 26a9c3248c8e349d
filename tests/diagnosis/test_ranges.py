"""The least loss of an output's range is that of the best outputs in it: no outputs in the range have less."""

from __future__ import annotations

import math

import numpy as np
import pytest

from landscape.diagnosis import diagnose
from landscape.diagnosis.ranges import ANYWHERE, FAR, best_outputs, end_of, least_loss, least_within, range_of
from landscape.diagnosis.thresholds import Thresholds
from landscape.diagnosis.vetoes import out_of_range
from landscape.model import build_model
from landscape.objective import NetworkObjective
from landscape.objective.constant import constant_loss
from landscape.objective.examples import score_outputs

RNG = np.random.default_rng(0)
TARGETS = {
    "mse": RNG.normal(0.4, 1.2, (12, 3)), "mae": RNG.normal(0.4, 1.2, (12, 3)), "huber": RNG.normal(0.4, 1.2, (12, 3)),
    "cross_entropy": RNG.integers(0, 3, 12), "kl_divergence": RNG.dirichlet(np.ones(3), 12), "multi_margin": RNG.integers(0, 3, 12),
    "binary_cross_entropy": RNG.uniform(0, 1, (12, 3)), "poisson": RNG.poisson(0.8, (12, 3)).astype(float),
}  # fmt: skip


def ended(op: str, loss: str, targets: np.ndarray):
    """A dense layer with an activation behind it."""
    nodes = [{"name": "fc", "op": "dense"}, {"name": "end", "op": op}]
    parameters = {"fc.weight": np.zeros((3, 2)), "fc.bias": np.zeros(3)}
    return build_model(
        nodes=nodes, parameters=parameters, loss=loss, x_train=RNG.standard_normal((12, 2)), y_train=targets
    )


@pytest.mark.parametrize("loss", TARGETS)
@pytest.mark.parametrize("op", ["sigmoid", "tanh", "relu", "softmax"])
def test_no_outputs_in_the_range_have_less_loss(op, loss):
    model = ended(op, loss, TARGETS[loss])
    least, best = (
        least_loss(model),
        best_outputs(model, end_of(model), range_of(end_of(model)), TARGETS[loss]),
    )
    rng = np.random.default_rng(1)
    for spread in (0.01, 0.1, 1.0):
        raw = best + spread * rng.standard_normal((200, *best.shape))
        inside = {
            "sigmoid": lambda z: np.clip(z, 0, 1), "tanh": lambda z: np.clip(z, -1, 1), "relu": lambda z: np.maximum(z, 0),
            "softmax": lambda z: (p := np.maximum(z, 0) + 1e-12) / p.sum(axis=-1, keepdims=True),
        }[op](raw)  # fmt: skip
        losses = [score_outputs(model, outputs, TARGETS[loss])[0].mean() for outputs in inside]
        assert min(losses) >= least - 1e-9 * max(1.0, abs(least))


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_bounded_logits_have_the_loss_of_their_closed_form(classes):
    """Logits in [a, b] have no cross-entropy below ln(1 + (C − 1) e^(a − b))."""
    y = np.arange(30) % classes
    for op, width in (("softmax", 1.0), ("sigmoid", 1.0), ("tanh", 2.0)):
        nodes = [{"name": "fc", "op": "dense"}, {"name": "end", "op": op}]
        zero = {"fc.weight": np.zeros((classes, 1)), "fc.bias": np.zeros(classes)}
        model = build_model(
            nodes=nodes, parameters=zero, loss="cross_entropy", x_train=np.ones((30, 1)), y_train=y
        )
        assert least_loss(model) == pytest.approx(math.log1p((classes - 1) * math.exp(-width)), rel=1e-12)


def test_a_softmax_against_several_ones_a_row_is_a_third_a_half_or_four_thirds_off():
    """The least squared error of a row of three with k ones: 1/3, 0, 1/2, 4/3 for k = 0 to 3."""
    rows = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1]], float)
    for row, error in zip(rows, (1 / 3, 0.0, 1 / 2, 4 / 3), strict=True):
        assert least_loss(ended("softmax", "mse", np.tile(row, (12, 1)))) == pytest.approx(
            error / 3, abs=1e-12
        )


@pytest.mark.parametrize(
    ("op", "loss", "targets", "broken"),
    [
        ("relu", "binary_cross_entropy", RNG.integers(0, 2, (12, 3)).astype(float), True),
        ("relu", "cross_entropy", TARGETS["cross_entropy"], False),
        ("softmax", "cross_entropy", TARGETS["cross_entropy"], True),
        ("tanh", "mse", RNG.uniform(-1, 1, (12, 3)), False),
        ("tanh", "mse", RNG.uniform(-1, 1, (12, 3)) * 1.02, False),
        ("tanh", "mse", RNG.uniform(-9, 9, (12, 3)), True),
        ("relu", "mse", -RNG.uniform(0, 1, (12, 3)), True),
        ("sigmoid", "binary_cross_entropy", RNG.integers(0, 2, (12, 3)).astype(float), True),
    ],
)
def test_an_output_is_broken_where_its_range_alone_keeps_the_loss_large(op, loss, targets, broken):
    model = ended(op, loss, targets)
    objective = NetworkObjective(model, threads=1)
    found = out_of_range(model, objective.evaluate(model.theta).loss, constant_loss(objective), Thresholds())
    assert (found is not None) == broken
    assert found is None or found.remedy == "without end"


def test_no_range_costs_nothing():
    layers = [(np.zeros((2, 3)), np.zeros(3))]
    plain = build_model(layers=layers, loss="mse", x_train=np.zeros((12, 2)), y_train=TARGETS["mse"])
    assert least_loss(plain) == 0.0
    assert math.isfinite(FAR)


@pytest.mark.parametrize("op", ["relu", "sigmoid"])
@pytest.mark.parametrize(
    ("loss", "targets", "options"),
    [
        ("cross_entropy", TARGETS["cross_entropy"], {"label_smoothing": 0.2}),
        (
            "cross_entropy",
            TARGETS["cross_entropy"],
            {"label_smoothing": 0.2, "class_weights": (1.0, 3.0, 0.5)},
        ),
        ("binary_cross_entropy", TARGETS["binary_cross_entropy"], {"pos_weight": 4.0}),
    ],
)
def test_options_of_the_loss_count_in_the_least_one(op, loss, targets, options):
    """Of smoothed classes and weighed ones the least loss is not that of the largest logits."""
    plain = ended(op, loss, targets)
    model = build_model(
        nodes=[{"name": "fc", "op": "dense"}, {"name": "end", "op": op}], parameters=dict(plain.parameters),
        loss=loss, x_train=plain.data["x_train"], y_train=targets, loss_options=options,
    )  # fmt: skip
    least = least_loss(model)
    best = best_outputs(model, end_of(model), range_of(end_of(model)), targets)
    rng, high = np.random.default_rng(1), range_of(end_of(model))[1]
    for spread in (0.01, 0.3, 3.0):
        for _ in range(200):
            near = np.clip(best + spread * rng.standard_normal(best.shape), 0, high)
            assert score_outputs(model, near, targets)[0].mean() >= least - 1e-9


def test_examples_of_a_class_that_is_left_out_cost_nothing():
    """The mean is over those that count: ln(1 + 2/e) for three classes behind a sigmoid, however many are left out."""
    plain = ended("sigmoid", "cross_entropy", TARGETS["cross_entropy"])
    for ignored in (0, 1, 2):
        model = build_model(
            nodes=[{"name": "fc", "op": "dense"}, {"name": "end", "op": "sigmoid"}], parameters=dict(plain.parameters),
            loss="cross_entropy", x_train=plain.data["x_train"], y_train=TARGETS["cross_entropy"], loss_options={"ignored": ignored},
        )  # fmt: skip
        assert least_loss(model) == pytest.approx(math.log1p(2 / math.e), rel=1e-12)


@pytest.mark.parametrize(
    ("op", "loss", "targets", "options"),
    [
        ("relu", "cross_entropy", TARGETS["cross_entropy"], {"label_smoothing": 0.3}),
        ("relu6", "cross_entropy", np.full((12, 3), 1 / 3), {}),
        ("relu6", "binary_cross_entropy", np.full((12, 3), 0.6), {}),
    ],
)
def test_what_smoothed_or_shared_targets_keep_of_the_loss_is_no_matter_of_the_range(
    op, loss, targets, options
):
    """The targets' own entropy is left whatever the network is, and outputs in the range come to it."""
    plain = ended(op, loss, targets)
    model = build_model(
        nodes=[{"name": "fc", "op": "dense"}, {"name": "end", "op": op}], parameters=dict(plain.parameters),
        loss=loss, x_train=plain.data["x_train"], y_train=targets, loss_options=options,
    )  # fmt: skip
    least = least_loss(model)
    assert least == pytest.approx(least_within(model, ANYWHERE), rel=1e-9)
    assert least > 0.1 * math.log(3)
    assert out_of_range(model, least + 1.0, math.log(3), Thresholds()) is None


def test_a_network_whose_range_is_at_fault_is_diagnosed_without_any_training():
    report = diagnose(
        ended("sigmoid", "binary_cross_entropy", RNG.integers(0, 2, (12, 3)).astype(float)),
        budget="quick",
        threads=1,
    ).report
    assert (report["verdict"], report["subtype"], report["next"]) == ("broken", "output-range", None)
    assert (
        report["pytorch"]
        == "delete nn.Sigmoid() behind the last nn.Linear; nn.BCEWithLogitsLoss()(net(x), y) takes what is left"
    )

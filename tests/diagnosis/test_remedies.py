"""A remedy is a row of one table: the row alone defines it, and nothing depends on its label."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from landscape.diagnosis import remedies
from landscape.diagnosis.changes import Rate
from landscape.diagnosis.curvature import Escaped
from landscape.diagnosis.ensembles import BUDGETS, Budget, Laboratory
from landscape.diagnosis.evidence import Evidence
from landscape.diagnosis.experiments import outcomes_of, plan_words
from landscape.diagnosis.networks import Width
from landscape.diagnosis.outcomes import CONTROL, Outcome
from landscape.diagnosis.recipe import training_of
from landscape.diagnosis.remedies import REMEDIES, of_kinds, plan_of, worded
from landscape.diagnosis.remedy import Remedy
from landscape.diagnosis.state import State
from landscape.diagnosis.structure import header_of, regraphed
from landscape.diagnosis.subtypes import always
from landscape.diagnosis.thresholds import Thresholds
from landscape.diagnosis.verdict import decide
from landscape.model import build_model
from landscape.training import Recipe

TINY = Budget("tiny", 2, (3, 5), (4, 6), 4e9)
RECIPE = {"optimizer": "sgd", "learning_rate": 0.1, "batch_size": 8, "steps": 40}
SUBTYPES = {
    "", "saddle", "symmetric-units", "dead-units", "vanishing-gradient", "plateau", "unfinished", "bouncing", "noise", "exploding",
    "ill-conditioned", "over-regularized", "width", "depth", "linear", "output-range", "stale-statistics",
}  # fmt: skip


def network(between: tuple[str, ...], sizes: tuple[int, ...] = (2, 6, 6, 3), **changes):
    """Dense layers with ops between them, on inputs whose variances differ by a million."""
    rng = np.random.default_rng(0)
    nodes, parameters = [], {}
    for i, (inputs, outputs) in enumerate(pairwise(sizes)):
        nodes += [{"name": f"{op}{i}", "op": op} for op in between if i]
        nodes.append({"name": f"fc{i}", "op": "dense"})
        parameters |= {
            f"fc{i}.weight": rng.standard_normal((outputs, inputs)),
            f"fc{i}.bias": np.zeros(outputs),
        }
    x = rng.standard_normal((30, sizes[0])) * ([1.0, 1000.0] if sizes[0] == 2 else 1.0)
    data = {
        "x_train": x,
        "y_train": rng.integers(0, sizes[-1], 30),
        "x_validation": x[:9],
        "y_validation": np.arange(9) % 3,
    }
    made = build_model(
        **{"nodes": nodes, "parameters": parameters, "loss": "cross_entropy", "weight_decay": 0.3, **data}
        | changes
    )
    return replace(made, training=RECIPE)


def laboratory(model, **changes) -> Laboratory:
    """A laboratory with a way down from the parameters, and with the runs that early stopping counts looks of."""
    lab = Laboratory(model, training_of(model, {}, 0), Thresholds(), TINY, "validation", threads=1)
    lab.escaped = Escaped(model.theta + 1.0, np.zeros(2), np.zeros(2), np.zeros(2))
    whole = "runs.early stopping"
    looks, losses = np.tile(np.array([1.0, 9.0]), (2, 1)), np.tile(np.array([0.5, 0.7]), (2, 1))
    lab.kept |= {f"{whole}.step": looks, f"{whole}.train_loss": losses, f"{whole}.validation_loss": losses}
    lab.kept[f"{whole}.labels"] = np.array(["part"])
    return replace(lab, **changes)


@pytest.fixture(scope="module")
def laboratories() -> list[Laboratory]:
    """Networks beside which every remedy is possible somewhere."""
    decays = {"fc0.weight": 0.5}
    models = [network(("relu", "dropout")), network(()), network(("tanh", "dropout"), weight_decay=decays)]
    decoupled = replace(models[0], training={**RECIPE, "optimizer": "adamw", "weight_decay": 0.2})
    return [laboratory(model) for model in (*models, decoupled, ended(), far_targets(), normalized())]


def ended():
    """The same with a ReLU on the logits."""
    model = network(("relu",))
    nodes = [*map(header_of, model.nodes), {"name": "end", "op": "relu"}]
    return replace(regraphed(model, nodes), training=RECIPE)


def far_targets():
    """A regression on targets that dwarf an ordinary start's outputs."""
    rng = np.random.default_rng(1)
    data = {
        "y_train": 500 + 100 * rng.standard_normal((30, 3)),
        "y_validation": 500 + 100 * rng.standard_normal((9, 3)),
    }
    return network(("relu",), loss="mse", **data)


def normalized():
    """A batch normalization whose running statistics are those of a start."""
    rng = np.random.default_rng(2)
    nodes = [
        {"name": "fc", "op": "dense"},
        {"name": "norm", "op": "batchnorm"},
        {"name": "out", "op": "dense"},
    ]
    shapes = {"fc.weight": (4, 2), "fc.bias": (4,), "norm.weight": (4,), "norm.bias": (4,), "norm.running_mean": (4,),
              "norm.running_var": (4,), "out.weight": (3, 4), "out.bias": (3,)}  # fmt: skip
    parameters = {key: rng.standard_normal(shape) for key, shape in shapes.items()} | {
        "norm.running_var": np.ones(4)
    }
    return network((), nodes=nodes, parameters=parameters)


def seen(remedy: Remedy, lab: Laboratory) -> tuple:
    """All that a remedy does in a laboratory but what it is called."""
    plan = remedy.plan(lab)
    planned = plan and (
        plan.settings,
        plan.words,
        plan.init,
        plan.start.fingerprint(),
        plan.start.data_fingerprint(),
    )
    trials = [] if remedy.tuned else remedy.trials(lab)
    return (
        planned,
        None if remedy.tuned else remedy.ensemble(lab),
        [(t.recipe, t.start.tobytes()) for t in trials],
    )


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda remedy: remedy.label)
def test_every_remedy_answers_every_question(remedy, laboratories):
    """Each has a description, a rank, a sub-type for any evidence, and for some network trials of every seed and a plan that can be trained."""
    assert remedy.words
    assert remedy.ensemble(laboratories[0]).words
    for state in (None, State(), State(identical="fc1"), State(stability=0.1, noise=0.1)):
        for more in ({}, {"assumed": "adam"}, {"optimizer": "adam", "learning_rate": 0.1}):
            assert remedy.rule(Evidence(loss=0.6, constant=0.7, state=state, **more)) in SUBTYPES
    possible = 0
    for lab in laboratories:
        plan, model = remedy.plan(lab), remedy.change.model(lab)
        assert (plan is None) == (model is None)
        if plan is None or not remedy.change.variants(lab):
            continue
        possible += 1
        if plan.ready:
            assert plan.apply() is plan.start
            continue
        assert Recipe(**plan.settings).steps >= 1
        assert plan.start.size == model.size
        assert plan.command(lab.model).startswith("landscape ")
        adam = plan.settings["optimizer"] in ("adam", "adamw")
        assert adam == (remedy.optimizer == "adam" or lab.training.recipe.optimizer == "adamw")
        assert (plan.init is None) == (remedy.start == "here")
        if not remedy.tuned and remedy.kind != "constraint":
            trials = remedy.trials(lab)
            assert {trial.recipe.seed for trial in trials} == set(lab.seeds)
            assert all(trial.label.startswith(remedy.label) for trial in trials)
            assert {trial.start.size for trial in trials} == {model.size}
    assert possible


def test_the_labels_that_records_hold_are_still_known():
    """A record of an earlier version is printed, drawn and applied by the labels in it."""
    held = (
        "longer", "rate/10", "rate×10", "rate×100", "rate×1000", "batch×8", "escape", "adam", "fresh", "fresh, rate/10", "fresh, adam",
        "weight decay/100", "fresh, weight decay/100", "fresh, adam, weight decay/100", "without dropout", "fresh, without dropout",
        "fresh, adam, without dropout", "standardized", "fresh, standardized", "linear", "shallower", "narrower", "with activations",
        "wider", "wider and deeper", "deeper", "early stopping", "weight decay 0.001", "weight decay 0.01", "half the width",
    )  # fmt: skip
    assert set(held) <= {remedy.label for remedy in REMEDIES}


def test_labels_words_and_ranks_are_unique():
    for values in zip(*[(r.label, r.words, r.rank) for r in REMEDIES], strict=True):
        assert len(set(values)) == len(values)


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda remedy: remedy.label)
def test_nothing_is_read_off_a_label(remedy, laboratories):
    for lab in laboratories:
        assert seen(replace(remedy, label="x", words="y"), lab) == seen(remedy, lab)


def evidence(found: Outcome, **changes) -> Evidence:
    return Evidence(
        **{"loss": 0.6, "constant": 0.7, "best": 0.01, "outcomes": (found,), "state": State()} | changes
    )


def won(remedy: Remedy) -> Outcome:
    return Outcome(
        name=remedy.label,
        kind=remedy.kind,
        train=0.01,
        half=0.01,
        gain=0.5,
        gain_half=0.1,
        share=1.0,
        seeds=5,
    )


@pytest.mark.parametrize(
    "remedy", of_kinds("fork", "fresh", "penalty", "larger"), ids=lambda remedy: remedy.label
)
def test_a_verdict_hangs_on_the_row_and_not_on_its_label(remedy, monkeypatch):
    told = decide(evidence(won(remedy)))
    assert (told.subtype, told.remedy) == (remedy.rule(evidence(won(remedy))), remedy.label)
    other = replace(remedy, label="x")
    monkeypatch.setattr(remedies, "REMEDIES", (other,))
    again = decide(evidence(won(other)))
    assert (again.code, again.subtype, again.accepted, again.supported) == (
        told.code,
        told.subtype,
        told.accepted,
        told.supported,
    )


@pytest.mark.parametrize("remedy", of_kinds("fork", "fresh"), ids=lambda remedy: remedy.label)
def test_what_was_assumed_of_the_training_is_said_of_the_remedies_that_train_as_the_user_did(remedy):
    said = " ".join(decide(evidence(won(remedy), assumed="sgd at 0.1, batch 8")).why)
    assert ("assumed: sgd at 0.1" in said) == (remedy.optimizer is None)


MADE_UP = Remedy(
    "half the rate", "half of the rate", "fork", Rate(0.5), 3, always("bouncing"), proves=("bouncing",)
)
LARGE = Remedy(
    "four times",
    "a network of four times the width",
    "larger",
    Width(4.0),
    25,
    always("width"),
    "fresh",
    "adam",
    tuned=True,
)


def test_a_new_row_is_tried_worded_judged_and_planned(monkeypatch):
    monkeypatch.setattr(remedies, "REMEDIES", (*REMEDIES[:2], MADE_UP, LARGE))
    lab = laboratory(network(("relu",)))
    found = outcomes_of(lab, of_kinds("fork", "larger"), 1.0)
    assert [(o.name, o.kind, o.seeds) for o in found] == [
        (CONTROL, "fork", 2), ("rate/10", "fork", 2), ("half the rate", "fork", 2), ("four times", "larger", 2),
    ]  # fmt: skip
    assert lab.kept["runs.forks.labels"].tolist() == [CONTROL, "rate/10", "half the rate"]
    assert {"runs.four times.step", "runs.four times.rates.step"} <= lab.kept.keys()
    assert worded("half the rate") == "half of the rate"
    told = decide(evidence(won(MADE_UP)))
    assert (told.subtype, told.remedy, told.supported) == ("bouncing", "half the rate", True)
    assert "with half of the rate training ends at" in " ".join(told.why)
    assert plan_of(lab, "half the rate").settings["learning_rate"] == 0.05
    assert "--learning-rate 0.05" in plan_of(lab, "half the rate").command(lab.model)
    assert plan_of(lab, "four times").start.nodes[0].shape == (32,)
    assert plan_of(lab, "leave the sigmoid out") is None


def test_remedies_that_are_not_possible_are_not_tried():
    """Neither a rate above the largest nor a batch above the data, no way down, nothing to constrain less, inputs on one scale."""
    x = np.random.default_rng(1).standard_normal((30, 2))
    model = replace(
        network(("relu",), weight_decay=0.0, x_train=x, x_validation=x[:9]),
        training={**RECIPE, "learning_rate": 2e3, "batch_size": 30},
    )
    lab = laboratory(model, escaped=None, budget=BUDGETS["standard"])
    tried = {
        trial.label
        for remedy in of_kinds("fork", "fresh", "penalty")
        if not remedy.tuned
        for trial in remedy.trials(lab)
    }
    assert tried == {CONTROL, "adam", "fresh"}
    assert "larger ones" in plan_words(lab)


@pytest.mark.parametrize(("least", "rate"), [(0, 0.1), (1, 1.0), (2, 10.0)])
def test_of_the_rates_on_standardized_inputs_the_one_that_won_is_applied(least, rate):
    lab = laboratory(network(("relu",)))
    losses = np.ones((6, 2))
    losses[2 * least : 2 * least + 2] = 0.1
    lab.kept |= {
        "runs.standardized.step": np.tile(np.array([1.0, 9.0]), (6, 1)),
        "runs.standardized.train_loss": losses,
    }
    lab.kept["runs.standardized.labels"] = np.array(
        ["standardized", "standardized, rate×10", "standardized, rate×100"]
    )
    assert plan_of(lab, "standardized").settings["learning_rate"] == rate

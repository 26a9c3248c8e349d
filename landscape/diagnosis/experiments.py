"""Steps 1 and 2 by intervention: forks from the checkpoint, fresh starts, a lighter penalty, simpler and larger networks."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.diagnosis.architectures import neighbours_of, start_of
from landscape.diagnosis.curvature import Escaped
from landscape.diagnosis.ensembles import Laboratory, Runs, Trial
from landscape.diagnosis.generalization import subset
from landscape.diagnosis.linear import linear_outcome
from landscape.diagnosis.outcomes import Outcome, outcomes
from landscape.diagnosis.vetoes import flat_inputs
from landscape.model import Model
from landscape.objective import NetworkObjective
from landscape.objective.constant import constant_loss
from landscape.training import Recipe

Array = NDArray[np.float64]

# Rates of Adam that every network is tuned over, alike; the middle one for forks.
TUNING = (1e-3, 3e-3, 1e-2)
FORK_ADAM = 3e-3
RATES = {"rate/10": 0.1, "rate×10": 10.0, "rate×100": 100.0, "rate×1000": 1000.0}
# A rate above this is tried by nobody.
LARGEST_RATE = 100.0
BATCH = 8
# Examples of an update of Adam's in comparisons of networks, where the user's batch is larger.
MOST_BATCH = 64
LIGHTER = 0.01
# Inputs are standardized in a fork where features differ so much in variance, or lie so far from zero.
UNEVEN, FAR = 100.0, 3.0
# Examples and updates of the trial whether the network learns a handful.
FEW, FEW_UPDATES = 16, 1000


def fork_trials(lab: Laboratory, escaped: Escaped | None) -> dict[str, list[Trial]]:
    """Give the trials of the same network by kind: from the checkpoint, and from fresh starts."""
    here, init = lab.model.theta, start_of(lab.model)
    short, long = lab.updates(0.1, lab.budget.fork), lab.updates(1.0, lab.budget.capacity)
    recipe, size = lab.training.recipe, lab.training.recipe.batch_size
    forks: list[Trial] = []
    fresh: list[Trial] = []
    changes: dict[str, dict[str, Any]] = {"longer": {}}
    changes |= {
        name: {"learning_rate": factor * recipe.learning_rate}
        for name, factor in RATES.items()
        if factor * recipe.learning_rate <= LARGEST_RATE
    }
    examples = lab.model.examples("train")
    if size < examples:
        changes[f"batch×{BATCH}"] = {"batch_size": min(BATCH * size, examples)}
    for name, change in changes.items():
        forks += [Trial(name, lab.recipe(short, seed, **change), here) for seed in lab.seeds]
    if escaped is not None:
        forks += [Trial("escape", lab.recipe(short, seed), escaped.theta) for seed in lab.seeds]
    forks += [Trial("adam", lab.adam(FORK_ADAM, short, seed, size), here) for seed in lab.seeds]
    for name, change in (("fresh", {}), ("fresh, rate/10", changes["rate/10"])):
        fresh += [
            Trial(name, lab.recipe(long, s, **change), lab.fresh(lab.model, init, s)) for s in lab.seeds
        ]
    return {"fork": forks, "fresh": fresh}


def plan_words(lab: Laboratory, escaped: Escaped | None) -> str:
    """Say what is going to be trained at most."""
    forks = sum(trial.recipe.steps for group in fork_trials(lab, escaped).values() for trial in group)
    found, long = neighbours_of(lab.model), lab.updates(1.0, lab.budget.capacity)
    few, more = 1 + len(found.simpler), len(found.larger)
    each = long * (len(TUNING) + lab.budget.seeds)
    return (
        f"planned: these parameters taken on, and fresh starts ({forks:,} updates), networks of this size and smaller ones "
        f"({few * each:,} updates), and, if these do not get there, larger ones ({more * each:,} updates)"
    )


def fork_outcomes(lab: Laboratory, escaped: Escaped | None, loss: float) -> list[Outcome]:
    """Train the forks and the fresh starts as one ensemble; forks are measured against the control."""
    trials = fork_trials(lab, escaped)
    runs = lab.run("forks", lab.model, [trial for group in trials.values() for trial in group])
    kinds = {trial.label: kind for kind, group in trials.items() for trial in group}
    control = runs.train[runs.labels.index("longer"), :, -1]
    found = outcomes(runs, kinds, loss, {"fork": control} if np.isfinite(control).all() else None)
    # The control is measured against the checkpoint itself.
    alone = outcomes(runs, kinds, loss)
    found = [own if o.name == "longer" else o for o, own in zip(found, alone, strict=True)]
    return [*found, trained_outcome(lab, "fresh, adam", lab.model, "fresh", loss)]


def best_tuned(found: list[Outcome]) -> Outcome:
    """Choose the rate of the least training loss."""
    return min(found, key=lambda o: o.train)


def penalty_outcomes(lab: Laboratory, loss: float) -> list[Outcome]:
    """Train with a hundredth of the weight decay, and without dropout, from the checkpoint and from fresh starts."""
    recipe = lab.training.recipe
    own = recipe.filled().weight_decay if recipe.decoupled else None
    changes = {"weight_decay": LIGHTER * own} if own else {}
    found: list[Outcome] = []
    if lab.model.decay_vector().any() or own:
        found += lighter_outcomes(lab, "weight decay/100", lighter(lab.model), changes, loss)
    if any(node.traits.drops for node in lab.model.nodes):
        found += lighter_outcomes(lab, "without dropout", without_dropout(lab.model), {}, loss)
    return found


def lighter_outcomes(
    lab: Laboratory, name: str, model: Model, changes: dict[str, Any], loss: float
) -> list[Outcome]:
    """Train a model that is constrained less: taken on from here, from fresh starts, and from fresh starts with Adam."""
    long, init = lab.updates(1.0, lab.budget.capacity), start_of(model)
    size = lab.training.recipe.batch_size
    trials = [Trial(name, lab.recipe(long, s, **changes), model.theta) for s in lab.seeds]
    trials += [
        Trial(f"fresh, {name}", lab.recipe(long, s, **changes), lab.fresh(model, init, s)) for s in lab.seeds
    ]
    trials += [
        Trial(
            f"fresh, adam, {name}", lab.adam(FORK_ADAM, long, s, size, **changes), lab.fresh(model, init, s)
        )
        for s in lab.seeds
    ]
    runs = lab.run("penalty" if "decay" in name else "dropout", model, trials)
    return outcomes(runs, dict.fromkeys(runs.labels, "penalty"), loss)


def without_dropout(model: Model) -> Model:
    """Turn the dropout off."""
    nodes = tuple(
        replace(node, attributes={**node.attributes, "p": 0.0}) if node.traits.drops else node
        for node in model.nodes
    )
    return replace(model, nodes=nodes)


def lighter(model: Model) -> Model:
    """Give the model a hundredth of its weight decay."""
    decay = model.weight_decay
    if isinstance(decay, dict):
        return replace(model, weight_decay={name: LIGHTER * value for name, value in decay.items()})
    return replace(model, weight_decay=LIGHTER * decay)


def standardized(model: Model) -> Model | None:
    """Standardize the inputs and rewrite the first layer so that the function is the same; None where that cannot be, or need not.

    With x' = (x − μ)/σ the layer is W' = W·diag(σ), b' = b + Wμ.
    """
    first = model.nodes[0]
    weight, bias = f"{first.name}.weight", f"{first.name}.bias"
    plain = first.traits.product == "matrix" and first.inputs == ("input",) and first.parameters_of is None
    readers = sum("input" in node.inputs for node in model.nodes)
    if not plain or readers != 1 or len(model.input_shape) != 1 or bias not in model.parameters:
        return None
    x = flat_inputs(model, "train")
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    moving = deviation > 1e-9 * max(float(deviation.max()), 1e-300)
    deviation = np.where(moving, deviation, 1.0)
    uneven = float((deviation[moving].max() / deviation[moving].min()) ** 2) if moving.any() else 1.0
    if uneven < UNEVEN and float(np.max(np.abs(mean[moving] / deviation[moving]), initial=0.0)) < FAR:
        return None
    data = dict(model.data)
    for split in model.splits:
        moved = (flat_inputs(model, split) - mean) / deviation
        data[f"x_{split}"] = moved.astype(np.float32)
    parameters = dict(model.parameters)
    parameters[weight] = model.parameters[weight] * deviation
    parameters[bias] = model.parameters[bias] + model.parameters[weight] @ mean
    return replace(
        model, data=data, parameters=parameters, optimizer={}, checkpoints=None, checkpoint_steps=None
    )


def standardized_outcomes(lab: Laboratory, loss: float) -> list[Outcome]:
    """Train on standardized inputs from the same function, at the user's rate and ten times more."""
    model = standardized(lab.model)
    if model is None:
        return []
    short, rate = lab.updates(0.1, lab.budget.fork), lab.training.recipe.learning_rate
    trials = [
        Trial(name, lab.recipe(short, s, learning_rate=factor * rate), model.theta)
        for name, factor in (
            ("standardized", 1.0),
            ("standardized, rate×10", 10.0),
            ("standardized, rate×100", 100.0),
        )
        for s in lab.seeds
    ]
    runs = lab.run("standardized", model, trials)
    found = outcomes(runs, dict.fromkeys(runs.labels, "fork"), loss)
    fresh = trained_outcome(lab, "fresh, standardized", model, "fresh", loss)
    return [replace(best_tuned(found), name="standardized"), fresh]


def trained_outcome(lab: Laboratory, name: str, model: Model, kind: str, loss: float) -> Outcome:
    """Train a network by Adam at equal updates: the rate is tuned on one seed, then run on the paired ones."""
    init, long = start_of(model), lab.updates(1.0, lab.budget.capacity)
    size = min(lab.training.recipe.batch_size, MOST_BATCH)
    tuning = [
        Trial(f"adam {rate:g}", lab.adam(rate, long, lab.seed, size), lab.fresh(model, init, lab.seed))
        for rate in TUNING
    ]
    rate = least_rate(lab.run(f"{name}.rates", model, tuning))
    trials = [Trial(name, lab.adam(rate, long, s, size), lab.fresh(model, init, s)) for s in lab.seeds]
    runs = lab.run(name, model, trials)
    return outcomes(runs, {name: kind}, loss)[0]


def least_rate(tried: Runs) -> float:
    """Give the rate of the least final loss."""
    finals = np.where(np.isfinite(tried.train[:, 0, -1]), tried.train[:, 0, -1], np.inf)
    return TUNING[int(np.argmin(finals))]


def simpler_outcomes(lab: Laboratory, loss: float) -> list[Outcome]:
    """Fit the linear model, by its convex problem, and train the simpler networks."""
    line = linear_outcome(lab, loss)
    found = neighbours_of(lab.model).simpler
    return ([] if line is None else [line]) + [
        trained_outcome(lab, name, model, "simpler", loss) for name, model in found.items()
    ]


def larger_outcomes(lab: Laboratory, loss: float) -> list[Outcome]:
    """Train the larger networks, where there are any."""
    found = neighbours_of(lab.model).larger
    return [trained_outcome(lab, name, model, "larger", loss) for name, model in found.items()]


def sixteen(lab: Laboratory) -> float:
    """Train fresh starts on a few examples without weight decay, and give the part of their constant's loss that is left on average.

    A network that cannot learn these cannot learn more; one that can may still fail at all of them.
    """
    total = lab.model.examples("train")
    count = min(FEW, total)
    rows = streams.numpy_generator("a few examples", lab.seed).permutation(total)[:count]
    few = replace(subset(lab.model, rows), weight_decay=0.0)
    few = replace(few, data={key: few.data[key] for key in ("x_train", "y_train")})
    constant = constant_loss(NetworkObjective(few, threads=lab.threads))
    if not constant > 0:
        return math.nan
    init = start_of(few)
    trials = [
        Trial(
            "16 examples",
            Recipe(optimizer="adam", learning_rate=FORK_ADAM, steps=FEW_UPDATES, seed=s, batch_size=count),
            lab.fresh(few, init, s),
        )
        for s in lab.seeds
    ]
    left = lab.run("sixteen", few, trials).train[0, :, -1] / constant
    return float(np.mean(left)) if np.isfinite(left).all() else math.inf

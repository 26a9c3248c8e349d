"""Step 3: a learning curve, and the constraints that are tried on a network that overfits."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.diagnosis.architectures import start_of
from landscape.diagnosis.ensembles import Ensemble, Laboratory, Runs, Trial, part_of
from landscape.diagnosis.gap import chance
from landscape.diagnosis.generalization import CHANCE, Constrained, Generalization
from landscape.diagnosis.linear import fitted as fitted_linear
from landscape.diagnosis.linear import standard_inputs
from landscape.diagnosis.linear_signal import linear_p
from landscape.diagnosis.outcomes import half_interval
from landscape.diagnosis.remedies import of_kinds
from landscape.diagnosis.remedy import Remedy
from landscape.diagnosis.signal import TELLS
from landscape.diagnosis.subsets import subset
from landscape.errors import InputError
from landscape.model import Model
from landscape.objective import NetworkObjective
from landscape.objective.constant import constant_loss
from landscape.objective.examples import score_outputs

Array = NDArray[np.float64]

PARTS = (0.25, 0.5, 1.0)


def generalization(lab: Laboratory) -> Generalization:
    """Train afresh by the user's recipe on a quarter, half and all of the training set, and on all of it constrained."""
    total = lab.model.examples("train")
    user = NetworkObjective(lab.model, "train", threads=lab.threads)
    least = user.evaluate(lab.model.theta).loss + lab.limits.large * constant_loss(user)
    order = streams.numpy_generator("parts of the training set", lab.seed).permutation(total)
    sizes = sorted({max(2, round(part * total)) for part in PARTS})
    parts = [fitted(lab, part_of(size), subset(lab.model, order[:size])) for size in sizes]
    reached = float(np.median(parts[-1].train[0][:, -1]))
    if not reached <= least:
        raise InputError(
            f"refits come to a training loss of {reached:.4g} in {int(parts[-1].step[0][-1]):,} updates, which is not near the network's own: "
            "--budget thorough takes more"
        )
    tables = [runs.error for runs in parts]
    tried = [constrained(lab, remedy, tables[-1][:, -1]) for remedy in of_kinds("constraint")]
    test = [float(runs.test[0, :, -1].mean()) for runs in parts if runs.test is not None]
    by_loss = parts[-1].held_accuracy is None
    return Generalization(
        sizes=tuple(sizes), curve=tuple(float(t[:, -1].mean()) for t in tables),
        halves=tuple(half_interval(t[:, -1]) for t in tables), test_curve=tuple(test),
        remedies=tuple(found for found in tried if found is not None),
        metric="loss" if by_loss else "error rate", chance=guessing(lab, by_loss), linear=linear_error(lab, by_loss),
    )  # fmt: skip


def linear_error(lab: Laboratory, by_loss: bool) -> float:
    """Return the held-out loss of the linear model, or its error rate; NaN if there is none."""
    weights, split = fitted_linear(lab.model), lab.held
    if weights is None or split is None:
        return math.nan
    x = standard_inputs(lab.model, split)
    outputs = np.concatenate([x, np.ones((len(x), 1))], axis=1) @ weights
    loss, hit = score_outputs(lab.model, outputs, np.asarray(lab.model.data[f"y_{split}"]))
    return float(loss.mean()) if by_loss or hit is None else 1.0 - float(hit.mean())


def linear_learns(lab: Laboratory, by_loss: bool) -> bool | None:
    """Say whether a linear model does better on held-out data than guessing, and than those of permuted targets; None where there is none."""
    error = linear_error(lab, by_loss)
    if math.isnan(error) or lab.held is None:
        return None
    # A p that is not known rules nothing out.
    return error < CHANCE * guessing(lab, by_loss) and not linear_p(lab.model, lab.held, lab.seed) > TELLS


def guessing(lab: Laboratory, by_loss: bool) -> float:
    """Return the held-out loss of the best constant, or the error rate of guessing classes."""
    assert lab.held is not None
    if by_loss:
        return constant_loss(NetworkObjective(lab.model, lab.held, threads=lab.threads))
    return 1.0 - chance(lab.model, lab.held)


def fitted(lab: Laboratory, ensemble: Ensemble, model: Model) -> Runs:
    """Train from fresh starts with the user's recipe, unless that was done before."""
    init, long = start_of(model), lab.updates(1.0, lab.budget.capacity)
    trials = [Trial(ensemble.name, lab.recipe(long, s), lab.fresh(model, init, s)) for s in lab.seeds]
    return lab.run(ensemble, model, trials)


def constrained(lab: Laboratory, remedy: Remedy, control: Array) -> Constrained | None:
    """Compare a constraint with the paired runs without it, by held-out data [S], or None if there is no such network."""
    model = remedy.change.model(lab)
    if model is None:
        return None
    runs = fitted(lab, remedy.ensemble(lab), model)
    lead = stopped(lab, remedy) if remedy.change.stops_early else control - runs.error[:, -1]
    known = bool(np.isfinite(lead).all())
    gain = float(lead.mean()) if known else -math.inf
    return Constrained(name=remedy.label, gain=gain, half=half_interval(lead))


def stopped(lab: Laboratory, remedy: Remedy) -> Array:
    """Return what stopping at each run's best look gains [S]: chosen on one half of the held-out data, scored on the other one."""
    chosen, scored = (
        replace(lab, held=half).finished(remedy.ensemble(lab)) for half in ("validation", "test")
    )
    assert chosen is not None
    assert scored is not None
    best = chosen.error.argmin(axis=1)
    return np.asarray(scored.error[:, -1] - scored.error[np.arange(len(best)), best])

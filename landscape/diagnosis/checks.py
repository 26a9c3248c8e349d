"""Step 0: the losses, whether anything is broken, the log, and the parameters if the loss is large."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from landscape.diagnosis.evidence import Evidence
from landscape.diagnosis.imbalance import majority_words
from landscape.diagnosis.leaks import leak_veto, leak_words
from landscape.diagnosis.modes import log_in_training, modes_of, wrong_mode
from landscape.diagnosis.nonfinite import not_finite
from landscape.diagnosis.ranges import DISTANCES
from landscape.diagnosis.session import Session
from landscape.diagnosis.state import highest_stability, stability_series, state_of
from landscape.diagnosis.statistics import stale, stale_veto
from landscape.diagnosis.vetoes import Veto, contradiction_of_log, flat_inputs, input_scales, vetoes, warnings
from landscape.model import Model
from landscape.objective import NetworkObjective
from landscape.objective.constant import constant_loss
from landscape.objective.examples import scores


def facts(session: Session, target: float | None) -> Evidence:
    """Return what needs no training: losses, vetoes, the log, and the parameters where the loss is large."""
    model, limits = session.model, session.limits
    damaged = not_finite(model, session.training, limits, session.lab.threads)
    if damaged is not None:
        return Evidence(loss=math.nan, constant=math.nan, limits=limits, vetoes=(damaged,))
    objective = NetworkObjective(model, "train", threads=session.lab.threads)
    evaluated, constant = objective.evaluate(model.theta), constant_loss(objective)
    if not math.isfinite(evaluated.loss):
        reason = f"the training loss is {evaluated.loss}"
        veto = Veto(
            "exploding",
            reason,
            math.nan,
            0.0,
            "go back to a finite checkpoint, with a smaller rate or --clip",
        )
        return Evidence(loss=evaluated.loss, constant=constant, limits=limits, vetoes=(veto,))
    modes = modes_of(
        model,
        evaluated.loss,
        session.training.recipe.batch_size,
        session.lab.seed,
        session.lab.threads,
    )
    dropped = log_in_training(model, modes, constant)
    session.first = (
        "" if dropped else contradiction_of_log(model, evaluated.loss, evaluated.penalty, constant)
    )
    session.warned = [
        *([dropped] if dropped else []),
        *leak_words(session.leaks),
        *warnings(model, limits),
    ]
    missing(session)
    scored = scores(model, "train", threads=session.lab.threads)
    session.warned += majority_words(model, scored, constant)
    found, constant_here = vetoes(model, scored, constant, limits, session.lab.seed, session.lab.threads)
    threads = session.lab.threads
    more = (
        leak_veto(model, session.whole or model, session.leaks, limits.leak, threads),
        None if found else stale_veto(stale(model, session.lab.held, threads), constant, limits),
    )
    found += [veto for veto in more if veto is not None]
    if not found:
        session.warned += wrong_mode(modes, constant, limits.large, limits.stale)
    steps, evenly = session.training.spent, model.training.get("schedule", "constant") == "constant"
    evidence = Evidence(
        loss=evaluated.loss, constant=constant, limits=limits, vetoes=tuple(found), target=target, held=session.lab.held,
        optimizer=session.training.recipe.optimizer, learning_rate=session.training.recipe.learning_rate, highest=highest(session), assumed=assumed(session),
        scales=input_scales(model), climbed=climbed(session), spent=steps if evenly and session.training.known else None,
        objective=evaluated.loss + evaluated.penalty, **sizes(model), decays=bool(model.decay_vector().any()), modes=modes,
    )  # fmt: skip
    if not found and not evidence.is_small:
        session.lab.announce("examining the parameters and the curvature")
        state, session.lab.escaped = state_of(
            model,
            session.training.recipe,
            constant,
            limits,
            constant_output=constant_here,
            threads=session.lab.threads,
        )
        session.lab.kept |= stability_series(model, session.training.recipe, session.lab.threads)
        state = replace(state, **highest_stability(model, session.lab.kept))
        if not math.isfinite(state.decrement):
            session.not_assessed.append("curvature: too many parameters, or products that are not finite")
        evidence = replace(evidence, state=state)
    return evidence


def missing(session: Session) -> None:
    """Note what the file and the options leave open."""
    if session.first:
        session.not_assessed.append("the log (explosion, updates spent): it contradicts the parameters")
        session.lab.training = replace(session.training, spent=None)
    elif not session.model.history:
        session.not_assessed.append("the log (explosion): there is none")


def assumed(session: Session) -> str:
    """Say which recipe is taken for the user's where neither file nor options name one, or an empty text where they do."""
    return "" if session.training.known else recipe_words(session)


def recipe_words(session: Session) -> str:
    """Say the recipe that forks are of."""
    recipe = session.training.recipe
    return f"{recipe.optimizer} at {recipe.learning_rate:g}, batch {recipe.batch_size}"


def highest(session: Session) -> float:
    """Return the highest training loss of the log, or NaN where the log is closed or missing."""
    series = session.model.history.get("train_loss")
    if series is None or session.first or not len(series):
        return math.nan
    values = np.asarray(series, np.float64)
    return math.inf if not np.isfinite(values).all() else float(values.max())


def climbed(session: Session) -> float:
    """Return the highest training loss of the log over its first one, or NaN where the log is closed or missing."""
    series = session.model.history.get("train_loss")
    if series is None or session.first or not len(series):
        return math.nan
    values = np.asarray(series, np.float64)
    return highest(session) / float(values[0]) if values[0] > 0 else math.nan


def sizes(model: Model) -> dict[str, Any]:
    """Return how large inputs and targets are, as far as they are numbers on a scale."""
    found = {}
    if np.issubdtype(model.data["x_train"].dtype, np.floating):
        found["input_size"] = float(np.sqrt(np.mean(flat_inputs(model, "train").var(axis=0))))
    if model.loss in DISTANCES:
        found["target_size"] = float(np.sqrt(np.mean(np.asarray(model.data["y_train"], np.float64) ** 2)))
    return found

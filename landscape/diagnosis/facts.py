"""Step 0: losses, vetoes, what the log says and what it leaves open, and the parameters where the loss is large."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from landscape.diagnosis.evidence import Evidence
from landscape.diagnosis.examples import scores
from landscape.diagnosis.nonfinite import not_finite
from landscape.diagnosis.state import highest_stability, stability_series, state_of
from landscape.diagnosis.vetoes import Veto, contradiction_of_log, input_scales, vetoes, warnings
from landscape.diagnosis.walk import Walk
from landscape.objective import NetworkObjective
from landscape.objective.constant import constant_loss


def facts(walk: Walk, target: float | None) -> Evidence:
    """Take what needs no training: losses, vetoes, the log, and the parameters where the loss is large."""
    model, limits = walk.model, walk.limits
    damaged = not_finite(model, walk.training, limits, walk.lab.threads)
    if damaged is not None:
        return Evidence(loss=math.nan, constant=math.nan, limits=limits, vetoes=(damaged,))
    objective = NetworkObjective(model, "train", threads=walk.lab.threads)
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
    walk.first = contradiction_of_log(model, evaluated.loss, evaluated.penalty, constant)
    walk.warned = warnings(model, limits)
    missing(walk)
    scored = scores(model, "train", threads=walk.lab.threads)
    found, constant_here = vetoes(model, scored, constant, limits, walk.lab.seed, walk.lab.threads)
    evidence = Evidence(
        loss=evaluated.loss, constant=constant, limits=limits, vetoes=tuple(found), target=target, held=walk.lab.held,
        optimizer=walk.training.recipe.optimizer, learning_rate=walk.training.recipe.learning_rate, highest=highest(walk), assumed=assumed(walk),
        scales=input_scales(model),
    )  # fmt: skip
    if not found and not evidence.is_small:
        walk.lab.announce("looking at the parameters and the curvature")
        state, walk.lab.escaped = state_of(
            model,
            walk.training.recipe,
            constant,
            limits,
            constant_output=constant_here,
            threads=walk.lab.threads,
        )
        walk.lab.kept |= stability_series(model, walk.training.recipe, walk.lab.threads)
        state = replace(state, **highest_stability(model, walk.lab.kept))
        if not math.isfinite(state.decrement):
            walk.not_assessed.append("curvature: too many parameters, or products that are not finite")
        evidence = replace(evidence, state=state)
    return evidence


def missing(walk: Walk) -> None:
    """Note what the file and the options leave open."""
    if walk.first:
        walk.not_assessed.append("the log (explosion, updates spent): it contradicts the parameters")
        walk.lab.training = replace(walk.training, spent=None)
    elif not walk.model.history:
        walk.not_assessed.append("the log (explosion): there is none")


def assumed(walk: Walk) -> str:
    """Say which recipe is taken for the user's where neither file nor options name one; empty where they do."""
    return "" if walk.training.known else recipe_words(walk)


def recipe_words(walk: Walk) -> str:
    """Say the recipe that forks are of."""
    recipe = walk.training.recipe
    return f"{recipe.optimizer} at {recipe.learning_rate:g}, batch {recipe.batch_size}"


def highest(walk: Walk) -> float:
    """Give the highest training loss of the log; NaN where the log is closed or missing."""
    series = walk.model.history.get("train_loss")
    if series is None or walk.first or not len(series):
        return math.nan
    values = np.asarray(series, np.float64)
    return math.inf if not np.isfinite(values).all() else float(values.max())

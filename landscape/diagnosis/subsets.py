"""Parts of the training set: some of the examples, and a held-out part, with refits on the rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.diagnosis.architectures import start_of
from landscape.diagnosis.ensembles import Laboratory
from landscape.errors import InputError
from landscape.model import Model
from landscape.objective import NetworkObjective
from landscape.objective.constant import constant_loss
from landscape.objective.examples import Scores, scores
from landscape.training import train_recipes

# Parts that the training set is cut into where there are no validation data, and the least number of examples for it.
FOLDS, LEAST = 5, 20
# The least number of held-out examples that are worth two halves.
LEAST_HELD = 8
# A refit may take so many times the work of a run of an ensemble, and ends this part of the constant's loss above the user's.
WORK, CLOSE = 10.0, 0.02


def subset(model: Model, rows: NDArray[np.int64]) -> Model:
    """Keep some training examples."""
    kept = np.sort(rows)
    data = {key: (array[kept] if key.endswith("_train") else array) for key, array in model.data.items()}
    return replace(model, data=data)


def carve(model: Model, seed: int, fold: int = 0) -> Model | None:
    """Make a fifth of the training set, the fold's, a validation set, or None if there are too few examples."""
    total = model.examples("train")
    if total < LEAST:
        return None
    order = streams.numpy_generator("carved validation set", seed).permutation(total)
    out = np.sort(order[fold::FOLDS])
    kept = np.setdiff1d(np.arange(total), out)
    data = {key: (array[kept] if key.endswith("_train") else array) for key, array in model.data.items()}
    data |= {f"{axis}_validation": model.data[f"{axis}_train"][out] for axis in "xy"}
    return replace(model, data=data, checkpoints=None, checkpoint_steps=None, history={})


def halved(model: Model, held: str, seed: int) -> Model | None:
    """Return the model with one half of a held-out split for validation and the other for test, by chance; None if there are too few examples.

    What is chosen on the first half can be scored on the second.
    """
    total = model.examples(held)
    if total < LEAST_HELD:
        return None
    order = streams.numpy_generator("carved validation set", seed, 1).permutation(total)
    halves = {"validation": np.sort(order[: total // 2]), "test": np.sort(order[total // 2 :])}
    data = model.only("train").data | {
        f"{axis}_{split}": model.data[f"{axis}_{held}"][rows]
        for split, rows in halves.items()
        for axis in "xy"
    }
    return replace(model, data=data)


def carved(lab: Laboratory, fold: int = 0, work: float = WORK) -> Model | None:
    """Refit on four fifths of the training set, the fold's fifth for validation, or None if there are too few examples.

    Raises
    ------
    InputError
        The refit's training loss does not come near the network's own, so that it proves nothing.
    """
    model = carve(lab.model, lab.seed, fold)
    return (
        None
        if model is None
        else refit(
            lab, model, f"carved.{fold}", f"without a fifth of the training set, part {fold + 1}", work
        )
    )


def refit(lab: Laboratory, model: Model, key: str, words: str, work: float = WORK) -> Model:
    """Train afresh by the user's recipe, for as many updates as it takes to come near the user's loss, within so many times a run's work.

    Raises
    ------
    InputError
        It does not come near.
    """
    user = NetworkObjective(lab.model, "train", threads=lab.threads)
    loss, constant = user.evaluate(lab.model.theta).loss, constant_loss(user)
    near, stop = loss + lab.limits.large * constant, loss + max(0.5 * loss, CLOSE * constant)
    if f"{key}.buffers" not in lab.kept:
        lab.announce(f"refitting {words}")
        theta, there = lab.fresh(model, start_of(model), lab.seed), model
        most, reached = int(work * lab.most_updates), np.inf
        steps, done = lab.updates(1.0, lab.budget.capacity), 0
        while steps > 0:
            found = train_recipes(
                there, [lab.recipe(steps, lab.seed + done)], theta[None], looks=2, dtype=lab.dtype, threads=lab.threads,
                progress=lab.among([key]),
            )  # fmt: skip
            theta, there = np.asarray(found.theta[0], np.float64), there.with_buffers(found.buffers[0])
            done += steps
            reached = float(found.losses["train_loss"][0, -1])
            steps = 0 if reached <= stop or not np.isfinite(reached) else min(done, most - done)
        buffers = np.concatenate([np.zeros(0), *(np.ravel(array) for array in there.buffers.values())])
        lab.kept |= {f"{key}.theta": theta, f"{key}.loss": np.array(reached), f"{key}.buffers": buffers}
        lab.save()
        lab.done.append(key)
    made = model.with_theta(lab.kept[f"{key}.theta"]).with_buffers(lab.kept[f"{key}.buffers"])
    reached = float(lab.kept.get(f"{key}.loss", np.array(loss)))
    if not reached <= near:
        raise InputError(
            f"a refit {words} comes to a training loss of {reached:.4g}, not near the network's own {loss:.4g}"
        )
    return made


def resplit(lab: Laboratory, split: str) -> Model | None:
    """Put a held-out split and the training set together, split by chance into as many examples each, and refit; None if there are too few.

    With more training data than the user's a gap would close for another reason.
    """
    total, other = lab.model.examples("train"), lab.model.examples(split)
    if total < LEAST or other < 2:
        return None
    both = {
        axis: np.concatenate([np.asarray(lab.model.data[f"{axis}_{part}"]) for part in ("train", split)])
        for axis in "xy"
    }
    order = streams.numpy_generator("carved validation set", lab.seed, 2).permutation(total + other)
    rows = {"train": np.sort(order[:total]), "validation": np.sort(order[total:])}
    data = {key: array for key, array in lab.model.data.items() if not key.endswith((f"_{split}", "_train"))}
    data |= {f"{axis}_{part}": both[axis][kept] for part, kept in rows.items() for axis in "xy"}
    made = replace(lab.model, data=data, checkpoints=None, checkpoint_steps=None, history={})
    return refit(lab, made, "resplit", "after a split by chance")


def crossed(lab: Laboratory) -> dict[str, Scores] | None:
    """Score every training example by the refit that did not see it, beside those that it did see, or None if there are too few."""
    folds = [carved(lab, fold, WORK / FOLDS) for fold in range(FOLDS)]
    models = [model for model in folds if model is not None]
    if len(models) < FOLDS:
        return None
    return {
        split: pooled([scores(model, split, threads=lab.threads) for model in models])
        for split in ("train", "validation")
    }


def pooled(parts: list[Scores]) -> Scores:
    """Put the scores of several models into one list."""
    hits = [part.hit for part in parts if part.hit is not None]
    return Scores(
        np.concatenate([part.loss for part in parts]), np.concatenate(hits) if hits else None,
        np.concatenate([part.outputs for part in parts]),
    )  # fmt: skip

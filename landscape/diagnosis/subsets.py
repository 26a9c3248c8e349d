"""Parts of the training set: some examples, and a validation set carved out, with refits on the rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.diagnosis.architectures import start_of
from landscape.diagnosis.ensembles import Laboratory
from landscape.model import Model
from landscape.objective.examples import Scores, scores
from landscape.training import train_recipes

# Parts that the training set is cut into where there are no validation data, and the least number of examples for it.
FOLDS, LEAST = 5, 20


def subset(model: Model, rows: NDArray[np.int64]) -> Model:
    """Keep some training examples."""
    kept = np.sort(rows)
    data = {key: (array[kept] if key.endswith("_train") else array) for key, array in model.data.items()}
    return replace(model, data=data)


def carve(model: Model, seed: int, fold: int = 0) -> Model | None:
    """Make a fifth of the training set, the fold's, a validation set, or None where there are too few examples."""
    total = model.examples("train")
    if total < LEAST:
        return None
    order = streams.numpy_generator("carved validation set", seed).permutation(total)
    out = np.sort(order[fold::FOLDS])
    kept = np.setdiff1d(np.arange(total), out)
    data = {key: (array[kept] if key.endswith("_train") else array) for key, array in model.data.items()}
    data |= {f"{axis}_validation": model.data[f"{axis}_train"][out] for axis in "xy"}
    return replace(model, data=data, checkpoints=None, checkpoint_steps=None, history={})


def carved(lab: Laboratory, fold: int = 0) -> Model | None:
    """Refit on four fifths of the training set, the fold's fifth for validation, or None where there are too few examples."""
    model = carve(lab.model, lab.seed, fold)
    if model is None:
        return None
    key, buffers = f"carved.{fold}.theta", f"carved.{fold}.buffers"
    if buffers not in lab.kept:
        lab.announce(f"refitting without a fifth of the training set, part {fold + 1}")
        recipe = lab.recipe(lab.updates(1.0, lab.budget.capacity), lab.seed)
        start = lab.fresh(model, start_of(model), lab.seed)
        found = train_recipes(
            model,
            [recipe],
            start[None],
            looks=2,
            dtype=lab.dtype,
            threads=lab.threads,
            progress=lab.among([key]),
        )
        lab.kept[key] = np.asarray(found.theta[0], np.float64)
        lab.kept[buffers] = np.asarray(found.buffers[0], np.float64)
        lab.save()
        lab.done.append(key)
    return model.with_theta(lab.kept[key]).with_buffers(lab.kept[buffers])


def crossed(lab: Laboratory) -> dict[str, Scores] | None:
    """Score every training example by the refit that did not see it, beside those that it did see, or None where there are too few."""
    folds = [carved(lab, fold) for fold in range(FOLDS)]
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

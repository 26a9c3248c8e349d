"""Step 3 by intervention: a learning curve, constraints, and a validation set carved out of the training set."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.diagnosis.architectures import neighbours_of, start_of
from landscape.diagnosis.ensembles import Laboratory, Runs, Trial
from landscape.diagnosis.examples import Scores, scores
from landscape.diagnosis.gaps import chance
from landscape.diagnosis.outcomes import half_interval, plain
from landscape.model import Model
from landscape.objective import NetworkObjective
from landscape.objective.constant import constant_loss
from landscape.training import train_recipes

Array = NDArray[np.float64]

PARTS = (0.25, 0.5, 1.0)
DECAYS = (1e-3, 1e-2)
# Parts that the training set is cut into where there are no validation data, and the least number of examples for it.
FOLDS, LEAST = 5, 20
# A held-out error or loss above this part of guessing's is no better than it.
CHANCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """Something that constrains the network: how much better held-out data became than without it, with half a 95 % interval."""

    name: str
    gain: float
    half: float

    @property
    def works(self) -> bool:
        """Whether the gain is beyond its interval."""
        return self.gain > self.half


@dataclass(frozen=True, kw_only=True)
class Generalization:
    """The learning curve on held-out data (error rate or loss: lower is better), with half intervals, and the constraints."""

    sizes: tuple[int, ...]
    curve: tuple[float, ...]
    halves: tuple[float, ...]
    test_curve: tuple[float, ...]
    remedies: tuple[Remedy, ...]
    metric: str
    chance: float = math.nan

    @property
    def is_chance(self) -> bool:
        """Whether held-out data are no better than guessing, with the best constraint neither."""
        gain = 0.0 if self.best is None else self.best.gain
        return not self.curve[-1] - gain < CHANCE * self.chance

    @property
    def falls(self) -> bool:
        """Whether twice the data made held-out data better beyond the intervals."""
        return self.curve[-2] - self.curve[-1] > math.hypot(self.halves[-2], self.halves[-1])

    @property
    def verifies(self) -> bool:
        """Whether more data or a constraint made held-out data better."""
        return self.falls or self.best is not None

    @property
    def best(self) -> Remedy | None:
        """The constraint that gained most, of those that did beyond the interval."""
        working = [remedy for remedy in self.remedies if remedy.works]
        return max(working, key=lambda remedy: remedy.gain) if working else None

    def told(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {name: jsoned(value) for name, value in asdict(self).items()}


def jsoned(value: Any) -> Any:
    """Give lists for tuples, null for what is not finite."""
    if isinstance(value, tuple | list):
        return [jsoned(element) for element in value]
    if isinstance(value, dict):
        return {key: jsoned(element) for key, element in value.items()}
    return plain(value)


def generalization(lab: Laboratory) -> Generalization:
    """Train on a quarter, half and all of the training set, and on all of it constrained; the user's recipe, fresh starts."""
    total = lab.model.examples("train")
    order = streams.numpy_generator("parts of the training set", lab.seed).permutation(total)
    sizes = sorted({max(2, round(part * total)) for part in PARTS})
    parts = [fitted(lab, f"part {size}", subset(lab.model, order[:size])) for size in sizes]
    tables = [error(runs) for runs in parts]
    control = tables[-1][:, -1]
    remedies = [remedy("early stopping", control, tables[-1].min(axis=1))]
    for decay in DECAYS:
        model = replace(lab.model, weight_decay=decay)
        remedies.append(
            remedy(f"weight decay {decay:g}", control, error(fitted(lab, f"decay {decay:g}", model))[:, -1])
        )
    narrow = neighbours_of(lab.model).simpler.get("narrower")
    if narrow is not None:
        runs = fitted(lab, "narrow", narrow)
        remedies.append(remedy("half the width", control, error(runs)[:, -1]))
    test = [float(runs.test[0, :, -1].mean()) for runs in parts if runs.test is not None]
    return Generalization(
        sizes=tuple(sizes), curve=tuple(float(t[:, -1].mean()) for t in tables),
        halves=tuple(half_interval(t[:, -1]) for t in tables), test_curve=tuple(test), remedies=tuple(remedies),
        metric="loss" if parts[-1].held_accuracy is None else "error rate", chance=guessing(lab, parts[-1].held_accuracy is None),
    )  # fmt: skip


def guessing(lab: Laboratory, by_loss: bool) -> float:
    """Give the held-out loss of the best constant, or the error rate of guessing classes."""
    assert lab.held is not None
    if by_loss:
        return constant_loss(NetworkObjective(lab.model, lab.held, threads=lab.threads))
    return 1.0 - chance(lab.model, lab.held)


def fitted(lab: Laboratory, name: str, model: Model) -> Runs:
    """Train from fresh starts with the user's recipe."""
    init, long = start_of(model), lab.updates(1.0, lab.budget.capacity)
    trials = [Trial(name, lab.recipe(long, s), lab.fresh(model, init, s)) for s in lab.seeds]
    return lab.run(name, model, trials)


def error(runs: Runs) -> Array:
    """Give the held-out error rate, or loss, [S, K]; infinite where a run diverged."""
    assert runs.held is not None
    table = runs.held[0] if runs.held_accuracy is None else 1.0 - runs.held_accuracy[0]
    return np.where(np.isfinite(table), table, np.inf)


def remedy(name: str, control: Array, constrained: Array) -> Remedy:
    """Compare paired runs."""
    lead = control - constrained
    known = bool(np.isfinite(lead).all())
    return Remedy(name=name, gain=float(lead.mean()) if known else -math.inf, half=half_interval(lead))


def subset(model: Model, rows: NDArray[np.int64]) -> Model:
    """Keep some training examples."""
    kept = np.sort(rows)
    data = {key: (array[kept] if key.endswith("_train") else array) for key, array in model.data.items()}
    return replace(model, data=data)


def carve(model: Model, seed: int, fold: int = 0) -> Model | None:
    """Make a fifth of the training set, the fold's, a validation set; None where there are too few examples."""
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
    """Refit on four fifths of the training set, the fold's fifth for validation; None where there are too few examples."""
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
    """Score every training example by the refit that did not see it, beside those that it did see; None where there are too few."""
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

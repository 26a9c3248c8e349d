"""`--apply` for an objective of the user's own: the trial that won run again by the user's function, compared with it, and its network written."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from landscape.diagnosis.applied import came_to
from landscape.diagnosis.outcomes import plain
from landscape.diagnosis.own_training import Trained, Trainer
from landscape.diagnosis.own_trials import STATE, Chosen, chosen_of, judged_by, lowest, seeds_of
from landscape.diagnosis.proving import is_worse
from landscape.diagnosis.recipe import TOLD
from landscape.diagnosis.remedies import remedy_of, worded
from landscape.errors import InputError
from landscape.files import require_writable
from landscape.model.required import OF_OBJECTIVES
from landscape.objective import HasValue
from landscape.objective.about import About, about
from landscape.progress import Announce
from landscape.records import Diagnosis

Array = NDArray[np.float64]

ENDINGS = (".pt", ".pth", ".ckpt", ".bin")
# A training that is the trial's again has its losses to this part of them, though sums of other threads have another order.
SAME = 1e-3


class Measured(NamedTuple):
    """The loss of a split, and the accuracy where there is one."""

    loss: float
    accuracy: float | None


@dataclass(frozen=True)
class Winner:
    """The trial that a diagnosis recommends: its settings, its seed, where it starts, the losses that it ended with, and the hash of its end."""

    chosen: Chosen
    seed: int
    start: Array | None
    losses: dict[str, float]
    point: str


def require_checkpoint(path: str | Path) -> None:
    """Refuse a name that no checkpoint has.

    Raises
    ------
    InputError
        It ends otherwise.
    """
    path = Path(path)
    if path.suffix not in ENDINGS:
        raise InputError(
            f"{path}: expected the name of a checkpoint ({', '.join(ENDINGS)}), since that is what a training of your own ends with: "
            f"{path.with_suffix('.pt').name}"
        )


def apply_own(
    objective: HasValue, record: Diagnosis, train: Any, path: str | Path | None, announce: Announce
) -> dict[str, Any]:
    """Run the trial that won again, write the network that it ends with as a checkpoint, and return the losses; see `apply_remedy`.

    Raises
    ------
    InputError
        There is no function, the record is of another objective, it recommends no training, or the training ends worse than it started.
    """
    info = about(objective)
    if info is None or "train" not in info.examples:
        raise InputError(
            f"apply_remedy needs a model, or a TorchObjective of training data, found {type(objective).__name__}. "
            f"Another objective is taken by {OF_OBJECTIVES}"
        )
    if not callable(train):
        raise InputError(
            "apply_remedy: expected train=…, the function that the diagnosis was made with, found "
            f"{'none' if train is None else type(train).__name__}"
        )
    if path is not None:
        require_checkpoint(path)
        require_writable(path)
    if (record.model, record.data) != (info.fingerprint(info.theta), info.data):
        raise InputError(
            "apply_remedy: the diagnosis is of another network, of other parameters or of other data: diagnose this one"
        )
    winner = winner_of(info, record)
    announce(f"applying the remedy: {record.report['advice'] or record.report['remedy']}")
    given = {name: record.settings[name] for name in TOLD if name in record.settings}
    trainer = Trainer(train, info, given, keeps=True)
    found = trainer(winner.chosen.changes, winner.seed, winner.start)
    if found is None:
        raise InputError(f"--apply: the function does not take {winner.chosen.changes} any more")
    before = {name: Measured(*split.measured(info.theta)) for name, split in info.examples.items()}
    require_better(record, before, found)
    if path is not None:
        assert info.write is not None
        info.write(trainer.ended, Path(path))
    return told(record, winner, before, found)


def winner_of(info: About, record: Diagnosis) -> Winner:
    """Read the trial that a diagnosis recommends.

    Raises
    ------
    InputError
        It recommends none: a healthy network, a change of the network or the data, or nothing was trained.
    """
    report, series = record.report, record.series
    name = report["remedy"] or ""
    chosen = chosen_of(series, name)
    if chosen is None and f"runs.{name}.train_loss" in series:
        raise InputError(
            "--apply: the diagnosis is of an earlier version, which did not keep the settings: diagnose again with --fresh"
        )
    if chosen is None:
        line = f" (in PyTorch: {report['pytorch']})" if report.get("pytorch") else ""
        raise InputError(
            f"--apply: nothing to train for the verdict {report['verdict']}"
            + (f": {report['advice']}{line}" if report["advice"] else "")
        )
    place = lowest(series, chosen.run, judged_by(name, report["evidence"]["held_out"]))
    start = {"fresh": None, "escape": series.get("escape.theta"), "here": info.theta}[chosen.start]
    stem = f"runs.{chosen.run}"
    losses = {
        split: float(series[f"{stem}.{split}_loss"][place, 0])
        for split in info.examples
        if f"{stem}.{split}_loss" in series
    }
    seed = seeds_of(record.settings["seed"], place + 1)[place]
    point = series.get(f"{STATE}.{chosen.run}.points", np.zeros(0, "U1"))
    return Winner(chosen, seed, start, losses, str(point[place]) if len(point) > place else "")


def require_better(record: Diagnosis, before: dict[str, Measured], found: Trained) -> None:
    """Refuse a training that ended worse than it started.

    Raises
    ------
    InputError
        It did, so nothing is written.
    """
    after = {name: Measured(loss, found.accuracies.get(name)) for name, loss in found.losses.items()}
    held, remedy = record.report["evidence"]["held_out"], remedy_of(record.report["remedy"])
    if is_worse(dict(before), dict(after), held, remedy):
        words = ", ".join(
            f"{name} loss {before[name].loss:.4g} → {after[name].loss:.4g}"
            for name in before
            if name in after
        )
        raise InputError(
            f"--apply: {worded(record.report['remedy'])}, run once more, ends worse ({words}): nothing is written"
        )


def told(record: Diagnosis, winner: Winner, before: dict[str, Measured], found: Trained) -> dict[str, Any]:
    """Lay out the losses before and after, what of the removable loss is gone, and whether the training was the trial's again."""
    losses = {name: one.loss for name, one in before.items()}
    return came_to(record, losses, found.losses) | {
        "trial": {name: plain(loss) for name, loss in winner.losses.items()},
        "as_tried": is_same(winner, found, record.report["evidence"]["constant_loss"]),
    }


def is_same(winner: Winner, found: Trained, constant: float) -> bool:
    """Say whether a training came to the trial's point, or to its losses, as far as rounding goes."""
    if winner.point and winner.point == found.point:
        return True
    return all(
        math.isclose(found.losses.get(name, math.nan), loss, rel_tol=SAME, abs_tol=SAME**2 * constant)
        for name, loss in winner.losses.items()
    )

"""`--apply` for an objective of the user's own: the trial that won run again by the user's function, compared with it, and its network written.

A training that ends worse than it started is followed by the same remedy's other seeds, from the least loss on.
"""

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
from landscape.diagnosis.own_trials import STATE, Chosen, Series, by_loss, chosen_of, judged_by, seeds_of
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
    """Run the trial that won again, or another seed of it, write the network that it ends with as a checkpoint, and return the losses.

    See `apply_remedy`.

    Raises
    ------
    InputError
        There is no function, the record is of another objective, it recommends no training, or the training ends worse than it started with every seed.
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
    before = measured_at(info)
    winners = winners_of(info, record, before)
    announce(f"applying the remedy: {record.report['advice'] or record.report['remedy']}")
    given = {name: record.settings[name] for name in TOLD if name in record.settings}
    trainer = Trainer(train, info, given, keeps=True)
    winner, found = first_good(trainer, winners, record, before, announce)
    if path is not None:
        assert info.write is not None
        info.write(trainer.ended, Path(path))
    return told(record, winner, before, found)


def first_good(
    trainer: Trainer,
    winners: list[Winner],
    record: Diagnosis,
    before: dict[str, Measured],
    announce: Announce,
) -> tuple[Winner, Trained]:
    """Run the winners in their order until one ends better than it started.

    Raises
    ------
    InputError
        None does, or the function does not take the settings any more.
    """
    said = ""
    for winner in winners:
        found = trainer(winner.chosen.changes, winner.seed, winner.start)
        if found is None:
            raise InputError(f"--apply: the function does not take {winner.chosen.changes} any more")
        worse = worse_words(record, before, found)
        if not worse:
            return winner, found
        announce(f"seed {winner.seed} ends worse than it started ({worse})")
        said = said or worse
    count = "" if len(winners) == 1 else f" with each of {len(winners)} seeds"
    raise InputError(
        f"--apply: {worded(record.report['remedy'])}, run once more, ends worse{count} ({said}): nothing is written"
    )


def winners_of(info: About, record: Diagnosis, before: dict[str, Measured]) -> list[Winner]:
    """Read the trials of the remedy that a diagnosis recommends, a seed each, in the order of `places_of`.

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
    places = places_of(series, chosen.run, name, report["evidence"]["held_out"], before)
    return [winner_at(info, record, chosen, place) for place in places]


def measured_at(info: About) -> dict[str, Measured]:
    """Evaluate the network as it is on every split."""
    return {name: Measured(*split.measured(info.theta)) for name, split in info.examples.items()}


def places_of(
    series: Series, run: str, remedy: str, held: str | None, before: dict[str, Measured]
) -> list[int]:
    """Order the trainings of a remedy, as places among the seeds: those that ended no worse than the start first, and the least loss first."""
    stem = f"runs.{run}"

    def ended(place: int) -> dict[str, Measured]:
        found = {}
        for name in before:
            loss, accuracy = (series.get(f"{stem}.{name}_{what}") for what in ("loss", "accuracy"))
            if loss is not None:
                found[name] = Measured(
                    float(loss[place, 0]), None if accuracy is None else float(accuracy[place, 0])
                )
        return found

    return sorted(
        by_loss(series, run, judged_by(remedy, held)),
        key=lambda place: is_worse(dict(before), dict(ended(place)), held, remedy_of(remedy)),
    )


def winner_at(info: About, record: Diagnosis, chosen: Chosen, place: int) -> Winner:
    """Read the trial at a place among the seeds."""
    series, stem = record.series, f"runs.{chosen.run}"
    losses = {
        split: float(series[f"{stem}.{split}_loss"][place, 0])
        for split in info.examples
        if f"{stem}.{split}_loss" in series
    }
    start = {"fresh": None, "escape": series.get("escape.theta"), "here": info.theta}[chosen.start]
    seed = seeds_of(record.settings["seed"], place + 1)[place]
    points = series.get(f"{STATE}.{chosen.run}.points", np.zeros(0, "U1"))
    return Winner(chosen, seed, start, losses, str(points[place]) if len(points) > place else "")


def worse_words(record: Diagnosis, before: dict[str, Measured], found: Trained) -> str:
    """Write the losses of a training that ended worse than it started; "" for one that did not."""
    after = {name: Measured(loss, found.accuracies.get(name)) for name, loss in found.losses.items()}
    held, remedy = record.report["evidence"]["held_out"], remedy_of(record.report["remedy"])
    if not is_worse(dict(before), dict(after), held, remedy):
        return ""
    return ", ".join(
        f"{name} loss {before[name].loss:.4g} → {after[name].loss:.4g}" for name in before if name in after
    )


def told(record: Diagnosis, winner: Winner, before: dict[str, Measured], found: Trained) -> dict[str, Any]:
    """Lay out the losses before and after, what of the removable loss is gone, and whether the training was the trial's again."""
    losses = {name: one.loss for name, one in before.items()}
    return came_to(record, losses, found.losses) | {
        "seed": winner.seed,
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

"""`--apply`: run the remedy of a diagnosis, and report the losses before and after."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from landscape.diagnosis.applied import came_to
from landscape.diagnosis.curvature import Escaped
from landscape.diagnosis.ensembles import BUDGETS, Laboratory
from landscape.diagnosis.leaks import leaks_of, without_leaks
from landscape.diagnosis.own_applying import apply_own
from landscape.diagnosis.own_training import Train
from landscape.diagnosis.plan import Plan
from landscape.diagnosis.recipe import TOLD, training_of, with_penalty
from landscape.diagnosis.remedies import plan_of
from landscape.diagnosis.thresholds import Thresholds
from landscape.errors import InputError
from landscape.files import require_writable
from landscape.model import Model, save_model
from landscape.model.required import require_model
from landscape.objective import HasValue, evaluate_model
from landscape.objective.kinds import is_objective
from landscape.progress import Announce, Progress, nobody, silent
from landscape.records import Diagnosis


def remedy_plan(model: Model, record: Diagnosis, threads: int | None = None) -> Plan | None:
    """Make the plan again that a diagnosis recommends, or None if there is nothing to train."""
    report, settings = record.report, record.settings
    model = without_leaks(model, leaks_of(model))
    given = {name: settings.get(name) for name in TOLD}
    training = training_of(model, given, settings["seed"])
    kept = record.series
    escaped = None
    if "escape.theta" in kept:
        escaped = Escaped(*(kept[f"escape.{name}"] for name in ("theta", "step", "predicted", "actual")))
    lab = Laboratory(
        with_penalty(model, training), training, Thresholds(**settings["thresholds"]), BUDGETS[settings["budget"]], report["evidence"]["held_out"],
        settings["seed"], threads, settings["dtype"], escaped, dict(kept),
    )  # fmt: skip
    return plan_of(lab, report["remedy"] or "")


def apply_remedy(
    model: Model | HasValue,
    record: Diagnosis,
    path: str | Path | None = None,
    *,
    train: Train | None = None,
    threads: int | None = None,
    progress: Progress = nobody,
    announce: Announce = silent,
) -> dict[str, Any]:
    """Run the remedy that a diagnosis recommends, write the resulting model, and return the losses before and after.

    Parameters
    ----------
    model, record
        A model, or a `TorchObjective`, and its diagnosis.
    path
        Where to save: a model's file (.npz), or, of a `TorchObjective`, the checkpoint of the network that the function returns (.pt).
    train
        With a `TorchObjective` the function that the diagnosis was made with, which runs the trial that won again.
    threads, progress, announce
        As in `diagnose`.

    Returns
    -------
    `remedy`, `before` and `after` {split: loss}, and `removed`: the share of the removable training loss that is gone, where there is one. Of a
    `TorchObjective` also `seed`, `trial`, the losses of that seed's trial, and `as_tried`, whether this training came to the same.

    Raises
    ------
    InputError
        The diagnosis recommends nothing that can be trained: a healthy network, or a network or data that have to change. Or a training of the
        user's own ended worse than it started with every seed: then nothing is written.
    """
    if is_objective(model):
        return apply_own(cast(HasValue, model), record, train, path, announce)
    return apply_to_model(model, record, path, train, threads, progress, announce)


def apply_to_model(
    model: Any, record: Diagnosis, path: str | Path | None, train: Train | None, threads: int | None, progress: Progress, announce: Announce
) -> dict[str, Any]:  # fmt: skip
    """Run the remedy of a model's diagnosis, and write the resulting model; see `apply_remedy`.

    Raises
    ------
    InputError
        It is no model, or the diagnosis recommends nothing that can be trained.
    """
    require_model(model, "apply_remedy")
    if train is not None:
        raise InputError(
            "train: is for a TorchObjective; a model is trained by landscape itself: leave it out"
        )
    if path is not None:
        require_writable(path)
    plan = remedy_plan(model, record, threads)
    if plan is None:
        raise InputError(
            f"--apply: nothing to train for the verdict {record.report['verdict']}"
            + (f" ({record.report['advice']})" if record.report["advice"] else "")
        )
    announce(f"applying the remedy: {record.report['advice'] or record.report['remedy']}")
    done = plan.apply(announce, progress, threads)
    before = {
        split: found.loss for split, found in evaluate_model(without_leaks(model, leaks_of(model))).items()
    }
    after = {split: found.loss for split, found in evaluate_model(done).items()}
    if path is not None:
        save_model(done, path)
    return came_to(record, before, after)

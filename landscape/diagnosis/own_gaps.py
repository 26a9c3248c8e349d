"""The user's trainings on parts of the data and with constraints: whether more data, or less freedom, close a gap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from landscape.diagnosis.generalization import Constrained, Generalization
from landscape.diagnosis.outcomes import half_interval
from landscape.diagnosis.own_trials import Trials
from landscape.diagnosis.own_tries import CONSTRAINTS, FRESH, SHORTER, Changes, Try, always, is_number

Array = NDArray[np.float64]

# Parts of the training set of a learning curve.
PARTS = (0.25, 0.5, 1.0)


def generalization(trials: Trials, by_loss: bool, chance: float) -> Generalization | None:
    """Train afresh on parts of the training set and constrained; None if the function takes no part of the data."""
    if trials.held is None:
        return None
    # The first training shows what the function reads.
    trials.foresee([(Try(FRESH, fresh=True), {})], trials.seeds)
    trials.run(Try(FRESH, fresh=True), {}, trials.seeds)
    if not trials.trainer.takes("data_share") or FRESH in trials.refused:
        return None
    parts = [Try(f"part {part:g}", ("data_share",), fresh=True) for part in PARTS[:-1]]
    shares = [(trial, {"data_share": part}) for trial, part in zip(parts, PARTS, strict=False)]
    limits = [(trial, changes) for trial in CONSTRAINTS if (changes := trials.changes(trial)) is not None]
    trials.foresee([*shares, *limits], trials.seeds)
    for trial, share in shares:
        trials.run(trial, share, trials.seeds)
    tables = [error_of(trials, label, by_loss) for label in (*(trial.label for trial in parts), FRESH)]
    if any(table is None or len(table) != len(trials.seeds) for table in tables):
        return None
    curve = [table for table in tables if table is not None]
    whole = curve[-1]
    tried = [constrained(trials, [trial], whole, by_loss) for trial in CONSTRAINTS]
    length = next((name for name in ("steps", "epochs") if is_number(trials.trainer.own.get(name))), None)
    if length is not None:
        count = trials.trainer.own[length]
        sizes = dict.fromkeys(max(1, round(part * count)) for part in SHORTER)
        shorter = [Try(f"early stopping.{size}", (length,), True, always(**{length: size})) for size in sizes]
        trials.foresee(
            [(trial, changes) for trial in shorter if (changes := trials.changes(trial))], trials.seeds
        )
        tried.append(constrained(trials, shorter, whole, by_loss))
    return Generalization(
        sizes=tuple(max(1, round(part * trials.examples)) for part in PARTS),
        curve=tuple(float(table.mean()) for table in curve), halves=tuple(half_interval(table) for table in curve), test_curve=(),
        remedies=tuple(found for found in tried if found is not None), metric="loss" if by_loss else "error rate", chance=chance,
    )  # fmt: skip


def constrained(trials: Trials, tries: Sequence[Try], control: Array, by_loss: bool) -> Constrained | None:
    """Compare a constraint, in its variant of the least held-out error, with the same trainings without it."""
    leads: list[tuple[Try, Changes, Array]] = []
    for trial in tries:
        changes = trials.changes(trial)
        if changes is None:
            continue
        trials.run(trial, changes, trials.seeds)
        error = error_of(trials, trial.label, by_loss)
        if error is not None and len(error) == len(control) and np.isfinite(error).all():
            leads.append((trial, changes, control - error))
    if not leads:
        return None
    trial, changes, lead = max(leads, key=lambda found: float(found[2].mean()))
    name = tries[0].label.partition(".")[0] if len(tries) > 1 else tries[0].label
    trials.choose(trial, changes, name)
    return Constrained(name=name, gain=float(lead.mean()), half=half_interval(lead))


def error_of(trials: Trials, label: str, by_loss: bool) -> Array | None:
    """Give the held-out error rates or losses of a label [S]; None if it was not run."""
    found = trials.kept.get(f"runs.{label}.{trials.held}_{'loss' if by_loss else 'accuracy'}")
    if found is None:
        return None
    values = np.asarray(found)[:, 0]
    return values if by_loss else 1.0 - values

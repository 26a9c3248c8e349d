"""Compare an existing file with the training that would write it: the same, another length, or another training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError
from landscape.model import Model
from landscape.objective.trainer import rate_at, runs_of
from landscape.records.earlier import differences
from landscape.training.marks import marks
from landscape.training.recipe import Recipe, columns

# What a larger budget changes; and what is noted, and may differ.
LENGTHS = ("steps", "schedule_steps", "period")
NOTED = ("machine",)
RATES_COMPARED = 1000


def unlike(found: Model, training: dict[str, Any], data: str) -> list[str]:
    """Name what differs between a training's file and a training, the length of the run aside."""
    theirs = found.training
    if "start" in theirs and theirs["start"] != training.get("start"):
        told = ["another model or other parameters at the start"]
    else:
        told = differences(theirs, training, aside=(*LENGTHS, *NOTED))
    return told + (["other data"] if found.data_fingerprint() != data else [])


def require_same_so_far(path: Path, found: Model, recipe: Recipe) -> None:
    """Refuse another number of steps if a training of that length would have differed before the file's step.

    Raises
    ------
    InputError
        The file has more steps done, or the schedule depends on the length of the run.
    """
    done, steps = int(found.optimizer["step"]), recipe.steps
    if done > steps:
        raise InputError(
            f"{path} has {done} steps done, more than the {steps} asked for: give another name, or --fresh to replace it"
        )
    fields: dict[str, Any] = {name: found.training.get(name) for name in LENGTHS}
    if not np.array_equal(rates_of(replace(recipe, **fields), done), rates_of(recipe, done)):
        raise InputError(
            f"{path} was trained for {fields['steps']} steps, and the schedule '{recipe.schedule}' of a run of {steps} has other "
            "rates from early on: give --fresh to train anew; a run that is to be extended needs --schedule-steps from the start"
        )


def rates_of(recipe: Recipe, steps: int) -> NDArray[np.float64]:
    """Give the learning rates of a run's first steps, of at most a thousand of them."""
    runs = runs_of(columns([recipe], recipe.batch_size), np.zeros(1, np.int64))
    looked = marks(max(0, steps - 1), RATES_COMPARED)
    return np.array([rate_at(runs, 0, int(step)) for step in looked])

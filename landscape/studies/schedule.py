"""`study schedule`: constant, decay and warm-up side by side, from one start."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.model import Model
from landscape.model.required import require_model
from landscape.objective.devices import recorded_device, settle_device
from landscape.optimizer_names import optimizer_name
from landscape.progress import Announce, Progress, among, nobody, silent
from landscape.records import Pieces, Study
from landscape.studies.common import (
    Experiment,
    Found,
    different_names,
    finals,
    over_seeds,
    require_known,
    told,
    within,
)
from landscape.workers import Executor, Workers, as_workers

LOOKS = 41
SCHEDULES = ("constant", "step", "inverse_sqrt", "cosine", "linear")
WARM_PART = 0.1


def study_schedule(
    model: Model,
    *,
    schedules: Sequence[str] = SCHEDULES,
    optimizer: str = "sgd",
    learning_rate: float = 0.1,
    steps: int = 500,
    warmup: int | None = None,
    batch_size: int = 32,
    init: str | None = None,
    seeds: int = 3,
    seed: int = 0,
    dtype: str = "float32",
    threads: int | None = None,
    device: str = "auto",
    output: str | Path | None = None,
    fresh: bool = False,
    executor: Executor | Workers | None = None,
    progress: Progress = nobody,
    announce: Announce = silent,
) -> Study:
    """Train with several schedules at one peak rate, each with and without warm-up.

    Parameters
    ----------
    model
        The network, its data and, unless `init` is given, the start.
    schedules
        Names, as `train` takes them.
    optimizer, learning_rate, steps, batch_size, dtype, threads, device
        As `train` takes them; the rate is the highest of each run.
    warmup
        Steps of the rise; a tenth of the run by default.
    seeds, seed, init
        How many runs of each, the first one's seed, and an initialization drawn by it.
    output, fresh, executor, progress, announce
        As in `race`.

    Raises
    ------
    InputError
        An unknown schedule or optimizer, one schedule twice, a warm-up longer than the run.
    """
    require_model(model, "study_schedule")
    schedules, optimizer = different_names("schedules", schedules), optimizer_name(optimizer)
    rise = max(1, round(WARM_PART * steps)) if warmup is None else warmup
    if not 0 < rise < steps:
        raise InputError(f"warmup: expected 1 to {steps - 1} steps, found {rise}")
    require_known(
        optimizers=[optimizer], schedules=schedules, init=init, device=device, output=output, learning_rate=learning_rate,
    )  # fmt: skip
    batch_size = within(model, batch_size, announce)
    device = settle_device(device, model, training=True)
    settings: dict[str, Any] = {
        "study": "schedule", "schedules": list(schedules), "optimizer": optimizer, "learning_rate": learning_rate, "steps": steps,
        "warmup": rise, "batch_size": batch_size, "init": init, "seeds": seeds, "seed": seed, "dtype": dtype,
        "device": recorded_device(device),
    }  # fmt: skip

    experiment = Experiment(
        model=model, settings=settings, threads=threads, device=device, output=output, fresh=fresh, executor=as_workers(executor),
        progress=progress, announce=announce,
    )  # fmt: skip
    experiment.require(
        optimizer=optimizer, schedule=list(schedules), warmup=[0, rise], learning_rate=learning_rate, steps=steps, batch_size=batch_size,
    )  # fmt: skip

    def work(pieces: Pieces) -> Found:
        runs = 2 * len(schedules) * seeds
        announce(f"training {runs} runs of {steps} steps")
        found = experiment.train(
            pieces.piece("runs"), experiment.start(), optimizer=optimizer, schedule=list(schedules), warmup=[0, rise],
            learning_rate=learning_rate, steps=steps, batch_size=batch_size, looks=LOOKS,
            progress=among(pieces.progress, 0, runs, runs, "runs"),
        )  # fmt: skip
        shape = (len(schedules), 2, seeds)
        series = {
            "step": found.step[0],
            **{name: values.reshape(*shape, -1) for name, values in found.losses.items()},
            "diverged": found.diverged.reshape(shape),
        }
        last = finals(found.losses["train_loss"], shape)
        return series, {"warmup": rise}, sentences(schedules, last, learning_rate)

    return experiment.study(work)


def sentences(schedules: Sequence[str], last: np.ndarray, rate: float) -> list[str]:
    """Say which schedule ended lowest, whether the seeds tell it from the constant rate, and what warm-up did."""
    middle = np.median(last, axis=2)
    if not np.isfinite(middle).any():
        return [f"at the peak rate {rate:g} most runs of every schedule diverged, with a warm-up and without"]
    best = divmod(int(np.argmin(middle)), middle.shape[1])
    name = f"{schedules[best[0]]}{' after a warm-up' if best[1] else ''}"
    runs = last[best[0], best[1]]
    found = [
        f"at the peak rate {rate:g} the lowest final training loss has {name}: {told(middle[best])} "
        f"({told(runs.min())} to {told(runs.max())} {over_seeds(runs.size)})"
    ]
    if "constant" in schedules and best != (list(schedules).index("constant"), 0):
        constant = last[list(schedules).index("constant"), 0]
        apart = runs.max() < constant.min()
        ranges = (
            "the ranges over the seeds do not overlap"
            if apart
            else ("the ranges over the seeds overlap, so that the seeds do not tell them apart")
        )
        found.append(
            f"the constant rate ends at {told(float(np.median(constant)))}; "
            + (ranges if runs.size > 1 else "one seed does not say what another would give")
        )
    gone, gone_warm = (int(np.count_nonzero(~np.isfinite(last[:, warm]))) for warm in (0, 1))
    runs_each = last[:, 0].size
    if gone or gone_warm:
        found.append(f"{gone} of {runs_each} runs diverged without a warm-up, {gone_warm} with one")
    else:
        wins = int(np.count_nonzero(middle[:, 1] < middle[:, 0]))
        found.append(f"a warm-up lowered the median final loss of {wins} of {len(schedules)} schedules")
    return found

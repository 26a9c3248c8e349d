"""The settings of a training: optimizer, schedule and batches, checked and with defaults filled in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError, did_you_mean
from landscape.files import shown
from landscape.formulas.optimizers import OPTIMIZERS
from landscape.formulas.schedules import SCHEDULES
from landscape.optimizer_names import optimizer_name

# Where each number may lie: least, greatest, whether the least itself and the greatest itself may be.
RANGES: dict[str, tuple[float, float, bool, bool]] = {
    "learning_rate": (0.0, math.inf, False, False),
    "momentum": (0.0, 1.0, True, False),
    "beta2": (0.0, 1.0, True, False),
    "eps": (0.0, math.inf, True, False),
    "weight_decay": (0.0, math.inf, True, False),
    "radius": (0.0, math.inf, True, False),
    "clip": (0.0, math.inf, True, False),
    "period": (0.0, math.inf, False, False),
    "decay": (0.0, 1.0, False, True),
    "floor": (0.0, 1.0, True, True),
}
WHOLE = {"warmup": 0, "schedule_steps": 1, "batch_size": 1, "steps": 1, "seed": 0}
# Counts up to here are exact in float64, in which schedules are computed; a seed has the generator's 64 bits.
MOST, MOST_SEED = 2**53, 2**64 - 1


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The settings of one training, where None means the default of the optimizer or the schedule.

    `optimizer` is a name of this package or of PyTorch (`Adam`, `SGD`, …); capitals do not matter. `momentum` is λ, or
    β₁ where there are two; `weight_decay` of `adamw` and `lion` acts on θ itself, that of the others is the model's
    penalty; `clip` is the largest norm of a gradient (0 for no limit); `radius` is SAM's. The rate rises linearly over
    `warmup` steps and follows the schedule from there to `schedule_steps` (by default `steps`), with `period` in steps,
    `decay` a period, and down to `floor` times the rate. Batches are drawn by `seed`, without replacement within an
    epoch unless `replacement`; an epoch's last batch may be smaller.

    Examples
    --------
    >>> Recipe(optimizer="adam", steps=100).filled().momentum
    0.9

    Raises
    ------
    InputError
        An unknown optimizer or schedule, a number out of its range, a schedule shorter than the run.
    """

    optimizer: str = "sgd"
    learning_rate: float = 0.01
    momentum: float | None = None
    beta2: float | None = None
    eps: float | None = None
    weight_decay: float | None = None
    radius: float | None = None
    clip: float = 0.0
    schedule: str = "constant"
    warmup: int = 0
    schedule_steps: int | None = None
    period: float | None = None
    decay: float | None = None
    floor: float = 0.0
    batch_size: int = 32
    replacement: bool = False
    steps: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        # Names are kept as this package spells them, so that one training has one description.
        object.__setattr__(self, "optimizer", optimizer_name(self.optimizer))
        if self.schedule not in SCHEDULES:
            raise InputError(
                f"schedule: expected one of {', '.join(SCHEDULES)}, found {self.schedule!r}{did_you_mean(self.schedule, SCHEDULES)}"
            )
        for name, bounds in RANGES.items():
            _require_between(name, getattr(self, name), *bounds)
        for name, least in WHOLE.items():
            if getattr(self, name) is not None:
                require_whole(name, getattr(self, name), least, MOST_SEED if name == "seed" else MOST)
        length = self.steps if self.schedule_steps is None else self.schedule_steps
        if length < self.steps:
            raise InputError(f"the schedule is for {length} steps, shorter than the run of {self.steps}")
        if self.warmup and self.warmup >= length:
            raise InputError(
                f"warmup: expected fewer than the schedule's {length} steps, found {self.warmup}"
            )

    @property
    def decoupled(self) -> bool:
        """Whether the weight decay acts on θ itself and not through the gradient."""
        return OPTIMIZERS[self.optimizer].decoupled

    def filled(self) -> Recipe:
        """Return the same recipe with every default filled in.

        A weight decay that acts through the gradient is left as it is.
        """
        row, schedule = OPTIMIZERS[self.optimizer], SCHEDULES[self.schedule]
        length = self.steps if self.schedule_steps is None else self.schedule_steps
        period = max(1.0, math.ceil(length * schedule.periods)) if schedule.periods else schedule.period
        defaults = {name: getattr(row, name) for name in ("momentum", "beta2", "eps", "radius")}
        defaults |= {"schedule_steps": length, "period": period, "decay": schedule.decay}
        if row.decoupled:
            defaults["weight_decay"] = row.weight_decay
        missing = {name: value for name, value in defaults.items() if getattr(self, name) is None}
        return replace(self, **missing)

    def settings(self) -> dict[str, Any]:
        """Return the settings as the header of a model file stores them."""
        plain = {
            name: getattr(value, "item", lambda value=value: value)()
            for name, value in asdict(self.filled()).items()
        }
        return {name: value for name, value in plain.items() if value is not None}


def require_whole(name: str, value: float, least: int, most: int = MOST) -> None:
    """Refuse what is no whole number within bounds.

    Raises
    ------
    InputError
        Something else; a number of very many digits is not repeated.
    """
    if not (least <= value <= most and value == int(value)):
        upper = "on" if value < least or value != value else f"to {most:,}"
        raise InputError(f"{name}: expected a whole number from {least} {upper}, found {shown(str(value))}")


def _require_between(
    name: str, value: float | None, least: float, greatest: float, least_too: bool, greatest_too: bool
) -> None:
    if value is None:
        return
    above = value >= least if least_too else value > least
    below = value <= greatest if greatest_too else value < greatest
    if not (above and below):
        low, high = ("" if least_too else "more than "), ("" if greatest_too else "less than ")
        upper = "" if greatest == math.inf else f" and {high or 'at most '}{greatest:g}"
        raise InputError(f"{name}: expected {low or 'at least '}{least:g}{upper}, found {value:g}")


def columns(recipes: Sequence[Recipe], examples: int) -> dict[str, NDArray[Any]]:
    """Give the recipes as the trainer's columns [R]; a batch larger than the data is all of it."""
    full = [recipe.filled() for recipe in recipes]

    def column(name: str, dtype: Any = np.float64) -> NDArray[Any]:
        return np.array([getattr(recipe, name) for recipe in full], dtype)

    optimizers, schedules = list(OPTIMIZERS), list(SCHEDULES)
    return {
        "optimizer": np.array([optimizers.index(recipe.optimizer) for recipe in full], np.int64),
        "schedule": np.array([schedules.index(recipe.schedule) for recipe in full], np.int64),
        "batch": np.minimum(column("batch_size", np.int64), examples),
        "seed": column("seed", np.uint64),
        "drawn": column("replacement", np.bool_),
        "total": column("schedule_steps", np.int64),
        "warmup": column("warmup", np.int64),
        "rate": column("learning_rate"),
        "weight_decay": np.array([recipe.weight_decay if recipe.decoupled else 0.0 for recipe in full]),
        **{name: column(name) for name in ("momentum", "beta2", "eps", "clip", "radius", "period", "decay", "floor")},
    }  # fmt: skip


def steps_of(epochs: float, batch_size: int, examples: int) -> int:
    """Give the updates of so many epochs, at least one.

    >>> steps_of(2, 32, 100)
    8
    """
    batches = math.ceil(examples / min(batch_size, examples))
    if not 0 < epochs <= MOST / batches:
        upper = "" if not epochs > 0 else f" and at most {MOST / batches:.3g}"
        raise InputError(f"epochs: expected a number above 0{upper}, found {epochs:g}")
    return max(1, round(epochs * batches))

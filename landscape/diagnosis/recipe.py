"""How the model was trained: from its file, the options, or, where neither says, Adam at its usual rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from landscape.errors import InputError, did_you_mean
from landscape.formulas.optimizers import OPTIMIZERS
from landscape.model import Model
from landscape.training import Recipe

OPTIONS = ("optimizer", "learning_rate", "batch_size")
# What is tried where nobody says how the model was trained, and the updates that a comparison then takes.
ASSUMED_RATE, ASSUMED_STEPS = 1e-3, 1000


@dataclass(frozen=True)
class Training:
    """The recipe, the updates spent (None where unknown), and what had to be assumed."""

    recipe: Recipe
    spent: int | None
    missing: tuple[str, ...]

    @property
    def known(self) -> bool:
        """Whether forks of this recipe are the user's own."""
        return "optimizer" not in self.missing and "learning_rate" not in self.missing

    @property
    def updates(self) -> int:
        """The updates spent, or as many as are assumed."""
        return self.spent or ASSUMED_STEPS


def training_of(model: Model, given: Mapping[str, Any], seed: int) -> Training:
    """Read the recipe; what was given as an option goes before what the file says.

    Raises
    ------
    InputError
        An option that no recipe can have.

    Examples
    --------
    >>> import numpy as np
    >>> from landscape.model import build_model
    >>> line = build_model(layers=[(np.zeros((1, 1)), np.zeros(1))], loss="mse", x_train=[[1.0]], y_train=[[1.0]])
    >>> found = training_of(line, {"learning_rate": 0.5}, 0)
    >>> found.recipe.learning_rate, found.missing
    (0.5, ('optimizer', 'batch_size', 'steps'))
    """
    said = {**model.training, **{name: value for name, value in given.items() if value is not None}}
    settings: dict[str, Any] = {name: said[name] for name in OPTIONS if name in said}
    unknown = settings.get("optimizer")
    if unknown is not None and unknown not in OPTIMIZERS:
        if given.get("optimizer") is not None:
            raise InputError(
                f"optimizer: expected one of {', '.join(OPTIMIZERS)}, found {unknown!r}{did_you_mean(unknown, OPTIMIZERS)}"
            )
        del settings["optimizer"]
    missing = [name for name in OPTIONS if name not in settings]
    if "optimizer" not in settings:
        settings |= {"optimizer": "adam"} | (
            {} if "learning_rate" in settings else {"learning_rate": ASSUMED_RATE}
        )
    if "learning_rate" not in settings:
        settings["learning_rate"] = ASSUMED_RATE
    settings |= momenta(said)
    spent = steps_spent(model)
    if spent is None:
        missing.append("steps")
    size = min(int(settings.get("batch_size", 32)), model.examples("train"))
    settings |= {"batch_size": size, "seed": seed}
    return Training(Recipe(**settings), spent, tuple(missing))


def momenta(said: Mapping[str, Any]) -> dict[str, Any]:
    """Read the momentum and its like, under either of the names they have; a weight decay only where it is the optimizer's own."""
    names = ["momentum", "beta2", "eps", "clip", "radius"]
    row = OPTIMIZERS.get(str(said.get("optimizer")))
    names += ["weight_decay"] if row is not None and row.decoupled else []
    found = {name: said[name] for name in names if said.get(name) is not None}
    if "betas" in said and "momentum" not in found:
        found |= dict(zip(("momentum", "beta2"), map(float, said["betas"]), strict=True))
    if said.get("optimizer") in ("adam", "adamw", "amsgrad", "radam") and found.get("momentum") == 0.0:
        if "betas" in said:
            found["momentum"] = float(said["betas"][0])
        else:
            del found["momentum"]
    return found


def steps_spent(model: Model) -> int | None:
    """Give the updates spent, by the log or the header."""
    step = model.history.get("step")
    if step is not None and len(step) and int(step[-1]) > 0:
        return int(step[-1])
    steps = model.training.get("steps")
    return int(steps) if steps else None

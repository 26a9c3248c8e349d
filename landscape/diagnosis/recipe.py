"""How the model was trained: from its file, from options, or otherwise Adam at its usual rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from landscape.errors import InputError
from landscape.formulas.optimizers import OPTIMIZERS
from landscape.model import Model
from landscape.optimizer_names import nearest_optimizer, optimizer_name
from landscape.training import Recipe
from landscape.training.recipe import steps_of

# What a diagnosis may be told of the training; the first three and the updates are assumed where nobody says them.
OPTIONS = ("optimizer", "learning_rate", "batch_size")
TOLD = (*OPTIONS, "momentum", "weight_decay", "steps", "epochs")
# What is tried where nobody says how the model was trained, and the updates that a comparison then takes.
ASSUMED_OPTIMIZER, ASSUMED_RATE, ASSUMED_BATCH, ASSUMED_STEPS = "adam", 1e-3, 32, 1000
# Optimizers whose momentum is β₁; a file's momentum of zero is then that of another one.
AVERAGING = ("adam", "adamw", "amsgrad", "radam")


@dataclass(frozen=True)
class Training:
    """The recipe, the updates spent (None if unknown), and what had to be assumed."""

    recipe: Recipe
    spent: int | None
    missing: tuple[str, ...]
    # A weight decay that was given and is the model's penalty, which the file does not have.
    penalty: float | None = None

    @property
    def known(self) -> bool:
        """Whether forks of this recipe are the user's own."""
        return "optimizer" not in self.missing and "learning_rate" not in self.missing

    @property
    def updates(self) -> int:
        """The updates spent, or as many as are assumed."""
        return self.spent or ASSUMED_STEPS

    def assumed(self) -> dict[str, Any]:
        """Return what nobody said, with the values that were taken for it."""
        values = {name: getattr(self.recipe, name) for name in OPTIONS} | {"steps": self.updates}
        return {name: values[name] for name in values if name in self.missing}

    def told(self) -> dict[str, Any]:
        """Lay out the recipe, the updates spent, and the names of what had to be assumed."""
        return {**self.recipe.settings(), "spent": self.spent, "assumed": list(self.missing)}


def training_of(model: Model, given: Mapping[str, Any], seed: int) -> Training:
    """Read the recipe; what was given as an option goes before what the file says.

    Raises
    ------
    InputError
        An option that no recipe can have, or a number that is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from landscape.model import build_model
    >>> line = build_model(layers=[(np.zeros((1, 1)), np.zeros(1))], loss="mse", x_train=[[1.0]], y_train=[[1.0]])
    >>> found = training_of(line, {"learning_rate": 0.5}, 0)
    >>> found.recipe.learning_rate, found.missing
    (0.5, ('optimizer', 'batch_size', 'steps'))
    """
    given = {name: value for name, value in given.items() if value is not None}
    optimizer = optimizer_of(model, given)
    said = {**model.training, **given}
    settings: dict[str, Any] = {name: said[name] for name in ("learning_rate", "batch_size") if name in said}
    missing = [] if optimizer is not None else ["optimizer"]
    missing += [name for name in ("learning_rate", "batch_size") if name not in settings]
    foreign = None if optimizer is not None else nearest_optimizer(model.training.get("optimizer", ""))
    settings["optimizer"] = optimizer or foreign or ASSUMED_OPTIMIZER
    settings = {"learning_rate": ASSUMED_RATE, "batch_size": ASSUMED_BATCH, "seed": seed} | settings
    settings |= momenta(model, given, settings["optimizer"])
    Recipe(weight_decay=given.get("weight_decay"))
    recipe, examples = Recipe(**settings), model.examples("train")
    recipe = replace(recipe, batch_size=min(int(recipe.batch_size), examples))
    spent = steps_spent(model, given, recipe.batch_size)
    penalty = None if recipe.decoupled else given.get("weight_decay")
    return Training(recipe, spent, tuple(missing if spent is not None else [*missing, "steps"]), penalty)


def optimizer_of(model: Model, given: Mapping[str, Any]) -> str | None:
    """Return the optimizer by this package's name; None if nobody says it, or the file names one that does not run here.

    Raises
    ------
    InputError
        An option that names none.
    """
    if "optimizer" in given:
        return optimizer_name(given["optimizer"])
    try:
        return optimizer_name(model.training["optimizer"]) if "optimizer" in model.training else None
    except InputError:
        return None


def momenta(model: Model, given: Mapping[str, Any], optimizer: str) -> dict[str, Any]:
    """Read the momentum and its like, under either of the names they have; a weight decay only where it is the optimizer's own.

    What the file says belongs to the file's optimizer, and is left aside where another one is given.
    """
    own = optimizer_of(model, {}) == optimizer or "optimizer" not in given
    told = dict(model.training) if own else {}
    names = ["momentum", "beta2", "eps", "clip", "radius"]
    names += ["weight_decay"] if OPTIMIZERS[optimizer].decoupled else []
    found = {name: told[name] for name in names if told.get(name) is not None}
    if "betas" in told and "momentum" not in found:
        found |= dict(zip(("momentum", "beta2"), map(float, told["betas"]), strict=True))
    if optimizer in AVERAGING and found.get("momentum") == 0.0:
        if "betas" in told:
            found["momentum"] = float(told["betas"][0])
        else:
            del found["momentum"]
    return found | {name: given[name] for name in names if name in given}


def steps_spent(model: Model, given: Mapping[str, Any], batch_size: int) -> int | None:
    """Return the updates spent, by the options, the log or the header; None if none of them says.

    Raises
    ------
    InputError
        Steps and epochs together, or a number that is neither whole nor above zero.
    """
    examples = model.examples("train")
    if "steps" in given and "epochs" in given:
        raise InputError("expected --steps or --epochs, found both")
    if "steps" in given:
        return int(Recipe(steps=given["steps"]).steps)
    if "epochs" in given:
        return int(Recipe(steps=steps_of(given["epochs"], batch_size, examples)).steps)
    step = model.history.get("step")
    if step is not None and len(step) and int(step[-1]) > 0:
        return int(step[-1])
    steps, epochs = model.training.get("steps"), model.training.get("epochs")
    return int(steps) if steps else steps_of(epochs, batch_size, examples) if epochs else None


def with_penalty(model: Model, training: Training) -> Model:
    """Return the model with the weight decay that was given as its penalty, where there is such a one."""
    return model if training.penalty is None else replace(model, weight_decay=float(training.penalty))

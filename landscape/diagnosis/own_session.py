"""The state of a running diagnosis of the user's own objective."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from landscape.diagnosis.curvature import Escaped
from landscape.diagnosis.ensembles import Budget
from landscape.diagnosis.own_trials import Trials
from landscape.diagnosis.thresholds import Thresholds
from landscape.diagnosis.vetoes import Veto
from landscape.objective import HasValue
from landscape.objective.about import About
from landscape.objective.endings import Ending
from landscape.optimizer_names import nearest_optimizer
from landscape.progress import Announce, silent
from landscape.training import Recipe


@dataclass(frozen=True)
class OwnTraining:
    """How the user trains, as far as that was told or the function's defaults say it."""

    settings: Mapping[str, Any]

    @property
    def recipe(self) -> Recipe:
        """The optimizer by the name of the nearest one here, where one is known, and what the rules look at."""
        name = self.settings.get("optimizer")
        known: dict[str, Any] = {"optimizer": nearest_optimizer(str(name)) or "sgd"} if name else {}
        rate = self.settings.get("learning_rate")
        known |= {"learning_rate": float(rate)} if isinstance(rate, int | float) and rate > 0 else {}
        return Recipe(**known)

    @property
    def known(self) -> bool:
        """Whether optimizer and rate are known."""
        return bool(self.settings.get("optimizer")) and bool(self.settings.get("learning_rate"))

    def assumed(self) -> dict[str, Any]:
        """Give nothing: the function trains as its user does."""
        return {}

    def told(self) -> dict[str, Any]:
        """Lay out what is known of the training."""
        return {name: value for name, value in self.settings.items() if isinstance(value, str | int | float)}


@dataclass
class Own:
    """A diagnosis of an objective in progress."""

    objective: HasValue
    info: About
    trials: Trials | None
    limits: Thresholds
    budget: Budget
    told: Mapping[str, Any]
    constant: float
    seed: int
    announce: Announce = silent
    escaped: Escaped | None = None
    not_assessed: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    ending: Ending | None = None
    suspected: Veto | None = None
    first: str = ""

    @property
    def training(self) -> OwnTraining:
        """How the user trains."""
        return OwnTraining({**({} if self.trials is None else self.trials.trainer.own), **self.told})

    @property
    def held(self) -> str | None:
        """The split beside the training data."""
        return "test" if "test" in self.info.examples else None

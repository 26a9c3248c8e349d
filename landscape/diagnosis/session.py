"""The state of a running diagnosis: what was found so far, and what could not be assessed."""

from __future__ import annotations

from dataclasses import dataclass, field

from landscape.diagnosis.ensembles import Budget, Laboratory
from landscape.diagnosis.leaks import Leak
from landscape.diagnosis.recipe import Training
from landscape.diagnosis.thresholds import Thresholds
from landscape.model import Model


@dataclass
class Session:
    """A diagnosis in progress: its trials, what was found so far, and what could not be assessed.

    Step 0 alone sets `first` (how the log contradicts the parameters), `warned`, and the laboratory's `training` and `escaped`. Every step
    adds to `not_assessed`.
    """

    lab: Laboratory
    not_assessed: list[str] = field(default_factory=list)
    first: str = ""
    warned: list[str] = field(default_factory=list)
    # Held-out examples that are training examples, which the laboratory's model lacks, and the model that has them.
    leaks: tuple[Leak, ...] = ()
    whole: Model | None = None

    @property
    def model(self) -> Model:
        """The model."""
        return self.lab.model

    @property
    def training(self) -> Training:
        """How the model was trained, as far as that is known or assumed."""
        return self.lab.training

    @property
    def budget(self) -> Budget:
        """How much may be trained."""
        return self.lab.budget

    @property
    def limits(self) -> Thresholds:
        """The thresholds of the verdict."""
        return self.lab.limits

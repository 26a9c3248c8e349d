"""What a diagnosis knows while it walks the guide."""

from __future__ import annotations

from dataclasses import dataclass, field

from landscape.diagnosis.curvature import Escaped
from landscape.diagnosis.ensembles import Laboratory
from landscape.diagnosis.recipe import Training
from landscape.diagnosis.remedy import Plan
from landscape.diagnosis.thresholds import Thresholds
from landscape.model import Model


@dataclass
class Walk:
    """A diagnosis in work: what was found so far, and what could not be looked at."""

    lab: Laboratory
    training: Training
    limits: Thresholds
    not_assessed: list[str] = field(default_factory=list)
    first: str = ""
    warned: list[str] = field(default_factory=list)
    escaped: Escaped | None = None
    plan: Plan | None = None

    @property
    def model(self) -> Model:
        """The model."""
        return self.lab.model

"""Remedies that rewrite the network: without its last activation, on scaled targets, or with recomputed running statistics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from landscape.diagnosis.changes import Change, Planned, Standardized
from landscape.diagnosis.ensembles import Ensemble, Laboratory
from landscape.diagnosis.scales import put_back, scale_of, with_scaled_targets
from landscape.diagnosis.standardized import standardized
from landscape.diagnosis.statistics import recomputed
from landscape.diagnosis.structure import without_end
from landscape.model import Model


class WithoutEnd(Change):
    """The network without its last activation, from the same parameters."""

    def model(self, lab: Laboratory) -> Model | None:
        """Return the network that is trained, or None if no activation is the last op."""
        return without_end(lab.model)

    def ensemble(self, lab: Laboratory) -> Ensemble:
        """Return the ensemble that its trials are run in."""
        return Ensemble("without end", "without the last activation")

    def planned(self, lab: Laboratory) -> Planned | None:
        """Return the change as a training of a file."""
        model = self.model(lab)
        return None if model is None else Planned(model, {}, ())


@dataclass(frozen=True)
class ScaledTargets(Standardized):
    """Standardized targets, with standardized inputs where these want it too and `inputs` says so; the network is put back after it."""

    inputs: bool = False

    def model(self, lab: Laboratory) -> Model | None:
        """Return the network that is trained, or None if there is nothing to scale."""
        made = with_scaled_targets(lab.model)
        return made if made is None or not self.inputs else standardized(made)

    def loss_factor(self, lab: Laboratory) -> float:
        """Return what its trials' losses are multiplied by to be in the user's units."""
        scale = scale_of(lab.model)
        return 1.0 if scale is None else scale.factor

    def back(self, lab: Laboratory) -> Callable[[Model], Model] | None:
        """Return what makes a network of the user's own targets of the one that was trained."""
        return partial(put_back, lab.model)

    def ensemble(self, lab: Laboratory) -> Ensemble:
        """Return the ensemble that its trials are run in."""
        words = "standardized inputs and targets" if self.inputs else "standardized targets"
        return Ensemble(words, f"on {words}")


class Recomputed(Change):
    """Running statistics recomputed from the training data: no training at all."""

    solved = True

    def model(self, lab: Laboratory) -> Model | None:
        """Return the network, or None if it keeps no running statistics."""
        return recomputed(lab.model, lab.threads)

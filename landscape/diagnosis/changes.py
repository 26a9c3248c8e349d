"""The changes that a remedy makes to settings, initialization, penalty or data, each with its trial and its plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

from landscape.diagnosis.ensembles import Ensemble, Laboratory
from landscape.diagnosis.plan import rounded
from landscape.diagnosis.standardized import standardized
from landscape.diagnosis.subsets import halved
from landscape.model import Model

Settings = dict[str, Any]

# Nobody would try a larger learning rate.
LARGEST_RATE = 100.0
FORKS = Ensemble("forks", "continuing from these parameters in several ways, and fresh starts")


class Planned(NamedTuple):
    """A change as a training of a file: the model, changes of the recipe, and the command's words, which are missing where only `--apply` can do it."""

    model: Model
    settings: Settings
    words: tuple[str, ...] = ("train",)


@dataclass(frozen=True)
class Change:
    """No change, which is what other changes are measured against. A subclass says what else is trained, and how.

    `stops_early` says whether a trial counts at its best look in place of its last one, `solved` whether a convex problem is solved in
    place of a training, `rescales` whether a penalty of the weights means something else after it.
    """

    stops_early: ClassVar[bool] = False
    solved: ClassVar[bool] = False
    rescales: ClassVar[bool] = False

    def model(self, lab: Laboratory) -> Model | None:
        """Return the network that is trained, with its data, or None if there is no such network."""
        return lab.model

    def variants(self, lab: Laboratory) -> dict[str, Settings]:
        """Return the changes of the recipe to try, by what they add to the label, or none where there is nothing to change."""
        return {"": {}}

    def loss_factor(self, lab: Laboratory) -> float:
        """Return what its trials' losses are multiplied by to be in the user's units."""
        return 1.0

    def back(self, lab: Laboratory) -> Callable[[Model], Model] | None:
        """Return what makes a network of the user's own data of the one that was trained, or None if it is one."""
        return None

    def ensemble(self, lab: Laboratory) -> Ensemble:
        """Return the ensemble that its trials are run in."""
        return FORKS

    def planned(self, lab: Laboratory) -> Planned | None:
        """Return the change as a training of a file, or None if there is no such network."""
        return Planned(lab.model, {})


class More(Change):
    """More updates, all else as before: the control of all trials that go on from the parameters."""


@dataclass(frozen=True)
class Rate(Change):
    """A factor of the learning rate."""

    factor: float

    def variants(self, lab: Laboratory) -> dict[str, Settings]:
        """Return the changes of the recipe to try."""
        rate = self.factor * lab.training.recipe.learning_rate
        return {"": {"learning_rate": rate}} if rate <= LARGEST_RATE else {}

    def planned(self, lab: Laboratory) -> Planned | None:
        """Return the change as a training of a file."""
        return Planned(lab.model, {"learning_rate": self.factor * lab.training.recipe.learning_rate})


@dataclass(frozen=True)
class Batch(Change):
    """A factor of the batch size, up to all training examples."""

    factor: int

    def size(self, lab: Laboratory) -> int:
        """Return the size of the larger batch."""
        return min(self.factor * lab.training.recipe.batch_size, lab.model.examples("train"))

    def variants(self, lab: Laboratory) -> dict[str, Settings]:
        """Return the changes of the recipe to try."""
        whole = lab.training.recipe.batch_size >= lab.model.examples("train")
        return {} if whole else {"": {"batch_size": self.size(lab)}}

    def planned(self, lab: Laboratory) -> Planned | None:
        """Return the change as a training of a file."""
        return Planned(lab.model, {"batch_size": self.size(lab)})


class Escape(Change):
    """A step from a saddle along its escape direction, where one was found."""

    def model(self, lab: Laboratory) -> Model | None:
        """Return the network that is trained."""
        return None if lab.escaped is None else lab.model.with_theta(lab.escaped.theta)

    def planned(self, lab: Laboratory) -> Planned | None:
        """Return the change as a training of a file."""
        model = self.model(lab)
        return None if model is None else Planned(model, {}, ())


@dataclass(frozen=True)
class Decay(Change):
    """A factor of the weight decay, the model's penalty and the optimizer's own alike."""

    factor: float

    def own(self, lab: Laboratory) -> float:
        """Return the weight decay that is the optimizer's own, 0 for none."""
        recipe = lab.training.recipe
        return (recipe.filled().weight_decay or 0.0) if recipe.decoupled else 0.0

    def model(self, lab: Laboratory) -> Model | None:
        """Return the network that is trained."""
        decay = lab.model.weight_decay
        if isinstance(decay, dict):
            return replace(lab.model, weight_decay={key: self.factor * value for key, value in decay.items()})
        return replace(lab.model, weight_decay=self.factor * decay)

    def variants(self, lab: Laboratory) -> dict[str, Settings]:
        """Return the changes of the recipe to try."""
        own = self.own(lab)
        if not (own or lab.model.decay_vector().any()):
            return {}
        return {"": {"weight_decay": self.factor * own} if own else {}}

    def ensemble(self, lab: Laboratory) -> Ensemble:
        """Return the ensemble that its trials are run in."""
        return Ensemble("penalty", "with a hundredth of the weight decay")

    def planned(self, lab: Laboratory) -> Planned | None:
        """Return the change as a training of a file."""
        decay = self.own(lab) if lab.training.recipe.decoupled else lab.model.weight_decay
        if not isinstance(decay, dict):
            return Planned(lab.model, {"weight_decay": rounded(self.factor * decay)})
        lighter = self.model(lab)
        assert lighter is not None
        return Planned(lighter, {}, ())


class NoDropout(Change):
    """The dropout turned off."""

    def model(self, lab: Laboratory) -> Model | None:
        """Return the network that is trained."""
        nodes = tuple(
            replace(node, attributes={**node.attributes, "p": 0.0}) if node.traits.drops else node
            for node in lab.model.nodes
        )
        return replace(lab.model, nodes=nodes)

    def variants(self, lab: Laboratory) -> dict[str, Settings]:
        """Return the changes of the recipe to try."""
        return {"": {}} if any(node.traits.drops for node in lab.model.nodes) else {}

    def ensemble(self, lab: Laboratory) -> Ensemble:
        """Return the ensemble that its trials are run in."""
        return Ensemble("dropout", "without dropout")

    def planned(self, lab: Laboratory) -> Planned | None:
        """Return the change as a training of a file."""
        model = self.model(lab)
        assert model is not None
        return Planned(model, {}, ())


@dataclass(frozen=True)
class Standardized(Change):
    """Standardized inputs, at the user's rate or at several factors of it, of which the best counts and is applied."""

    rescales = True
    factors: tuple[float, ...] = ()

    def model(self, lab: Laboratory) -> Model | None:
        """Return the network that is trained."""
        return standardized(lab.model)

    def variants(self, lab: Laboratory) -> dict[str, Settings]:
        """Return the changes of the recipe to try."""
        rate = lab.training.recipe.learning_rate
        found = {
            "" if factor == 1 else f", rate×{factor:g}": {"learning_rate": factor * rate}
            for factor in self.factors
        }
        return found or super().variants(lab)

    def ensemble(self, lab: Laboratory) -> Ensemble:
        """Return the ensemble that its trials are run in."""
        return Ensemble("standardized", "on standardized inputs")

    def planned(self, lab: Laboratory) -> Planned | None:
        """Return the change as a training of a file."""
        model = self.model(lab)
        return None if model is None else Planned(model, {}, ())


@dataclass(frozen=True)
class Penalty(Change):
    """A weight decay in place of the model's."""

    decay: float

    def model(self, lab: Laboratory) -> Model | None:
        """Return the network that is trained."""
        return replace(lab.model, weight_decay=self.decay)

    def ensemble(self, lab: Laboratory) -> Ensemble:
        """Return the ensemble that its trials are run in."""
        return Ensemble(f"decay {self.decay:g}", f"with weight decay {self.decay:g}")

    def planned(self, lab: Laboratory) -> Planned | None:
        """Return the change as a training of a file."""
        return Planned(lab.model, {"weight_decay": self.decay})


class EarlyStopping(Change):
    """As many updates as were best for one half of the held-out data, which the other half scores."""

    stops_early = True

    def model(self, lab: Laboratory) -> Model | None:
        """Return the network with halves of the held-out data for validation and test, or None if these are too few."""
        return None if lab.held is None else halved(lab.model, lab.held, lab.seed)

    def ensemble(self, lab: Laboratory) -> Ensemble:
        """Return the ensemble that its trials are run in."""
        return Ensemble(
            "early stopping", "with one half of the held-out data to stop by, and the other to score"
        )

    def planned(self, lab: Laboratory) -> Planned | None:
        """Return the change as a training of a file, or None if it was not tried."""
        runs = replace(lab, held="validation").finished(self.ensemble(lab))
        if runs is None or self.model(lab) is None:
            return None
        best = int(runs.error.mean(axis=0).argmin())
        return Planned(lab.model, {"steps": max(1, int(runs.step[0][best]))})

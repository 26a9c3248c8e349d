"""Remedies that use another network: other widths or depths, activations, or a linear model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

from landscape.diagnosis.architectures import (
    ACTIVATION,
    LEAST_WIDTH,
    Chain,
    chain_of,
    rebuilt,
)
from landscape.diagnosis.changes import Change, Planned
from landscape.diagnosis.ensembles import Ensemble, Laboratory
from landscape.diagnosis.linear import linear_model
from landscape.diagnosis.structure import is_affine, with_activations
from landscape.diagnosis.widths import scaled
from landscape.model import Model

# A chain of so many hidden layers is made as shallow as can be, a shorter one half as deep; a hidden layer keeps so many units.
DEEP, LEAST_NARROW = 8, 2


class Network(Change, ABC):
    """Another network on the same data, its parameters zero. A subclass says what becomes of a chain, and of other graphs."""

    @abstractmethod
    def chain(self, chain: Chain) -> Chain | None:
        """Return what becomes of a chain of dense layers, or None if it stays as it is."""

    def graph(self, lab: Laboratory) -> Model | None:
        """Return what becomes of a network that is no such chain, or None if nothing does."""
        return None

    def model(self, lab: Laboratory) -> Model | None:
        """Return the network that is trained, or None if the user's has no such neighbour."""
        found = chain_of(lab.model)
        if found is None:
            return self.graph(lab)
        other = self.chain(found)
        return None if other is None else rebuilt(lab.model, other)

    def planned(self, lab: Laboratory) -> Planned | None:
        """Return the network as a training of the file, by `train` where its options can say which network it is."""
        model, found = self.model(lab), chain_of(lab.model)
        other = None if found is None else self.chain(found)
        if model is None:
            return None
        return Planned(model, {}, () if other is None else command_words(lab.model, model, other))


@dataclass(frozen=True)
class Width(Network):
    """A factor of all hidden widths."""

    factor: float

    def chain(self, chain: Chain) -> Chain | None:
        """Return the chain with other widths, or None if activations come first or nothing is left to take."""
        widths = tuple(int(self.factor * width) for width in chain.hidden)
        if self.factor > 1:
            wider = tuple(max(LEAST_WIDTH, width) for width in widths)
            return replace(chain, hidden=wider) if chain.activation else None
        return replace(chain, hidden=widths) if widths and min(widths) >= LEAST_NARROW else None

    def graph(self, lab: Laboratory) -> Model | None:
        """Return the graph with other widths, where its nodes allow them."""
        made = scaled(lab.model, self.factor)
        return None if isinstance(made, str) else made

    def ensemble(self, lab: Laboratory) -> Ensemble:
        """Return the ensemble in which narrower networks show whether a gap closes."""
        return Ensemble("narrow", "with half the width, for the gap")


class Shallower(Network):
    """Half as many hidden layers, or one where there are many."""

    def chain(self, chain: Chain) -> Chain | None:
        """Return the first hidden layers of a chain that has several, where none that is left out is narrower: the chain contains them."""
        depth = len(chain.hidden)
        kept = max(1, depth // 2) if depth < DEEP else 1
        if depth < 2 or min(chain.hidden[kept:]) < chain.hidden[kept - 1]:
            return None
        return replace(chain, hidden=chain.hidden[:kept])


@dataclass(frozen=True)
class Deeper(Network):
    """One hidden layer more, after a factor of all hidden widths."""

    factor: float = 1.0

    def chain(self, chain: Chain) -> Chain | None:
        """Return the chain with its last hidden layer twice."""
        wide = chain if self.factor == 1 else Width(self.factor).chain(chain)
        if wide is None or not chain.activation:
            return None
        return replace(wide, hidden=(*wide.hidden, wide.hidden[-1]))


class Activations(Network):
    """Activations between layers that have none."""

    def chain(self, chain: Chain) -> Chain | None:
        """Return the chain with activations, and with a hidden layer."""
        if chain.activation:
            return None
        hidden = tuple(max(LEAST_WIDTH, width) for width in chain.hidden) or (LEAST_WIDTH,)
        return replace(chain, hidden=hidden, activation=ACTIVATION)

    def graph(self, lab: Laboratory) -> Model | None:
        """Return the graph with an activation behind each of its layers but the last, where it is affine."""
        return with_activations(lab.model, ACTIVATION) if is_affine(lab.model, lab.threads) else None


class Linear(Network):
    """The linear model, whose best loss is that of a convex problem."""

    solved = True

    def chain(self, chain: Chain) -> Chain | None:
        """Return the last layer alone."""
        return Chain((), "", chain.ends)

    def model(self, lab: Laboratory) -> Model | None:
        """Return the linear model as it was fitted, or None if there is none that could be written."""
        return linear_model(lab.model)


def command_words(user: Model, model: Model, chain: Chain) -> tuple[str, ...]:
    """Return the options of `train` that say which network it is, or none where they cannot."""
    named = (
        user.form == "full" and not chain.ends and not user.decay_vector().any() and model.loss_scale == 1.0
    )
    # Data that lie in files of their own cannot be read by another command's `--architecture`.
    if not named or any(hasattr(array, "filename") for array in model.data.values()):
        return ()
    outputs = int(model.nodes[-1].shape[-1]) if model.nodes[-1].shape else 1
    sizes = "-".join(map(str, (user.input_shape[0], *chain.hidden, outputs)))
    activation = f"--activation {chain.activation or ACTIVATION}"
    return ("train", f"--architecture {sizes}", activation, f"--loss {model.loss}")


def not_possible(model: Model) -> list[str]:
    """Return which neighbours of a network cannot be made, with the reason."""
    if chain_of(model) is not None:
        return []
    said = ["depth: the network is no plain chain of dense layers"]
    made = {"half the width": scaled(model, 0.5), "twice the width": scaled(model, 2)}
    return said + [f"{what}: {reason}" for what, reason in made.items() if isinstance(reason, str)]

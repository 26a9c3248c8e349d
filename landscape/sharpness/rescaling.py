r"""Dinh's test: rescale a ReLU network so that it computes the same function at other parameters.

With a positively homogeneous activation between two layers, $(W_1, b_1, W_2) \to (aW_1, ab_1, W_2/a)$ changes no
output. A measure that changes is not a property of the function itself. All factors are powers of two, so that the function is
the same to the last bit, and a change is the measure's own.

Dinh et al., "Sharp minima can generalize for deep nets" (arXiv 1703.04933), section 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.errors import ComputationError, InputError
from landscape.formulas.random import uniform
from landscape.model import Model, Node
from landscape.objective import NetworkObjective

Array = NDArray[np.float64]

LEVELS = ("layer", "neuron")
FACTOR = 8.0


@dataclass(frozen=True)
class Pair:
    """Two layers by name, the second reading the first through homogeneous ops; `neurons` is 0 if they cannot be told apart."""

    first: str
    second: str
    neurons: int


def rescalable_pairs(model: Model) -> list[Pair]:
    """Find all pairs of trained layers that can be rescaled against each other.

    Raises
    ------
    InputError
        There is none.
    """
    consumers: dict[str, list[Node]] = {}
    for node in model.nodes:
        for source in node.inputs:
            consumers.setdefault(source, []).append(node)
    shared = {node.parameters_of for node in model.nodes if node.parameters_of}
    owned = {slot.node for slot in model.layout} - shared
    found = [
        pair
        for node in model.nodes
        if node.traits.product != "none"
        and node.name in owned
        and (pair := pair_from(node, consumers, owned))
    ]
    if not found:
        raise InputError(
            "the rescaling test needs two trained layers with a relu, leaky_relu or nothing between them, "
            "and the model has none"
        )
    return found


def pair_from(node: Node, consumers: dict[str, list[Node]], owned: set[str]) -> Pair | None:
    """Follow a layer's output to the next layer; None if something else reads it or a function that is not homogeneous comes between."""
    at, moved = node, False
    while True:
        readers = consumers.get(at.name, [])
        if len(readers) != 1:
            return None
        following = readers[0]
        if following.traits.product != "none":
            break
        if not following.traits.homogeneous:
            return None
        # Through an op that moves elements, one factor for the whole layer passes.
        moved = moved or not following.traits.elementwise
        at = following
    if following.name not in owned:
        return None
    plain = node.traits.product == following.traits.product == "matrix" and not moved
    return Pair(node.name, following.name, node.shape[-1] if plain else 0)


def scales(model: Model, level: str, seed: int = 0) -> Array:
    """Give the factors [P] of a rescaling that leaves the function as it is.

    Raises
    ------
    InputError
        No layers, or no neurons, can be rescaled.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> layers = [(np.ones((2, 1)), np.ones(2)), (np.ones((1, 2)), np.ones(1))]
    >>> model = build_model(layers=layers, activation="relu", loss="mse",
    ...     x_train=np.ones((1, 1)), y_train=np.ones((1, 1)))
    >>> scales(model, "layer").tolist()
    [8.0, 8.0, 8.0, 8.0, 0.125, 0.125, 1.0]
    """
    pairs = rescalable_pairs(model)
    if level == "neuron":
        pairs = [pair for pair in pairs if pair.neurons]
        if not pairs:
            raise InputError("no two dense layers follow each other, so no neurons can be rescaled")
    result = np.ones(model.size)
    places = {slot.name: slice(slot.start, slot.stop) for slot in model.layout}
    shapes = {slot.name: slot.shape for slot in model.layout}
    for number, pair in enumerate(pairs):
        factors = np.full(1, FACTOR)
        if level == "neuron":
            draws = uniform(seed, streams.FACTORS[number], 0, pair.neurons)
            factors = 2.0 ** np.floor(7 * draws - 3)
        first, bias, second = f"{pair.first}.weight", f"{pair.first}.bias", f"{pair.second}.weight"
        result[places[first]] *= np.repeat(factors, result[places[first]].size // factors.size)
        if bias in places:
            result[places[bias]] *= factors
        result[places[second]] /= (
            np.broadcast_to(factors, shapes[second]).reshape(-1) if factors.size > 1 else factors
        )
    return result


def rescaled(model: Model, level: str, seed: int = 0, *, threads: int | None = None) -> Model:
    """Give the model at the rescaled parameters, checked to be the same function.

    Raises
    ------
    InputError
        As `scales`.
    ComputationError
        The loss is another one, so that the test would prove nothing.
    """
    moved = model.with_theta(model.theta * scales(model, level, seed))
    split = model.splits[0]
    before, after = (
        NetworkObjective(each, split, threads=threads).evaluate(each.theta).loss for each in (model, moved)
    )
    if not abs(after - before) <= 1e-12 * max(1.0, abs(before)):
        raise ComputationError(
            f"rescaling by {level} changed the loss from {before:.12g} to {after:.12g}, so it tests nothing"
        )
    return moved

"""The last steps of every importer: a model of the network and its data, and the proof that it is the same function."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.importers.data import Arrays, original_input
from landscape.importers.network import Network
from landscape.model import Model, build_model
from landscape.model.bare_data import choose_loss, convert_input, convert_target
from landscape.model.nodes import INPUT
from landscape.model.operation import Shape, batched
from landscape.objective import NetworkObjective

# Enough to meet every unit; more would take long for a large data set and prove nothing more.
COMPARED = 1000


@dataclass(frozen=True)
class Loss:
    """A loss in the format's words, as the source of the network has it; None is chosen by the targets."""

    name: str | None
    scale: float = 1.0
    delta: float = 1.0
    weight_decay: float | Mapping[str, float] = 0.0


@dataclass(frozen=True)
class Original:
    """The network that was imported, as a function of examples [N, …], and how well it can be met.

    `tail` is what it applies to our outputs before it gives its own.
    """

    name: str
    outputs: Callable[[np.ndarray], np.ndarray]
    tolerance: float
    tail: Callable[[np.ndarray], np.ndarray] | None = None


def make_model(network: Network, output: str, data: Arrays, loss: Loss, name: str) -> Model:
    """Make a model of a network and data, converted to what the format holds.

    Raises
    ------
    InputError
        What a model file would be refused for.
    """
    nodes = network.ending_at(output)
    arrays, sentences = _inputs(network, data)
    targets, chosen, more = _targets(data, loss.name, network.shapes[output])
    examples: dict[str, Any] = arrays | targets
    model = build_model(
        nodes=nodes,
        parameters=network.parameters_of(nodes),
        loss=chosen,
        loss_scale=loss.scale,
        delta=loss.delta,
        weight_decay=loss.weight_decay,
        name=name,
        input_shape=network.shapes[INPUT],
        **examples,
    )
    return replace(model, form="imported", inferred=(*network.notes, *sentences, *more))


def _inputs(network: Network, data: Arrays) -> tuple[Arrays, list[str]]:
    arrays, sentences = {}, []
    for key, array in data.items():
        if key[0] == "x":
            if not network.reads_ids:
                array, changed = convert_input(key, array)
                sentences += changed
            arrays[key] = array.reshape(len(array), *network.shapes[INPUT])
    return arrays, sentences


def _targets(data: Arrays, given: str | None, output: Shape) -> tuple[Arrays, str, list[str]]:
    """Convert the targets for the loss; axes of one element are the output's."""
    width = output[-1] if output else 1
    loss, why = choose_loss("y_train", data["y_train"], width, given)
    targets, sentences = {}, [] if given else [f"the loss is {loss}, {why}"]
    for key, array in data.items():
        if key[0] == "y":
            targets[key], changed = convert_target(key, array, loss, width)
            sentences += changed
            whole = (len(array), *output)
            if loss in ("mse", "mae", "huber") and array.size == math.prod(whole):
                targets[key] = targets[key].reshape(whole)
    return targets, loss, sentences


def verified(model: Model, original: Original) -> Model:
    """Compare a model's outputs with the original's on the training data; the model with a sentence about it.

    Raises
    ------
    InputError
        They differ by more than rounding explains, or have another shape.
    """
    rows = np.unique(np.linspace(0, model.examples("train") - 1, COMPARED).astype(np.int64))
    part = {key: np.asarray(model.data[key][rows]) for key in ("x_train", "y_train")}
    try:
        objective = NetworkObjective(replace(model, data=part), dtype="float64")
    except InputError as error:
        raise InputError(f"cannot be verified, so is not imported: {error}") from None
    ours = objective.outputs(model.theta)
    ids = any(node.operation.reads_ids for node in model.nodes)
    theirs = np.asarray(original.outputs(original_input(part["x_train"], ids)), np.float64)
    ours = ours if original.tail is None else original.tail(ours)
    if math.prod(theirs.shape) != math.prod(ours.shape) or len(theirs) != len(ours):
        raise InputError(
            f"{original.name} puts out {batched(theirs.shape[1:])}, "
            f"its translation {batched(ours.shape[1:])}; nothing is written"
        )
    return _compared(model, ours, theirs.reshape(ours.shape), original)


def _compared(model: Model, ours: np.ndarray, theirs: np.ndarray, original: Original) -> Model:
    if not (np.isfinite(theirs).all() and np.isfinite(ours).all()):
        raise InputError(f"outputs of {original.name} are not finite: there is nothing to compare with")
    difference, scale = float(np.abs(ours - theirs).max()), float(np.abs(theirs).max())
    if difference > original.tolerance * max(scale, 1e-2):
        example = int(np.argmax(np.abs(ours - theirs).reshape(len(ours), -1).max(1)))
        raise InputError(
            f"outputs differ from those of {original.name} by up to {difference:.2g} (outputs up to {scale:.2g}, "
            f"at compared example {example}); the translation would be of another network, so nothing is written"
        )
    sentence = (
        f"outputs equal those of {original.name} on {len(ours)} of {model.examples('train')} examples: "
        f"largest difference {difference:.1e}, of outputs up to {scale:.3g}"
    )
    return replace(model, inferred=(*model.inferred, sentence))


def softmax(z: np.ndarray) -> np.ndarray:
    """Normalize exponentials over the last axis."""
    return np.exp(log_softmax(z))


def log_softmax(z: np.ndarray) -> np.ndarray:
    """Give the logarithm of softmax over the last axis."""
    shifted = z - z.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def sigmoid(z: np.ndarray) -> np.ndarray:
    """Give 1 / (1 + exp(−z)) without overflow."""
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, small) / (1.0 + small)


TAILS: dict[str, Any] = {"softmax": softmax, "log_softmax": log_softmax, "sigmoid": sigmoid}

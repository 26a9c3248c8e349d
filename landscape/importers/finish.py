"""The last step before the proof: a model of a network and its data, in what the format holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from landscape.importers.data import Arrays
from landscape.importers.network import Network
from landscape.model import Model, build_model
from landscape.model.bare_data import choose_loss, convert_input, convert_target
from landscape.model.nodes import INPUT
from landscape.model.operation import Shape


@dataclass(frozen=True)
class Loss:
    """A loss in the format's words, as the source of the network has it; None is chosen by the targets."""

    name: str | None
    scale: float = 1.0
    delta: float = 1.0
    weight_decay: float | Mapping[str, float] = 0.0


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

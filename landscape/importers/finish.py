"""The last step of an import before the comparison: make the model of the network and its data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from landscape.errors import InputError
from landscape.importers.data import Arrays
from landscape.importers.network import Network
from landscape.model import Model, build_model
from landscape.model.bare_data import choose_loss, convert_input, convert_target
from landscape.model.finite import describe_not_finite
from landscape.model.losses import OF_CLASSES, OF_SIDES
from landscape.model.nodes import INPUT
from landscape.objective.sample import Sample
from landscape.objective.targets import Targets
from landscape.ops.operation import Shape, batched


@dataclass(frozen=True)
class Loss:
    """A loss in the format's words, as the source of the network has it; None is chosen by the targets.

    `total` says what of the training data multiplies the format's mean: "sum", "examples", "groups" of classes in an example, "elements".
    """

    name: str | None
    scale: float = 1.0
    delta: float = 1.0
    weight_decay: float | Mapping[str, float] = 0.0
    options: Mapping[str, Any] = field(default_factory=dict)
    total: str | None = None


def make_model(
    network: Network, output: str, data: Arrays, loss: Loss, name: str, *, original: Shape | None = None
) -> Model:
    """Make a model of a network and data, converted to what the format holds.

    `original` is the shape of one example's output in a network that PyTorch may have trained, where it may be another than ours.
    Parameters may be NaN or infinite, which a sentence says.

    Raises
    ------
    InputError
        What a model file would be refused for.
    """
    nodes = network.ending_at(output)
    arrays, sentences = _inputs(network, data)
    targets, chosen, more = _targets(data, loss, network.shapes[output])
    examples: dict[str, Any] = arrays | targets
    model = build_model(
        nodes=nodes,
        parameters=network.parameters_of(nodes),
        loss=chosen,
        loss_scale=loss.scale,
        delta=loss.delta,
        loss_options=loss.options,
        weight_decay=loss.weight_decay,
        name=name,
        input_shape=network.shapes[INPUT],
        allow_nonfinite=True,
        **examples,
    )
    if not model.layout:
        raise InputError(
            "the network has no parameter that is trained, so there is no θ: expected one at least that is not frozen"
        )
    if loss.total is not None:
        scale, told = scale_of(model, loss.total)
        model = replace(model, loss_scale=loss.scale * scale)
        more += [told] if told else []
    remark = None if original is None else broadcast(model.loss, original, data["y_train"].shape[1:])
    more += [remark] if remark else []
    return told_where_not_finite(
        replace(model, form="imported", inferred=(*network.notes, *sentences, *more))
    )


def scale_of(model: Model, total: str) -> tuple[float, str]:
    """Give the factor that turns the mean over the training data into the original's sum or mean, and a sentence about a sum."""
    y = model.data["y_train"]
    made = Targets(model, y)
    counts, examples = float(Sample(model, "train").counts.total), len(y)
    if total == "elements":
        return 1.0 / made.classes, ""
    if total == "groups":
        return counts / examples, ""
    found = float(examples) if total == "examples" else counts * made.mean_weight
    return found, (
        f"the loss is a sum: over all {examples:,} training examples, {found:.6g} times their mean; a step on a batch of B of them has "
        f"{examples:,}/B times the gradient of PyTorch's sum over the batch"
    )


def broadcast(loss: str, output: Shape, target: Shape) -> str | None:
    """A sentence on how PyTorch broadcasts outputs [N, 1] against targets [N], or the reverse; None for other shapes.

    >>> broadcast("mse", (1,), ())[:80]
    'the targets are [N] and the outputs [N, 1], compared here one with one: in a tra'
    """
    criteria = {"mse": "MSELoss", "mae": "L1Loss", "huber": "HuberLoss"}
    if loss not in criteria or {output, target} != {(), (1,)}:
        return None
    mend = "targets as y.unsqueeze(1)" if target == () else "targets as y.squeeze(1)"
    return (
        f"the targets are {batched(target)} and the outputs {batched(output)}, compared here one with one: in a training loop PyTorch's "
        f"{criteria[loss]} broadcasts them to [N, N], every output with every target, so that the network learns only the mean of the targets; "
        f"give it {mend}"
    )


def told_where_not_finite(model: Model) -> Model:
    """Say which parameters are NaN or infinite, and refuse data that are.

    Raises
    ------
    InputError
        An example or a target is not finite.
    """
    for sentence in describe_not_finite(model.data):
        raise InputError(f"{sentence}; expected finite numbers")
    found = describe_not_finite(model.parameters | model.buffers)
    if not found:
        return model
    more = f"; so are {len(found) - 1} more of its arrays" if len(found) > 1 else ""
    sentence = f"{found[0]}{more}: info, diagnose and report take this model, the other commands do not"
    return replace(model, inferred=(*model.inferred, sentence))


def _inputs(network: Network, data: Arrays) -> tuple[Arrays, list[str]]:
    arrays, sentences = {}, []
    for key, array in data.items():
        if key[0] == "x":
            if not network.reads_ids:
                array, changed = convert_input(key, array)
                sentences += changed
            arrays[key] = array.reshape(len(array), *network.shapes[INPUT])
    return arrays, sentences


def _targets(data: Arrays, given: Loss, output: Shape) -> tuple[Arrays, str, list[str]]:
    """Convert the targets for the loss; axes of one element are the output's."""
    width = output[-1] if output else 1
    loss, why = choose_loss("y_train", data["y_train"], width, given.name)
    targets, sentences = {}, [] if given.name else [f"the loss is {loss}, {why}"]
    for key, array in data.items():
        if key[0] == "y":
            # With class weights a number for each class is not the same as its class id.
            of_each = array.dtype.kind == "f" and array.shape[1:] == output
            if (
                loss == "cross_entropy"
                and of_each
                and (given.options.get("class_weights") or len(output) > 1)
            ):
                targets[key] = array
                continue
            targets[key], changed = convert_target(key, array, loss, width)
            sentences += changed
            whole = (len(array), *output)
            if loss not in (*OF_CLASSES, *OF_SIDES) and array.size == math.prod(whole):
                targets[key] = targets[key].reshape(whole)
    return targets, loss, sentences

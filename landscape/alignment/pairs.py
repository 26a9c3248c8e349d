"""Pairs of models with the same graph and the same data, which can be compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.model import Model, Node
from landscape.model.nodes import INPUT


def named(model: Model, number: int) -> str:
    """Name a model in a message: its file if there is one."""
    return model.path.name if model.path is not None else f"model {number} ({model.name})"


def require_pair(model: Model, other: Model, names: tuple[str, str]) -> Model:
    """Return the other model with the node names of the first.

    Raises
    ------
    InputError
        Another graph, loss or data, which is named, or the same parameters.
    """
    for (one, ours), (two, theirs) in zip(described(model), described(other), strict=False):
        if ours != theirs:
            raise InputError(
                f"{names[1]}: node '{two}' is {told(theirs)}, expected {told(ours)} as '{one}' of {names[0]} is"
            )
    if len(model.nodes) != len(other.nodes):
        raise InputError(
            f"{names[1]}: has {len(other.nodes)} nodes, expected {len(model.nodes)} as {names[0]} has"
        )
    other = renamed(other, model)
    for key, array in (model.parameters | model.buffers).items():
        found = (other.parameters | other.buffers).get(key)
        if found is None or found.shape != array.shape:
            shape = "missing" if found is None else list(found.shape)
            raise InputError(
                f"{names[1]}: {key} is {shape}, expected {list(array.shape)} as in {names[0]}: compare networks of one graph"
            )
    losses = [
        (one.loss, one.loss_scale, one.delta, one.weight_decay, one.loss_options) for one in (model, other)
    ]
    if losses[0] != losses[1]:
        raise InputError(
            f"{names[1]}: its loss ({losses[1][0]}) or weight decay is not that of {names[0]} ({losses[0][0]})"
        )
    require_same_data(model, other, names)
    if np.array_equal(model.theta, other.theta) and np.array_equal(model.constants, other.constants):
        raise InputError(
            f"{names[1]}: has the parameters of {names[0]}, so there is nothing between them: give two different models"
        )
    return other


def require_same_data(model: Model, other: Model, names: tuple[str, str]) -> None:
    """Refuse models that were given other data.

    Raises
    ------
    InputError
        The message names the array.
    """
    if model.data_fingerprint() == other.data_fingerprint():
        return
    for key in model.data.keys() | other.data.keys():
        one, two = model.data.get(key), other.data.get(key)
        if one is None or two is None or one.shape != two.shape or not np.array_equal(one, two):
            raise InputError(
                f"{names[1]}: {key} is not that of {names[0]}: a loss between them needs both models in files with the same data"
            )


def described(model: Model) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Give each node's name, and what it is without names."""
    numbers = {INPUT: -1} | {node.name: number for number, node in enumerate(model.nodes)}
    for node in model.nodes:
        yield (
            node.name,
            (
                node.op,
                node.shape,
                tuple(numbers[name] for name in node.inputs),
                sorted(node.attributes.items()),
                None if node.parameters_of is None else numbers[node.parameters_of],
                node.trainable,
                node.frozen,
            ),
        )


def told(description: tuple[Any, ...]) -> str:
    """Describe a node in words: its op, its output's shape, and its settings."""
    shape = ", ".join(map(str, ("N", *description[1])))
    more = f" {dict(description[3])}" if description[3] else ""
    return f"{description[0]} with the output [{shape}]{more}"


def renamed(other: Model, model: Model) -> Model:
    """Give a model of the same graph the first one's names of nodes."""
    if [node.name for node in other.nodes] == [node.name for node in model.nodes]:
        return other
    names = {theirs.name: ours.name for theirs, ours in zip(other.nodes, model.nodes, strict=True)}

    def key(text: str) -> str:
        node, parameter = other._owners[text]
        return f"{names[node]}.{parameter}"

    nodes: tuple[Node, ...] = model.nodes
    decay = other.weight_decay
    return replace(
        other,
        nodes=nodes,
        parameters={key(text): array for text, array in other.parameters.items()},
        buffers={key(text): array for text, array in other.buffers.items()},
        weight_decay={key(text): value for text, value in decay.items()}
        if isinstance(decay, dict)
        else decay,
    )

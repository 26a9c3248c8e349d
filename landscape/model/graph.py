"""The graph: nodes in topological order, each with its output's shape and with parameters that fit.

One pass in the header's order. The parameters' shapes are those of the archive, by key; no element is
looked at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError
from landscape.files import shown
from landscape.memory import available_memory
from landscape.model.nodes import INPUT, Draft, Node, read_draft
from landscape.ops.operation import MOST_INPUTS, Attributes, Shape, Sizes, batched, bind

Found = Mapping[str, Shape]


def read_nodes(header_nodes: list[Any], input_shape: Shape, found: Found) -> tuple[Node, ...]:
    """Read the header's nodes and match their parameters with those of the archive.

    Raises
    ------
    InputError
        Two nodes of one name, an unknown op or attribute, an input that is no earlier node (so any cycle),
        shapes that do not fit, a missing or misshapen parameter. The message names the node and the key.
    """
    if not header_nodes:
        raise InputError("header: nodes: expected at least one node")
    drafts = _by_name([read_draft(position, value) for position, value in enumerate(header_nodes)])
    _require_distinct_keys(drafts)
    nodes: dict[str, Node] = {}
    previous = INPUT
    for draft in drafts.values():
        try:
            nodes[draft.name] = _place(draft, previous, drafts, nodes, input_shape, found)
        except InputError as error:
            raise InputError(f"node {shown(draft.name)}: {error}") from None
        previous = draft.name
    _require_one_kind_of_input(nodes)
    _require_memory(nodes)
    return tuple(nodes.values())


def parameter_keys(node: Node | Draft, found: Found, *, buffers: bool = False) -> dict[str, str]:
    """Give the keys of the parameters (or buffers) that the node uses and the archive has, by their names."""
    keys = {
        parameter.name: f"{node.owner}.{parameter.name}"
        for parameter in node.operation.parameters
        if parameter.buffer == buffers
    }
    return {name: key for name, key in keys.items() if key in found}


def _by_name(drafts: list[Draft]) -> dict[str, Draft]:
    result: dict[str, Draft] = {}
    for draft in drafts:
        if draft.name in result:
            raise InputError(
                f"header: nodes: two nodes are called {shown(draft.name)}; expected one of that name"
            )
        result[draft.name] = draft
    return result


def _require_distinct_keys(drafts: dict[str, Draft]) -> None:
    """Refuse two nodes that mean the same key of the archive, as names with dots can."""
    owners: dict[str, str] = {}
    for draft in drafts.values():
        for parameter in draft.operation.parameters:
            other = owners.setdefault(f"{draft.name}.{parameter.name}", draft.name)
            if other != draft.name:
                raise InputError(
                    f"header: nodes: {shown(other)} and {shown(draft.name)} both mean the key "
                    f"{shown(f'{draft.name}.{parameter.name}')}; expected names that keep them apart"
                )


def _place(
    draft: Draft,
    previous: str,
    drafts: dict[str, Draft],
    nodes: dict[str, Node],
    input_shape: Shape,
    found: Found,
) -> Node:
    """Give a node its inputs, its shape and its parameters."""
    operation = draft.operation
    default = (previous,) if operation.inputs[1] else ()
    inputs = draft.inputs if draft.inputs is not None else default
    _require_count(draft, len(inputs))
    singles = [name in nodes and nodes[name].single for name in inputs]
    _require_single_weights(draft, inputs, singles)
    shapes = tuple(_input_shape(draft, name, drafts, nodes, input_shape) for name in inputs)
    if operation.reads_ids and inputs != (INPUT,) and places_in_data(inputs[0], nodes, input_shape) is None:
        raise InputError(
            f'{draft.op}: reads ids, which only the data has; expected "inputs": ["{INPUT}"], or a part of the data'
        )
    owner = _owner(draft, drafts, found)
    attributes, shape = infer(draft, shapes, found)
    return Node(
        name=draft.name,
        op=draft.op,
        inputs=inputs,
        attributes=attributes,
        parameters_of=draft.parameters_of,
        trainable=owner.trainable is not False,
        frozen=owner.frozen,
        shape=shape,
        single=operation.keeps_single and all(singles),
    )


def infer(draft: Draft, shapes: tuple[Shape, ...], found: Found) -> tuple[Attributes, Shape]:
    """Settle a node's attributes by its inputs' shapes, match its parameters, and give its output's shape.

    Raises
    ------
    InputError
        The op cannot read such inputs, or a parameter is missing or misshapen.
    """
    operation = draft.operation
    try:
        attributes = operation.settle(draft.attributes, shapes)
        sizes = operation.sizes(shapes, attributes)
    except InputError as error:
        raise InputError(f"{draft.op}: {error}") from None
    sizes = _bind_all(draft, sizes, found, shapes[1:] if operation.weights_of_nodes else ())
    return attributes, _output(draft, shapes, attributes, sizes)


def _output(draft: Draft, shapes: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    try:
        return draft.operation.output(shapes, attributes, sizes)
    except InputError as error:
        raise InputError(f"{draft.op}: {error}") from None


def _require_count(draft: Draft, count: int) -> None:
    least, most = draft.operation.inputs
    if least <= count <= most:
        return
    words = {(0, 0): "no input", (1, 1): "one input", (2, 2): "two inputs"}.get(
        (least, most), f"{least} to {most} inputs" if most < MOST_INPUTS else "two inputs or more"
    )
    raise InputError(f"inputs: {draft.op} reads {words}, found {count}")


def _require_single_weights(draft: Draft, inputs: tuple[str, ...], singles: list[bool]) -> None:
    """Refuse a weight that differs from example to example."""
    if draft.operation.weights_of_nodes:
        for name, single in list(zip(inputs, singles, strict=True))[1:]:
            if not single:
                raise InputError(
                    f"inputs: {shown(name)} depends on the examples; expected weights that follow from parameters and constants alone"
                )


def _input_shape(
    draft: Draft, name: str, drafts: dict[str, Draft], nodes: dict[str, Node], input_shape: Shape
) -> Shape:
    if name == INPUT:
        return input_shape
    if name in nodes:
        return nodes[name].shape
    if name in drafts:
        raise InputError(
            f"inputs: reads {shown(name)}, which does not come before it; "
            "expected topological order (or the graph has a cycle)"
        )
    raise InputError(f"inputs: reads {shown(name)}, but there is no node of that name")


def _owner(draft: Draft, drafts: dict[str, Draft], found: Found) -> Draft:
    """Find the node whose parameters this one uses, and refuse impossible sharing."""
    if draft.parameters_of is None:
        return draft
    owner = drafts.get(draft.parameters_of)
    if owner is None or owner is draft:
        raise InputError(f"parameters_of: expected another node's name, found {shown(draft.parameters_of)}")
    if owner.parameters_of is not None:
        raise InputError(
            f"parameters_of: {shown(owner.name)} shares parameters itself; "
            f"expected {shown(owner.parameters_of)}"
        )
    if draft.trainable is not None and draft.trainable != (owner.trainable is not False):
        raise InputError(f"trainable: is said by the owner of the parameters, {shown(owner.name)}")
    for name in _owned(owner, found):
        if name not in [parameter.name for parameter in draft.operation.parameters]:
            raise InputError(f"parameters_of: {shown(owner.name)} has a {name}, which {draft.op} cannot use")
        if f"{draft.name}.{name}" in found:
            raise InputError(
                f"{shown(f'{draft.name}.{name}')}: expected no such key, "
                f"for the node shares the {name} of {shown(owner.name)}"
            )
    if not _owned(owner, found):
        raise InputError(f"parameters_of: {shown(owner.name)} has no parameters to share")
    return owner


def _owned(owner: Draft, found: Found) -> list[str]:
    return [*parameter_keys(owner, found), *parameter_keys(owner, found, buffers=True)]


def _bind_all(draft: Draft, sizes: Sizes, found: Found, given: tuple[Shape, ...] = ()) -> Sizes:
    """Match parameters with those of the archive, the first with the shapes of nodes where such are given."""
    for number, parameter in enumerate(draft.operation.parameters):
        key = f"{draft.owner}.{parameter.name}"
        if number < len(given):
            if key in found:
                raise InputError(
                    f"{shown(key)}: expected no such key, for the node reads it from another node"
                )
        elif key not in found:
            if parameter.optional:
                continue
            raise InputError(f"{draft.op}: expected the key {shown(key)}, which the archive does not have")
        try:
            sizes = bind(parameter, given[number] if number < len(given) else found[key], sizes)
        except InputError as error:
            raise InputError(f"{key}: {error}") from None
    return sizes


def places_in_data(name: str, nodes: Mapping[str, Node], input_shape: Shape) -> NDArray[np.int64] | None:
    """Say which numbers of an example a node's output is, in order; None if it is made of others too."""
    if name == INPUT:
        return np.arange(math.prod(input_shape))
    node = nodes[name]
    if node.operation.places is None:
        return None
    source = node.inputs[0]
    found = places_in_data(source, nodes, input_shape)
    before = input_shape if source == INPUT else nodes[source].shape
    taken = node.operation.places(before, node.shape, node.attributes).reshape(-1)
    return None if found is None or (taken < 0).any() else found[taken]


def _require_one_kind_of_input(nodes: dict[str, Node]) -> None:
    """Refuse data that are token ids for one node and numbers for another."""
    readers = [node for node in nodes.values() if INPUT in node.inputs and node.operation.places is None]
    ids = [node for node in readers if node.operation.reads_ids]
    # What only computes with each number (a mask of padding) may read ids too.
    readers = [node for node in readers if node in ids or node.operation.parameters]
    if ids and len(ids) < len(readers):
        other = next(node for node in readers if node not in ids)
        raise InputError(
            f"node {shown(other.name)}: reads the input as numbers, "
            f"{shown(ids[0].name)} reads it as ids; expected one of them"
        )


def _require_memory(nodes: dict[str, Node]) -> None:
    """Refuse a graph whose outputs do not fit into memory, as a header of a few bytes can describe."""
    available, needed = available_memory(), 0
    for node in nodes.values():
        needed += math.prod(node.shape) * 8
        if needed > available:
            raise InputError(
                f"node {shown(node.name)}: with its output {batched(node.shape)} "
                "one example takes more than memory holds"
            )

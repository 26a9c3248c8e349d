"""A node of the graph, and how it is read from the header: its name, op, attributes and inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from landscape.errors import InputError
from landscape.files import shown
from landscape.ops import values
from landscape.ops.operation import Attributes, Operation, Shape
from landscape.ops.table import OPERATIONS
from landscape.ops.traits import Traits

INPUT = "input"
RESERVED = (INPUT, "history", "checkpoints", "optimizer", "landscape")
KEYS = ("name", "op", "inputs", "parameters_of", "trainable", "frozen")


@dataclass(frozen=True)
class Node:
    """A node of a network's graph.

    `inputs` are names of nodes before it, "input" for the data. `attributes` has every attribute of the op, defaults
    filled in. `parameters_of` names the node whose parameters it shares. `frozen` names single parameters that are not
    trained although the node is. `shape` is the shape of the output for one example. If the node is `single`, the
    output is the same for all examples.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: Attributes
    parameters_of: str | None
    trainable: bool
    shape: Shape
    frozen: tuple[str, ...] = ()
    single: bool = False

    @property
    def owner(self) -> str:
        """The node that owns the parameters, which another node may share."""
        return self.parameters_of or self.name

    @property
    def operation(self) -> Operation:
        """The operation's row of the op table."""
        return OPERATIONS[self.op]

    @property
    def traits(self) -> Traits:
        """The traits of the node's operation."""
        return OPERATIONS[self.op].traits


@dataclass(frozen=True)
class Draft:
    """A node as the header has it: checked by itself, not yet among the others."""

    name: str
    op: str
    inputs: tuple[str, ...] | None
    attributes: Attributes
    parameters_of: str | None
    trainable: bool | None
    frozen: tuple[str, ...] = ()

    @property
    def operation(self) -> Operation:
        """The operation's row of the op table."""
        return OPERATIONS[self.op]

    @property
    def owner(self) -> str:
        """The node that owns the parameters, which another node may share."""
        return self.parameters_of or self.name


def read_draft(position: int, value: Any) -> Draft:
    """Read one element of the header's `nodes`.

    Raises
    ------
    InputError
        The message names the node and the key.
    """
    label = f"nodes[{position}]"
    if not isinstance(value, dict):
        raise InputError(f"header: {label}: expected an object {{…}}, found {shown(value)}")
    try:
        name = read_name(value.get("name"))
        label = f"node {shown(name)}"
        return _read_draft(name, value)
    except InputError as error:
        raise InputError(f"header: {label}: {error}") from None


def read_name(value: Any) -> str:
    """Read a node's name; the archive's own keys are none.

    Raises
    ------
    InputError
        Not a printable text, or reserved.
    """
    try:
        name = str(values.text(value))
    except InputError as error:
        raise InputError(f"name: {error}") from None
    if name.split(".")[0] in RESERVED:
        raise InputError(f"name: expected another first word than {', '.join(RESERVED)}")
    return name


def _read_draft(name: str, value: dict[str, Any]) -> Draft:
    if "op" not in value:
        raise InputError(f"op: missing; expected one of {', '.join(OPERATIONS)}")
    op = values.choice(*OPERATIONS)(value["op"]) if isinstance(value["op"], str) else None
    if op is None:
        raise InputError(f"op: expected a text, found {shown(value['op'])}")
    rest = {key: element for key, element in value.items() if key not in KEYS}
    return Draft(
        name=name,
        op=op,
        inputs=_read_inputs(value["inputs"]) if "inputs" in value else None,
        attributes=_read_attributes(OPERATIONS[op], op, rest),
        parameters_of=_optional(value, "parameters_of", values.text),
        trainable=_optional(value, "trainable", values.boolean),
        frozen=_read_frozen(OPERATIONS[op], value),
    )


def _read_frozen(operation: Operation, value: Mapping[str, Any]) -> tuple[str, ...]:
    names = [parameter.name for parameter in operation.parameters if not parameter.buffer]

    def read(given: Any) -> tuple[str, ...]:
        if not isinstance(given, (list, tuple)) or not given or not set(map(str, given)) <= set(names):
            raise values.refuse(f"a list of names among {', '.join(names) or 'none'}", given)
        return tuple(name for name in names if name in given)

    found = _optional(value, "frozen", read) or ()
    if found and ("parameters_of" in value or value.get("trainable") is False):
        raise InputError("frozen: expected a node that has parameters of its own and trains others of them")
    return found


def _optional(value: Mapping[str, Any], key: str, read: values.Reader) -> Any:
    if key not in value:
        return None
    try:
        return read(value[key])
    except InputError as error:
        raise InputError(f"{key}: {error}") from None


def _read_inputs(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) for name in value):
        raise InputError(f"inputs: expected a list of node names, found {shown(value)}")
    return tuple(value)


def _read_attributes(operation: Operation, op: str, given: dict[str, Any]) -> Attributes:
    readers = {key: attribute.read for key, attribute in operation.attributes.items()}
    if not readers and given:
        raise InputError(f"unknown attribute {shown(next(iter(given)))}; {op} has none")
    read = values.read_mapping(given, readers, f"attribute of {op}")
    result: Attributes = {}
    for key, attribute in operation.attributes.items():
        if key not in read and attribute.required:
            raise InputError(f"{key}: missing; {op} needs it in the header")
        default = result[attribute.like] if attribute.like else attribute.default
        result[key] = read.get(key, default)
    return result

"""One node of an ONNX graph, as the translators see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.files import shown
from landscape.importers.network import Network
from landscape.importers.onnx_graph.constants import Constant
from landscape.ops.operation import Shape, batched


@dataclass
class Graph:
    """What is known as the walk goes along: constants, our node for each value, who reads and makes a value."""

    network: Network
    constants: dict[str, Constant]
    values: dict[str, str]
    readers: dict[str, list[Any]]
    makers: dict[str, Any]
    version: int


def settings_of(onnx: Any, node: Any) -> dict[str, Any]:
    """Give a node's attributes as numbers, texts and tensors.

    Raises
    ------
    InputError
        An attribute of another kind, a graph say.
    """
    result: dict[str, Any] = {}
    for attribute in node.attribute:
        kind = onnx.AttributeProto
        allowed = (kind.FLOAT, kind.INT, kind.STRING, kind.FLOATS, kind.INTS)
        # A tensor is what a constant is made of, and nothing else has one for a setting.
        if attribute.type not in (*allowed, kind.TENSOR) or (
            attribute.type == kind.TENSOR and node.op_type != "Constant"
        ):
            raise InputError(
                f"{shown(node.name)} ({node.op_type}): attribute {shown(attribute.name)}: expected a number, numbers or a text"
            )
        value = onnx.helper.get_attribute_value(attribute)
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        result[attribute.name] = value
    return result


@dataclass
class Call:
    """A node with its attributes; `output` moves when a later node is fused with it."""

    graph: Graph
    node: Any
    settings: dict[str, Any]

    def __post_init__(self) -> None:
        self.output = self.node.output[0]

    @property
    def network(self) -> Network:
        """The network in the making."""
        return self.graph.network

    @property
    def label(self) -> str:
        """The node in words."""
        return f"{shown(self.node.name or self.node.output[0])} ({self.node.op_type})"

    def name(self, *weights: Constant) -> str:
        """Give the name for our node: that of the layer whose weight it has, or the node's own."""
        for constant in weights:
            if constant.identity.endswith((".weight", ".running_mean")):
                return constant.identity.rsplit(".", 1)[0]
        return (self.node.name or self.node.output[0]).strip("/").replace("/", ".")

    def get(self, key: str, default: Any = None) -> Any:
        """Give an attribute."""
        return self.settings.get(key, default)

    def expect(self, key: str, *allowed: Any) -> None:
        """Refuse an attribute with another value; the first allowed is the default."""
        found = self.settings.get(key, allowed[0])
        if found not in allowed:
            raise InputError(f"{key}={shown(found)}: expected {allowed[0]}")

    def value(self, position: int = 0) -> str:
        """Give our node of an input that depends on the examples."""
        name = self.node.input[position] if position < len(self.node.input) else ""
        if name not in self.graph.values:
            raise InputError(
                f"input {position + 1}: expected a value that depends on the input, found a constant"
            )
        return self.graph.values[name]

    def shape(self, position: int = 0) -> Shape:
        """Give the shape of an input, one example's."""
        return self.network.shapes[self.value(position)]

    def constant(self, position: int) -> Constant:
        """Give an input that must be known."""
        found = self.optional(position)
        if found is None:
            raise InputError(f"input {position + 1}: expected a constant of the file")
        return found

    def optional(self, position: int) -> Constant | None:
        """Give an input that must be known where it is there."""
        name = self.node.input[position] if position < len(self.node.input) else ""
        if name and name not in self.graph.constants:
            raise InputError(f"input {position + 1}: expected a constant of the file, found a computed value")
        return self.graph.constants[name] if name else None

    def numbers(self, position: int, key: str) -> list[int] | None:
        """Give whole numbers that older versions have as an attribute and newer ones as an input."""
        found = self.optional(position)
        if found is not None:
            return [int(number) for number in np.ravel(found.array)]
        return [int(number) for number in self.settings[key]] if key in self.settings else None

    def only_reader(self) -> Any:
        """Give the one node that reads the output, or None."""
        readers = self.graph.readers.get(self.output, [])
        return readers[0] if len(readers) == 1 else None

    def refuse_shape(self, wanted: Shape) -> InputError:
        """Make the error of a shape that the format cannot give."""
        return InputError(
            f"gives {batched(self.shape())} the shape {batched(wanted)}; the format only flattens"
        )

"""One node of an ONNX graph, in the form that the translators take."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.files import shown
from landscape.importers.onnx_graph.graph import DEPENDS, Graph, GraphBuilder, Varying
from landscape.importers.values import Value

# Names that PyTorch's exporters give to numbers of the code.
GENERATED = re.compile(r"val_\d|onnx::|_?scalar|const|.*Constant")


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
        texts = attribute.type == kind.STRINGS and node.op_type in ("LSTM", "GRU", "RNN")
        # A tensor is what a constant is made of, and nothing else has one for a setting.
        tensor = attribute.type == kind.TENSOR and node.op_type in ("Constant", "ConstantOfShape")
        if attribute.type not in allowed and not texts and not tensor:
            raise InputError(
                f"{shown(node.name)} ({node.op_type}): attribute {shown(attribute.name)}: expected a number, numbers or a text"
            )
        value = onnx.helper.get_attribute_value(attribute)
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if texts:
            value = [text.decode("utf-8", "replace") for text in value]
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
    def builder(self) -> GraphBuilder:
        """What makes nodes."""
        return self.graph.builder

    @property
    def version(self) -> int:
        """The version of ONNX's operators."""
        return self.graph.version

    @property
    def label(self) -> str:
        """The node in words."""
        return f"{shown(self.node.name or self.node.output[0])} ({self.node.op_type})"

    @property
    def path(self) -> str:
        """The name for nodes that this one becomes."""
        return (self.node.name or self.node.output[0]).strip("/").replace("/", ".")

    def get(self, key: str, default: Any = None) -> Any:
        """Give an attribute."""
        return self.settings.get(key, default)

    def expect(self, key: str, *allowed: Any) -> None:
        """Refuse an attribute with another value; the first allowed is the default."""
        found = self.settings.get(key, allowed[0])
        if found not in allowed:
            raise InputError(f"{key}={shown(found)}: expected {allowed[0]}")

    def source(self, position: int) -> str:
        """Name an input; the empty name is that of one which is left out."""
        return self.node.input[position] if position < len(self.node.input) else ""

    def optional(self, position: int) -> Value | None:
        """Give an input where it is there.

        Raises
        ------
        InputError
            It is made of the number of examples.
        """
        found = self.graph.known.get(self.source(position))
        if isinstance(found, Varying):
            raise InputError(f"input {position + 1}: {DEPENDS}")
        return found

    def value(self, position: int = 0) -> Value:
        """Give an input, which has to be there."""
        found = self.optional(position)
        if found is None:
            raise InputError(f"input {position + 1}: expected a value, found none")
        return found

    @property
    def values(self) -> list[Value]:
        """All inputs."""
        return [self.value(position) for position in range(len(self.node.input))]

    def numbers(self, position: int) -> np.ndarray | None:
        """Give known numbers where they are there.

        Raises
        ------
        InputError
            They are computed from the data, or from the number of examples.
        """
        found = self.optional(position)
        if found is None:
            return None
        array = self.array_of(found)
        if array is None:
            raise InputError(
                f"input {position + 1}: expected known numbers of the file, found a computed value"
            )
        return array

    def array_of(self, value: Value) -> np.ndarray | None:
        """Give the numbers of a value that is known: those of a parameter, too, for which they may be meant."""
        if value.fixed:
            return np.asarray(value.constant)
        if value.parameter in self.graph.constants and value.node is None and value.batch is None:
            return self.graph.constants[value.parameter].array
        return None

    def number(self, position: int, default: float) -> float:
        """Give an input that is one known number."""
        found = self.numbers(position)
        if found is None:
            return default
        if found.size != 1:
            raise InputError(f"input {position + 1}: expected one number, found {list(found.shape)}")
        self.note_fixed(self.value(position))
        return float(found.reshape(-1)[0])

    def note_fixed(self, value: Value) -> None:
        """Say that a number of the file, which may have been a parameter, stays as it is."""
        constant = self.graph.constants.get(value.parameter or "")
        if constant is None or not constant.trainable or value.constant is None:
            return
        if constant.array.ndim or not GENERATED.match(constant.identity):
            note = f"the number {shown(constant.identity)} of the file is taken as fixed: it is not in θ"
            if note not in self.graph.network.notes and constant.array.dtype.kind == "f":
                self.graph.network.notes.append(note)

    def integers(self, position: int, key: str) -> list[int] | None:
        """Give whole numbers that older versions have as an attribute and newer ones as an input."""
        found = self.numbers(position)
        if found is not None:
            return [int(number) for number in np.ravel(found)]
        if key not in self.settings:
            return None
        return [int(number) for number in np.ravel(self.settings[key])]

    def sizes(self, position: int) -> list[tuple[int, int]]:
        """Give an input that is a shape, for both numbers of examples."""
        found = self.graph.known.get(self.source(position))
        arrays = found.arrays if isinstance(found, Varying) else (self.numbers(position),) * 2
        if arrays[0] is None or arrays[1] is None:
            raise InputError(f"input {position + 1}: expected a shape, found none")
        return [
            (int(one), int(two)) for one, two in zip(np.ravel(arrays[0]), np.ravel(arrays[1]), strict=True)
        ]

    def sizes_or(self, position: int, key: str) -> list[tuple[int, int]]:
        """Give sizes that older versions have as an attribute and newer ones as an input."""
        if self.source(position):
            return self.sizes(position)
        return [(int(number), int(number)) for number in np.ravel(self.settings.get(key, []))]

    def trained(self, position: int) -> Value:
        """Give an input that is a weight, also where it is one number."""
        value = self.value(position)
        constant = self.graph.constants.get(value.parameter or "")
        if constant is not None and constant.trainable and constant.array.dtype.kind == "f":
            return Value(value.shape, parameter=value.parameter)
        return value

    def is_whole(self, position: int) -> bool:
        """Say whether an input is of whole numbers."""
        return self.source(position) in self.graph.whole

    def is_truth(self, position: int) -> bool:
        """Say whether an input is of truth values."""
        return self.source(position) in self.graph.truths

    def only_reader(self) -> Any:
        """Give the one node that reads the output, or None."""
        readers = self.graph.readers.get(self.output, [])
        return readers[0] if len(readers) == 1 and self.output not in self.graph.outputs else None

    def matched(self, values: list[Value]) -> list[Value]:
        """Give values with matching shapes: numbers that a file repeats for each example of a fixed batch are taken once."""
        batch, rank = self.graph.batch, max(len(value.shape) for value in values)
        places = {value.batch + rank - len(value.shape) for value in values if value.batch is not None}
        if batch in (None, 1) or len(places) != 1:
            return values
        place = places.pop()
        return [self.once(value, place - rank + len(value.shape)) for value in values]

    def once(self, value: Value, axis: int) -> Value:
        """Take one example's numbers of known ones, or of a parameter, that are the same for all."""
        array = None if axis < 0 or value.shape[axis] != self.graph.batch else self.array_of(value)
        if array is None or self.graph.batch == 1:
            return value
        first = np.take(array, [0], axis)
        if not np.array_equal(np.broadcast_to(first, value.shape), array):
            return value
        if value.fixed:
            return replace(value, shape=first.shape, constant=first, parameter=None)
        part = self.graph.viewed(value, lambda numbers: np.take(numbers, [0], axis))
        if part is None:
            return value
        self.graph.repeated[str(value.parameter)] = axis
        return part

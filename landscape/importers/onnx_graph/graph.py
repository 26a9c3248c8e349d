"""What is known of a graph during the translation: values, parameters, and numbers that depend on the batch size."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from landscape.errors import InputError
from landscape.importers.builder import Builder
from landscape.importers.network import Network, Weight
from landscape.importers.nodes import LEAST
from landscape.importers.onnx_graph.constants import Constant
from landscape.importers.values import Size, Value

# Numbers of examples for which shapes are computed: what is a multiple of both alike varies with the batch.
SIZES = (1_000_003, 1_000_033)
# So many numbers of one value of an example, and of all values together, are taken for a network's.
MOST_OF_ONE, MOST_OF_ALL = 2**24, 2**27
MOST_NODES = 30_000
# So many numbers that no file holds are made of known numbers.
MOST_KNOWN = 2**24
DEPENDS = "depends on the number of examples in another way than as a multiple of it"


class Varying(NamedTuple):
    """Known numbers that depend on the number of examples: those for each of SIZES."""

    arrays: tuple[np.ndarray, np.ndarray]


class GraphBuilder(Builder):
    """A builder that names nodes after the file's, and merges successive changes of shape."""

    def __init__(self, network: Network, weight: Callable[[str], Weight], dtype: np.dtype) -> None:
        super().__init__(network, weight, dtype)
        # What each change of shape was made of.
        self.before: dict[str, str] = {}

    def reshaped(self, node: str, shape: tuple[int, ...], *, single: bool) -> str:
        """Add a change of shape, or give what has that shape already; one to a vector is the older op, which GPUs have."""
        while node in self.before:
            node = self.before[node]
        found = self.network.shapes[node]
        if found == shape:
            return node
        if len(shape) == 1 and not single and found:
            made = self.network.add(self.name("flatten"), "flatten", [node])
        else:
            made = super().reshaped(node, shape, single=single)
        self.before[made] = node
        return made

    def name(self, op: str) -> str:
        """Name a node as the file's node that is translated."""
        return self.path

    def layer_name(self, weights: Mapping[str, Weight], op: str) -> str:
        """Name a layer as the module that has its weight, where the file keeps that name."""
        for weight in weights.values():
            name = "" if weight.origin is None else weight.origin.name
            if name.endswith((".weight", ".bias", ".running_mean")):
                return name.rsplit(".", 1)[0]
        return self.path

    def function_of(self, op: str, value: Value, **attributes: Any) -> Value:
        """Apply a function to each number, its name first."""
        return self.function(op, value, **attributes)


@dataclass
class Graph:
    """The walk's state; `batch` is the number of examples that the file fixes, or None."""

    network: Network
    constants: dict[str, Constant]
    readers: dict[str, list[Any]]
    outputs: set[str]
    version: int
    several: set[str]
    batch: int | None = None
    known: dict[str, Value | Varying] = field(default_factory=dict)
    makers: dict[str, Any] = field(default_factory=dict)
    # Names of values that are whole numbers, and of those that are truth values.
    whole: set[str] = field(default_factory=set)
    truths: set[str] = field(default_factory=set)
    # Parameters of which a file repeats one example's numbers for all, and along which axis.
    repeated: dict[str, int] = field(default_factory=dict)
    # Numbers that were made of known ones, and those of all values of one example.
    spent: int = 0
    made: int = 0

    def __post_init__(self) -> None:
        self.builder = GraphBuilder(self.network, self.weight, np.dtype(np.float32))
        self.builder.several = self.several
        for name, constant in self.constants.items():
            self.known[name] = self.of_initializer(name, constant)

    def weight(self, key: str) -> Weight:
        """Give a parameter, or a part of one, or known numbers that a layer has."""
        return self.constants[key].weight()

    def of_initializer(self, key: str, constant: Constant) -> Value:
        """Make a value of an array of the file: a parameter, unless it is one number, a mask, or no float."""
        self.mark(key, constant.array)
        if is_trained(constant):
            return Value(constant.array.shape, parameter=key)
        return Value(constant.array.shape, constant=constant.array, parameter=key)

    def mark(self, name: str, array: np.ndarray) -> None:
        """Note the kind of numbers of a value: whole numbers, truth values or floats."""
        if array.dtype.kind in "iu":
            self.whole.add(name)
        if array.dtype.kind == "b":
            self.truths.add(name)

    def fixed(self, array: np.ndarray, name: str) -> Value:
        """Make a value of known numbers, which a layer may have for its weights."""
        self.constants[name] = Constant(array, name, False)
        self.mark(name, array)
        return Value(array.shape, constant=array, parameter=name)

    def viewed(self, value: Value, view: Callable[[np.ndarray], np.ndarray]) -> Value | None:
        """Give a part of a parameter, or its numbers in another order; None if it is none, or is used in other ways too."""
        key = value.parameter
        if key is None or value.constant is not None or key not in self.constants:
            return None
        constant = self.constants[key]
        if constant.origin is None or constant.origin.name in self.several:
            return None
        try:
            found = constant.seen(view)
        except (ValueError, IndexError, TypeError) as error:
            raise InputError(f"cannot be computed: {str(error)[:100]}") from None
        if found.origin is None:
            return None
        name = f"{constant.origin.name}.part{len(self.constants)}"
        self.constants[name] = found
        return Value(found.array.shape, parameter=name)

    def require_known(self, count: int) -> None:
        """Refuse numbers that would fill memory, before they are made.

        Raises
        ------
        InputError
            There are more than a small file should make.
        """
        self.spent += count
        if self.spent > MOST_KNOWN:
            raise InputError(f"makes {count:,} numbers of known ones: more than {MOST_KNOWN:,} in all")

    def require_value(self, shape: tuple[int, ...]) -> None:
        """Refuse a value that no network has.

        Raises
        ------
        InputError
            It has more numbers than any should.
        """
        if math.prod(shape) > MOST_OF_ONE:
            raise InputError(f"makes {list(shape)}, more than {MOST_OF_ONE:,} numbers of one example")


def is_trained(constant: Constant) -> bool:
    """Say whether an array is taken for a parameter: floats, several, and no mask."""
    array = constant.array
    if not constant.trainable or array.dtype.kind != "f" or array.size < 2:
        return False
    if not bool((np.abs(array) < -LEAST).all()):
        return False
    return array.ndim < 2 or array.min() == array.max() or not bool(((array == 0) | (array == 1)).all())


def sizes_of(pairs: list[tuple[int, int]]) -> list[Size]:
    """Read sizes that were computed for both numbers of examples.

    Raises
    ------
    InputError
        A size depends on the number of examples in another way than as a multiple.
    """
    found = []
    for one, two in pairs:
        if one == two:
            found.append(Size(one, False))
            continue
        count = one // SIZES[0]
        if count < 1 or (count * SIZES[0], count * SIZES[1]) != (one, two):
            raise InputError(f"a size {DEPENDS}")
        found.append(Size(count, True))
    return found

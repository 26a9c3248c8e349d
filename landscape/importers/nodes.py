"""Nodes of an imported network: their names, nodes for parameters and known numbers, and reshaped ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.importers.network import Network, Weight
from landscape.importers.values import Value
from landscape.ops.operation import Shape

# What stands for −∞ among a model's numbers, which are finite: it leaves no weight in a softmax.
LEAST = -1e30
# Kinds of numbers that NumPy does not have.
NOT_OF_NUMPY = ("torch.bfloat16", "torch.float8_e4m3fn", "torch.float8_e5m2")


class Nodes:
    """The network in the making, its nodes named by the module that is running."""

    def __init__(self, network: Network, weight: Callable[[str], Weight], dtype: np.dtype) -> None:
        # `weight` gives a parameter or buffer of the original by its name.
        self.network, self.weight, self.dtype = network, weight, dtype
        self.path = ""
        # Parameters that several layers use, each in its own way, or that are computed with.
        self.several: set[str] = set()
        # Whether the program gives the loss of one example.
        self.averages = False
        self.parameters: dict[str, str] = {}
        self.constants: dict[bytes, str] = {}

    def name(self, op: str) -> str:
        """Make a name for a node of the module that is running."""
        return f"{self.path}.{op}" if self.path else op

    def layer_name(self, weights: Mapping[str, Weight], op: str) -> str:
        """Name a layer as the module that has its parameters, or as its parameter where that is no plain weight or bias."""
        names = [weight.origin.name for weight in weights.values() if weight.origin is not None]
        if not names:
            return self.name(op)
        owner, _, last = names[0].rpartition(".")
        return owner if owner and last in ("weight", "bias", "in_proj_weight") else names[0]

    def node(self, value: Value) -> str:
        """Give the node of a value, and make one for a parameter or for numbers."""
        if value.node is not None:
            return value.node
        if value.parameter is not None and value.constant is None:
            return self._of_parameter(value)
        return self._of_constant(value)

    def _of_parameter(self, value: Value) -> str:
        name = str(value.parameter)
        if name not in self.parameters:
            shape = list(value.shape)
            weights = {"value": self.weight(name)}
            self.parameters[name] = self.network.add(name, "parameter", [], weights, shape=shape)
        return self.parameters[name]

    def _of_constant(self, value: Value) -> str:
        array = self.numbers(value.constant).reshape(value.laid)
        key = repr(array.shape).encode() + array.tobytes()
        if key not in self.constants:
            weights = {"value": Weight(array, None, False)}
            wanted = value.parameter or self.name("constant")
            self.constants[key] = self.network.add(wanted, "constant", [], weights, shape=list(array.shape))
        return self.constants[key]

    def numbers(self, constant: np.ndarray) -> np.ndarray:
        """Give known numbers, infinite ones replaced by large finite ones, in a dtype that holds them."""
        array = np.nan_to_num(np.asarray(constant, np.float64), nan=np.nan, posinf=-LEAST, neginf=LEAST)
        stored = array.astype(self.dtype)
        return stored if np.array_equal(stored, array, equal_nan=True) else array

    def fixed(self, numbers: Any, parameter: str | None = None) -> Value:
        """Make a value of known numbers, an array or a tensor.

        Raises
        ------
        InputError
            They are complex.
        """
        if hasattr(numbers, "detach"):
            numbers = numbers.detach().cpu()
            numbers = (numbers.double() if str(numbers.dtype) in NOT_OF_NUMPY else numbers).numpy()
        array = np.asarray(numbers)
        if array.dtype.kind == "c":
            raise InputError("complex numbers: expected real ones")
        return Value(array.shape, constant=array, parameter=parameter)

    def made(
        self, like: Value, op: str, inputs: Sequence[str], shape: Shape | None = None, **attributes: Any
    ) -> Value:
        """Add a node whose value has the axes of another, or other sizes of them."""
        node = self.network.add(self.name(op), op, inputs, None, **attributes)
        result = replace(
            like, shape=like.shape if shape is None else shape, node=node, constant=None, parameter=None
        )
        return self.checked(result)

    def checked(self, value: Value) -> Value:
        """Ask for a node of the value's shape, and give it that where only axes of one element differ."""
        assert value.node is not None
        if self.network.shapes[value.node] == value.laid:
            return value
        return replace(value, node=self.reshaped(value.node, value.laid, single=value.batch is None))

    def reshaped(self, node: str, shape: Shape, *, single: bool) -> str:
        """Add a node of another shape; `single` where it is the same for all examples."""
        return self.network.add(self.name("reshape"), "reshape", [node], None, shape=list(shape))

    def shaped(self, value: Value, shape: Shape, *, spread: bool = True) -> str:
        """Give a value's node in another shape of as many numbers; where it is `spread`, axes of 1 in front may be missing."""
        node = self.node(value)
        found = self.network.shapes[node]
        if found == shape or (spread and (1,) * (len(shape) - len(found)) + found == shape):
            return node
        return self.reshaped(node, shape, single=value.batch is None)

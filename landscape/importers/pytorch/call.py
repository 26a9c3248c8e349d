"""One call of a traced module, as the translators see it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from landscape.errors import InputError
from landscape.importers.network import Network, Weight
from landscape.importers.pytorch.trace import Trace
from landscape.model.nodes import INPUT
from landscape.model.operation import Shape, batched

# What only gives a value another shape, in the order that its numbers have.
RESHAPES = ("Flatten", "Unflatten", "flatten", "view", "reshape", "squeeze", "unsqueeze", "contiguous")
# What leads from a parameter to a part of it.
PARTS = ("getitem", "unsqueeze", "view", "reshape", "expand", "squeeze", "to")


class Value(NamedTuple):
    """A value that depends on the examples: the node that puts it out, and its shape in the module."""

    node: str
    shape: Shape


@dataclass(frozen=True)
class Call:
    """A call: of a module, a function or a method."""

    torch: Any
    traced: Trace
    node: Any
    network: Network
    found: dict[Any, Value]
    dtype: np.dtype

    @property
    def module(self) -> Any:
        """The module that is called, or None."""
        return self.traced.module.get_submodule(self.node.target) if self.node.op == "call_module" else None

    @property
    def name(self) -> str:
        """The name to give to the node: the module's, or that of the module whose weight is used."""
        if self.node.op == "call_module":
            return str(self.node.target)
        owners = [
            str(source.target).removesuffix(".weight")
            for source in self.node.all_input_nodes
            if source.op == "get_attr" and str(source.target).endswith(".weight")
        ]
        return owners[0] if owners else str(self.node.name)

    @property
    def label(self) -> str:
        """The call in words: the module, or the function and the module that calls it."""
        if self.module is not None:
            return f"{self.node.target} ({type(self.module).__name__})"
        stack = list((self.node.meta.get("nn_module_stack") or {}).values())
        inside = f" in {stack[-1][0] or 'forward'}" if stack else " in forward"
        return f"{self.node.name}{inside}"

    @property
    def shape(self) -> Shape:
        """The shape of the call's value in the module."""
        return self.traced.shape(self.node)

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        """Give an argument: a `Value`, or a constant as it is when the module runs."""
        given = self.node.args
        found = given[position] if position < len(given) else self.node.kwargs.get(name, default)
        return self.resolved(found)

    def resolved(self, found: Any) -> Any:
        """Put values in the place of calls."""
        if isinstance(found, (tuple, list)):
            return tuple(self.resolved(element) for element in found)
        if found in self.traced.varying if hasattr(found, "all_input_nodes") else False:
            return self.found[found]
        return self.traced.values[found] if hasattr(found, "all_input_nodes") else found

    def value(self, position: int = 0, name: str = "input") -> str:
        """Give the node of an argument that must depend on the examples.

        Raises
        ------
        InputError
            It does not, or our node puts out another shape.
        """
        return self.plain(self.argument(position, name), f"argument {position + 1}")

    def plain(self, value: Any, what: str = "an argument") -> str:
        """Give the node of a value whose shape is the module's."""
        if not isinstance(value, Value):
            raise InputError(f"{what}: expected a value that depends on the examples, found a constant")
        if self.network.shapes[value.node] != value.shape:
            raise InputError(
                f"reads {batched(value.shape)}, which the format has as {batched(self.network.shapes[value.node])}"
            )
        return value.node

    def weight(self, tensor: Any, part: Any = None) -> Weight:
        """Give a parameter; with `part`, that part of it."""
        array = (tensor if part is None else part).detach().numpy().astype(self.dtype)
        identity = id(tensor) if part is None else (id(tensor), array.shape)
        return Weight(array, identity, bool(tensor.requires_grad))

    def weights(self, **tensors: Any) -> dict[str, Weight]:
        """Give the parameters that are there."""
        return {key: self.weight(tensor) for key, tensor in tensors.items() if tensor is not None}

    def add(
        self, op: str, inputs: list[str], weights: dict[str, Weight] | None = None, **attributes: Any
    ) -> str:
        """Add the call's node."""
        return self.network.add(self.name, op, inputs, weights, **attributes)

    def require_shape(self, name: str) -> None:
        """Refuse a translation whose shape is another than the module's, but for axes of one element."""
        ours = self.network.shapes[name]
        if [size for size in ours if size != 1] != [size for size in self.shape if size != 1]:
            raise InputError(f"puts out {batched(self.shape)}, its translation {batched(ours)}")

    def only_reshaped(self) -> bool:
        """Tell whether the call's value is used by nothing but reshapes."""
        return all(self._kind(user) in RESHAPES for user in self.node.users)

    def _kind(self, node: Any) -> str:
        if node.op == "call_module":
            return type(self.traced.module.get_submodule(node.target)).__name__
        return str(getattr(node.target, "__name__", node.target))

    def reshaped(self) -> str:
        """Translate what only gives a value another shape.

        Raises
        ------
        InputError
            The examples would be mixed, or the format cannot give that shape.
        """
        value = self.argument(0, "input")
        result = self.traced.values[self.node]
        if result.ndim < 1 or len(result) != len(self.traced.values[self.node.args[0]]):
            raise InputError("mixes the examples: the first axis is the batch's")
        ours = self.network.shapes[value.node]
        if ours == self.shape:
            return value.node
        if self.shape == (math.prod(value.shape),):
            return self.add("flatten", [value.node])
        if value.node == INPUT and len(self.node.args[0].users) == 1:
            self.network.shapes[INPUT] = self.shape
            return INPUT
        if _without_ones(ours) == _without_ones(self.shape):
            return value.node
        raise InputError(
            f"reshapes {batched(value.shape)} to {batched(self.shape)}; the format only flattens"
        )

    def parameter_behind(self, node: Any) -> Any:
        """Find the parameter that a constant is a part of, or the constant itself where it is none's.

        Raises
        ------
        InputError
            The constant is computed from parameters in another way.
        """
        source = node
        while source.op in ("call_function", "call_method") and self._kind(source) in PARTS:
            source = source.args[0]
        if source.op == "get_attr":
            return self.traced.values[source]
        if source.op == "call_module" and self._kind(source) == "Embedding":
            ids = self.traced.values[source.args[0]].flatten()
            if ids.tolist() == list(range(len(ids))):
                return self.traced.module.get_submodule(source.target).weight
        if any(known.op in ("get_attr", "call_module") for known in _ancestors(source)):
            raise InputError("adds what is computed from parameters; expected a parameter, or rows of one")
        return self.traced.values[node]


def _ancestors(node: Any) -> list[Any]:
    found, waiting = [], [node]
    while waiting:
        found.append(waiting.pop())
        waiting += found[-1].all_input_nodes
    return found


def _without_ones(shape: Shape) -> Shape:
    return tuple(size for size in shape if size != 1)

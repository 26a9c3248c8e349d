"""One call of a traced module, in the form that the translators take."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from landscape.errors import InputError
from landscape.importers.nearest import EXIT
from landscape.importers.network import Network, Origin, Weight, part
from landscape.importers.pytorch.trace import Trace
from landscape.model.nodes import INPUT
from landscape.ops.operation import Shape, batched

# What only gives a value another shape, in the order that its numbers have.
RESHAPES = ("Flatten", "Unflatten", "flatten", "view", "reshape", "squeeze", "unsqueeze", "contiguous")
# What leads from a parameter to a part of it.
PARTS = ("getitem", "unsqueeze", "view", "reshape", "expand", "squeeze", "to")

COMPUTED = (
    "computed {}; weights that are computed (a tie by .t(), a mask, weight norm, standardization, 1 + γ) are not supported yet. "
    f"Use a parameter itself, or {EXIT}"
)


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
        """Replace calls by their values."""
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
                f"reads {batched(value.shape)}, made by a call such as unsqueeze, squeeze or keepdim=True, which has no op: the value is "
                f"{batched(self.network.shapes[value.node])} still; {EXIT}"
            )
        return value.node

    def weight(self, tensor: Any, what: str = "weight") -> Weight:
        """Give a parameter or buffer of the module, or a constant that does not depend on parameters.

        Raises
        ------
        InputError
            It is computed from parameters, so what is trained is something else.
        """
        array = tensor.detach().numpy().astype(self.dtype)
        name = self.traced.names.get(id(tensor))
        if name is None:
            self._require_constant(tensor, what)
            return Weight(array, id(tensor), False)
        return Weight(array, name, bool(tensor.requires_grad), Origin(name))

    def weights(self, **tensors: Any) -> dict[str, Weight]:
        """Give the parameters that are there."""
        return {key: self.weight(tensor, key) for key, tensor in tensors.items() if tensor is not None}

    def part(self, node: Any) -> Weight:
        """A part of a parameter, or a constant that no parameter is in, as it is added to a value.

        Raises
        ------
        InputError
            It is computed from parameters in another way, or has an element of one several times.
        """
        constant = self.traced.values[node]
        source, steps = self._source(node)
        if source is None:
            return Weight(constant.detach().numpy().astype(self.dtype), id(constant), False)
        places = source.new_empty(0).double().new_tensor(range(source.numel())).reshape(source.shape)
        for step in steps:
            places = self._repeated(step, places)
        elements = places.numpy().astype(np.int64)
        whole = source.detach().numpy()
        if not np.array_equal(whole.reshape(-1)[elements], constant.detach().numpy(), equal_nan=True):
            raise InputError("adds what is computed from parameters; expected a parameter, or rows of one")
        if len(np.unique(elements)) < elements.size:
            raise InputError(
                "adds a parameter several times over (expand); the format's position has a number for each place"
            )
        origin = part(self.traced.names[id(source)], elements, source.numel())
        return Weight(
            constant.detach().numpy().astype(self.dtype), origin.identity, bool(source.requires_grad), origin
        )

    def _require_constant(self, tensor: Any, what: str) -> None:
        """Refuse a weight that a module or a call computes from parameters."""
        sources = [node for node in _ancestors(self.node)[1:] if self.traced.values.get(node) is tensor]
        behind = self._behind(sources[0]) if sources else None
        if behind == []:
            return
        how = f"from {', '.join(behind)}" if behind else "each time the module runs"
        raise InputError(f"its {what} is {COMPUTED.format(how)}")

    def _behind(self, node: Any) -> list[str] | None:
        """The names of the parameters that a constant is computed from, or None if a hook may compute it."""
        found: list[str] = []
        for known in _ancestors(node):
            value = self.traced.values.get(known)
            if known.op == "get_attr":
                owner = self.traced.module.get_submodule(str(known.target).rpartition(".")[0])
                if id(value) in self.traced.parameters:
                    found.append(self.traced.names[id(value)])
                elif id(value) not in self.traced.names and owner._forward_pre_hooks:
                    return None
            elif known.op == "call_module":
                inside = self.traced.module.get_submodule(known.target).named_parameters()
                found += [f"{known.target}.{name}" for name, _ in inside]
        return list(dict.fromkeys(found))

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
        """Return whether the call's value is used by nothing but reshapes."""
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

    def _source(self, node: Any) -> tuple[Any, list[Any]]:
        """The parameter or buffer that a constant is a part of, or None, and the calls that lead from there."""
        source, steps = node, []
        while source.op in ("call_function", "call_method") and self._kind(source) in PARTS:
            steps.append(source)
            source = source.args[0]
        value = self.traced.values[source]
        if source.op == "get_attr":
            return (value if id(value) in self.traced.names else None), steps[::-1]
        if source.op == "call_module" and self._kind(source) == "Embedding":
            return self.traced.module.get_submodule(source.target).weight, [source, *steps[::-1]]
        if self._behind(source) != []:
            raise InputError("adds what is computed from parameters; expected a parameter, or rows of one")
        return None, []

    def _repeated(self, step: Any, places: Any) -> Any:
        """Make a call of a constant again, on other numbers in the constant's place."""
        if step.op == "call_module":  # an embedding of known ids
            return places[self.traced.values[step.args[0]]]
        rest = [self._known(argument) for argument in step.args[1:]]
        keywords = {key: self._known(argument) for key, argument in step.kwargs.items()}
        if self._kind(step) == "to":
            return places
        if step.op == "call_method":
            return getattr(places, step.target)(*rest, **keywords)
        return step.target(places, *rest, **keywords)

    def _known(self, argument: Any) -> Any:
        """Replace calls that do not depend on the examples by their numbers."""
        if isinstance(argument, (tuple, list)):
            return type(argument)(self._known(element) for element in argument)
        if isinstance(argument, slice):
            return slice(*(self._known(end) for end in (argument.start, argument.stop, argument.step)))
        return self.traced.values[argument] if hasattr(argument, "all_input_nodes") else argument


def _ancestors(node: Any) -> list[Any]:
    found, waiting = [], [node]
    while waiting:
        found.append(waiting.pop())
        waiting += found[-1].all_input_nodes
    return found


def _without_ones(shape: Shape) -> Shape:
    return tuple(size for size in shape if size != 1)

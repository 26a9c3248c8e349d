"""From the calls of an exported program to nodes."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.importers.attentions import join_attentions
from landscape.importers.builder import Builder
from landscape.importers.nearest import EXIT, unsupported
from landscape.importers.network import Network, Origin, Weight
from landscape.importers.pytorch.exported.call import Call, resolved
from landscape.importers.pytorch.exported.layouts import RESHAPES
from landscape.importers.pytorch.exported.program import Exported, is_in_place, name_of
from landscape.importers.pytorch.exported.table import TABLE
from landscape.importers.pytorch.losses import TorchLoss
from landscape.importers.pytorch.tail import without_tail
from landscape.importers.pytorch.trace import first_line
from landscape.importers.values import Value, batch_axis, sizes_of
from landscape.model.losses import OUTPUT
from landscape.model.nodes import INPUT
from landscape.ops.operation import batched

# Calls that make numbers from sizes alone, and those that ask for sizes or check them.
ASKED = (
    "sym_size",
    "sym_numel",
    "sym_stride",
    "_assert_scalar",
    "_assert_tensor_metadata",
    "sym_constrain_range_for_size",
)
RANDOM = (
    "rand", "randn", "rand_like", "randn_like", "randint", "randperm", "bernoulli", "normal", "multinomial", "exponential", "uniform",
)  # fmt: skip
# The arguments that are a layer's parameters, in the order in which it owns them.
OWNED = {
    "linear": ("weight", "bias"),
    "conv1d": ("weight", "bias"),
    "conv2d": ("weight", "bias"),
    "embedding": ("weight",),
    "batch_norm": ("weight", "bias", "running_mean", "running_var"),
    "layer_norm": ("weight", "bias"),
    "group_norm": ("weight", "bias"),
    "instance_norm": ("weight", "bias"),
    "_native_batch_norm_legit_no_training": ("weight", "bias", "running_mean", "running_var"),
    "native_layer_norm": ("weight", "bias"),
    "native_group_norm": ("weight", "bias"),
    "convolution": ("weight", "bias"),
    "embedding_bag": ("weight",),
    "_embedding_bag": ("weight",),
}


def walk_exported(
    torch: Any, traced: Exported, dtype: np.dtype, loss: TorchLoss
) -> tuple[Network, Value, str | None]:
    """Translate an exported program; give the network, the value that it returns, and the last op if the loss contains it.

    Raises
    ------
    InputError
        A call that has no row, or examples that would be mixed; the message names the module.
    """
    network = Network(traced.example_shape)
    tensors = {
        **dict(traced.module.named_parameters(remove_duplicate=False)),
        **dict(traced.module.named_buffers(remove_duplicate=False)),
    }
    first = {id(tensor): name for name, tensor in reversed(tensors.items())}
    builder = Builder(network, weights_of(tensors, dtype), dtype)
    builder.averages = loss.name == OUTPUT
    known = placeholders(traced, builder, tensors, first)
    symbol = traced.symbol
    require_rows(traced)
    builder.several = several(traced, known)
    for node in traced.graph.nodes:
        if node.op == "call_function":
            builder.path = path_of(node)
            known[node] = translated(torch, node, builder, known, symbol)
            if is_in_place(node.target):
                # What is read of the changed value from here on is the result.
                known[node.args[0]] = known[node]
        elif node.op == "output":
            result, tail = without_tail(only(node.args[0]), loss, network, kind_of, RESHAPES)
            value = whole(builder, known[result])
            join_attentions(network)
            return network, value, tail
    raise InputError("the exported program has no output")


def weights_of(tensors: dict[str, Any], dtype: np.dtype) -> Callable[[str], Weight]:
    """Make the function that gives a parameter or buffer of a module by its name."""

    def weight(name: str) -> Weight:
        array = tensors[name].detach().cpu().numpy().astype(dtype)
        return Weight(array, name, bool(tensors[name].requires_grad), Origin(name))

    return weight


def placeholders(
    traced: Exported, builder: Builder, tensors: dict[str, Any], first: dict[int, str]
) -> dict[Any, Any]:
    """Give the program's inputs as values: parameters, buffers, constants, and the data."""
    signature, found = traced.program.graph_signature, dict[Any, Any]()
    for node in traced.graph.nodes:
        if node.op == "get_attr":
            found[node] = builder.fixed(getattr(traced.program.graph_module, node.target))
        if node.op != "placeholder":
            continue
        parameter = signature.inputs_to_parameters.get(node.name)
        buffer = signature.inputs_to_buffers.get(node.name)
        if parameter is not None:
            name = first[id(tensors[parameter])]
            found[node] = Value(tuple(tensors[name].shape), parameter=name)
        elif buffer is not None:
            tensor = tensors[buffer] if buffer in tensors else traced.program.constants[buffer]
            found[node] = builder.fixed(tensor, first.get(id(tensor)))
        elif node.name in signature.inputs_to_lifted_tensor_constants:
            found[node] = builder.fixed(
                traced.program.constants[signature.inputs_to_lifted_tensor_constants[node.name]]
            )
        else:
            found[node] = data(node, traced, alone=builder.averages)
    return found


def data(node: Any, traced: Exported, *, alone: bool) -> Any:
    """Give the data as a value; of a program of one example, `alone`, the batch is its first axis too."""
    given = node.meta.get("val")
    if not hasattr(given, "shape"):
        return given
    sizes = sizes_of(given.shape, traced.symbol)
    if batch_axis(sizes) != 0 and not alone:
        raise InputError(
            "the exported program fixes the number of examples; expected code that takes batches of any size"
        )
    return Value(tuple(size.count for size in sizes), INPUT, 0)


def several(traced: Exported, known: dict[Any, Any]) -> set[str]:
    """Name the parameters that become nodes: those used in computations, and those that layers share only in part."""
    uses: dict[str, set[Any]] = {}
    for node in traced.graph.nodes:
        if node.op != "call_function":
            continue
        name = name_of(node.target)
        arguments = (
            dict(zip([a.name for a in node.target._schema.arguments], node.args, strict=False))
            if hasattr(node.target, "_schema")
            else {}
        )
        arguments.update(node.kwargs)
        owned = [arguments.get(key) for key in OWNED.get(name, ())]
        mine = tuple(
            known[n].parameter
            for n in owned
            if n in known and isinstance(known[n], Value) and known[n].parameter
        )
        for source in node.all_input_nodes:
            value = known.get(source)
            if isinstance(value, Value) and value.parameter is not None:
                use = mine if source in [n for n in owned if n is not None] else (id(node),)
                uses.setdefault(value.parameter, set()).add(use)
    return {name for name, kinds in uses.items() if len(kinds) > 1 or not all(name in kind for kind in kinds)}


def translated(torch: Any, node: Any, builder: Builder, known: dict[Any, Any], symbol: Any) -> Any:
    """Translate one call; of known numbers alone it is run."""
    if node.target is operator.getitem:
        return resolved(node.args[0], known)[node.args[1]]
    name = name_of(node.target)
    if not hasattr(node.target, "_schema") or name in ASKED:
        return node.meta.get("val")
    if name in RANDOM:
        raise InputError(
            f"{label(node, name)}: draws random numbers in evaluation too, so that its outputs are no function of the examples; {EXIT}"
        )
    try:
        if name not in TABLE or computable(node, known):
            return computed(torch, node, builder, known, symbol)
        return TABLE[name](Call(torch, node, builder, known, symbol))
    except InputError as error:
        message = str(error)
        raise InputError(
            message if message.startswith(label(node, name)) else f"{label(node, name)}: {message}"
        ) from None
    except Exception as error:  # settings and shapes of any kind
        raise InputError(f"{label(node, name)}: cannot be translated: {first_line(error)}; {EXIT}") from error


def computable(node: Any, known: dict[Any, Any]) -> bool:
    """Say whether all that a call reads are known numbers."""
    sources = [known[source] for source in node.all_input_nodes]
    return all(
        not isinstance(value, (Value, list)) or (isinstance(value, Value) and value.fixed)
        for value in sources
    ) and not any(getattr(size, "node", None) is not None for size in sizes_in(node))


def sizes_in(node: Any) -> list[Any]:
    """List the sizes of a call's results."""
    results = node.meta.get("val")
    results = results if isinstance(results, (list, tuple)) else [results]
    return [size for result in results if hasattr(result, "shape") for size in result.shape]


def computed(torch: Any, node: Any, builder: Builder, known: dict[Any, Any], symbol: Any) -> Any:
    """Run a call on known numbers; one number that is spread over the examples is that for each of them."""
    name = name_of(node.target)
    sources = [known[source] for source in node.all_input_nodes]
    if any(isinstance(value, Value) and not value.fixed for value in sources) or any(
        isinstance(value, list) for value in sources
    ):
        raise unsupported(label(node, name), name)
    sizes = sizes_of(node.meta["val"].shape, symbol) if hasattr(node.meta.get("val"), "shape") else []
    axis = batch_axis(sizes)

    def numbers(given: Any) -> Any:
        if isinstance(given, (list, tuple)):
            return [numbers(element) for element in given]
        if isinstance(given, Value):
            return torch.from_numpy(np.array(given.constant))
        if getattr(given, "node", None) is not None and hasattr(given.node, "expr"):
            # So many examples: one stands for all.
            return sizes_of([given], symbol)[0].count
        return given

    arguments = [numbers(resolved(argument, known)) for argument in node.args]
    keywords = {
        key: numbers(resolved(argument, known))
        for key, argument in node.kwargs.items()
        if key not in ("device", "pin_memory")
    }
    result = node.target(*arguments, **keywords)
    if isinstance(result, (list, tuple)):
        return [builder.fixed(part) for part in result]
    if axis is None:
        return builder.fixed(result)
    if result.shape[axis] > 1 and not bool((result == result.narrow(axis, 0, 1)).all()):
        raise InputError(
            f"{label(node, name)}: makes other numbers for each example of a batch; expected numbers that do not depend on its size"
        )
    return Value(tuple(result.shape), batch=axis, constant=builder.fixed(result).constant)


def require_rows(traced: Exported) -> None:
    """Refuse calls that have no row and depend on the data, and name all of them."""
    varying, missing = set[Any](), list[tuple[str, str]]()
    signature = traced.program.graph_signature
    constants = {*signature.inputs_to_buffers, *signature.inputs_to_lifted_tensor_constants}
    for node in traced.graph.nodes:
        if node.op == "placeholder" and node.name not in constants:
            varying.add(node)
        if node.op != "call_function" or not any(source in varying for source in node.all_input_nodes):
            continue
        name = name_of(node.target)
        if name in ASKED or node.target is operator.getitem or not hasattr(node.target, "_schema"):
            varying.add(node) if node.target is operator.getitem else None
            continue
        varying.add(node)
        if name not in TABLE and name not in RANDOM:
            missing.append((label(node, name), name))
    if missing:
        (first, name), *others = missing
        raise unsupported(first, name, [other for where, other in others if where != first])


def path_of(node: Any) -> str:
    """Name the module that a call belongs to."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    names = [entry[0] if isinstance(entry, tuple) else str(entry) for entry in stack]
    name = names[-1] if names else ""
    return "" if name.startswith("_empty") else str(name).removeprefix("L['self'].")


def label(node: Any, name: str) -> str:
    """Name a call by its module first."""
    stack = [entry for entry in (node.meta.get("nn_module_stack") or {}).values() if isinstance(entry, tuple)]
    path = path_of(node)
    kind = str(stack[-1][1]).rpartition(".")[2] if stack else ""
    return f"{path} ({kind}): {name}" if path else f"{name} in forward"


def only(results: Any) -> Any:
    """Give the program's only output.

    Raises
    ------
    InputError
        It puts out something else than one tensor.
    """
    if len(results) != 1 or not hasattr(getattr(results[0], "meta", {}).get("val"), "shape"):
        raise InputError("the output of the module is not one tensor; expected one tensor [N, …]")
    return results[0]


def kind_of(node: Any) -> str:
    """Name a call's operator, as the format writes it."""
    return name_of(getattr(node, "target", None)).removeprefix("_")


def whole(builder: Builder, value: Value) -> Value:
    """Require an output whose first axis is the examples."""
    if builder.averages and value.node is not None and math.prod(value.shape) == 1:
        return builder.checked(Value((), value.node))
    if value.batch is None:
        raise InputError("the output does not depend on the examples")
    if value.batch != 0 or value.outer != 1:
        raise InputError(
            f"puts out {batched(value.laid)} with the examples along axis {value.batch}; expected them first"
        )
    if value.node is None or value.node == INPUT:
        raise InputError("the output is the input itself: there is no network to import")
    return value

"""Translate every call that depends on the examples into nodes, by a row of a table."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.importers.nearest import EXIT, unsupported
from landscape.importers.network import Network
from landscape.importers.pytorch.call import COMPUTED, RESHAPES, Call, Value
from landscape.importers.pytorch.functions import FUNCTIONS
from landscape.importers.pytorch.losses import TorchLoss
from landscape.importers.pytorch.modules import MODULES
from landscape.importers.pytorch.tail import without_tail
from landscape.importers.pytorch.trace import Trace, first_line, require_tensor
from landscape.model.nodes import INPUT

# Modules whose functions are what their names say.
KNOWN_HOMES = ("torch", "_operator", "builtins", "math")
# What a loss may take over has no row of its own.
TAILS = ("log_softmax", "LogSoftmax")


def walk(torch: Any, traced: Trace, dtype: np.dtype, loss: TorchLoss) -> tuple[Network, str, str | None]:
    """Translate a trace; give the network, the name of its output, and the last op if the loss contains it.

    Raises
    ------
    InputError
        A call that the format has no op for; the message names the module.
    """
    network = Network(traced.example_shape)
    whole = next(node for node in traced.graph.nodes if node.op == "output").args[0]
    result, tail = None, None
    if hasattr(whole, "op"):
        result, tail = without_tail(whole, loss, network, partial(_op_name, traced), RESHAPES)
    found: dict[Any, Value] = {}
    _require_rows(torch, traced, network, dtype)
    for node in traced.graph.nodes:
        if node.op == "placeholder":
            found.setdefault(node, Value(INPUT, traced.shape(node))) if node in traced.varying else None
        elif node in traced.varying and node.op != "output":
            call = Call(torch, traced, node, network, found, dtype)
            found[node] = Value(_translated(call), traced.shape(node))
        if node is result:
            break
    require_tensor(torch, traced.values[whole] if hasattr(whole, "op") else whole)
    if result not in found:
        raise InputError("the output does not depend on the examples")
    return network, found[result].node, tail


def _require_rows(torch: Any, traced: Trace, network: Network, dtype: np.dtype) -> None:
    """Refuse a network with calls that have no row, and name those: modules first, since functions around them are often there for their sake."""
    missing: list[tuple[bool, str, str]] = []
    for node in traced.graph.nodes:
        if node in traced.varying and node.op in ("call_module", "call_function", "call_method"):
            call = Call(torch, traced, node, network, {}, dtype)
            op, translate = _row(call)
            if translate is None and not (hasattr(call.module, "parametrizations") or op in TAILS):
                missing.append((call.module is None, call.label, op))
    if missing:
        (_, label, op), *others = sorted(missing, key=lambda entry: entry[0])
        raise unsupported(label, op, [other for _, other, _ in others if other != label])


def _translated(call: Call) -> str:
    computed = ", ".join(getattr(call.module, "parametrizations", ()))
    if computed:
        raise InputError(f"{call.label}: its {computed} is {COMPUTED.format('by a parametrization')}")
    op, translate = _row(call)
    if translate is None:
        raise unsupported(call.label, op)
    try:
        name = translate(call)
        call.require_shape(name)
    except InputError as error:
        message = str(error)
        raise InputError(message if message.startswith(call.label) else f"{call.label}: {message}") from None
    except Exception as error:  # settings and shapes of any kind
        raise InputError(f"{call.label}: cannot be translated: {first_line(error)}; {EXIT}") from error
    return str(name)


def _row(call: Call) -> tuple[str, Any]:
    """Find the name of a call's op and the row that translates it."""
    if call.module is not None:
        name = type(call.module).__name__
        return name, MODULES.get(name)
    if call.node.op == "call_method":
        return call.node.target, _function(call.node.target)
    name = getattr(call.node.target, "__name__", str(call.node.target))
    home = getattr(call.node.target, "__module__", None) or "torch"
    known = home.split(".")[0] in KNOWN_HOMES
    return name, _function(name) if known else None


def _function(name: str) -> Any:
    """Find the row of a function; one that works in place has that of the function which makes a new value."""
    return FUNCTIONS.get(name) or FUNCTIONS.get(name.removesuffix("_"))


def _op_name(traced: Trace, node: Any) -> str:
    """Name a call's op in the format's way of writing."""
    if node.op == "call_module":
        kind = type(traced.module.get_submodule(node.target)).__name__
        return {"LogSoftmax": "log_softmax", "Sigmoid": "sigmoid", "Softmax": "softmax"}.get(kind, kind)
    return str(getattr(node.target, "__name__", node.target))

"""Replace calls that change a value in place by calls whose result is used afterwards.

A trace has a name for each result, and `h.relu_()` as a statement has one that nothing uses: what is used is `h`, which by then is another value.
So every later use of the changed value, under whatever name it has, is made a use of the result.
"""

from __future__ import annotations

from typing import Any

from landscape.errors import InputError

# What `a += b` and its like are called in a trace.
OPERATORS = (
    "iadd", "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow", "imatmul", "iand", "ior", "ixor", "setitem",
)  # fmt: skip


def settle(torch: Any, module: Any, graph: Any, values: dict[Any, Any]) -> None:
    """Make later uses of what is changed in place uses of the result, by the values of a run of the graph.

    Raises
    ------
    InputError
        A parameter is changed, or a value of which another shows a part; the message names the call.
    """
    position = {node: index for index, node in enumerate(graph.nodes)}
    for node in list(graph.nodes):
        if node.op in ("call_function", "call_method") and node.kwargs.get("out") is not None:
            raise InputError(
                f"{node.name}: writes its result into another value (out=…); expected a call that makes a new one"
            )
        source = _changed(module, node)
        if source is None or not isinstance(values.get(source), torch.Tensor):
            continue
        if source.op == "get_attr":
            raise InputError(
                f"{node.name}: changes {source.target} in place each time the network runs; expected parameters that stay as they are"
            )
        for other in position:
            if position[other] < position[node] and _share(torch, values.get(other), values[source]):
                _replace(node, other, source, position, values)


def _changed(module: Any, node: Any) -> Any:
    """Find the value that a call changes in place, or None."""
    if node.op == "call_method":
        name = str(node.target)
        changes = name.strip("_") in OPERATORS or (name.endswith("_") and not name.endswith("__"))
    elif node.op == "call_function":
        name = str(getattr(node.target, "__name__", node.target))
        changes = name in OPERATORS or (name.endswith("_") and not name.endswith("__"))
        changes = changes or node.kwargs.get("inplace") is True or _inplace_argument(node)
    elif node.op == "call_module":
        changes = getattr(module.get_submodule(node.target), "inplace", False) is True
    else:
        return None
    found = (node.args[0] if node.args else node.kwargs.get("input")) if changes else None
    return found if hasattr(found, "all_input_nodes") else None


def _inplace_argument(node: Any) -> bool:
    """Whether a function is given `inplace=True` by its place among the arguments."""
    code = getattr(node.target, "__code__", None)
    names = code.co_varnames[: code.co_argcount] if code is not None else ()
    return (
        "inplace" in names
        and len(node.args) > names.index("inplace")
        and node.args[names.index("inplace")] is True
    )


def _share(torch: Any, one: Any, other: Any) -> bool:
    """Whether two values lie in the same memory."""
    if not isinstance(one, torch.Tensor):
        return False
    return bool(one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr() != 0)


def _replace(node: Any, other: Any, source: Any, position: dict[Any, int], values: dict[Any, Any]) -> None:
    """Put a call's result in the place of a value that it has changed, where that is used later."""
    later = [user for user in other.users if position[user] > position[node]]
    if not later:
        return
    one, changed = values[other], values[source]
    same = (one.shape, one.stride(), one.storage_offset()) == (
        changed.shape,
        changed.stride(),
        changed.storage_offset(),
    )
    if not same or other.op == "get_attr":
        raise InputError(
            f"{node.name}: changes {source.name} in place, and {other.name}, which shows the same numbers, is used after it; "
            f"expected a call that makes a new value ({str(node.name).split('_')[0]} without the underscore or inplace)"
        )
    for user in later:
        user.replace_input_with(other, node)

"""Trace a module into a graph of calls, each with its value on a few examples."""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.files import shown
from landscape.importers.data import original_input
from landscape.importers.nearest import EXIT
from landscape.importers.pytorch import in_place
from landscape.ops.operation import Shape

# So many that no other axis is likely to be taken for the batch's.
EXAMPLES = 3
# What a shape is asked for by; the answer does not depend on the examples.
SHAPE_METHODS = ("size", "dim", "numel", "__len__")
# How the interpreter of torch.fx names the call that failed.
EXECUTING = re.compile(r"While executing .*?\[target=([\w.]+)\]")
SHAPE_ATTRIBUTES = ("shape", "dtype", "device", "ndim")


class FailedRunError(InputError):
    """The module was traced and does not run on the examples."""


@dataclass(frozen=True)
class Trace:
    """A traced module: its calls, the value of each on a few examples, and what the data decide."""

    module: Any
    graph: Any
    values: dict[Any, Any]
    varying: frozenset[Any]
    example_shape: Shape
    dtype: np.dtype

    @cached_property
    def names(self) -> dict[int, str]:
        """The module's first name for each of its parameters and buffers, by identity."""
        found: dict[int, str] = {}
        for name, tensor in (*self.module.named_parameters(), *self.module.named_buffers()):
            found.setdefault(id(tensor), name)
        return found

    @cached_property
    def parameters(self) -> frozenset[int]:
        """The identities of parameters, buffers left out."""
        return frozenset(map(id, self.module.parameters()))

    @property
    def precision(self) -> np.dtype:
        """The dtype that its outputs are exact to: float32 where the module itself turns numbers into that on the way."""
        return coarsest(self.dtype, self.values.values())

    @property
    def output_shape(self) -> Shape:
        """The shape of what the module returns for one example."""
        return self.shape(next(node for node in self.graph.nodes if node.op == "output").args[0])

    def shape(self, node: Any) -> Shape:
        """Give the shape of a call's value, the first of several, without the batch."""
        value = self.values[node]
        while isinstance(value, (tuple, list)) and value:
            value = value[0]
        return tuple(value.shape[1:])


def coarsest(dtype: np.dtype, values: Iterable[Any]) -> np.dtype:
    """Give float32 where one of some values is a tensor of that dtype, or of half the precision, else the dtype that is given."""
    lower = {"torch.float32", "torch.float16", "torch.bfloat16"}
    found = any(str(getattr(value, "dtype", "")) in lower for value in values)
    return np.dtype(np.float32) if found else dtype


def trace(torch: Any, module: Any, x: np.ndarray, dtype: np.dtype) -> Trace:
    """Trace a module and run it on the first examples.

    Raises
    ------
    InputError
        A forward that branches on values or takes several inputs, or that fails on the data.
    """
    traced = torch.fx.GraphModule(module, _graph(torch, module))
    rows = np.arange(EXAMPLES) % len(x)
    given = _tensor(torch, x[rows], dtype)
    runner = torch.fx.Interpreter(traced, garbage_collect_values=False)
    try:
        with torch.no_grad():
            runner.run(given)
    except Exception as error:  # a module may raise what it likes
        raise FailedRunError(f"the module fails on the first examples: {first_line(error)}") from None
    in_place.settle(torch, module, traced.graph, runner.env)
    traced.graph.eliminate_dead_code()
    return Trace(module, traced.graph, runner.env, _varying(traced.graph), tuple(given.shape[1:]), dtype)


def require_tensor(torch: Any, result: Any) -> None:
    """Refuse a module that returns something else than one tensor, an example a row.

    Raises
    ------
    InputError
        The message says what it puts out.
    """
    if not isinstance(result, torch.Tensor) or result.ndim < 1 or len(result) != EXAMPLES:
        raise InputError(
            f"the module puts out {_described(result)} for {EXAMPLES} examples; expected one tensor [N, …]"
        )


def _graph(torch: Any, module: Any) -> Any:
    kind = type(module).__name__
    try:
        parameters = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        raise InputError(f"forward of {kind}: expected a method of Python; {EXIT}") from None
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    defaults = {p.name: p.default for p in named[1:] if p.default is not p.empty}
    needed = [p.name for p in named if p.default is p.empty]
    if not named:
        inner = [name for name, _ in module.named_children()]
        raise InputError(
            f"forward of {kind}: takes any inputs (*args), expected one by name; give the module inside ({', '.join(inner[:4]) or 'it has none'})"
        )
    if len(needed) > 1:
        raise InputError(
            f"forward of {kind}: expected one input, found {', '.join(needed)}; networks of several inputs are not supported: {EXIT}"
        )
    tracer = torch.fx.Tracer()
    try:
        graph = tracer.trace(module, concrete_args=defaults or None)
    except Exception as error:  # a forward may raise what it likes
        raise InputError(
            f"{_where(tracer, module)} cannot be traced: {first_line(error)}{_why(str(error))}{_line(torch, error)}; {EXIT}"
        ) from None
    return graph


def _where(tracer: Any, module: Any) -> str:
    """Name the module that was being traced."""
    stack = list(getattr(tracer, "module_stack", {}).values())
    if not stack:
        return f"the module {type(module).__name__}"
    name, kind = stack[-1] if isinstance(stack[-1], tuple) else (stack[-1], "")
    return f"{name} ({getattr(kind, '__name__', kind)})"


# What Python and torch.fx say when a value is needed that a trace does not have, and what that means.
REASONS = {
    "cannot be iterated": " (a loop over a value, or its parts taken by unpacking)",
    "control flow": " (an `if`, `while` or `assert` on a value)",
    "slice indices must be": " (a slice up to a size that is asked of a value; write the number)",
    "cannot be interpreted as an integer": " (a size that is asked of a value, where a number is needed; write the number)",
    "co_varnames": " (a forward that is wrapped by a decorator)",
    "object does not support item assignment": " (numbers that are set in a value)",
    "zeros()": " (a tensor made by sizes that are asked of a value; write the numbers)",
    "ones()": " (a tensor made by sizes that are asked of a value; write the numbers)",
}


def _why(message: str) -> str:
    return next((reason for words, reason in REASONS.items() if words in message), "")


def _line(torch: Any, error: BaseException) -> str:
    """Quote the line of the user's code at which tracing ended."""
    homes = (str(Path(torch.__file__).parent), str(Path(__file__).parent), "<")
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(homes)
    ]
    if not frames or not frames[-1].line:
        return ""
    return f", at {Path(frames[-1].filename).name}:{frames[-1].lineno}: {shown(frames[-1].line, 100)}"


def _tensor(torch: Any, x: np.ndarray, dtype: np.dtype) -> Any:
    """Give examples as the module reads them; [N] numbers are [N, 1]."""
    ids = x.dtype.kind == "i"
    given = original_input(x, ids)
    given = given if ids else given.astype(dtype)
    return torch.from_numpy(given[:, None] if given.ndim == 1 else given)


def _varying(graph: Any) -> frozenset[Any]:
    """Find the calls whose values depend on the examples, not only on their shape."""
    found: set[Any] = set()
    for node in graph.nodes:
        if node.op == "placeholder":
            found |= {node} if not found else set()
        elif not asks_shape(node) and any(source in found for source in node.all_input_nodes):
            found.add(node)
    return frozenset(found)


def asks_shape(node: Any) -> bool:
    """Return whether a call asks a tensor for its shape or kind only."""
    if node.op == "call_method":
        return node.target in SHAPE_METHODS
    name = getattr(node.target, "__name__", "")
    return node.op == "call_function" and (
        name == "len" or (name == "getattr" and node.args[1] in SHAPE_ATTRIBUTES)
    )


def first_line(error: BaseException) -> str:
    """Give what an exception says, in one line of reasonable length, and which call of a trace raised it."""
    text = str(error).strip()
    place = EXECUTING.search(text)
    lines = text.splitlines() or [type(error).__name__]
    said = shown(" ".join(lines[0].split()), 200).strip("'\"")
    return f"{said} (in {place[1]})" if place else said


def _described(value: Any) -> str:
    kind = type(value).__name__.removeprefix("immutable_")
    return str(list(value.shape)) if hasattr(value, "shape") else f"a {kind}"

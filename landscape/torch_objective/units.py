"""Activity of a module's units over the examples, measured by watching the ops that PyTorch runs."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from landscape.objective.endings import Units
from landscape.objective.units import UnitRange

# The activations of which a unit may be dead, by PyTorch's names of their ops.
WATCHED = {
    "relu": "relu", "sigmoid": "sigmoid", "tanh": "tanh", "hardsigmoid": "hardsigmoid", "hardswish": "hardswish", "atan": "atan", "erf": "erf",
}  # fmt: skip
# Of an op that has its ends as numbers.
ENDS = {(0.0, 6.0): "relu6", (-1.0, 1.0): "hardtanh"}


@dataclass
class Call:
    """An activation of one pass: the module that called it, its op, the extremes of each unit's input, and where its output lies in the memory."""

    module: str
    op: str
    low: Any
    high: Any
    place: int


@dataclass
class Watch:
    """The activations of a pass in their order; `inside` are the modules that are being evaluated, of which gates are left out."""

    calls: list[Call] = field(default_factory=list)
    inside: list[tuple[str, bool]] = field(default_factory=list)

    def note(self, op: str, given: Any) -> Callable[[Any], None]:
        """Take the extremes of an input over the examples, before it may be written over, and give what notes the output."""
        flat = given.detach().reshape(len(given), -1)
        low, high = flat.amin(0), flat.amax(0)
        module = self.inside[-1][0]
        return lambda output: self.calls.append(
            Call(module, op, low, high, output.untyped_storage().data_ptr())
        )

    @property
    def gated(self) -> bool:
        """Whether a recurrent layer computes, whose gates are no units."""
        return any(gate for _, gate in self.inside)


def units_of(split: Any, theta: ArrayLike) -> Units | None:
    """Give the ranges of all activations' units over the examples at θ; None where batches take different ways, or nothing was seen."""
    ranges: list[UnitRange] = []
    ends: set[int | None] = set()
    with split.objective.at(theta), watched(split) as watch:
        for outputs in passes(split):
            calls, watch.calls = watch.calls, []
            ends.add(last_call(calls, outputs))
            made = [range_of(call) for call in calls]
            if ranges and not alike(ranges, made):
                return None
            ranges = [joined(one, other) for one, other in zip(ranges, made, strict=True)] if ranges else made
    if not ranges or len(ends) > 1:
        return None
    (last,) = ends
    hidden = tuple(unit for place, unit in enumerate(ranges) if place != last)
    return Units(hidden, None if last is None else ranges[last])


def passes(split: Any) -> Iterator[Any]:
    """Evaluate each batch, and give its outputs; None of a loss of batches, which evaluates the module itself."""
    if split.loss is not None:
        yield from (outputs for outputs, _ in split.outputs())
        return
    for batch in split.objective.batches:
        split.step(split.torch, split.host.module, batch)
        yield None


def last_call(calls: list[Call], outputs: Any) -> int | None:
    """Find the activation whose output the module's is, the same numbers in the memory."""
    place = outputs.untyped_storage().data_ptr() if hasattr(outputs, "untyped_storage") else None
    return len(calls) - 1 if calls and calls[-1].place == place else None


def range_of(call: Call) -> UnitRange:
    """Lay out an activation of a pass as a model's are."""
    low, high = (np.asarray(part.double().cpu().numpy()) for part in (call.low, call.high))
    return UnitRange(call.module or call.op, call.op, low, high, np.zeros(len(low), np.int64))


def alike(ones: list[UnitRange], others: list[UnitRange]) -> bool:
    """Say whether two passes have the same activations of the same sizes."""
    told = [[(unit.node, unit.op, len(unit.low)) for unit in units] for units in (ones, others)]
    return told[0] == told[1]


def joined(one: UnitRange, other: UnitRange) -> UnitRange:
    """Join the ranges over two batches."""
    low, high = np.minimum(one.low, other.low), np.maximum(one.high, other.high)
    return UnitRange(one.node, one.op, low, high, one.near)


@contextmanager
def watched(split: Any) -> Iterator[Watch]:
    """Have every activation noted that PyTorch runs, with the module that calls it."""
    watch, torch, hooks = Watch(), split.torch, []
    recurrent = (torch.nn.RNNBase, torch.nn.RNNCellBase)

    def before(name: str, module: Any) -> Callable[..., None]:
        return lambda *_: watch.inside.append((name, isinstance(module, recurrent)))

    def after(*_: Any) -> None:
        watch.inside.pop()

    try:
        for name, module in split.host.module.named_modules():
            hooks.append(module.register_forward_pre_hook(before(name, module)))
            hooks.append(module.register_forward_hook(after, always_call=True))
        with watching(torch, watch):
            yield watch
    finally:
        for hook in hooks:
            hook.remove()


def watching(torch: Any, watch: Watch) -> Any:
    """Make what is told of every op that PyTorch runs."""
    base: Any = importlib.import_module("torch.utils._python_dispatch").TorchDispatchMode

    class Watching(base):
        """Notes activations, and runs every op as it is."""

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            op = op_of(func, args, kwargs or {})
            if (
                op is None
                or not watch.inside
                or watch.gated
                or not isinstance(args[0], torch.Tensor)
                or args[0].ndim < 2
            ):
                return func(*args, **(kwargs or {}))
            noted = watch.note(op, args[0])
            output = func(*args, **(kwargs or {}))
            noted(output)
            return output

    return Watching()


def op_of(func: Any, args: Any, kwargs: Any) -> str | None:
    """Name the activation that an op of PyTorch's is, in place or not; None for any other."""
    name = str(func.overloadpacket.__name__).removesuffix("_")
    if name != "hardtanh":
        return WATCHED.get(name)
    low = args[1] if len(args) > 1 else kwargs.get("min_val", -1.0)
    high = args[2] if len(args) > 2 else kwargs.get("max_val", 1.0)
    return ENDS.get((float(low), float(high)))

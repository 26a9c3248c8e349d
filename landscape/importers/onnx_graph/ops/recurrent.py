"""Recurrent layers, step by step over time: a layer for the input of all steps, and one that every step shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.files import shown
from landscape.importers.onnx_graph.call import Call
from landscape.importers.onnx_graph.ops.layouts import taken
from landscape.importers.rules.layouts import with_axis
from landscape.importers.rules.weights import dense
from landscape.importers.values import Value

Translate = Callable[[Call], Any]
# More steps would be more nodes than anybody wants.
MOST_STEPS = 512
FUNCTIONS = {
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Relu": "relu",
    "Softsign": "softsign",
    "Softplus": "softplus",
}
DEFAULTS = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}


@dataclass
class Direction:
    """One direction of a layer: its weights, the functions of its gates, and what state it begins with."""

    call: Call
    weight: Value
    recurrent: Value
    bias: Value | None
    functions: list[str]
    width: int

    def parts(self, value: Value) -> list[Value]:
        """Cut the gates apart, which lie along the last axis."""
        size, b = self.width, self.call.builder
        count = value.shape[-1] // size
        return [b.taken(value, -1, slice(gate * size, gate * size + size)) for gate in range(count)]

    def halves(self) -> tuple[Value | None, Value | None]:
        """Give the bias of the input and that of the state."""
        if self.bias is None:
            return None, None
        half = self.bias.shape[0] // 2
        of_input, of_state = (taken(self.call, self.bias, 0, slice(s, s + half)) for s in (0, half))
        return of_input, of_state

    def gate(self, number: int, value: Value) -> Value:
        """Apply a gate's function."""
        return self.call.builder.function(self.functions[number], value)


def recurrent(call: Call) -> list[Value | None]:
    """Translate a recurrent layer of one direction or of both."""
    kind, x = call.node.op_type, call.value()
    for key in ("clip", "input_forget"):
        if call.get(key):
            raise InputError(f"{key}: expected none")
    if call.source(7) or call.get("activation_alpha") or call.get("activation_beta"):
        raise InputError("peepholes and settings of the gates' functions: expected neither")
    if call.get("layout", 0):
        x = call.builder.permuted(x, [1, 0, 2])
    steps = x.shape[0]
    if x.batch != 1 or steps > MOST_STEPS:
        raise InputError(f"expected [steps, N, width] with {MOST_STEPS} steps at most, found {list(x.shape)}")
    require_all_steps(call, steps)
    runs = [run(call, kind, x, direction, backwards) for direction, backwards in directions(call)]
    return results(call, runs)


def directions(call: Call) -> list[tuple[int, bool]]:
    """Number the directions, and say which runs backwards."""
    name = call.get("direction", "forward")
    known = {"forward": [(0, False)], "reverse": [(0, True)], "bidirectional": [(0, False), (1, True)]}
    if name not in known:
        raise InputError(f"direction={shown(name)}: unknown")
    return known[name]


def require_all_steps(call: Call, steps: int) -> None:
    """Refuse sequences of lengths of their own."""
    lengths = call.numbers(4)
    if lengths is not None and not bool((lengths == steps).all()):
        raise InputError("sequences of several lengths: expected all of the same")


def run(call: Call, kind: str, x: Value, number: int, backwards: bool) -> tuple[list[Value], Value | None]:
    """Run one direction; give the state after each step, in the order of time, and the last cell."""
    b, names = call.builder, call.get("activations") or DEFAULTS[kind] * 2
    count = len(DEFAULTS[kind])
    chosen = names[number * count : number * count + count]
    if len(chosen) != count or any(name not in FUNCTIONS for name in chosen):
        raise InputError(f"activations={shown(names)}: expected some of {', '.join(FUNCTIONS)}")
    weight, hidden = (part(call, call.trained(position), number) for position in (1, 2))
    bias = part(call, call.trained(3), number) if call.source(3) else None
    direction = Direction(call, weight, hidden, bias, [FUNCTIONS[name] for name in chosen], hidden.shape[1])
    of_input, _ = direction.halves()
    steps = x.shape[0]
    rows = b.permuted(x, [1, 0, 2])
    inputs = dense(b, rows, weight, of_input)
    order = range(steps)[::-1] if backwards else range(steps)
    state, cell = (initial(call, position, number) for position in (5, 6))
    states: dict[int, Value] = {}
    rule = {"LSTM": lstm, "GRU": gru, "RNN": simple}[kind]
    for step in order:
        given = b.without(b.taken(inputs, 1, [step]), 1)
        state, cell = rule(direction, given, state, cell)
        states[step] = state
    return [states[step] for step in range(steps)], cell


def part(call: Call, value: Value, number: int) -> Value:
    """Give one direction's part of a weight."""
    found = taken(call, value, 0, [number])
    view = call.graph.viewed(found, lambda array: array[0])
    return view or call.builder.without(found, 0)


def initial(call: Call, position: int, number: int) -> Value | None:
    """Give the state before the first step, None if it is zero."""
    if not call.source(position):
        return None
    value = call.value(position)
    known = value.constant if value.constant is not None else call.array_of(value)
    if known is not None and not bool(np.any(known)):
        return None
    if call.get("layout", 0):
        value = call.builder.permuted(value, [1, 0, 2])
    value = call.once(value, 1)
    return call.builder.without(call.builder.taken(value, 0, [number]), 0)


def with_state(direction: Direction, given: Value, state: Value | None) -> Value:
    """Add what the state gives to what the input gives."""
    b, (_, bias) = direction.call.builder, direction.halves()
    if state is None:
        return given if bias is None else b.binary("add", given, bias)
    return b.binary("add", given, dense(b, state, direction.recurrent, bias))


def lstm(
    direction: Direction, given: Value, state: Value | None, cell: Value | None
) -> tuple[Value, Value | None]:
    """Make one step of gates i, o, f and the candidate."""
    b = direction.call.builder
    enter, leave, forget, fresh = direction.parts(with_state(direction, given, state))
    new = b.binary("multiply", direction.gate(0, enter), direction.gate(1, fresh))
    if cell is not None:
        new = b.binary("add", new, b.binary("multiply", direction.gate(0, forget), cell))
    return b.binary("multiply", direction.gate(0, leave), direction.gate(2, new)), new


def gru(
    direction: Direction, given: Value, state: Value | None, cell: Value | None
) -> tuple[Value, Value | None]:
    """Make one step of gates z, r and the candidate, whose product with the state comes after r or before it."""
    b, call = direction.call.builder, direction.call
    size = direction.width
    if state is None:
        state = b.scaled(direction.parts(given)[0], 0)
    _, bias = direction.halves()
    parts = direction.parts(given)
    if call.get("linear_before_reset", 0):
        there = direction.parts(dense(b, state, direction.recurrent, bias))
        update, reset = (direction.gate(0, b.binary("add", parts[k], there[k])) for k in (0, 1))
        inner = b.binary("multiply", reset, there[2])
    else:
        rows = [taken(call, direction.recurrent, 0, s) for s in (slice(0, 2 * size), slice(2 * size, None))]
        sides = [
            None if bias is None else taken(call, bias, 0, s)
            for s in (slice(0, 2 * size), slice(2 * size, None))
        ]
        there = direction.parts(dense(b, state, rows[0], sides[0]))
        update, reset = (direction.gate(0, b.binary("add", parts[k], there[k])) for k in (0, 1))
        inner = dense(b, b.binary("multiply", reset, state), rows[1], sides[1])
    fresh = direction.gate(1, b.binary("add", parts[2], inner))
    # (1 − z)·n + z·h = n + z·(h − n).
    mixed = b.binary("multiply", update, b.binary("subtract", state, fresh))
    return b.binary("add", fresh, mixed), None


def simple(
    direction: Direction, given: Value, state: Value | None, cell: Value | None
) -> tuple[Value, Value | None]:
    """Make one step of a plain recurrent layer."""
    return direction.gate(0, with_state(direction, given, state)), None


def results(call: Call, runs: Sequence[tuple[list[Value], Value | None]]) -> list[Value | None]:
    """Lay out all states [steps, directions, N, width], and the last ones [directions, N, width]."""
    b, order = call.builder, directions(call)
    steps = len(runs[0][0])
    wanted = [bool(name) for name in call.node.output]
    whole = None
    if wanted[0]:
        of_steps = [
            b.joined([with_axis(b, states[step], 0) for states, _ in runs], 0) for step in range(steps)
        ]
        whole = b.joined([with_axis(b, value, 0) for value in of_steps], 0)
    ends = [
        with_axis(b, states[0 if backwards else steps - 1], 0)
        for (states, _), (_, backwards) in zip(runs, order, strict=True)
    ]
    last = b.joined(ends, 0) if len(wanted) > 1 and wanted[1] else None
    cells = [with_axis(b, cell, 0) for _, cell in runs if cell is not None]
    cell = b.joined(cells, 0) if len(wanted) > 2 and wanted[2] and cells else None
    if call.get("layout", 0):
        whole = None if whole is None else b.permuted(whole, [2, 0, 1, 3])
        last, cell = (None if value is None else b.permuted(value, [1, 0, 2]) for value in (last, cell))
    return [whole, last, cell]


RECURRENT: dict[str, Translate] = dict.fromkeys(("LSTM", "GRU", "RNN"), recurrent)

"""The rules of an op that owns no parameters and is linear in its one input: one map that adds to its target, and its transpose in reverse."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from landscape.kernels.cpu.links import (
    adjoint_numbers,
    clear_fresh,
    input_of,
    numbers_at,
    output_numbers,
    tangent_numbers,
    target_numbers,
)
from landscape.kernels.cpu.mapped import clear
from landscape.kernels.cpu.rules import BACKWARD, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.program.table import Column

ACTIVE = int(Column.ACTIVE)


def add_map(network, i, d, into, reverse):
    """Add what row i's op makes of d to `into`, or in reverse its transpose: each op's own function comes in this one's place."""
    raise NotImplementedError


def value(i, pointer):
    """Set a row's output."""
    frame = frame_of(pointer)
    network = frame.network
    x = output_numbers(frame, input_of(network, i, 0))
    y = numbers_at(network, i, frame.work, frame.places[i], frame.width)
    clear(y)
    add_map(network, i, x, y, False)


def backward(i, pointer):
    """Push a row's adjoint to its input's."""
    frame = frame_of(pointer)
    network, source = frame.network, input_of(frame.network, i, 0)
    if network.rows[source, ACTIVE]:
        clear_fresh(network, i, frame.into, frame.width)
        add_map(network, i, adjoint_numbers(frame, i), target_numbers(frame, source), True)


def tangent(i, pointer):
    """Set a row's tangent."""
    frame = frame_of(pointer)
    network = frame.network
    dx, dy = tangent_numbers(frame, input_of(network, i, 0)), tangent_numbers(frame, i)
    clear(dy)
    add_map(network, i, dx, dy, False)


def linear_rules(name: str, function: Callable[..., None]) -> dict[int, Rule]:
    """Return the rules of an op, given its map (network, i, d, into, reverse).

    Each op has functions of its own, with their text, under names of its own: Numba's disk cache knows functions by their names, and keeps none
    that gets another function as an argument or in a closure.
    """

    def own(rule: Any) -> Rule:
        made = FunctionType(
            rule.__code__, rule.__globals__ | {"add_map": function}, f"{rule.__name__}_{name}"
        )
        made.__qualname__, made.__doc__ = made.__name__, rule.__doc__
        return Rule(made)

    reversed_rule = own(backward)
    return {VALUE: own(value), BACKWARD: reversed_rule, TANGENT: own(tangent), REVERSE: reversed_rule}

"""Layers with weights of their own, or with those of nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from landscape.errors import InputError
from landscape.importers.builder import Builder
from landscape.importers.network import Weight
from landscape.importers.values import MIXES, Value


def own(b: Builder, **values: Any) -> dict[str, Weight] | None:
    """Give a layer's weights where they are parameters that belong to it alone, else None."""
    found: dict[str, Weight] = {}
    for key, value in values.items():
        if value is None:
            continue
        if not isinstance(value, Value) or value.parameter is None or value.parameter in b.several:
            return None
        found[key] = b.weight(value.parameter)
    return found


def layer(
    b: Builder,
    value: Value,
    op: str,
    weights: dict[str, Weight],
    shape: tuple[int, ...] | None = None,
    **attributes: Any,
) -> Value:
    """Add a layer's node with its own weights."""
    node = b.network.add(b.layer_name(weights, op), op, [b.node(value)], weights, **attributes)
    result = replace(
        value, shape=value.shape if shape is None else shape, node=node, constant=None, parameter=None
    )
    return b.checked(result)


def dense(b: Builder, value: Value, weight: Value, bias: Value | None) -> Value:
    """Add W x + b, with weights of its own or those of nodes."""
    if weight.batch is not None:
        turned = b.permuted(weight, [*range(len(weight.shape) - 2), -1, -2])
        result = b.product(value, turned)
        return result if bias is None else b.binary("add", result, bias)
    if value.batch is not None and value.batch == len(value.shape) - 1:
        raise InputError(MIXES)
    shape = (*value.shape[:-1], weight.shape[0])
    weights = own(b, weight=weight, bias=bias)
    if weights is not None:
        return layer(b, value, "dense", weights, shape)
    result = b.made(value, "dense", [b.node(value), b.node(weight)], shape)
    return result if bias is None else b.binary("add", result, bias)

"""Attention, as versions 23 and later have it as one operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.importers.nodes import LEAST
from landscape.importers.onnx_graph.call import Call
from landscape.importers.rules.attention import attended, repeated_heads
from landscape.importers.rules.layouts import with_shape
from landscape.importers.values import Value

Translate = Callable[[Call], Any]


def attention(call: Call) -> list[Value | None]:
    """Mix values by the softmax of products of queries and keys."""
    if call.source(4) or call.source(5) or call.get("softcap") or any(call.node.output[1:]):
        raise InputError("past keys and values, a cap, and more than one result: expected none of these")
    query, key, value = call.value(0), call.value(1), call.value(2)
    flat = len(query.shape) == 3
    if flat:
        heads = (int(call.get("q_num_heads", 0)), *[int(call.get("kv_num_heads", 0))] * 2)
        query, key, value = (
            of_heads(call, part, count) for part, count in zip((query, key, value), heads, strict=True)
        )
    if len(query.shape) != 4:
        raise InputError(f"expected queries of 3 or 4 axes, found {len(query.shape)}")
    if query.shape[-3] != key.shape[-3]:
        key, value = repeated_heads(call.builder, query, [key, value])
    mask = additive(call)
    settings: dict[str, Any] = {"causal": bool(call.get("is_causal", 0))}
    if call.get("scale"):
        settings["scale"] = float(call.get("scale"))
    values = [query, key, value, *([] if mask is None else [mask])]
    result = attended(call.builder, values, **settings)
    if flat:
        turned = call.builder.permuted(result, [0, 2, 1, 3])
        first, tokens, heads_of, wide = turned.shape
        result = with_shape(call.builder, turned, (first, tokens, heads_of * wide))
    return [result]


def of_heads(call: Call, value: Value, heads: int) -> Value:
    """Cut [N, tokens, heads·width] into [N, heads, tokens, width]."""
    first, tokens, wide = value.shape
    if heads < 1 or wide % heads:
        raise InputError(f"{heads} heads of a width of {wide}: expected a divisor of it")
    apart = with_shape(call.builder, value, (first, tokens, heads, wide // heads))
    return call.builder.permuted(apart, [0, 2, 1, 3])


def additive(call: Call) -> Value | None:
    """Give a mask that is added to scores: of truth values 0 where they hold, else −∞."""
    mask = call.optional(3)
    if mask is None:
        return None
    b = call.builder
    if mask.fixed:
        array = np.asarray(mask.constant)
        return (
            b.fixed(np.where(array, 0.0, LEAST)) if array.dtype.kind == "b" else replace(mask, parameter=None)
        )
    if call.is_truth(3):
        return b.scaled(b.shifted(mask, -1), -LEAST)
    return mask


ATTENTION: dict[str, Translate] = {"Attention": attention}

"""Attention of three values, and lookups of rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from landscape.errors import InputError
from landscape.importers.builder import Builder
from landscape.importers.rules.weights import own
from landscape.importers.values import MIXES, Value


def attended(b: Builder, values: Sequence[Value], **settings: Any) -> Value:
    """Mix values by the softmax of products of queries and keys: queries, keys, values, and perhaps a mask that is added."""
    query, _, value = values[:3]
    if (
        len({part.batch for part in values[:3]}) > 1
        or query.batch is None
        or query.batch >= len(query.shape) - 2
    ):
        raise InputError(MIXES)
    drop = query.batch if query.drops else None
    rank = len(query.shape)
    nodes = []
    for part in values:
        shape = (1,) * (rank - len(part.shape)) + part.shape
        nodes.append(b.shaped(part, tuple(size for axis, size in enumerate(shape) if axis != drop)))
    shape = (*query.shape[:-1], value.shape[-1])
    return b.made(query, "scaled_dot_product_attention", nodes, shape, **settings)


def looked_up(b: Builder, weight: Value, ids: Value) -> Value:
    """Look up a row of the weight for each id."""
    wide = weight.shape[1]
    if ids.fixed:
        rows = b.taken(weight, 0, [int(place) for place in ids.constant.reshape(-1)])
        return b.regrouped(rows, Value((*ids.shape, wide)))
    weights = own(b, weight=weight)
    if weights is None:
        raise InputError("looks up a computed weight; expected a parameter of the module")
    flat = b.shaped(ids, (math.prod(ids.laid),), spread=False)
    node = b.network.add(b.layer_name(weights, "embedding"), "embedding", [flat], weights)
    return b.checked(replace(ids, shape=(*ids.shape, wide), node=node, constant=None, parameter=None))


def repeated_heads(b: Builder, query: Value, parts: Sequence[Value]) -> list[Value]:
    """Repeat the heads of keys and values until they are as many as those of the queries."""
    heads = parts[0].shape[-3]
    places = [head for head in range(heads) for _ in range(query.shape[-3] // heads)]
    return [b.taken(part, -3, places) for part in parts]

"""SHA-256 hashes of a model and its data, equal for equal content on every machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from landscape.model.finite import pieces
from landscape.model.nodes import Node
from landscape.ops.operation import Shape


def of_model(
    *, nodes: Iterable[Node], input_shape: Shape, loss: tuple[Any, ...], arrays: Mapping[str, np.ndarray]
) -> str:
    """Hash graph and loss as canonical JSON, then each array's name, dtype, shape and bytes."""
    graph = [
        [node.name, node.op, node.inputs, node.attributes, node.parameters_of, node.trainable]
        # Said only where there are some, so that networks of earlier versions keep their hashes.
        + ([node.frozen] if node.frozen else [])
        for node in nodes
    ]
    content = {"nodes": graph, "input_shape": input_shape, "loss": loss}
    return of_arrays(arrays, json.dumps(content, sort_keys=True, separators=(",", ":")))


def of_arrays(arrays: Mapping[str, np.ndarray], before: str = "") -> str:
    """Hash arrays in the order given, in little-endian C order; mapped ones are streamed.

    >>> a = np.arange(4.0)
    >>> of_arrays({"a": a}) == of_arrays({"a": a.astype(">f8")}) != of_arrays({"a": a[::-1]})
    True
    """
    digest = hashlib.sha256(before.encode())
    for name, array in arrays.items():
        dtype = array.dtype.newbyteorder("<")
        digest.update(json.dumps([name, dtype.str, list(array.shape)]).encode())
        for _, piece in pieces(array):
            digest.update(np.asarray(piece, dtype, order="C").data)
    return digest.hexdigest()

"""Recognize attention that is written out as softmax(c·Q Kᵀ + mask) V, and make it one node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from landscape.importers.network import Network

Header = dict[str, Any]
# A score from here down has no weight in a softmax.
MASKED = -1e9


class Nodes:
    """The nodes of a network by name, and who reads each."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.by_name: dict[str, Header] = {node["name"]: node for node in network.nodes}
        self.readers: dict[str, list[str]] = {}
        for node in network.nodes:
            for name in node["inputs"]:
                self.readers.setdefault(name, []).append(node["name"])

    def made_by(self, name: str, *ops: str) -> Header | None:
        """Give the node of a name where it is of one of some ops and has one reader."""
        node = self.by_name.get(name)
        return (
            node if node is not None and node["op"] in ops and len(self.readers.get(name, [])) == 1 else None
        )

    def constant(self, name: str) -> np.ndarray | None:
        """Give the numbers of a constant, or of one in another shape."""
        node = self.by_name.get(name)
        if node is not None and node["op"] == "reshape":
            numbers = self.constant(node["inputs"][0])
            return None if numbers is None else numbers.reshape(self.network.shapes[name])
        if node is None or node["op"] != "constant":
            return None
        found: Mapping[str, np.ndarray] = self.network.parameters_of([node])
        return found[f"{name}.value"]


def join_attentions(network: Network) -> None:
    """Replace products with a softmax between them by a node of attention; nodes that nothing reads any more are left out of the model later."""
    nodes, count = Nodes(network), len(network.nodes)
    for last in [node for node in network.nodes if node["op"] == "matmul"]:
        found = attention_before(nodes, last)
        if found is not None:
            last.clear()
            last.update(found)
        if found is not None or len(network.nodes) != count:
            nodes, count = Nodes(network), len(network.nodes)


def attention_before(nodes: Nodes, last: Header) -> Header | None:
    """Read the nodes before a product back to queries and keys, or give None if they are something else."""
    shares, value = last["inputs"]
    # A dropout between the two is a layer that the node does not have, and stays as it is.
    softmax = nodes.made_by(shares, "softmax")
    if softmax is None:
        return None
    scores, mask = softmax["inputs"][0], None
    added = nodes.made_by(scores, "add")
    if added is not None and len(added["inputs"]) == 2:
        masks = [name for name in added["inputs"] if nodes.constant(name) is not None]
        if len(masks) != 1:
            return None
        mask = masks[0]
        scores = next(name for name in added["inputs"] if name != mask)
    scores, factor = unscaled(nodes, scores)
    product = nodes.made_by(scores, "matmul")
    if product is None:
        return None
    query, turned = product["inputs"]
    query, more = unscaled(nodes, query)
    factor *= more
    if factor <= 0:
        return None
    key = keys_of(nodes, turned)
    if key is None:
        return None
    return header(nodes, last["name"], [query, key, value], mask, factor)


def unscaled(nodes: Nodes, name: str) -> tuple[str, float]:
    """Go back before multiplications by numbers; give the value there and the product of the numbers."""
    factor = 1.0
    while (scaled := nodes.made_by(name, "scale")) is not None:
        name, factor = scaled["inputs"][0], factor * float(scaled["by"])
    return name, factor


def keys_of(nodes: Nodes, turned: str) -> str | None:
    """Give the value whose last two axes are swapped."""
    node, shape = nodes.by_name.get(turned), nodes.network.shapes[turned]
    rank = len(shape)
    if node is None or node["op"] != "transpose" or rank < 2:
        return None
    axes = list(node["axes"])
    if axes[-1] == rank and axes[-2] == rank - 1:
        return None
    # What else the axes do is done before: a transposition that only swaps the last two is left for the product.
    before = [*axes[:-2], axes[-1], axes[-2]]
    if before == list(range(1, rank + 1)):
        return str(node["inputs"][0])
    name = nodes.network.add(f"{turned}.keys", "transpose", [node["inputs"][0]], None, axes=before)
    place = nodes.network.nodes.index(node)
    nodes.network.nodes.insert(place, nodes.network.nodes.pop())
    return name


def header(nodes: Nodes, name: str, inputs: list[str], mask: str | None, factor: float) -> Header | None:
    """Write the node; a causal mask becomes its setting."""
    shapes = [nodes.network.shapes[given] for given in inputs]
    if len({shape[:-2] for shape in shapes}) > 1:
        return None
    result: Header = {"name": name, "op": "scaled_dot_product_attention", "inputs": inputs, "scale": factor}
    if mask is not None:
        numbers = nodes.constant(mask)
        assert numbers is not None
        square = (
            numbers.reshape(numbers.shape[-2:])
            if numbers.ndim >= 2 and numbers.size == np.prod(numbers.shape[-2:])
            else None
        )
        if square is not None and is_causal(square):
            result["causal"] = True
        else:
            result["inputs"] = [*inputs, mask]
    return result


def is_causal(mask: np.ndarray) -> bool:
    """Say whether a mask lets each query see the keys up to its own.

    >>> is_causal(np.array([[0.0, -1e30], [0.0, 0.0]])), is_causal(np.zeros((2, 2)))
    (True, False)
    """
    if mask.ndim != 2 or mask.shape[0] != mask.shape[1] or len(mask) < 2:
        return False
    seen = np.tril(np.ones(mask.shape, bool))
    return bool((mask[seen] == 0).all() and (mask[~seen] <= MASKED).all())

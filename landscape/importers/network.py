"""A network under construction: an importer adds nodes, and the shape of every value is known at once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from landscape.errors import InputError
from landscape.files import shown
from landscape.model.graph import infer
from landscape.model.nodes import INPUT, RESERVED, read_draft
from landscape.ops.operation import Shape
from landscape.ops.table import OPERATIONS


class Origin(NamedTuple):
    """Where numbers come from: the name of an array of the original, the flat indices of its elements (None: all, in order), and its size."""

    name: str
    elements: np.ndarray | None = None
    size: int = 0

    @property
    def identity(self) -> Hashable:
        """What tells these elements of the array from others."""
        return (
            self.name if self.elements is None else (self.name, self.elements.shape, self.elements.tobytes())
        )

    def taken(self, array: np.ndarray) -> np.ndarray:
        """The elements, taken out of the array.

        >>> Origin("w", np.array([[3], [1]])).taken(np.array([[5.0, 6.0], [7.0, 8.0]])).tolist()
        [[8.0], [6.0]]
        """
        return array if self.elements is None else array.reshape(-1)[self.elements]


def part(name: str, elements: np.ndarray, size: int) -> Origin:
    """Make the origin of some elements of an array, or of all of them where they are in order."""
    flat = np.asarray(elements).reshape(-1)
    if flat.size == size and bool((flat == np.arange(size)).all()):
        return Origin(name)
    return Origin(name, np.asarray(elements, np.int32 if size < 2**31 else np.int64), size)


class Weight(NamedTuple):
    """A parameter or buffer: its numbers, its identity among arrays with equal numbers (None: unknown), whether it is trained, and its origin."""

    array: np.ndarray
    identity: Hashable
    trainable: bool = True
    origin: Origin | None = None


class PartlySharedError(InputError):
    """A layer shares some of its parameters with another and not all; `names` are those that the original has for its parameters."""

    def __init__(self, message: str, weights: Iterable[Weight]) -> None:
        super().__init__(message)
        self.names = [weight.origin.name for weight in weights if weight.origin is not None]


class Network:
    """Nodes, parameters and the shape of every value, one example's, as an importer goes along.

    >>> network = Network((3,))
    >>> network.add("fc", "dense", ["input"], {"weight": Weight(np.ones((2, 3)), "W")})
    'fc'
    >>> network.shapes["fc"]
    (2,)
    """

    def __init__(self, input_shape: Shape, *, copies: bool = False) -> None:
        self.shapes: dict[str, Shape] = {INPUT: input_shape}
        self.nodes: list[dict[str, Any]] = []
        self.notes: list[str] = []
        # Whether equal vectors may stand for parameters of their own, as in files that keep equal arrays once.
        self.copies = copies
        self._keys: dict[Hashable, tuple[str, str]] = {}
        self._owned: dict[str, Mapping[str, Weight]] = {}

    @property
    def reads_ids(self) -> bool:
        """Whether the data are ids for an embedding."""
        return any(OPERATIONS[node["op"]].reads_ids for node in self.nodes)

    def add(
        self,
        name: str,
        op: str,
        inputs: Sequence[str],
        weights: Mapping[str, Weight] | None = None,
        **attributes: Any,
    ) -> str:
        """Add a node under a name like the one wished for, and give the name that it got.

        Raises
        ------
        InputError
            Shapes that do not go together, or parameters that are partly shared or partly trained.
        """
        name, weights = self.free(name), weights or {}
        if self.copies:
            weights = self._with_copies(name, weights)
        owner = self._shared_with(weights)
        node: dict[str, Any] = {"name": name, "op": op, "inputs": list(inputs), **attributes}
        if owner is not None:
            node["parameters_of"] = owner
        elif weights:
            node |= _frozen(op, weights)
        draft = read_draft(len(self.nodes), node)
        found = {f"{owner or name}.{key}": weight.array.shape for key, weight in weights.items()}
        _, self.shapes[name] = infer(draft, tuple(self.shapes[source] for source in inputs), found)
        self.nodes.append(node)
        if owner is None:
            self._claim(name, weights)
        return name

    def free(self, name: str) -> str:
        """Give the name itself where it is free and allowed, else one made of it."""
        printable = "".join(c if c.isprintable() else "_" for c in name)[:150].strip() or "node"
        if printable.split(".")[0] in RESERVED:
            printable = f"node.{printable}"
        result, count = printable, 1
        while result in self.shapes:
            count += 1
            result = f"{printable}_{count}"
        return result

    def ending_at(self, output: str) -> list[dict[str, Any]]:
        """Give the nodes that the output is made of, in order; the output is the last."""
        needed = {output}
        for node in reversed(self.nodes):
            if node["name"] in needed:
                needed |= {*node["inputs"], node.get("parameters_of", output)}
        kept = [node for node in self.nodes if node["name"] in needed]
        if not kept or kept[-1]["name"] != output:
            raise InputError("the output is the input itself: there is no network to import")
        return kept

    def parameters_of(self, nodes: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
        """Give the arrays that belong to nodes, by the archive's keys."""
        return {
            f"{node['name']}.{key}": weight.array
            for node in nodes
            for key, weight in self._owned.get(node["name"], {}).items()
        }

    def origins_of(self, nodes: Sequence[Mapping[str, Any]]) -> dict[str, Origin]:
        """Where the arrays of nodes come from, by the archive's keys, for those of which that is known."""
        return {
            f"{node['name']}.{key}": weight.origin
            for node in nodes
            for key, weight in self._owned.get(node["name"], {}).items()
            if weight.origin is not None
        }

    def _claim(self, name: str, weights: Mapping[str, Weight]) -> None:
        self._owned[name] = weights
        for key, weight in weights.items():
            if weight.identity is not None:
                self._keys[weight.identity] = (name, key)

    def _with_copies(self, name: str, weights: Mapping[str, Weight]) -> Mapping[str, Weight]:
        """Make vectors that another node has parameters of this node as well, if its matrix is its own."""
        homes = {key: self._keys.get(weight.identity) for key, weight in weights.items()}
        matrices = [key for key, weight in weights.items() if weight.array.ndim > 1]
        vectors = [key for key, home in homes.items() if home is not None and key not in matrices]
        if not vectors or not matrices or any(homes[key] is not None for key in matrices):
            return weights
        for key in vectors:
            owner, other = homes[key] or ("", "")
            self.notes.append(
                f"the file keeps one array for {shown(f'{owner}.{other}')} and {shown(f'{name}.{key}')}, which are taken for two parameters with equal numbers"
            )
        return {
            key: weight._replace(identity=None) if key in vectors else weight
            for key, weight in weights.items()
        }

    def _shared_with(self, weights: Mapping[str, Weight]) -> str | None:
        """Find the node that has the same parameters, all of them."""
        homes = {key: self._keys.get(weight.identity) for key, weight in weights.items()}
        owners = {home[0] for home in homes.values() if home is not None}
        if not owners:
            return None
        owner = min(owners)
        for key, weight in weights.items():
            other = self._owned[owner].get(key)
            if weight.identity is None and other is not None and np.array_equal(other.array, weight.array):
                homes[key] = (owner, key)
        if homes != {key: (owner, key) for key in self._owned[owner]}:
            raise PartlySharedError(
                f"shares some parameters with {shown(owner)} and not all; expected all of them or none",
                [weights[key] for key, home in homes.items() if home is not None],
            )
        return owner


def _frozen(op: str, weights: Mapping[str, Weight]) -> dict[str, Any]:
    """Say in the header's words which of a node's parameters are not trained: none, all or some."""
    buffers = {parameter.name for parameter in OPERATIONS[op].parameters if parameter.buffer}
    still = [key for key, weight in weights.items() if key not in buffers and not weight.trainable]
    if not still:
        return {}
    own = [key for key in weights if key not in buffers]
    return {"trainable": False} if len(still) == len(own) else {"frozen": still}

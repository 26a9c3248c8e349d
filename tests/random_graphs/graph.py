"""A graph in the making: nodes, the shapes of their values, and the parameters that they own."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from landscape.ops.table import OPERATIONS

Shape = tuple[int, ...]
# Numbers of a value, so that a graph takes milliseconds.
LARGEST = 300
NAMES = ("weight", "bias")


@dataclass
class Graph:
    """A graph in the making: its nodes, the shape of each value, its parameters, and what its batches and its owners are."""

    rng: np.random.Generator
    shapes: dict[str, Shape]
    batch_size: int
    nodes: list[dict[str, Any]] = field(default_factory=list)
    parameters: dict[str, np.ndarray] = field(default_factory=dict)
    owners: dict[tuple[Any, ...], list[str]] = field(default_factory=dict)
    spread: float = 1.0
    # Values that are the same for all examples.
    single: set[str] = field(default_factory=set)

    def choose(self, values: Any) -> Any:
        """One of some values."""
        return values[int(self.rng.integers(len(values)))]

    def chance(self, share: float) -> bool:
        """Whether something of a share happens."""
        return bool(self.rng.random() < share)

    def size(self, most: int = 7) -> int:
        """A small size, often odd."""
        return int(self.rng.integers(1, most + 1))

    def add(
        self, op: str, inputs: list[str], shape: Shape, owned: dict[str, Shape] | None = None, buffers: tuple[str, ...] = (),
        /, **attributes: Any,
    ) -> str:  # fmt: skip
        """Append a node, with parameters of its own, frozen ones, or those of an earlier node of the same kind; give its name."""
        name = f"n{len(self.nodes)}"
        node: dict[str, Any] = {"name": name, "op": op, "inputs": inputs, **attributes}
        if owned:
            kind = (op, *sorted(owned.items()))
            if kind in self.owners and self.chance(0.3):
                node["parameters_of"] = self.choose(self.owners[kind])
            else:
                self.owners.setdefault(kind, []).append(name)
                frozen = [key for key in owned if key not in buffers and self.chance(0.1)]
                if self.chance(0.2):
                    node["trainable"] = False
                elif frozen:
                    node["frozen"] = frozen
                for key, own in owned.items():
                    self.parameters[f"{name}.{key}"] = self.draw(key, own, key in buffers)
        self.nodes.append(node)
        self.shapes[name] = shape
        if OPERATIONS[op].keeps_single and self.single.issuperset(inputs):
            self.single.add(name)
        return name

    def draw(self, key: str, shape: Shape, buffer: bool) -> np.ndarray:
        """Numbers for a parameter; a variance is positive."""
        noise = self.rng.standard_normal(shape)
        if key == "running_var":
            return 0.3 + noise * noise
        wide = math.prod(shape[1:]) if len(shape) > 1 else 1
        return noise * (1.0 if buffer else self.spread) / math.sqrt(max(1, wide))

    def like(self, shape: Shape) -> list[str]:
        """The values of a shape."""
        return [name for name, other in self.shapes.items() if other == shape]


Maker = Callable[[Graph, str, Shape], None]

"""REPAIR: rescale hidden units between two networks so that their means and deviations lie between those of the two."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.alignment.activations import Part, spread_rows
from landscape.connection.network_ends import NetworkEnds
from landscape.errors import InputError
from landscape.model import Model, Node

Array = NDArray[np.float64]

# Training examples whose activations give means and spreads.
EXAMPLES = 2000


def layers_of(model: Model) -> list[Node]:
    """Give the hidden layers with weights and a bias of their own, in order; the output is none."""
    shared = {node.parameters_of for node in model.nodes} | {
        node.name for node in model.nodes if node.parameters_of
    }
    return [
        node
        for node in model.nodes[:-1]
        if node.traits.product != "none"
        and len(node.inputs) == 1
        and node.name not in shared
        and {f"{node.name}.weight", f"{node.name}.bias"} <= {slot.name for slot in model.layout}
    ]


class Repair:
    """The parameters between two networks with the statistics of hidden units set right.

    The pre-activations of each unit get the mean (1−t)μ_A + tμ_B and the deviation (1−t)σ_A + tσ_B, layer by layer, over the training data.

    Raises
    ------
    InputError
        No layer has a bias, or there is batch normalization, whose statistics are recomputed in its place.

    References
    ----------
    Jordan et al., REPAIR: REnormalizing Permuted Activations for Interpolation Repair, ICLR 2023.
    """

    def __init__(self, ends: NetworkEnds, i: int, j: int) -> None:
        self.ends, self.i, self.j = ends, i, j
        model = ends.models[0]
        self.layers = layers_of(model)
        if not self.layers:
            raise InputError(
                "--repair: rescales hidden layers with weights and a bias of their own, and the models have none"
            )
        rows = spread_rows(model, EXAMPLES)
        options: dict[str, Any] = {"threads": ends.options["threads"]}
        self.parts = [Part(model, node.name, rows, **options) for node in self.layers]
        self.slots = {slot.name: slot for slot in model.layout}
        own = []
        for number in (i, j):
            constants = None if ends.constants is None else ends.constants[number]
            own.append([self.moments(k, ends.thetas[number], constants) for k in range(len(self.layers))])
        self.own = own

    def moments(self, number: int, theta: Array, constants: Array | None) -> tuple[Array, Array]:
        """Give mean and deviation of each unit of a layer before its activation."""
        outputs = self.parts[number].outputs(theta, constants)
        filters = self.layers[number].traits.product == "filters"
        rows = np.moveaxis(outputs, 1 if filters else -1, 0).reshape(-1 if outputs.size == 0 else outputs.shape[1 if filters else -1], -1)  # fmt: skip
        return rows.mean(axis=1), rows.std(axis=1)

    def at(self, theta: Array, constants: Array | None, t: float) -> Array:
        """Set the statistics at θ right, which is t of the way; the ends stay."""
        if t in (0.0, 1.0):
            return theta
        found = np.array(theta)
        for number, node in enumerate(self.layers):
            mean, spread = self.moments(number, found, constants)
            wanted = [(1.0 - t) * self.own[0][number][k] + t * self.own[1][number][k] for k in (0, 1)]
            factor = np.divide(wanted[1], spread, out=np.ones_like(spread), where=spread > 0)
            weight, bias = (self.slots[f"{node.name}.{name}"] for name in ("weight", "bias"))
            rows = found[weight.start : weight.stop].reshape(weight.shape[0], -1)
            rows *= factor[:, None]
            there = found[bias.start : bias.stop]
            there[:] = (there - mean) * factor + wanted[0]
        return found

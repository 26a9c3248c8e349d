"""The networks of the cases: dense layers in a row, with one activation between them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.faults.data import Splits
from landscape.model import Model, build_model
from landscape.training.start import initialize

Array = NDArray[np.float64]


def dense(
    data: Splits, sizes: Sequence[int], activation: str = "relu", loss: str = "cross_entropy", *,
    last: str | None = None, residual: bool = False, weight_decay: float = 0.0,
) -> Model:  # fmt: skip
    """Build a network of dense layers at θ = 0; `last` follows the last of them, and `residual` adds to each hidden layer its input."""
    nodes: list[dict[str, Any]] = []
    parameters: dict[str, Array] = {}
    before = "input"
    for number, (inputs, outputs) in enumerate(pairwise(sizes), 1):
        name, act = f"fc{number}", activation if number < len(sizes) - 1 else last
        nodes.append({"name": name, "op": "dense", "inputs": [before]})
        parameters |= {f"{name}.weight": np.zeros((outputs, inputs)), f"{name}.bias": np.zeros(outputs)}
        added = residual and act is not None and inputs == outputs
        nodes += [] if act is None else [{"name": f"act{number}", "op": act}]
        nodes += [{"name": f"add{number}", "op": "add", "inputs": [before, f"act{number}"]}] if added else []
        before = nodes[-1]["name"]
    return build_model(nodes=nodes, parameters=parameters, loss=loss, weight_decay=weight_decay, **data)  # type: ignore[arg-type]


def started(model: Model, init: str, seed: int, *, bias: float = 0.0, branches: float = 1.0) -> Model:
    """Draw a start, with hidden biases of one value, and with the weights of branches beside a skip scaled."""
    theta, last = initialize(model, init, seed), model.layout[-1].node
    added = {node.inputs[1].replace("act", "fc") for node in model.nodes if node.operation.several}
    for slot in model.layout:
        part = theta[slot.start : slot.stop]
        if slot.parameter == "bias" and slot.node != last:
            part[:] = bias
        if slot.parameter == "weight" and slot.node in added:
            part *= branches
    return model.with_theta(theta)

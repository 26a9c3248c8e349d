"""Means and standard deviations of the parameters at a usual initialization."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from landscape.model.model import Model, Slot

# Of embeddings and positions, whose rows are not summed over (GPT-2's), and of `normal`.
NARROW, PLAIN = 0.02, 0.01

# Standard deviation of a weight by its fan-in and fan-out. He et al. 2015 (arXiv 1502.01852); Glorot and Bengio 2010.
INITIALIZATIONS: dict[str, Callable[[float, float], float]] = {
    "he": lambda inputs, outputs: math.sqrt(2.0 / inputs),
    "xavier": lambda inputs, outputs: math.sqrt(2.0 / (inputs + outputs)),
    "normal": lambda inputs, outputs: PLAIN,
    "zero": lambda inputs, outputs: 0.0,
}


def start_scales(model: Model, init: str = "he") -> Iterator[tuple[Slot, float, float]]:
    """Yield each trainable parameter with the mean and the standard deviation of its elements at a start."""
    starts = {node.name: node.traits.start for node in model.nodes}
    for slot in model.layout:
        start = starts[slot.node]
        if start == "ones":
            yield slot, 1.0 if slot.parameter == "weight" else 0.0, 0.0
        elif len(slot.shape) >= 2:
            field = math.prod(slot.shape[2:])
            deviation = INITIALIZATIONS[init](slot.shape[1] * field, slot.shape[0] * field)
            yield slot, 0.0, min(deviation, NARROW) if start == "table" else deviation
        else:
            yield slot, 0.0, 0.0


def usual_norm(model: Model, init: str = "he") -> float:
    """Return the norm of θ to expect at a start: the root of the expected squares' sum.

    Examples
    --------
    >>> import numpy as np
    >>> from landscape.model import build_model
    >>> x = np.ones((3, 8))
    >>> usual_norm(build_model(layers=[(np.zeros((8, 4)), np.zeros(4))], loss="mse", x_train=x, y_train=x[:, :4]))
    2.8284271247461903
    """
    return math.sqrt(
        sum(
            (slot.stop - slot.start) * (mean**2 + deviation**2)
            for slot, mean, deviation in start_scales(model, init)
        )
    )

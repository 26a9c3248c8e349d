"""Networks to diagnose: a known fault after a short training, and a line through points on a line."""

from dataclasses import replace

import numpy as np

from landscape.faults import recipe
from landscape.model import build_model
from landscape.training import train


def made(name: str, *, twin: bool = False, seed: int = 1, **changes):
    """A case of the table, in the precision that other tests compile too."""
    model, settings = recipe(name)(seed, twin)
    return train(replace(model, name=name), seed=seed, threads=1, dtype="float64", **(settings | changes))


def line(**changes):
    x = np.linspace(-1, 1, 30)[:, None]
    return build_model(
        **{"layers": [(np.array([[2.0]]), np.zeros(1))], "loss": "mse", "x_train": x, "y_train": 2 * x}
        | changes
    )

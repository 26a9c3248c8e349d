"""A small network to report on, and the command on it."""

from __future__ import annotations

import numpy as np

from landscape.model import build_model
from tests import running


def curve(name="curve", node="fc1"):
    """Build a tanh network trained on a parabola, with a log and checkpoints, as a file would contain them."""
    rng = np.random.default_rng(0)
    x = np.linspace(-1, 1, 24)[:, None]
    shapes = {f"{node}.weight": (4, 1), f"{node}.bias": (4,), "out.weight": (1, 4), "out.bias": (1,)}
    steps = np.array([0, 5, 10, 20])
    return build_model(
        nodes=[{"name": node, "op": "dense"}, {"name": "act", "op": "tanh"}, {"name": "out", "op": "dense"}],
        parameters={key: 0.7 * rng.standard_normal(shape) for key, shape in shapes.items()},
        loss="mse", x_train=x, y_train=x**2, x_test=x[::2] + 0.01, y_test=x[::2] ** 2, name=name,
        arrays={
            "history.step": steps, "history.train_loss": np.array([1.0, np.nan, 0.3, 0.2]),
            "checkpoints": 0.5 * rng.standard_normal((4, 13)), "checkpoints.step": steps,
        },
        training={"optimizer": "sgd", "learning_rate": 0.1, "batch_size": 24, "steps": 20},
    )  # fmt: skip


def run(*arguments):
    return running.run("report", *arguments, "--threads", "1")

"""Small models for tests of scans with the real engine."""

from __future__ import annotations

from functools import cache

import numpy as np

from landscape.model import Model, build_model

NODES = [
    {"name": "fc1", "op": "dense"},
    {"name": "act1", "op": "relu"},
    {"name": "fc2", "op": "dense"},
    {"name": "act2", "op": "relu"},
    {"name": "fc3", "op": "dense"},
]
SIZES = [6, 16, 12, 3]


@cache
def small_model(*, examples: int = 300, test: int = 90, weight_decay: float = 0.0, seed: int = 0) -> Model:
    """Build a ReLU network 6-16-12-3 at a point that fits its three clusters somewhat, with checkpoints."""
    rng = np.random.default_rng(seed)
    parameters, widths = {}, list(zip(SIZES[1:], SIZES[:-1], strict=True))
    for index, (wide, narrow) in enumerate(widths):
        parameters[f"fc{index + 1}.weight"] = rng.standard_normal((wide, narrow)) / np.sqrt(narrow)
        parameters[f"fc{index + 1}.bias"] = 0.1 * rng.standard_normal(wide)
    centers = rng.standard_normal((3, SIZES[0]))
    labels = rng.integers(0, 3, examples + test)
    inputs = (centers[labels] + 0.7 * rng.standard_normal((examples + test, SIZES[0]))).astype(np.float32)
    size = sum(array.size for array in parameters.values())
    theta = np.concatenate([array.reshape(-1) for array in parameters.values()])
    splits = {"x_train": inputs[:examples], "y_train": labels[:examples]}
    if test:
        splits |= {"x_test": inputs[examples:], "y_test": labels[examples:]}
    return build_model(
        nodes=NODES,
        parameters={name: array.astype(np.float32) for name, array in parameters.items()},
        loss="cross_entropy",
        name="small",
        weight_decay=weight_decay,
        arrays={
            "checkpoints": theta + np.linspace(1, 0, 5)[:, None] ** 2 * rng.standard_normal((5, size)),
            "checkpoints.step": np.arange(5),
        },
        **splits,
    )

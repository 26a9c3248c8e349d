"""One valid file of each form, small, with everything in it that a file can hold."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.model import Model, load_model

Arrays = dict[str, np.ndarray]
HEADER: dict[str, Any] = {
    "format": 1,
    "name": "small",
    "loss": "cross_entropy",
    "loss_scale": 2.0,
    "weight_decay": {"fc1.weight": 0.1},
    "input_shape": [4],
    "nodes": [
        {"name": "fc1", "op": "dense"},
        {"name": "bn", "op": "batchnorm", "eps": 1e-3},
        {"name": "act1", "op": "leaky_relu", "slope": 0.2},
        {"name": "fc2", "op": "dense", "inputs": ["act1"], "trainable": False},
        {"name": "again", "op": "dense", "parameters_of": "fc2"},
        {"name": "sum", "op": "add", "inputs": ["again", "act1"]},
        {"name": "out", "op": "dense"},
    ],
    "training": {"optimizer": "adam", "learning_rate": 1e-3, "betas": [0.9, 0.999], "history_loss": "batch"},
}
P = 5 * 4 + 5 + 5 + 5 + 3 * 5 + 3


def header() -> dict[str, Any]:
    """Give a header of one's own to change."""
    return copy.deepcopy(HEADER)


def arrays() -> Arrays:
    """Give the arrays that go with the header."""
    rng = np.random.default_rng(0)
    return {
        "fc1.weight": rng.standard_normal((5, 4)).astype(np.float32),
        "fc1.bias": rng.standard_normal(5),
        "bn.weight": np.ones(5),
        "bn.bias": np.zeros(5),
        "bn.running_mean": rng.standard_normal(5),
        "bn.running_var": np.full(5, 2.0),
        "bn.num_batches_tracked": np.int64(3),
        "fc2.weight": rng.standard_normal((5, 5)),
        "fc2.bias": rng.standard_normal(5),
        "out.weight": rng.standard_normal((3, 5)),
        "out.bias": rng.standard_normal(3),
        "x_train": rng.standard_normal((7, 4)),
        "y_train": np.array([0, 1, 2, -100, 0, 1, 2]),
        "x_test": rng.standard_normal((2, 4)),
        "y_test": np.array([2, 0]),
        "history.step": np.arange(3),
        "history.train_loss": np.array([1.0, np.nan, 0.5]),
        "checkpoints": rng.standard_normal((2, P)),
        "checkpoints.step": np.array([0, 10]),
        "checkpoints.buffers": rng.standard_normal((2, 10)),
        "optimizer.m": rng.standard_normal(P),
        "optimizer.step": np.float64(10),
    }


def bare() -> Arrays:
    """Give a bare file's arrays."""
    rng = np.random.default_rng(1)
    return {
        "W1": rng.standard_normal((4, 5)),
        "b1": rng.standard_normal(5),
        "W2": rng.standard_normal((5, 3)),
        "b2": rng.standard_normal(3),
        "x": rng.standard_normal((6, 4)),
        "y": np.array([0, 1, 2, 0, 1, 2]),
    }


def write(path: Path, content: Arrays, head: Any = None) -> Path:
    """Write a file of either form; a text as header is taken as it is."""
    if head is not None:
        content = {"landscape": np.array(head if isinstance(head, str) else json.dumps(head)), **content}
    np.savez(path, **content)
    return path


def full(path: Path) -> Model:
    """Write and load the full example."""
    return load_model(write(path, arrays(), header()))


def refused(path: Path, **options: Any) -> str:
    """Give the message that a file is refused with: one line, which names the file."""
    with pytest.raises(InputError) as caught:
        load_model(path, **options)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert len(message) < 1000
    return message.removeprefix(f"{path}: ")

"""What a model holds, as plain values: for `landscape info`, a notebook, a JSON file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from landscape.file_array import FileArray
from landscape.model.header import WEIGHTS
from landscape.model.model import Model
from landscape.model.nodes import Node


def summarize(model: Model) -> dict[str, Any]:
    """Describe graph, loss, data and training of a model; numbers that are not finite become None."""
    return {
        "file": None if model.path is None else str(model.path),
        "name": model.name,
        "form": model.form,
        "inferred": list(model.inferred),
        "input_shape": list(model.input_shape),
        "nodes": [_node(model, node) for node in model.nodes],
        "parameters": model.size,
        "frozen": int(sum(array.size for array in model.frozen_parameters.values())),
        "buffers": int(sum(array.size for array in model.buffers.values())),
        "loss": {
            "name": model.loss,
            "scale": model.loss_scale,
            "delta": model.delta,
            "options": model.loss_options.given(),
            "weight_decay": model.weight_decay,
        },
        "data": {split: _split(model, split) for split in model.splits},
        "training": dict(model.training),
        "history": {series: _series(values, model.history) for series, values in model.history.items()},
        "checkpoints": _checkpoints(model),
        "optimizer": list(model.optimizer),
        "not_finite": list(model.not_finite()),
        "hashes": {"model": model.fingerprint(), "data": model.data_fingerprint()},
    }


def _node(model: Model, node: Node) -> dict[str, Any]:
    own = {f"{node.name}.{parameter.name}" for parameter in node.operation.parameters}
    return {
        "name": node.name,
        "op": node.op,
        "inputs": list(node.inputs),
        "attributes": node.attributes,
        "shape": list(node.shape),
        "parameters": int(sum(array.size for key, array in model.parameters.items() if key in own)),
        "parameters_of": node.parameters_of,
        "trainable": node.trainable,
        "frozen": list(node.frozen),
    }


def _split(model: Model, split: str) -> dict[str, Any]:
    x, y = model.data[f"x_{split}"], model.data[f"y_{split}"]
    weighted = {"weighted": True} if f"{WEIGHTS}_{split}" in model.data else {}
    return {
        "examples": model.examples(split),
        "x": {"dtype": str(x.dtype), "shape": list(x.shape), "mapped": isinstance(x, FileArray)},
        "y": {"dtype": str(y.dtype), "shape": list(y.shape), "mapped": isinstance(y, FileArray)},
        **weighted,
    }


def _series(values: np.ndarray, history: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Give length and ends of a series; NaN beside a training loss that is finite was not logged there."""
    known = np.isnan(values) & np.isfinite(history.get("train_loss", np.full(len(values), np.nan)))
    values = values[~known] if len(values) and not known.all() else values
    ends = (values[0], values[-1]) if len(values) else (np.nan, np.nan)
    first, last = (value.item() if np.isfinite(value) else None for value in map(np.asarray, ends))
    return {"length": len(values), "first": first, "last": last}


def _checkpoints(model: Model) -> dict[str, Any] | None:
    if model.checkpoints is None:
        return None
    steps = model.checkpoint_steps
    return {"count": len(model.checkpoints), "steps": None if steps is None else steps.tolist()}

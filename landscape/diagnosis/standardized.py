"""Standardize the inputs, and rewrite the first layer so that the network is the same function."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from landscape.diagnosis.vetoes import flat_inputs
from landscape.model import Model

# Inputs are standardized where features differ so much in variance, lie so far from zero, or are so large or small.
UNEVEN, FAR, LARGE, SMALL = 100.0, 3.0, 10.0, 0.01


def standardized(model: Model) -> Model | None:
    """Return the same function of standardized inputs, or None if that cannot be or need not.

    With x' = (x − μ)/σ the layer is W' = W·diag(σ), b' = b + Wμ.
    """
    first = model.nodes[0]
    weight, bias = f"{first.name}.weight", f"{first.name}.bias"
    plain = first.traits.product == "matrix" and first.inputs == ("input",) and first.parameters_of is None
    readers = sum("input" in node.inputs for node in model.nodes)
    if not plain or readers != 1 or len(model.input_shape) != 1 or bias not in model.parameters:
        return None
    x = flat_inputs(model, "train")
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    moving = deviation > 1e-9 * max(float(deviation.max()), 1e-300)
    deviation = np.where(moving, deviation, 1.0)
    uneven = float((deviation[moving].max() / deviation[moving].min()) ** 2) if moving.any() else 1.0
    far = float(np.max(np.abs(mean[moving] / deviation[moving]), initial=0.0))
    size = float(np.sqrt(np.mean(deviation[moving] ** 2))) if moving.any() else 1.0
    if uneven < UNEVEN and far < FAR and SMALL <= size <= LARGE:
        return None
    data = dict(model.data)
    for split in model.splits:
        moved = (flat_inputs(model, split) - mean) / deviation
        data[f"x_{split}"] = moved.astype(np.float32)
    parameters = dict(model.parameters)
    parameters[weight] = model.parameters[weight] * deviation
    parameters[bias] = model.parameters[bias] + model.parameters[weight] @ mean
    return replace(
        model, data=data, parameters=parameters, optimizer={}, checkpoints=None, checkpoint_steps=None
    )

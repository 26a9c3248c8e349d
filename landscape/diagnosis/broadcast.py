"""Whether the network is at a stationary point of a loss whose targets broadcast against its outputs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from landscape.model import Model
from landscape.objective import NetworkObjective


def broadcast_ratio(model: Model, threads: int | None = None) -> float:
    r"""Give the gradient of the mean of all $(f_i - y_j)^2$ over this loss's gradient; NaN for another loss, or several outputs.

    An output of shape [N, 1] minus targets of shape [N] is [N, N]. The gradient of its mean of squares is that of targets which are all
    the mean, so that nothing but the mean is learned.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> x = np.array([[-1.0], [0.0], [1.0]])
    >>> flat = build_model(layers=[(np.zeros((1, 1)), np.array([2.0]))], loss="mse", x_train=x, y_train=2 + 3 * x)
    >>> broadcast_ratio(flat)
    0.0
    """
    y = np.asarray(model.data["y_train"])
    if model.loss != "mse" or math.prod(model.nodes[-1].shape) != 1:
        return math.nan
    mean = np.full_like(y, y.mean())
    other = replace(model, data={**model.data, "y_train": mean}, weight_decay=0.0)
    here = replace(model, weight_decay=0.0)
    sizes = [
        float(np.linalg.norm(NetworkObjective(m, "train", threads=threads).gradient(m.theta)))
        for m in (other, here)
    ]
    return sizes[0] / sizes[1] if sizes[1] > 0 else math.nan

"""Remarks that `landscape info` adds to the contents of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from landscape.errors import InputError

if TYPE_CHECKING:
    from landscape.model import Model

# Losses under which PyTorch broadcasts outputs and targets of different shapes.
CRITERIA = {"mse": "MSELoss", "mae": "L1Loss", "huber": "HuberLoss"}
# Outputs that spread less than this, in parts of the targets' spread, do not follow them.
SPREAD = 0.1
# So near the mean, in parts of the targets' spread, they are taken for it.
NEAR = 0.2
LOOKED_AT = 1000
FEWEST = 8


def remarks(model: Model) -> list[str]:
    """List what may be wrong with a model, judging by its file, one sentence each."""
    if model.loss not in CRITERIA or model.not_finite() or model.nodes[-1].shape not in ((), (1,)):
        return []
    from landscape.objective import NetworkObjective

    targets = np.asarray(model.data["y_train"], np.float64)
    try:
        chosen = min(len(targets), LOOKED_AT)
        outputs = NetworkObjective(model, "train", examples=chosen).outputs(model.theta)
    except InputError:
        return []
    spread = float(targets.std())
    if len(targets) < FEWEST or spread == 0.0 or not np.isfinite(outputs).all():
        return []
    follows, away = float(outputs.std()) / spread, abs(float(outputs.mean() - targets.mean())) / spread
    if follows > SPREAD or away > NEAR:
        return []
    return [
        f"the network has learned only the mean of the targets: its outputs spread {follows:.2g} times as wide as they do. "
        f"PyTorch's {CRITERIA[model.loss]} makes that of outputs [N, 1] and targets [N], which it broadcasts to [N, N]: "
        "if that may be so, give it y.unsqueeze(1)"
    ]

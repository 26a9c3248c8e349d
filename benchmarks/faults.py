"""Draw every case of `landscape.faults` and print what it shows: `python benchmarks/faults.py [--seeds 3]`.

A line is a case or its healthy twin: losses and accuracies over the seeds (median and range), the loss of the best constant, and what marks
the fault: units off on all training inputs, the gradient of the first layer over that of the last, the rank of the first layer, targets out of the
output's range, the cosine of the data's gradient with the penalty's.
"""

from __future__ import annotations

import argparse
import math

import numpy as np

from landscape.faults import CASES, draw
from landscape.model import Model
from landscape.objective import NetworkObjective


def constant_loss(model: Model) -> float:
    """The loss of the best constant predictor on the training data."""
    y = np.asarray(model.data["y_train"])
    if model.loss == "cross_entropy":
        share = np.bincount(y) / len(y)
        return float(-np.sum(share * np.log(share, where=share > 0, out=np.zeros_like(share))))
    center = np.median(y, axis=0) if model.loss == "mae" else y.mean(axis=0)
    return float(np.mean(np.abs(y - center)) if model.loss == "mae" else np.mean((y - center) ** 2))


def marks(model: Model) -> dict[str, float]:
    """Return the numbers that mark the faults, as far as they are defined for this network."""
    objective = NetworkObjective(model, "train", threads=1)
    gradient = objective.gradient(model.theta)
    weights = [slot for slot in model.layout if slot.parameter == "weight"]
    norms = [float(np.linalg.norm(gradient[slot.start : slot.stop])) for slot in weights]
    outputs = np.asarray(objective.outputs(model.theta))
    first = next(iter(model.parameters.values()))
    found = {
        "gradient": float(np.linalg.norm(gradient)),
        "ratio": norms[0] / norms[-1] if norms[-1] else math.nan,
        "rank": float(np.linalg.matrix_rank(first, 1e-6 * np.linalg.norm(first, 2)) if first.any() else 0),
        "outputs": float(outputs.std(axis=0).max()),
    }
    penalty = model.decay_vector() * model.theta
    if penalty.any():
        data = gradient - penalty
        found["cosine"] = float(data @ penalty / np.linalg.norm(data) / np.linalg.norm(penalty))
    if model.nodes[-1].op == "sigmoid":
        y = model.data["y_train"]
        found["out of range"] = float(np.mean((y < 0) | (y > 1)))
    return found


def middle(values: list[float], form: str = ".4g") -> str:
    """Write median and range."""
    low, mid, high = np.min(values), np.median(values), np.max(values)
    return f"{mid:{form}} ({low:{form}}–{high:{form}})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("names", nargs="*", default=list(CASES))
    options = parser.parse_args()
    for name in options.names:
        for twin in (False, True):
            models = [draw(name, seed, twin=twin) for seed in range(options.seeds)]
            print(f"{name}, {CASES[name].twin}" if twin else f"\n{name}: {CASES[name].title}")
            print(f"  constant   {middle([constant_loss(model) for model in models])}")
            for series in models[0].history:
                if series not in ("step", "gradient_norm", "learning_rate"):
                    print(f"  {series:20} {middle([float(model.history[series][-1]) for model in models])}")
            found = [marks(model) for model in models]
            for mark in found[0]:
                print(f"  {mark:20} {middle([row[mark] for row in found], '.2g')}")


if __name__ == "__main__":
    main()

"""Whether a recipe's training shows the fault of its label: judged by that training and a longer one of the same recipe, independently of the tool.

A draw of a fault that learned all the same has no fault, and one that is meant to be healthy and stopped halfway is not healthy. Neither is counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from landscape import DivergenceError, Model
from landscape.diagnosis.statistics import recomputed
from landscape.faults import trained
from landscape.objective import NetworkObjective

# A loss of at most this part of the constant's is small; of a larger one the longer training, of so many times the updates, may remove less than half.
SMALL, LONGER, HALF = 0.1, 3, 0.5
# A shift of validation or test that makes them differ by no more than this part of the range is none.
HARMLESS = 0.05


@dataclass(frozen=True)
class Draw:
    """The data by which a label is judged: the kind of its recipe, the right answers, and measurements of the trained network."""

    kind: str
    accepted: tuple[str, ...]
    features: dict[str, float]

    @property
    def codes(self) -> set[str]:
        """The answers that are right, without sub-codes."""
        return {code.split("/")[0] for code in self.accepted}

    @property
    def is_small(self) -> bool:
        """Whether the training loss is a tenth of the best constant predictor's, or less."""
        return self.features["train_loss"] <= SMALL * self.features["constant"]

    @property
    def is_verified(self) -> bool:
        """Whether the training came out with its fault, or healthy."""
        return self.shows_fault() if self.kind == "fault" else self.shows_health()

    def shows_fault(self) -> bool:
        """Say whether a fault shows: the network did not learn, recomputed statistics lower the loss, or a shift makes the held-out sets differ."""
        f = self.features
        if self.codes & {"optimization", "model-bias"}:
            return not self.is_small
        if self.accepted == ("broken/stale-statistics",):
            return f.get("recomputed", -math.inf) < f["train_loss"]
        if self.codes == {"mismatch"} and {"validation_loss", "test_loss"} <= f.keys():
            return abs(gap(f, "validation", "test")) > HARMLESS
        return True

    def shows_health(self) -> bool:
        """Say whether a network is healthy: its loss is small, or a floor is right to say of it and the longer training leaves most of the loss."""
        if self.is_small:
            return True
        return (
            "noise-floor" in self.codes
            and self.features.get("longer", math.nan) > HALF * self.features["train_loss"]
        )


def draw_of(result: dict[str, Any]) -> Draw:
    """Return what the label of a line of results is judged by."""
    return Draw(result["kind"], tuple(result["accepted"]), result["features"])


def gap(f: dict[str, float], base: str, other: str) -> float:
    """Return how much worse a split is than another: by accuracy, or else by loss in parts of the constant's."""
    if "train_accuracy" in f:
        return f[f"{base}_accuracy"] - f[f"{other}_accuracy"]
    return (f[f"{other}_loss"] - f[f"{base}_loss"]) / f["constant"]


def recomputed_loss(model: Model) -> dict[str, float]:
    """Return the training loss with the running statistics of the training data, nothing where a network has none."""
    other = recomputed(model, threads=1)
    return (
        {}
        if other is None
        else {"recomputed": NetworkObjective(other, "train", threads=1).value(other.theta)}
    )


def longer_loss(start: Model, settings: dict[str, Any], seed: int) -> float:
    """Train by the same recipe for three times the updates, and return the training loss; infinite where that diverges."""
    try:
        model = trained(start, settings | {"steps": LONGER * settings["steps"]}, seed=seed, threads=1)
    except DivergenceError:
        return math.inf
    return float(NetworkObjective(model, "train", threads=1).value(model.theta))


def left_out(results: list[dict[str, Any]]) -> str:
    """Say how many draws are not counted, with the training loss of each in parts of the constant's."""
    without = [(r, draw_of(r)) for r in results]
    without = [(r, draw) for r, draw in without if not draw.is_verified]
    faulty = sum(draw.kind == "fault" for _, draw in without)
    lines = [f"not counted: {faulty} came out without their fault, {len(without) - faulty} not healthy"]
    for r, draw in without:
        f = draw.features
        longer = (
            f", after {LONGER} times the updates {f['longer'] / f['constant']:.3g}" if "longer" in f else ""
        )
        lines.append(
            f"  {r['name']} {r['seed']}: loss {f['train_loss'] / f['constant']:.3g} of the constant's{longer}"
        )
    return "\n".join(lines)

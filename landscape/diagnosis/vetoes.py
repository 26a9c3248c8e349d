"""Step 0: what training cannot mend, seen in seconds and without training."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.diagnosis.citing import Reason
from landscape.diagnosis.thresholds import Thresholds
from landscape.errors import InputError
from landscape.model import Model
from landscape.model.losses import classes_of
from landscape.objective import NetworkObjective
from landscape.objective.examples import Scores
from landscape.objective.targets import has_soft_targets
from landscape.ops.operation import Operation
from landscape.training import initialize

Array = NDArray[np.float64]

# Outputs that differ less over the inputs are one output.
CONSTANT = 1e-8
DRAWS = 3
DISTANCES = ("mse", "mae", "huber")


@dataclass(frozen=True)
class Veto:
    """Something that is broken: a sub-code, a sentence, the number it hangs on, what to do, and what else is known of it."""

    subtype: str
    reason: str
    value: float
    threshold: float
    advice: str
    details: tuple[Reason, ...] = ()


def output_op(model: Model) -> Operation:
    """Return the op that makes the output, those that move no number left out."""
    nodes = {node.name: node for node in model.nodes}
    node = model.nodes[-1]
    while node.traits.passes and node.inputs[0] in nodes:
        node = nodes[node.inputs[0]]
    return node.operation


def varies(outputs: Array) -> float:
    """Give the largest standard deviation of an output over the inputs."""
    flat = outputs.reshape(len(outputs), -1)
    return float(flat.std(axis=0).max()) if len(flat) > 1 else math.inf


def constant_output(model: Model, scored: Scores, seed: int, threads: int | None) -> tuple[Veto | None, bool]:
    """Say whether the output is constant whatever the parameters (a veto), and whether it is at these (a state)."""
    if (
        model.loss in ("cross_entropy", "kl_divergence")
        and classes_of(model.loss, model.nodes[-1].shape) == 1
    ):
        reason = "a cross-entropy over one output is 0 whatever the network does"
        return Veto("constant-output", reason, 1.0, 2.0, "give the network an output for each class"), True
    spread = varies(scored.outputs)
    if spread >= CONSTANT:
        return None, False
    objective = NetworkObjective(model, "train", threads=threads)
    drawn = [varies(objective.outputs(initialize(model, "he", seed + i))) for i in range(1, DRAWS + 1)]
    if max(drawn) >= CONSTANT:
        return None, True
    reason = (
        f"the output does not depend on the input, at {DRAWS} random parameters neither "
        f"(standard deviation {max(drawn):.1e})"
    )
    one = output_op(model).traits.applied_by == "cross_entropy" and model.nodes[-1].shape[-1] == 1
    advice = (
        "replace the softmax over one unit by a sigmoid"
        if one
        else "check that the graph leads from the input to the output"
    )
    return Veto("constant-output", reason, max(drawn), CONSTANT, advice), True


def out_of_range(model: Model, limits: Thresholds) -> Veto | None:
    """Look for targets that the output cannot take, and for a softmax or sigmoid in front of a loss that applies its own."""
    output = output_op(model)
    op, span = output.name, output.traits.output_range
    targets = np.asarray(model.data["y_train"])
    if model.loss in DISTANCES and span is not None:
        low, high = span
        share = float(np.mean((targets < low) | (targets > high)))
        if share <= limits.output_range:
            return None
        reason = f"{share:.0%} of the targets lie outside the range of the output's {op}"
        return Veto(
            "output-range", reason, share, limits.output_range, f"leave the {op} out, or scale the targets"
        )
    if output.traits.applied_by == model.loss:
        # With weights or smoothing the least loss is another, which is not known here.
        plain = not model.loss_options.given() and not has_soft_targets(model)
        least = bounded_floor(model) if plain else 0.0
        reason = f"the loss applies a {op} to the output of a {op}"
        reason += f": it cannot fall below {least:.3g}" if plain else ""
        return Veto(
            "output-range", reason, least, 0.0, f"leave the network's own {op} out: the loss wants logits"
        )
    return None


def bounded_floor(model: Model) -> float:
    """Give the least loss of logits that lie in [0, 1]."""
    if model.loss == "cross_entropy":
        return math.log(1.0 + (model.nodes[-1].shape[-1] - 1) / math.e) * abs(model.loss_scale)
    positive = float(np.mean(np.asarray(model.data["y_train"])))
    return (positive * math.log(1 + 1 / math.e) + (1 - positive) * math.log(2.0)) * abs(model.loss_scale)


def constant_targets(model: Model, constant: float) -> Veto | None:
    """Look for targets that are all one."""
    if constant > 0:
        return None
    reason = "all training targets are the same: the best constant predictor's loss is 0"
    return Veto("no-signal", reason, constant, 0.0, "check how the targets were made")


def vetoes(
    model: Model, scored: Scores, constant: float, limits: Thresholds, seed: int, threads: int | None = None
) -> tuple[list[Veto], bool]:
    """Give all vetoes, and whether the output is constant at these parameters only."""
    structural, constant_here = constant_output(model, scored, seed, threads)
    found = [structural, out_of_range(model, limits), constant_targets(model, constant)]
    return [veto for veto in found if veto is not None], constant_here


def warnings(model: Model, limits: Thresholds) -> list[str]:
    """Say what is odd about the data and proves nothing: scales, the same x with other y, examples shared by splits."""
    said: list[str] = []
    if not np.issubdtype(model.data["x_train"].dtype, np.floating):
        return said
    x = {split: flat_inputs(model, split) for split in model.splits}
    condition = input_scales(model)
    if condition > limits.scales:
        said.append(
            f"the variances of the inputs differ by a factor of {condition:.1e} (above {limits.scales:.0e}): standardize them"
        )
    contradicted = contradictions(x["train"], np.asarray(model.data["y_train"]))
    if contradicted:
        said.append(f"{contradicted:,} training examples have the input of another one and another target")
    shared = {split: shared_rows(x["train"], x[split]) for split in ("validation", "test") if split in x}
    said += [
        f"leakage: {count:,} of {len(x[split]):,} {split} examples are training examples"
        for split, count in shared.items()
        if count
    ]
    return said


def flat_inputs(model: Model, split: str) -> Array:
    """Give the inputs of a split as the network sees them, an example a row."""
    x = np.asarray(model.data[f"x_{split}"])
    scale = 255.0 if x.dtype == np.uint8 else 1.0
    return np.asarray(x.reshape(len(x), -1) / scale, np.float64)


def input_scales(model: Model) -> float:
    """Give how much the variances of the inputs differ; NaN where they are no numbers on a scale."""
    if not np.issubdtype(model.data["x_train"].dtype, np.floating):
        return math.nan
    return scale_condition(flat_inputs(model, "train"))


def scale_condition(x: Array) -> float:
    """Give the largest over the smallest variance of a feature, those that hardly ever vary aside: the tenth part of least variance.

    >>> scale_condition(np.array([[0.0, 0.0], [1.0, 100.0]]))
    10000.0
    """
    variances = np.sort(x.var(axis=0))
    known = variances[variances > 1e-12 * max(variances.max(initial=0.0), 1e-300)]
    return float(known[-1] / known[len(known) // 10]) if len(known) else 1.0


def contradictions(x: Array, y: NDArray) -> int:
    """Count the examples that share their input with an earlier one of another target."""
    groups = np.unique(x, axis=0, return_inverse=True)[1].ravel()
    targets = np.unique(y.reshape(len(y), -1), axis=0, return_inverse=True)[1].ravel()
    pairs = np.unique(np.stack([groups, targets]), axis=1)
    return int(pairs.shape[1] - len(np.unique(groups)))


def shared_rows(one: Array, other: Array) -> int:
    """Count the rows of the other that stand in the one, where rows are wide enough not to meet by chance."""
    if one.shape[1] < 2:
        return 0
    known = {row.tobytes() for row in one}
    return sum(row.tobytes() in known for row in other)


def contradiction_of_log(model: Model, loss: float, penalty: float, constant: float) -> str:
    """Say how the log contradicts the parameters; empty where it does not, or cannot."""
    series = model.history.get("train_loss")
    if series is None or not len(series) or model.training.get("history_loss", "full") != "full":
        return ""
    last = float(series[-1])
    allowed = 0.01 * (constant + abs(loss))
    if not math.isfinite(last) or min(abs(last - loss), abs(last - loss - penalty)) <= allowed:
        return ""
    return f"the log ends with a training loss of {last:.4g}, the parameters have {loss:.4g}"


def require_examples(model: Model) -> None:
    """Refuse a model that nothing can be said of.

    Raises
    ------
    InputError
        No trainable parameters.
    """
    if model.size == 0:
        raise InputError("the model has no trainable parameters: there is nothing to diagnose")

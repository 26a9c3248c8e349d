"""Step 0: faults that no training can mend, found in seconds without training."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.diagnosis.citing import SHARE, Cited, Reason
from landscape.diagnosis.pytorch import ENDS
from landscape.diagnosis.ranges import ANYWHERE, end_of, least_loss, least_within
from landscape.diagnosis.thresholds import Thresholds
from landscape.errors import InputError
from landscape.model import Model
from landscape.model.losses import classes_of
from landscape.objective import NetworkObjective
from landscape.objective.examples import Scores
from landscape.training import initialize

Array = NDArray[np.float64]

# Outputs that differ less over the inputs are one output.
CONSTANT = 1e-8
DRAWS = 3
DISTANCES = ("mse", "mae", "huber")
# A range that keeps more than this part of a large loss is what is wrong with it.
MOSTLY = 0.5
# Copies are looked for among so many inputs.
MOST_COLUMNS = 1000


@dataclass(frozen=True)
class Veto:
    """Something that is broken: a sub-code, a sentence, the number it hangs on, what to do, and what else is known of it."""

    subtype: str
    reason: str
    value: float
    threshold: float
    advice: str
    details: tuple[Reason, ...] = ()
    pytorch: str = ""
    remedy: str = ""


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
    one = end_of(model).traits.applied_by == "cross_entropy" and model.nodes[-1].shape[-1] == 1
    advice = (
        "replace the softmax over one unit by a sigmoid"
        if one
        else "check that the graph leads from the input to the output"
    )
    return Veto("constant-output", reason, max(drawn), CONSTANT, advice), True


@dataclass(frozen=True)
class Ended:
    """A network's last activation: its op, the loss that applies it itself, and the loss.

    `least` is the least loss in its range, `free` that of outputs anywhere, and `outside` the share of the targets outside.
    """

    op: str
    applied_by: str | None
    loss: str
    least: float
    outside: float
    free: float = 0.0

    @property
    def twice(self) -> bool:
        """Whether the loss applies the same op once more."""
        return self.applied_by == self.loss

    @property
    def misses(self) -> bool:
        """Whether it is a distance that targets outside the range keep large."""
        return self.loss in DISTANCES and self.applied_by != "cross_entropy"


def out_of_range(model: Model, loss: float, constant: float, limits: Thresholds) -> Veto | None:
    """Look whether the range of the last activation alone keeps the loss large, and for one that the loss applies once more."""
    end = end_of(model)
    if end.traits.output_range is None:
        return None
    ended = Ended(
        end.op,
        end.traits.applied_by,
        model.loss,
        least_loss(model),
        outside(model),
        least_within(model, ANYWHERE),
    )
    return held_up(ended, loss, constant, limits)


def held_up(end: Ended, loss: float, constant: float, limits: Thresholds) -> Veto | None:
    """Return the veto of a last activation whose range keeps the loss large, or that the loss applies once more; None where it does not."""
    # What targets that are shares of classes keep of the loss is no matter of the range.
    least, costs = end.least, end.least - end.free
    if not constant > 0:
        return None
    large = costs > limits.large * constant
    mostly = loss > limits.large * constant and costs > max(MOSTLY * loss, limits.removable * constant)
    if not (end.twice or large or mostly):
        return None
    if end.twice:
        reason = f"the loss applies a {end.op} to the output of a {end.op}: it cannot fall below {least:.3g}"
    elif end.misses:
        reason = f"{end.outside:.0%} of the targets lie outside the range of the output's {end.op}: the loss cannot fall below {least:.3g}"
    else:
        reason = f"the output passes through a {end.op}: this loss of it cannot fall below {least:.3g}"
    part = Cited(
        sentence=f"whatever the parameters, {{value}} of the best constant predictor's loss, {constant:.4g}, is left",
        claim="large", value=least / constant, side="above", threshold=limits.large, styles=SHARE,
    )  # fmt: skip
    logits = end.loss not in DISTANCES
    advice = f"leave the {end.op} out" + (
        ": the loss wants logits" if logits else ", or scale the targets into its range"
    )
    return Veto(
        "output-range",
        reason,
        least,
        limits.large * constant,
        advice,
        (part,) if large else (),
        without_words(end.loss, end.op),
        WITHOUT_END,
    )


# The remedy that leaves the last activation out, by its label in the table of remedies.
WITHOUT_END = "without end"


def without_words(loss: str, op: str) -> str:
    """Say in PyTorch's words how the last activation is left out."""
    losses = {"cross_entropy": "nn.CrossEntropyLoss", "binary_cross_entropy": "nn.BCEWithLogitsLoss"}
    layer = ENDS.get(op)
    said = f"delete {layer} behind the last nn.Linear" if layer else f"delete the {op} at the end of forward"
    return said + (f"; {losses[loss]}()(net(x), y) takes what is left" if loss in losses else "")


def outside(model: Model) -> float:
    """Return the share of the targets that the last activation cannot take."""
    span, targets = end_of(model).traits.output_range, np.asarray(model.data["y_train"])
    return 0.0 if span is None else float(np.mean((targets < span[0]) | (targets > span[1])))


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
    bounded = None if structural is not None else out_of_range(model, scored.mean, constant, limits)
    found = [structural, bounded, constant_targets(model, constant)]
    return [veto for veto in found if veto is not None], constant_here


def warnings(model: Model, limits: Thresholds) -> list[str]:
    """Say what is odd about the data and proves nothing: scales, the same x with other y, inputs that never change or are copies."""
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
    return said + range_words(model, limits) + column_words(x)


def range_words(model: Model, limits: Thresholds) -> list[str]:
    """Say how many targets lie outside the range of the last activation, and what that costs, where they are more than a few."""
    share = outside(model) if model.loss in DISTANCES else 0.0
    if share <= limits.output_range:
        return []
    return [outside_words(end_of(model).op, share, least_loss(model), limits)]


def outside_words(op: str, share: float, least: float, limits: Thresholds) -> str:
    """Say that a share of the targets lies outside the range of an op."""
    return (
        f"{share:.0%} of the targets lie outside the range of the output's {op} (warned of above {limits.output_range:.0%}): no loss "
        f"below {least:.3g} is possible"
    )


def column_words(x: dict[str, Array]) -> list[str]:
    """Say which inputs are one number in training and others elsewhere, and which are copies of others."""
    still = np.flatnonzero(np.ptp(x["train"], axis=0) == 0) if len(x["train"]) else np.zeros(0, int)
    said = []
    for split in (split for split in ("validation", "test") if split in x):
        moved = [int(i) for i in still if np.any(x[split][:, i] != x["train"][0, i])]
        if moved:
            said.append(
                f"input {moved[0]}{f' and {len(moved) - 1} more are' if len(moved) > 1 else ' is'} the same for all training examples and not for "
                f"{split}: nothing can be learned of {'them' if len(moved) > 1 else 'it'}"
            )
    if x["train"].shape[1] <= MOST_COLUMNS:
        moving = np.delete(x["train"], still, axis=1)
        copies = moving.shape[1] - len(np.unique(moving, axis=1).T)
        said += [f"{copies} inputs are copies of others"] if copies else []
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

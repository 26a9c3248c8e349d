"""Measurements of the parameters: dead and identical units, vanishing gradients, curvature against the learning rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.diagnosis.curvature import Escaped, curvature_at, escape_from, largest_curvature
from landscape.diagnosis.ranges import end_of
from landscape.diagnosis.structure import is_affine
from landscape.diagnosis.thresholds import Thresholds
from landscape.model import Model
from landscape.model.nodes import Node
from landscape.objective import NetworkObjective
from landscape.objective.units import UnitRange, unit_ranges
from landscape.ops.table import OPERATIONS
from landscape.studies.batch_sharpness import batch_sharpness
from landscape.studies.batch_size import noise_scale
from landscape.studies.limits import limit_factor
from landscape.training import Recipe

Array = NDArray[np.float64]

# Rows of weights that differ by less than this part of the largest are one row.
SAME = 1e-5
# Optimizers whose steps are gradients times the rate; checkpoints at which the curvature is taken, up to so many parameters.
PLAIN = ("sgd", "heavy_ball")
CHECKPOINTS, LARGEST = 6, 10_000


@dataclass(frozen=True, kw_only=True)
class State:
    """The evidence of the parameters alone; NaN where it was not looked at.

    `stability` is the largest curvature over what the rate allows, `highest` the largest that it was at the checkpoints, and
    `highest_step` the update of that one. `batch_sharpness` is the mean over batches of gᵀH_B g/‖g‖², `batch_stability` that over what the
    rate allows. `affine` says whether the network is an affine function of its inputs, `linear` whether one of several layers is.
    `dead_outputs` of `outputs` are the same for all inputs behind a last activation. `turning` is the mean cosine between successive steps of
    the user's last updates, done again.
    """

    dead: float = 0.0
    dead_layer: str = ""
    identical: str = ""
    rank: int = 0
    rank_most: int = 0
    gradient_ratio: float = math.nan
    gradient_norm: float = math.nan
    decrement: float = math.nan
    eigenvalue_min: float = math.nan
    eigenvalue_error: float = math.nan
    eigenvalue_max: float = math.nan
    escape: float = 0.0
    stability: float = math.nan
    highest: float = math.nan
    highest_step: int = 0
    noise: float = math.nan
    condition: float = math.nan
    spread: float = math.nan
    linear: bool = False
    affine: bool = False
    constant_output: bool = False
    batch_sharpness: float = math.nan
    batch_stability: float = math.nan
    dead_outputs: int = 0
    outputs: int = 0
    turning: float = math.nan

    def told(self) -> dict[str, Any]:
        """Give it as JSON, null for what is not known."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(self).items()
        }


def state_of(
    model: Model,
    recipe: Recipe,
    constant: float,
    limits: Thresholds,
    *,
    constant_output: bool,
    threads: int | None,
) -> tuple[State, Escaped | None]:
    """Look at the parameters; at the Hessian too, where the gradient is small or the network is."""
    objective = NetworkObjective(model, "train", threads=threads)
    gradient = objective.gradient(model.theta)
    dead, layer = dead_share(objective)
    rank = first_rank(model)
    local = curvature_at(objective, gradient, constant, limits, model.theta)
    escaped = escape_from(objective, local, constant, limits)
    state = State(
        dead=dead, dead_layer=layer, identical=identical_units(model), rank=rank[0], rank_most=rank[1],
        condition=local.condition, spread=local.spread,
        gradient_ratio=gradient_ratio(model, gradient), gradient_norm=float(np.linalg.norm(gradient)),
        decrement=local.decrement, eigenvalue_min=local.least, eigenvalue_error=local.error,
        escape=0.0 if escaped is None else -float(escaped.actual.min()) / constant,
        eigenvalue_max=local.largest, stability=stability(recipe, local.largest),
        noise=noise_ratio(model, recipe, gradient, threads), constant_output=constant_output,
    )  # fmt: skip
    return replace(
        state, **linearity(model, threads), **batch_state(model, recipe, threads), **dead_outputs(objective)
    ), escaped


def dead_share(objective: NetworkObjective) -> tuple[float, str]:
    """Give the largest share of an activation's units that do the same for all inputs, and which node it is."""
    last = objective.model.nodes[-1].name
    return most_dead([unit for unit in unit_ranges(objective, objective.model.theta) if unit.node != last])


def most_dead(units: Sequence[UnitRange]) -> tuple[float, str]:
    """Give the largest share of units, of several activations, that do the same for all inputs, and which activation it is."""
    worst, where = 0.0, ""
    for unit in units:
        share = float(np.mean(gone(unit)))
        if share > worst:
            worst, where = share, unit.node
    return worst, where


def gone(unit: UnitRange) -> NDArray[np.bool_]:
    """Say which units [F] of an activation hardly change with the input: they lie where its slope is next to nothing for all examples.

    >>> gone(UnitRange("act", "relu", np.array([-2.0, -1.0]), np.array([-1.0, 3.0]), np.zeros(2, int))).tolist()
    [True, False]
    """
    bend = OPERATIONS[unit.op].traits.bend
    low, high = bend.weak if bend else (-math.inf, math.inf)
    return np.asarray((unit.low > high) | (unit.high <= low))


def dead_outputs(objective: NetworkObjective) -> dict[str, Any]:
    """Count the outputs behind a last activation that do the same for all inputs, and all of them."""
    last = end_of(objective.model).name
    for unit in unit_ranges(objective, objective.model.theta):
        if unit.node == last and OPERATIONS[unit.op].traits.bend is not None:
            return counted_dead(unit)
    return {}


def counted_dead(unit: UnitRange) -> dict[str, Any]:
    """Count the units of an activation that do the same for all inputs, and all of them, as outputs."""
    return {"dead_outputs": int(np.sum(gone(unit))), "outputs": int(np.size(unit.low))}


def identical_units(model: Model) -> str:
    """Name the first hidden layer of several units, or filters, of which half are copies of others; empty if there is none.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> layers = [(np.zeros((2, 3)), np.zeros(3)), (np.zeros((3, 1)), np.zeros(1))]
    >>> identical_units(build_model(layers=layers, x_train=np.eye(2), y_train=[0.0, 1.0], loss="mse"))
    'dense1'
    """
    weighted = [node for node in model.nodes if node.traits.product != "none"]
    for node in weighted[:-1]:
        rows = unit_rows_of(model, node)
        if len(rows) > 1 and 2 * distinct_rows(rows) <= len(rows):
            return node.name
    return ""


def unit_rows_of(model: Model, node: Node) -> Array:
    """Return the weights of a layer's units or filters, with their biases, a unit a row."""
    weight = np.asarray(model.parameters[f"{node.owner}.weight"], np.float64)
    weight, bias = weight.reshape(len(weight), -1), model.parameters.get(f"{node.owner}.bias")
    return weight if bias is None else np.concatenate([weight, np.asarray(bias, np.float64)[:, None]], axis=1)


def distinct_rows(rows: Array) -> int:
    """Count the rows that differ from all before them by more than `SAME` of the largest weight.

    >>> distinct_rows(np.array([[1.0, 0.0], [1.0, 1e-9], [0.0, 1.0], [1.0, 0.0]]))
    2
    """
    largest = float(np.abs(rows).max())
    if not largest > 0:
        return 1
    return len(np.unique(np.round(rows / (SAME * largest)), axis=0))


def first_rank(model: Model) -> tuple[int, int]:
    """Give the numerical rank of the first layer's weights, a unit a row, and the most that their shape allows; 0, 0 without weights.

    Singular values below `SAME` of the largest are rounding.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> layers = [(np.ones((2, 3)), np.zeros(3)), (np.zeros((3, 1)), np.zeros(1))]
    >>> first_rank(build_model(layers=layers, x_train=np.eye(2), y_train=[0.0, 1.0], loss="mse"))
    (1, 2)
    """
    for slot in model.layout:
        if len(slot.shape) >= 2:
            rows = np.asarray(model.parameters[slot.name], np.float64).reshape(slot.shape[0], -1)
            values = np.linalg.svd(rows, compute_uv=False)
            return int(np.sum(values > SAME * max(values[0], np.finfo(float).tiny))), len(values)
    return 0, 0


def gradient_ratio(model: Model, gradient: Array) -> float:
    """Give the root mean square gradient of the first matrix of weights over the last one's; NaN for one matrix or none moving."""
    sizes = [
        float(np.sqrt(np.mean(gradient[slot.start : slot.stop] ** 2)))
        for slot in model.layout
        if len(slot.shape) >= 2
    ]
    return sizes[0] / sizes[-1] if len(sizes) > 1 and sizes[-1] > 0 else math.nan


def linearity(model: Model, threads: int | None = None) -> dict[str, Any]:
    """Return whether a network is affine, whatever layers it has, its last activation left out; and whether it has several layers for it."""
    several = sum(node.traits.product != "none" for node in model.nodes) > 1
    affine = is_affine(model, threads)
    return {"affine": affine, "linear": affine and several}


def batch_state(model: Model, recipe: Recipe, threads: int | None) -> dict[str, Any]:
    """Give the sharpness of the recipe's batches, and that over what the rate allows; nothing where the steps are no gradients times the rate."""
    if (
        recipe.optimizer != "sgd"
        or recipe.momentum
        or model.size > LARGEST
        or recipe.batch_size >= model.examples("train")
    ):
        return {}
    found = batch_sharpness(model, recipe.batch_size, recipe.seed, threads=threads)
    return {"batch_sharpness": found, "batch_stability": stability(recipe, found)}


def stability(recipe: Recipe, largest: float) -> float:
    """Give the largest curvature over what the rate allows, 2(1 + β)/η; NaN for optimizers that rescale."""
    if recipe.optimizer not in PLAIN or not math.isfinite(largest):
        return math.nan
    return recipe.learning_rate * largest / limit_factor("sgd", recipe.filled().momentum or 0.0)


def noise_ratio(model: Model, recipe: Recipe, gradient: Array, threads: int | None) -> float:
    """Give ‖ḡ‖²·B/tr Σ: below 1 the gradient of a batch is mostly noise."""
    if model.examples("train") < 4 or not np.any(gradient):
        return math.nan
    scale = noise_scale(model, recipe.seed, threads)
    return min(recipe.batch_size, model.examples("train")) / scale if scale > 0 else math.nan


def highest_stability(model: Model, series: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Give where along the checkpoints the largest curvature was most of what the rate allows; nothing where the rate changed on the way."""
    known = model.training.get("schedule", "constant") == "constant" and not model.training.get("warmup")
    values = series.get("stability.value", np.zeros(0))
    if not known or not len(values):
        return {}
    place = int(np.argmax(values))
    return {
        "highest": float(values[place] / series["stability.limit"]),
        "highest_step": int(series["stability.step"][place]),
    }


def stability_series(model: Model, recipe: Recipe, threads: int | None) -> dict[str, Array]:
    """Give η λ_max at some of the checkpoints, and its limit 2(1 + β); nothing without checkpoints or for optimizers that rescale."""
    steps, points = model.checkpoint_steps, model.checkpoints
    if points is None or steps is None or recipe.optimizer not in PLAIN or model.size > LARGEST:
        return {}
    chosen = np.unique(np.linspace(0, len(points) - 1, CHECKPOINTS).astype(int))
    known = [place for place in chosen if np.isfinite(points[place]).all()]
    values = []
    for place in known:
        there, buffers = model.with_theta(points[place].astype(np.float64)), model.checkpoint_buffers
        there = there if buffers is None else there.with_buffers(buffers[place])
        objective = NetworkObjective(there, "train", threads=threads)
        values.append(recipe.learning_rate * largest_curvature(objective, there.theta))
    return {
        "stability.step": steps[known].astype(np.float64), "stability.value": np.array(values),
        "stability.limit": np.array(limit_factor("sgd", recipe.filled().momentum or 0.0)),
    }  # fmt: skip

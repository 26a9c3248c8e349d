"""What the parameters look like: dead and identical units, vanishing gradients, curvature against the rate."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.diagnosis.curvature import Escaped, curvature_at, escape_from, largest_curvature
from landscape.diagnosis.thresholds import Thresholds
from landscape.model import Model
from landscape.objective import NetworkObjective
from landscape.objective.units import unit_ranges
from landscape.ops.table import OPERATIONS
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
    `highest_step` the update of that one.
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
    constant_output: bool = False

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
        eigenvalue_max=local.largest, stability=stability(recipe, local.largest), noise=noise_ratio(model, recipe, gradient, threads), linear=is_linear(model),
        constant_output=constant_output,
    )  # fmt: skip
    return state, escaped


def dead_share(objective: NetworkObjective) -> tuple[float, str]:
    """Give the largest share of an activation's units that do the same for all inputs, and which node it is."""
    worst, where = 0.0, ""
    last = objective.model.nodes[-1].name
    for unit in unit_ranges(objective, objective.model.theta):
        if unit.node == last:
            continue
        bend = OPERATIONS[unit.op].traits.bend
        low, high = bend.weak if bend else (-math.inf, math.inf)
        gone = (unit.low > high) | (unit.high <= low)
        share = float(np.mean(gone))
        if share > worst:
            worst, where = share, unit.node
    return worst, where


def identical_units(model: Model) -> str:
    """Name the first hidden dense node of several units whose units are all one and the same.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> layers = [(np.zeros((2, 3)), np.zeros(3)), (np.zeros((3, 1)), np.zeros(1))]
    >>> identical_units(build_model(layers=layers, x_train=np.eye(2), y_train=[0.0, 1.0], loss="mse"))
    'dense1'
    """
    dense = [node for node in model.nodes if node.traits.product == "matrix"]
    for node in dense[:-1]:
        weight = np.asarray(model.parameters[f"{node.owner}.weight"], np.float64)
        bias = model.parameters.get(f"{node.owner}.bias")
        rows = weight if bias is None else np.concatenate([weight, np.asarray(bias)[:, None]], axis=1)
        if len(rows) > 1 and np.ptp(rows, axis=0).max() <= SAME * np.abs(rows).max():
            return node.name
    return ""


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


def is_linear(model: Model) -> bool:
    """Tell whether no activation stands between the layers of weights."""
    weighted = [i for i, node in enumerate(model.nodes) if node.operation.parameters]
    between = model.nodes[weighted[0] : weighted[-1]] if weighted else ()
    return len(weighted) > 1 and all(
        node.traits.product == "matrix" or node.traits.passes for node in between
    )


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

"""The referee: a slow float64 twin of the engine in plain NumPy, written from the format's text.

It never reads the engine. The gradient is a reverse mode of its own, checked in `test_reference.py` against
central differences of the value. The Hessian-vector product is the complex-step tangent of that gradient:
exact to rounding, never across a kink, and checked against Richardson's extrapolation (`hvp_by_differences`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.reference_activations import KINKS, sigmoid, softplus
from tests.reference_general import EXTREMES, gap_of
from tests.reference_images import largest_gap
from tests.reference_losses import correct_of, distance_to_kink, is_plain, losses_of
from tests.reference_ops import backward_op, forward_op

Array = np.ndarray
PAIR = ("weight", "bias")
PARAMETERS = {
    **dict.fromkeys(("dense", "layernorm", "conv2d", "conv1d", "batchnorm", "groupnorm"), PAIR),
    **dict.fromkeys(("embedding", "position"), ("weight",)),
    "attention": ("in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"),
    "parameter": ("value",),
}
BUFFERS = {"batchnorm": ("running_mean", "running_var"), "constant": ("value",)}
IGNORED = -100
TINY = 1e-30


@dataclass(frozen=True)
class Expected:
    """What an evaluation has to say; accuracies are None for a regression."""

    loss: float
    loss_error: float
    accuracy: float | None
    accuracy_error: float | None
    penalty: float


def slots(model: Any) -> list[tuple[str, int, int]]:
    """θ's layout from the format's text: trainable parameters in node order, then in table order."""
    found, start = [], 0
    for node in model.nodes:
        for parameter in PARAMETERS.get(node.op, ()):
            key = f"{node.name}.{parameter}"
            own = node.trainable and node.parameters_of is None and parameter not in node.frozen
            if own and key in model.parameters:
                found.append((key, start, start + model.parameters[key].size))
                start = found[-1][2]
    return found


def size(model: Any) -> int:
    """Count the elements of θ."""
    return max((stop for _, _, stop in slots(model)), default=0)


def unpack(model: Any, theta: Array) -> dict[str, Array]:
    """Every owned parameter by its name, the trainable ones taken from θ."""
    owned = {**model.parameters, **model.buffers}
    named = {key: np.asarray(value, np.float64) for key, value in owned.items()}
    for key, start, stop in slots(model):
        named[key] = theta[start:stop].reshape(model.parameters[key].shape)
    return named


def parameters_of(node: Any, named: dict[str, Array]) -> dict[str, Array]:
    """Give the parameters that one node uses, its own or those it shares."""
    owner = node.parameters_of or node.name
    used = (*PARAMETERS.get(node.op, ()), *BUFFERS.get(node.op, ()))
    keys = {parameter: f"{owner}.{parameter}" for parameter in used}
    return {parameter: named[key] for parameter, key in keys.items() if key in named}


def examples(model: Any, split: str, rows: Array | None) -> tuple[Array, Array]:
    """Inputs (uint8 scaled by 1/255) and targets of a split, or of some of its rows."""
    x, y = np.asarray(model.data[f"x_{split}"]), np.asarray(model.data[f"y_{split}"])
    if rows is not None:
        x, y = x[rows], y[rows]
    if any(node.op == "embedding" for node in model.nodes):
        # Numbers beside the ids are as they are.
        return (x.astype(np.float64) if x.dtype.kind == "f" else x), y
    return (x / 255.0 if x.dtype == np.uint8 else x.astype(np.float64)), y


def forward(model: Any, theta: Array, x: Array) -> dict[str, Array]:
    """Evaluate every node on a batch; the data is the node `input`."""
    named, values = unpack(model, theta), {"input": x}
    for node in model.nodes:
        inputs = [values[name] for name in node.inputs] or [x]
        values[node.name] = forward_op(node.op, inputs, parameters_of(node, named), node.attributes)
    return values


def element_losses(
    model: Any, output: Array, target: Array, split: str = "train"
) -> tuple[Array, Array, Array]:
    """Each target element's loss, its slope in the output (shaped as it), and whether it counts."""
    if not is_plain(model, target):
        return losses_of(model, output, target, np.asarray(model.data[f"y_{split}"]))
    if model.loss == "cross_entropy":
        return cross_entropy(output, target)
    t = target.astype(np.float64).reshape(output.shape)
    if model.loss == "binary_cross_entropy":
        # σ(z) − y, and below pₖ − 1 as a sum over the others: where they are tiny a difference would be all rounding.
        losses = softplus(output) - output * t
        slope = (1.0 - t) * sigmoid(output) - t * sigmoid(-output)
    else:
        losses, slope = regression(model.loss, output - t, model.delta)
    return losses, slope, np.ones(losses.shape, bool)


def cross_entropy(output: Array, target: Array) -> tuple[Array, Array, Array]:
    """−log softmax at the target's class; −100 counts nothing."""
    counted = target != IGNORED
    classes = np.where(counted, target, 0).astype(int)[..., None]
    leader = np.argmax(output.real, axis=-1, keepdims=True)
    shifted = output - output.real.max(axis=-1, keepdims=True)
    # Without the leading one, which would swallow the others of a small loss.
    others = np.exp(shifted)
    np.put_along_axis(others, leader, np.expm1(np.take_along_axis(shifted, leader, axis=-1)), axis=-1)
    log_sum = np.log1p(others.sum(axis=-1, keepdims=True))
    losses = (log_sum - np.take_along_axis(shifted, classes, axis=-1))[..., 0]
    slope = np.exp(shifted - log_sum)
    np.put_along_axis(slope, classes, 0.0, axis=-1)
    np.put_along_axis(slope, classes, -slope.sum(axis=-1, keepdims=True), axis=-1)
    return np.where(counted, losses, 0.0), np.where(counted[..., None], slope, 0.0), counted


def regression(loss: str, r: Array, delta: float) -> tuple[Array, Array]:
    """Squared, absolute or Huber's loss of residuals, and their slopes."""
    sign = np.sign(r.real)
    if loss == "mse":
        return r * r, 2.0 * r
    if loss == "mae":
        return sign * r, sign + 0.0 * r
    near = np.abs(r.real) <= delta
    return np.where(near, 0.5 * r * r, delta * (sign * r - 0.5 * delta)), np.where(near, r, delta * sign)


def loss(model: Any, theta: Array, split: str = "train", rows: Array | None = None) -> float:
    """Mean over all counted target elements, times `loss_scale`; no penalty."""
    x, y = examples(model, split, rows)
    losses, _, counted = element_losses(model, forward(model, theta, x)[model.nodes[-1].name], y, split)
    return model.loss_scale * losses.sum() / counted.sum()


def decay(model: Any) -> Array:
    """Spread the weight decay over θ."""
    spread = np.zeros(size(model))
    for key, start, stop in slots(model):
        wd = model.weight_decay
        spread[start:stop] = wd.get(key, 0.0) if isinstance(wd, dict) else wd
    return spread


def penalty(model: Any, theta: Array) -> float:
    """½ Σ weight_decay · θ²."""
    return 0.5 * (decay(model) * theta * theta).sum()


def value(model: Any, theta: Array, split: str = "train", rows: Array | None = None) -> float:
    """Evaluate the objective: loss and penalty."""
    return loss(model, theta, split, rows) + penalty(model, theta)


def gradient(model: Any, theta: Array, split: str = "train", rows: Array | None = None) -> Array:
    """Differentiate the objective in reverse, node by node."""
    x, y = examples(model, split, rows)
    values, named = forward(model, theta, x), unpack(model, theta)
    last = model.nodes[-1].name
    _, slope, counted = element_losses(model, values[last], y, split)
    cotangents = {last: slope * (model.loss_scale / counted.sum())}
    slopes: dict[str, Array] = {}
    for node in reversed(model.nodes):
        if node.name not in cotangents:
            continue
        inputs, p = [values[name] for name in node.inputs] or [x], parameters_of(node, named)
        pulled, own = backward_op(node.op, cotangents[node.name], inputs, p, node.attributes)
        for name, g in zip(node.inputs, pulled, strict=True):
            cotangents[name] = cotangents.get(name, 0.0) + g
        for parameter, g in own.items():
            key = f"{node.parameters_of or node.name}.{parameter}"
            slopes[key] = slopes.get(key, 0.0) + g
    flat = decay(model) * theta
    for key, start, stop in slots(model):
        flat[start:stop] += np.ravel(slopes[key]) if key in slopes else 0.0
    return flat


def hvp(model: Any, theta: Array, vector: Array, split: str = "train", rows: Array | None = None) -> Array:
    """Hessian times vector: the imaginary part of the gradient at θ + i·tiny·v."""
    return gradient(model, theta + 1j * TINY * vector, split, rows).imag / TINY


def hvp_by_differences(model: Any, theta: Array, vector: Array, step: float = 1e-2) -> Array:
    """Hessian times vector by central differences of the gradient at three steps, extrapolated twice."""
    length = np.linalg.norm(vector)
    unit = vector / length

    def central(h: float) -> Array:
        return (gradient(model, theta + h * unit) - gradient(model, theta - h * unit)) / (2.0 * h)

    coarse, middle, fine = central(step), central(step / 2), central(step / 4)
    first, second = (4 * middle - coarse) / 3, (4 * fine - middle) / 3
    return length * (16 * second - first) / 15


def correct_elements(model: Any, output: Array, target: Array) -> tuple[Array, Array] | None:
    """Say which target elements were met, and which count; None for a regression."""
    return correct_of(model, output, target)


def ratio(sums: Array, counts: Array, whole: int) -> tuple[float, float]:
    """Σs/Σc over examples, and its standard error for a subset of `whole` examples."""
    n, mean = len(sums), sums.sum() / counts.sum()
    if n == whole:
        return mean, 0.0
    variance = ((sums - mean * counts) ** 2).sum() / (n - 1)
    return mean, np.sqrt(variance / n) / counts.mean() * np.sqrt(1.0 - n / whole)


def by_example(elements: Array) -> Array:
    """Sum over everything but the examples."""
    return elements.reshape(len(elements), -1).sum(axis=1).astype(np.float64)


def evaluate(model: Any, theta: Array, split: str = "train", rows: Array | None = None) -> Expected:
    """Loss without penalty and accuracy, each with its standard error, and the penalty beside them."""
    x, y = examples(model, split, rows)
    whole = len(model.data[f"x_{split}"])
    output = forward(model, theta, x)[model.nodes[-1].name]
    losses, _, counted = element_losses(model, output, y, split)
    mean, error = ratio(model.loss_scale * by_example(losses), by_example(counted), whole)
    met = correct_elements(model, output, y)
    accuracy: tuple[Any, Any] = (None, None)
    if met is not None:
        accuracy = ratio(by_example(met[0] & met[1]), by_example(met[1]), whole)
        accuracy = accuracy if np.isfinite(output).all() else (np.nan, np.nan)
    return Expected(mean, error, *accuracy, penalty(model, theta))


def margin(model: Any, theta: Array, split: str = "train") -> float:
    """Distance of the nearest unit, or residual, to a kink of its first or second derivative."""
    x, y = examples(model, split, None)
    values = forward(model, theta, x)
    gaps = [
        np.abs(values[n.inputs[0]] - kink).min()
        for n in model.nodes
        if n.op in KINKS
        for kink in KINKS[n.op](n.attributes)
    ]
    gaps += [largest_gap(values[n.inputs[0]], n.attributes).min() for n in model.nodes if n.op == "maxpool2d"]
    gaps += [
        gap_of(values[n.inputs[0]], n.attributes, EXTREMES[n.op]) for n in model.nodes if n.op in EXTREMES
    ]
    if model.loss in ("mae", "huber"):
        residuals = np.abs(values[model.nodes[-1].name] - y.reshape(values[model.nodes[-1].name].shape))
        gaps.append(np.abs(residuals - (model.delta if model.loss == "huber" else 0.0)).min())
    gaps.append(distance_to_kink(model, values[model.nodes[-1].name], y))
    return float(min(gaps, default=np.inf))

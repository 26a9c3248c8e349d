"""The losses of the referee that have options, classes on the first axis or another formula: slow NumPy from the format's text, analytic in the output."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.reference_activations import sigmoid, softplus

Array = np.ndarray
Losses = tuple[Array, Array, Array]
OF_CLASSES = ("cross_entropy", "kl_divergence", "multi_margin")


def is_plain(model: Any, target: Array) -> bool:
    """Say whether the loss is one of the oldest, without options."""
    old = ("cross_entropy", "binary_cross_entropy", "mse", "mae", "huber")
    soft = model.loss == "cross_entropy" and (target.dtype.kind == "f" or len(model.nodes[-1].shape) > 2)
    return model.loss in old and not model.loss_options.given() and not soft


def losses_of(model: Any, output: Array, target: Array, whole: Array) -> Losses:
    """Each target element's loss, its slope in the output (shaped as it), and whether it counts; `whole` are all targets of the split."""
    if model.loss not in OF_CLASSES:
        return of_elements(model, output, target.astype(np.float64).reshape(output.shape))
    axis = 1 if output.ndim > 3 else -1
    last = np.moveaxis(output, axis, -1)
    function = of_margins if model.loss == "multi_margin" else of_masses
    losses, slope, counted = function(model, last, target, whole, axis)
    return losses, np.moveaxis(slope, -1, axis), counted


def of_masses(model: Any, output: Array, target: Array, whole: Array, axis: int) -> Losses:
    """−Σ w_c q_c log p_c of a distribution q of the classes."""
    options, classes = model.loss_options, output.shape[-1]
    weights = np.ones(classes) if options.class_weights is None else np.array(options.class_weights)
    counted, mean, beside = np.ones(output.shape[:-1], bool), 1.0, 0.0
    if target.dtype.kind == "f":
        q = np.moveaxis(target, axis, -1).astype(np.float64)
        if model.loss == "kl_divergence":
            beside = np.sum(np.where(q > 0, q * np.log(np.where(q > 0, q, 1.0)), 0.0), axis=-1)
    else:
        counted = target != options.ignored
        q = np.eye(classes)[np.where(counted, target, 0)] * counted[..., None]
        mean = weights[whole[whole != options.ignored]].mean()
    q = q * (1.0 - options.label_smoothing) + options.label_smoothing / classes
    mass = weights * q / mean * counted[..., None]
    shifted = output - output.real.max(axis=-1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    slope = np.exp(logs) * mass.sum(axis=-1, keepdims=True) - mass
    return beside - np.sum(mass * logs, axis=-1), slope, counted


def of_margins(model: Any, output: Array, target: Array, whole: Array, axis: int) -> Losses:
    """The part of the margin that each wrong class is short of, to the exponent, over the number of classes."""
    options, (rows, classes) = model.loss_options, output.shape
    weights = np.ones(classes) if options.class_weights is None else np.array(options.class_weights)
    right = np.take_along_axis(output, target[:, None].astype(int), 1)
    short = options.margin - right + output
    kept = (short.real > 0) & (np.arange(classes) != target[:, None])
    scale = (weights[target] / classes)[:, None]
    slope = scale * kept * options.exponent * short ** (options.exponent - 1)
    slope[np.arange(rows), target] = -slope.sum(axis=1)
    return np.sum(scale * kept * short**options.exponent, axis=1), slope, np.ones(rows, bool)


def of_elements(model: Any, z: Array, y: Array) -> Losses:
    """Losses element by element, times the weight of each."""
    options, weight = model.loss_options, np.ones(z.shape)
    if options.element_weights is not None:
        weight = weight * np.array(options.element_weights)
    if model.loss == "binary_cross_entropy":
        p = 1.0 if options.pos_weight is None else np.array(options.pos_weight)
        losses = p * y * softplus(-z) + (1.0 - y) * softplus(z)
        slope = -p * y * sigmoid(-z) + (1.0 - y) * sigmoid(z)
    elif model.loss == "focal":
        gamma, sign = options.gamma, 2.0 * y - 1.0
        missed, kept = softplus(-sign * z), softplus(sign * z)
        losses = np.exp(-gamma * kept) * missed
        slope = -sign * np.exp(-gamma * kept) * (gamma * sigmoid(sign * z) * missed + sigmoid(-sign * z))
        alpha = 1.0 if options.alpha is None else np.where(y > 0.5, options.alpha, 1.0 - options.alpha)
        weight = weight * alpha
    elif model.loss == "poisson":
        losses, slope = np.exp(z) - y * z, np.exp(z) - y
    elif model.loss == "poisson_rate":
        losses, slope = z - y * np.log(z + options.eps), 1.0 - y / (z + options.eps)
    elif model.loss == "hinge_embedding":
        near = z.real < options.margin
        losses = np.where(y > 0, z, np.where(near, options.margin - z, 0.0))
        slope = np.where(y > 0, 1.0, np.where(near, -1.0, 0.0)) + 0.0 * z
    elif model.loss == "output":
        losses, slope = z, 1.0 + 0.0 * z
    else:
        raise NotImplementedError(model.loss)
    return weight * losses, weight * slope, np.ones(z.shape, bool)


def correct_of(model: Any, output: Array, target: Array) -> tuple[Array, Array] | None:
    """Say which target elements were met, and which count; None for a regression."""
    if model.loss in ("binary_cross_entropy", "focal"):
        met = (output > 0) == (target.reshape(output.shape) > 0.5)
        return met, np.ones(met.shape, bool)
    if model.loss not in OF_CLASSES:
        return None
    axis = 1 if output.ndim > 3 else -1
    right = target.argmax(axis=axis) if target.dtype.kind == "f" else target
    return output.argmax(axis=axis) == right, (right != model.loss_options.ignored) | (
        target.dtype.kind == "f"
    )


def distance_to_kink(model: Any, output: Array, target: Array) -> float:
    """Give how near an output is to a kink of its loss."""
    if model.loss == "hinge_embedding":
        return float(np.abs(output - model.loss_options.margin).min())
    if model.loss == "multi_margin":
        right = np.take_along_axis(output, target[:, None].astype(int), 1)
        return float(np.abs(model.loss_options.margin - right + output).min())
    return np.inf

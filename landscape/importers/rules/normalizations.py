"""Normalizations, softmax and its logarithm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.importers.builder import Builder
from landscape.importers.network import Weight
from landscape.importers.rules.weights import layer, own
from landscape.importers.values import MIXES, Value


def of_channels(value: Value) -> tuple[int, ...]:
    """The shape of a number for each channel, spread to a value's."""
    return (1, value.shape[1], *[1] * (len(value.shape) - 2))


def with_affine(
    b: Builder, value: Value, weight: Value | None, bias: Value | None, shape: tuple[int, ...]
) -> Value:
    """Multiply by a weight and add a bias, spread from a shape."""
    for op, given in (("multiply", weight), ("add", bias)):
        if given is not None:
            value = b.binary(op, value, b.regrouped(given, Value(shape)))
    return value


def batch_normalized(
    b: Builder,
    value: Value,
    affine: Sequence[Value | None],
    running: Sequence[Value],
    eps: float,
    **more: Any,
) -> Value:
    """Normalize channels by running statistics, `affine` and `running` being pairs; `more` are settings of the layer."""
    (weight, bias), (mean, variance) = affine, running
    weights = own(b, weight=weight, bias=bias, running_mean=mean, running_var=variance)
    if weights is not None and value.batch == 0 and value.drops and len(value.shape) > 1:
        return layer(b, value, "batchnorm", weights, eps=eps, **more)
    shape = of_channels(value)
    mean, variance = (b.regrouped(v, Value(shape)) for v in (mean, variance))
    rate = b.function("rsqrt", b.shifted(variance, eps))
    result = b.binary("multiply", b.binary("subtract", value, mean), rate)
    return with_affine(b, result, weight, bias, shape)


def standardized(b: Builder, value: Value, eps: float) -> Value:
    """Normalize the rows of a weight, which is the same for all examples, by their own mean and variance."""
    axes = [axis for axis in range(len(value.shape)) if axis != 1]
    apart = b.binary("subtract", value, b.reduced("reduce_mean", value, axes, True))
    variance = b.reduced("reduce_mean", b.function("square", apart), axes, True)
    return b.binary("multiply", apart, b.function("rsqrt", b.shifted(variance, eps)))


def layer_normalized(
    b: Builder, value: Value, shape: tuple[int, ...], weight: Value | None, bias: Value | None, eps: float
) -> Value:
    """Normalize the last axes of each example, of a shape."""
    axes = len(shape)
    if value.batch is not None and value.batch >= len(value.shape) - axes:
        raise InputError(MIXES)
    weights = own(b, weight=weight, bias=bias)
    given = weights or {}
    ones = {
        key: Weight(np.full(shape, number, b.dtype), None, False)
        for key, number in (("weight", 1.0), ("bias", 0.0))
    }
    plain = {key: given.get(key, one) for key, one in ones.items()}
    result = layer(b, value, "layernorm", plain, eps=eps, axes=axes)
    return result if weights is not None else with_affine(b, result, weight, bias, shape)


def rms_normalized(
    b: Builder, value: Value, shape: tuple[int, ...], weight: Value | None, eps: float
) -> Value:
    """Divide by the root of the mean square over the last axes, of a shape."""
    axes = [len(value.shape) - 1 - axis for axis in range(len(shape))]
    mean = b.reduced("reduce_mean", b.function("square", value), axes, True)
    result = b.binary("multiply", value, b.function("rsqrt", b.shifted(mean, eps)))
    return with_affine(b, result, weight, None, shape)


def group_normalized(
    b: Builder, value: Value, groups: int, weight: Value | None, bias: Value | None, eps: float
) -> Value:
    """Normalize groups of channels of each example."""
    if value.batch != 0 or not value.drops:
        raise InputError(MIXES)
    weights = own(b, weight=weight, bias=bias)
    if weights is not None and len(value.shape) > 1:
        return layer(b, value, "groupnorm", weights, groups=groups, eps=eps)
    result = b.made(value, "groupnorm", [b.node(value)], groups=groups, eps=eps)
    return with_affine(b, result, weight, bias, of_channels(value))


def softmax(b: Builder, value: Value, dim: int) -> Value:
    """Normalize exponentials along an axis."""
    axis = value.axis(dim)
    value.laid_axis(axis)
    last = len(value.shape) - 1
    order = [number for number in range(last + 1) if number != axis] + [axis]
    turned = b.permuted(value, order)
    result = b.made(turned, "softmax", [b.node(turned)])
    return b.permuted(result, [order.index(number) for number in range(last + 1)])


def log_softmax(b: Builder, value: Value, dim: int) -> Value:
    """Give the logarithm of a softmax: x − log Σ exp x."""
    return b.binary("subtract", value, log_sum(b, value, [dim], True))


def log_sum(b: Builder, value: Value, dims: Sequence[int], keep: bool) -> Value:
    """Give log Σ exp x, counted from the largest."""
    top = b.reduced("reduce_max", value, dims, True)
    total = b.reduced("reduce_sum", b.function("exp", b.binary("subtract", value, top)), dims, True)
    result = b.binary("add", b.function("log", total), top)
    return result if keep else b.reduced("reduce_sum", result, dims, False)

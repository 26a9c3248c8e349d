"""Layers: products with weights, normalizations, lookups, attention."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.importers.nodes import LEAST
from landscape.importers.pytorch.exported.call import Call, pair
from landscape.importers.rules.attention import attended, looked_up, repeated_heads
from landscape.importers.rules.convolutions import Sliding, convolved, transposed
from landscape.importers.rules.layouts import padded
from landscape.importers.rules.normalizations import (
    batch_normalized,
    group_normalized,
    layer_normalized,
    log_softmax,
    log_sum,
    of_channels,
    rms_normalized,
    softmax,
    standardized,
    with_affine,
)
from landscape.importers.rules.weights import dense
from landscape.importers.values import Value

Translate = Callable[[Call], Any]


def linear(call: Call) -> Value:
    """Multiply the last axis by a weight."""
    value, weight, bias = call.value, call["weight"], call.get("bias")
    return dense(call.builder, value, weight, bias)


def matmul(call: Call) -> Value:
    """Multiply matrices."""
    return call.builder.product(
        call.value, call.get("other", call.get("mat2", call.get("vec", call.get("tensor"))))
    )


def addmm(call: Call) -> Value:
    """Multiply matrices and add."""
    b = call.builder
    one, two = (
        call.get(name) for name in (("mat1", "mat2") if "mat1" in call.given else ("batch1", "batch2"))
    )
    product = b.scaled(b.product(one, two), float(call.get("alpha") or 1))
    return b.binary("add", b.scaled(call.value, float(call.get("beta") or 1)), product)


def outer(call: Call) -> Value:
    """Multiply every number of a vector by every one of another."""
    b, one, two = call.builder, call.value, call["vec2"]
    column = b.regrouped(one, replace(one, shape=(*one.shape, 1)))
    return b.binary("multiply", column, two)


def convolution(call: Call) -> Value:
    """Slide a product over images of one, two or three axes."""
    value, weight, bias = call.value, call["weight"], call.get("bias")
    axes = len(weight.shape) - 2
    stride, dilation = pair(call["stride"], axes), pair(call["dilation"], axes)
    groups, padding = int(call["groups"]), call.get("padding", 0)
    if call.get("transposed"):
        return transposed_convolution(call)
    if isinstance(padding, str):
        reach = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
        widths = [side for size in reversed(reach) for side in (size // 2, size - size // 2)]
        value = padded(call.builder, value, widths if padding == "same" else [])
        padding = 0
    settings = Sliding(stride, pair(padding, axes), dilation, groups)
    return convolved(call.builder, value, weight, bias, settings)


def transposed_convolution(call: Call) -> Value:
    """Translate a transposed convolution."""
    weight = call["weight"]
    axes = len(weight.shape) - 2
    stride, padding, dilation, more = (
        pair(call[key], axes) for key in ("stride", "padding", "dilation", "output_padding")
    )
    settings = Sliding(stride, padding, dilation, int(call["groups"]))
    return transposed(call.builder, call.value, weight, call.get("bias"), settings, more)


def embedding(call: Call) -> Value:
    """Look up a row of the weight for each id."""
    b, weight, ids = call.builder, call["weight"], call["indices"]
    result = looked_up(b, weight, ids)
    padding = call.get("padding_idx", -1)
    if not ids.fixed and padding is not None and padding >= 0:
        b.network.notes.append(
            f"row {padding} of {weight.parameter} is padding, which PyTorch's training leaves as it is; here it is in θ as others are"
        )
    return result


def bags(call: Call) -> list[Any]:
    """Look up rows and add them up, average them, or take the largest numbers, for ids [N, T], a bag a row."""
    b, ids = call.builder, call["indices"]
    if ids.batch != 0 or ids.outer != 1 or call.get("per_sample_weights") is not None:
        raise InputError("expected ids [N, T], a bag of T for each example, without weights of their own")
    call.given["padding_idx"] = -1
    words = embedding(call)
    wide, tokens = words.shape[-1], math.prod(ids.shape)
    apart = b.regrouped(words, Value((1, tokens, wide), batch=0))
    op = ("reduce_sum", "reduce_mean", "reduce_max")[int(call["mode"])]
    return [b.reduced(op, apart, [1], False), None, None, None]


def bilinear(call: Call) -> Value:
    """Translate Σ x₁ W x₂ + b over two inputs."""
    b, weight, bias = call.builder, call["weight"], call.get("bias")
    one, two = call["input1"], call["input2"]
    out, first, second = weight.shape
    turned = b.permuted(weight, [0, 2, 1])
    flat = b.regrouped(turned, Value((out * second, first)))
    product = b.made(one, "dense", [b.node(one), b.node(flat)], (*one.shape[:-1], out * second))
    apart = b.regrouped(product, replace(product, shape=(*one.shape[:-1], out, second)))
    other = b.regrouped(two, replace(two, shape=(*two.shape[:-1], 1, second)))
    result = b.reduced("reduce_sum", b.binary("multiply", apart, other), [-1], False)
    return result if bias is None else b.binary("add", result, bias)


def distances(call: Call) -> Value:
    """Translate the distances between the rows of two matrices."""
    b, one, two = call.builder, call["x1"], call["x2"]
    if float(call["p"]) != 2:
        raise InputError(f"p={call['p']}: expected 2")
    rows = b.regrouped(one, replace(one, shape=(*one.shape[:-1], 1, one.shape[-1]), constant=None))
    columns = b.regrouped(two, replace(two, shape=(*two.shape[:-2], 1, *two.shape[-2:]), constant=None))
    squares = b.function("square", b.binary("subtract", rows, columns))
    return b.function("sqrt", b.reduced("reduce_sum", squares, [-1], False))


def core_normalization(call: Call) -> list[Any]:
    """Translate what normalizations are decomposed to, of which the first result is asked for."""
    given = call.given
    if call.name.startswith("_native_batch_norm"):
        return [batch_norm(call), None, None, None]
    if call.name == "native_layer_norm":
        return [layer_norm(call), None, None]
    given["num_groups"] = given["group"]
    return [group_norm(call), None, None]


def batch_norm(call: Call) -> Value:
    """Normalize channels by running statistics, or a weight by its own."""
    value, b, eps = call.value, call.builder, float(call["eps"])
    affine = call.get("weight"), call.get("bias")
    if value.batch is None and (call.get("training") or call.get("use_input_stats")):
        return with_affine(b, standardized(b, value, eps), *affine, of_channels(value))
    if call.get("training"):
        raise InputError("uses the statistics of its batch in evaluation too; expected running statistics")
    if call["running_mean"] is None:
        raise InputError(
            "track_running_stats=False: uses the statistics of its batch in evaluation too; expected running statistics"
        )
    momentum = call.get("momentum")
    more: dict[str, Any] = {} if momentum is None else {"momentum": float(momentum)}
    return batch_normalized(b, value, affine, (call["running_mean"], call["running_var"]), eps, **more)


def layer_norm(call: Call) -> Value:
    """Normalize the last axes of each example."""
    shape = tuple(call["normalized_shape"])
    return layer_normalized(
        call.builder, call.value, shape, call.get("weight"), call.get("bias"), float(call["eps"])
    )


def rms_norm(call: Call) -> Value:
    """Divide by the root of the mean square over the last axes."""
    eps = call["eps"]
    if eps is None:
        eps = float(call.torch.finfo(call.node.meta["val"].dtype).eps)
    shape = tuple(call["normalized_shape"])
    return rms_normalized(call.builder, call.value, shape, call.get("weight"), float(eps))


def group_norm(call: Call) -> Value:
    """Normalize groups of channels of each example."""
    groups, eps = int(call["num_groups"]), float(call["eps"])
    return group_normalized(call.builder, call.value, groups, call.get("weight"), call.get("bias"), eps)


def instance_norm(call: Call) -> Value:
    """Normalize each channel of each example."""
    if not call["use_input_stats"]:
        raise InputError("track_running_stats=True: expected the statistics of each example")
    value, eps = call.value, float(call["eps"])
    return group_normalized(call.builder, value, value.shape[1], call.get("weight"), call.get("bias"), eps)


def weight_norm(call: Call) -> Value:
    """Give a direction a length: g·v/‖v‖, over all axes but one."""
    b, direction, length = call.builder, call["v"], call["g"]
    dim = call.get("dim", 0)
    axes = [axis for axis in range(len(direction.shape)) if axis != dim % len(direction.shape)]
    square = b.reduced("reduce_sum", b.function("square", direction), axes, True)
    return b.binary("multiply", direction, b.binary("multiply", length, b.function("rsqrt", square)))


def attention(call: Call) -> Value:
    """Mix values by the softmax of products of queries and keys."""
    query, key, value = call["query"], call["key"], call["value"]
    mask, causal = call.get("attn_mask"), bool(call.get("is_causal"))
    if call.get("enable_gqa") and query.shape[-3] != key.shape[-3]:
        key, value = repeated_heads(call.builder, query, [key, value])
    scale = {} if call.get("scale") is None else {"scale": float(call["scale"])}
    values = [query, key, value, *([] if mask is None else [additive(call, mask)])]
    return attended(call.builder, values, causal=causal, **scale)


def additive(call: Call, mask: Value) -> Value:
    """Give a mask that is added to scores: of booleans 0 where they hold, else −∞."""
    b = call.builder
    if mask.fixed:
        if mask.constant.dtype == np.bool_:
            return b.fixed(np.where(mask.constant, 0.0, LEAST))
        return mask
    if (
        call.node.kwargs.get("attn_mask", call.node.args[3] if len(call.node.args) > 3 else None)
        .meta["val"]
        .dtype
        == call.torch.bool
    ):
        return b.scaled(b.shifted(mask, -1), -LEAST)
    return mask


def softmax_of(call: Call) -> Value:
    """Normalize exponentials along an axis."""
    return softmax(call.builder, call.value, call["dim"])


def log_softmax_of(call: Call) -> Value:
    """Give the logarithm of a softmax."""
    return log_softmax(call.builder, call.value, call["dim"])


def logsumexp(call: Call) -> Value:
    """Translate log Σ exp x over axes."""
    return log_sum(call.builder, call.value, list(call["dim"]), bool(call.get("keepdim")))


def one_hot(call: Call, ids: Value, classes: int) -> Value:
    """Give 1 at the class of each id and 0 elsewhere, along a last axis."""
    b = call.builder
    shape = (*ids.shape, 1)
    column = b.regrouped(ids, replace(ids, shape=shape, constant=None, parameter=None))
    places = b.fixed(np.arange(classes, dtype=np.float64))
    apart = b.function("square", b.function("sign", b.binary("subtract", column, places)))
    return b.shifted(b.scaled(apart, -1), 1)


def class_loss(call: Call) -> Value:
    """Translate cross-entropy of class ids, a mean over the examples."""
    b, logits, target = call.builder, call.value, call["target"]
    plain = call["weight"] is None and not call["label_smoothing"] and call["reduction"] == 1
    if not plain or len(logits.shape) != 2:
        raise InputError(
            "cross-entropy inside a loss of your own: expected class ids of logits [N, C], without weights"
        )
    of_classes = target if len(target.shape) == 2 else one_hot(call, target, logits.shape[1])
    logs = log_softmax(b, logits, 1)
    losses = b.reduced("reduce_sum", b.binary("multiply", logs, of_classes), [1], False)
    return b.reduced("reduce_mean", b.scaled(losses, -1), [], False)


LAYERS: dict[str, Translate] = {
    "linear": linear,
    "matmul": matmul,
    "mm": matmul,
    "bmm": matmul,
    "mv": matmul,
    "dot": matmul,
    "addmm": addmm,
    "baddbmm": addmm,
    "outer": outer,
    "conv1d": convolution,
    "conv2d": convolution,
    "conv3d": convolution,
    "convolution": convolution,
    **{f"conv_transpose{axes}d": transposed_convolution for axes in (1, 2, 3)},
    "embedding": embedding,
    "embedding_bag": bags,
    "_embedding_bag": bags,
    "bilinear": bilinear,
    "cdist": distances,
    "_cdist_forward": distances,
    **dict.fromkeys(
        (
            "_native_batch_norm_legit_no_training",
            "_native_batch_norm_legit",
            "_native_batch_norm_legit_functional",
            "native_layer_norm",
            "native_group_norm",
        ),
        core_normalization,
    ),
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "_weight_norm": weight_norm,
    "scaled_dot_product_attention": attention,
    "softmax": softmax_of,
    "_softmax": softmax_of,
    "log_softmax": log_softmax_of,
    "_log_softmax": log_softmax_of,
    "logsumexp": logsumexp,
    "cross_entropy_loss": class_loss,
    "one_hot": lambda call: one_hot(call, call.value, int(call["num_classes"])),
}

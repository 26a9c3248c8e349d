"""A row for each function and method that the format has an op for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from landscape.errors import InputError
from landscape.importers.pytorch import emit
from landscape.importers.pytorch.call import Call
from landscape.importers.pytorch.numbers import FUNCTIONS_OF_NUMBERS

Translate = Callable[[Call], str]


def concat(call: Call) -> str:
    """Translate the joining of values along an axis."""
    values, axis = call.argument(0, "tensors"), call.argument(1, "dim", call.node.kwargs.get("axis", 0))
    if len(values) == 1:
        return call.plain(values[0])
    return call.add("concat", [call.plain(value) for value in values], None, axis=axis)


def mean(call: Call) -> str:
    """Translate a mean over one axis, or over all after the channels."""
    value, dims, kept = call.argument(0, "input"), call.argument(1, "dim"), call.argument(2, "keepdim", False)
    if dims is None:
        raise InputError("the mean over all axes would mix the examples; expected dim=…")
    source = call.plain(value)
    axes = len(value.shape) + 1
    chosen = sorted({dim % axes for dim in (dims if isinstance(dims, tuple) else (dims,))})
    if chosen == list(range(2, axes)) and (len(chosen) > 1 or not kept):
        return emit.global_pool(call, source, kept=kept)
    if len(chosen) > 1 or kept:
        raise InputError(f"dim={dims}, keepdim={kept}: expected one axis, or all after the channels")
    return call.add("mean", [source], None, axis=chosen[0])


def item(call: Call) -> str:
    """Translate an index: the first of several results, every stride-th row and column, or everything."""
    source, index = call.argument(0, "input"), call.argument(1, "index")
    if isinstance(call.traced.values[call.node.args[0]], (tuple, list)):
        if index != 0:
            raise InputError(f"uses result {index}; the format has the first only (no attention weights)")
        return source.node
    index = index if isinstance(index, tuple) else (index,)
    whole = slice(None, None, None)
    strides = [
        part.step or 1 for part in index if isinstance(part, slice) and part == slice(None, None, part.step)
    ]
    if len(strides) < len(index):
        raise InputError("takes a part of a value; the format has no op for that")
    if all(part == whole for part in index):
        return call.plain(source)
    strides += [1] * (4 - len(strides))
    if len(source.shape) != 3 or strides[:2] != [1, 1]:
        raise InputError("strides: expected them on the two axes of an image only")
    return call.add("pad_channels", [call.plain(source)], None, before=0, after=0, stride=strides[2:])


def pad(call: Call) -> str:
    """Translate the padding of channels with zeros."""
    widths, mode = call.argument(1, "pad"), call.argument(2, "mode", "constant")
    if (
        len(widths) != 6
        or any(widths[:4])
        or mode != "constant"
        or call.argument(3, "value") not in (None, 0)
    ):
        raise InputError("pads something else than the channels with zeros; expected a convolution's padding")
    return call.add("pad_channels", [call.value()], None, before=widths[4], after=widths[5])


def linear(call: Call) -> str:
    """Translate `F.linear`."""
    return emit.dense(call, call.argument(1, "weight"), call.argument(2, "bias"))


def convolution(call: Call) -> str:
    """Translate `F.conv1d` and `F.conv2d`."""
    names = (("stride", 1), ("padding", 0), ("dilation", 1), ("groups", 1))
    settings = [call.argument(3 + i, name, default) for i, (name, default) in enumerate(names)]
    return emit.convolution(call, call.argument(1, "weight"), call.argument(2, "bias"), *settings)


def layernorm(call: Call) -> str:
    """Translate `F.layer_norm`."""
    shape, weight, bias = (
        call.argument(1, "normalized_shape"),
        call.argument(2, "weight"),
        call.argument(3, "bias"),
    )
    return emit.layernorm(call, shape, weight, bias, call.argument(4, "eps", 1e-5))


def groupnorm(call: Call) -> str:
    """Translate `F.group_norm`."""
    weight, bias = call.argument(2, "weight"), call.argument(3, "bias")
    return emit.groupnorm(call, call.argument(1, "num_groups"), weight, bias, call.argument(4, "eps", 1e-5))


def instancenorm(call: Call) -> str:
    """Translate `F.instance_norm` without running statistics."""
    if not call.argument(5, "use_input_stats", True) or call.argument(1, "running_mean") is not None:
        raise InputError("running statistics: expected the statistics of each example")
    weight, bias = call.argument(3, "weight"), call.argument(4, "bias")
    return emit.groupnorm(call, None, weight, bias, call.argument(7, "eps", 1e-5))


def batchnorm(call: Call) -> str:
    """Translate `F.batch_norm` with running statistics."""
    if call.argument(5, "training", False):
        raise InputError("training=True: expected running statistics")
    keys = ("running_mean", "running_var", "weight", "bias")
    weights = call.weights(**{key: call.argument(1 + i, key) for i, key in enumerate(keys)})
    eps, momentum = call.argument(7, "eps", 1e-5), call.argument(6, "momentum", 0.1)
    return call.add("batchnorm", [call.value()], weights, eps=eps, momentum=momentum)


def embedding(call: Call) -> str:
    """Translate `F.embedding`."""
    return call.add("embedding", [call.value()], call.weights(weight=call.argument(1, "weight")))


def max_pool(call: Call) -> str:
    """Translate `F.max_pool2d`."""
    emit.require_plain_pool(
        dilation=call.argument(4, "dilation", 1), ceil_mode=call.argument(5, "ceil_mode", False)
    )
    kernel, stride = call.argument(1, "kernel_size"), call.argument(2, "stride")
    return emit.pool(call, "maxpool2d", kernel, stride, call.argument(3, "padding", 0), True)


def avg_pool(call: Call) -> str:
    """Translate `F.avg_pool2d`."""
    emit.require_plain_pool(
        ceil_mode=call.argument(4, "ceil_mode", False), divisor_override=call.argument(6, "divisor_override")
    )
    kernel, stride = call.argument(1, "kernel_size"), call.argument(2, "stride")
    counted = call.argument(5, "count_include_pad", True)
    return emit.pool(call, "avgpool2d", kernel, stride, call.argument(3, "padding", 0), counted)


def adaptive_pool(call: Call) -> str:
    """Translate `F.adaptive_avg_pool2d`."""
    return emit.adaptive_pool(call, call.argument(1, "output_size"))


def softmax(call: Call) -> str:
    """Translate normalized exponentials."""
    return emit.softmax(call, call.argument(1, "dim"))


def dropout(call: Call) -> str:
    """Translate `F.dropout`, which must do nothing in evaluation mode."""
    if call.argument(2, "training", True):
        raise InputError("training=True: drops units in evaluation too; expected training=self.training")
    return call.add("dropout", [call.value()], None, p=call.argument(1, "p", 0.5))


def reshape(call: Call) -> str:
    """Translate a change of shape."""
    return call.reshaped()


def nothing(call: Call) -> str:
    """Pass the value on."""
    return call.value()


FUNCTIONS: dict[str, Any] = {
    "linear": linear,
    "conv1d": convolution,
    "conv2d": convolution,
    "batch_norm": batchnorm,
    "layer_norm": layernorm,
    "group_norm": groupnorm,
    "instance_norm": instancenorm,
    "embedding": embedding,
    "max_pool2d": max_pool,
    "avg_pool2d": avg_pool,
    "adaptive_avg_pool1d": adaptive_pool,
    "adaptive_avg_pool2d": adaptive_pool,
    "mean": mean,
    "cat": concat,
    "concat": concat,
    "getitem": item,
    "pad": pad,
    **FUNCTIONS_OF_NUMBERS,
    "softmax": softmax,
    "dropout": dropout,
    "flatten": reshape,
    "view": reshape,
    "reshape": reshape,
    "squeeze": reshape,
    "unsqueeze": reshape,
    "contiguous": nothing,
    "float": nothing,
    "clone": nothing,
}

"""Make the node of an op from the tensors and settings of a module or a function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.importers import arithmetic
from landscape.importers.network import Weight
from landscape.importers.pytorch.call import Call, Value
from landscape.ops.operation import batched


def pair(value: Any, axes: int) -> list[int]:
    """Give a setting for each axis."""
    return (
        [int(value)] * axes
        if isinstance(value, int)
        else [int(v) for v in value] * (axes if len(value) == 1 else 1)
    )


def dense(call: Call, weight: Any, bias: Any) -> str:
    """Add a product with the last axis."""
    return call.add("dense", [call.value()], call.weights(weight=weight, bias=bias))


def convolution(
    call: Call, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> str:
    """Add a convolution of one or two axes; "same" padding only where both sides get as much."""
    axes = weight.ndim - 2
    dilation = pair(dilation, axes)
    if padding == "valid":
        padding = 0
    elif padding == "same":
        reach = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
        if any(size % 2 for size in reach):
            raise InputError(
                f"padding='same' with a kernel {list(weight.shape[2:])} pads one side more than the other"
            )
        padding = [size // 2 for size in reach]
    return call.add(
        f"conv{axes}d",
        [call.value()],
        call.weights(weight=weight, bias=bias),
        stride=pair(stride, axes),
        padding=pair(padding, axes),
        dilation=dilation,
        groups=groups,
    )


def layernorm(call: Call, shape: Sequence[int], weight: Any, bias: Any, eps: float) -> str:
    """Add a layer normalization; one without parameters gets ones and zeros that are not trained."""
    weights = call.weights(weight=weight, bias=bias)
    if not weights:
        ones = np.ones(tuple(shape), call.dtype)
        weights = {
            "weight": Weight(ones, (id(call.node), 1), False),
            "bias": Weight(0 * ones, (id(call.node), 0), False),
        }
    if len(weights) < 2:
        raise InputError("bias=False: expected both weight and bias, or neither")
    return call.add("layernorm", [call.value()], weights, eps=eps, axes=len(shape))


def groupnorm(call: Call, groups: int | None, weight: Any, bias: Any, eps: float) -> str:
    """Add a normalization over groups of channels; None makes each channel a group."""
    source = call.value()
    shape = call.network.shapes[source]
    if groups is None and len(shape) < 2:
        raise InputError(f"reads [N, C, …] with an axis after the channels, found {batched(shape)}")
    weights = call.weights(weight=weight, bias=bias)
    return call.add("groupnorm", [source], weights, groups=groups or shape[0], eps=eps)


def require_plain_pool(**settings: Any) -> None:
    """Refuse a pooling with settings that the format does not have."""
    plain = {
        "ceil_mode": (False,),
        "dilation": (1, (1, 1)),
        "return_indices": (False,),
        "divisor_override": (None,),
    }
    for key, value in settings.items():
        if value not in plain[key]:
            raise InputError(f"{key}={value!r}: expected {plain[key][0]!r}")


def pool(call: Call, op: str, kernel: Any, stride: Any, padding: Any, counts_padding: bool) -> str:
    """Add a pooling over windows."""
    padded = pair(padding, 2)
    if op == "avgpool2d" and any(padded) and not counts_padding:
        raise InputError("count_include_pad=False: the format's average counts the padding")
    kernel = pair(kernel, 2)
    stride = kernel if stride is None or stride == () else pair(stride, 2)
    return call.add(op, [call.value()], None, kernel=kernel, stride=stride, padding=padded)


def adaptive_pool(call: Call, size: Any) -> str:
    """Add an average to a given size, where windows of one size give it."""
    source = call.value()
    image = call.network.shapes[source][1:]
    wanted = [
        old if new is None else new for old, new in zip(image, pair_or_none(size, len(image)), strict=True)
    ]
    if set(wanted) == {1}:
        return global_pool(call, source, kept=True)
    if len(image) != 2 or any(old % new for old, new in zip(image, wanted, strict=True)):
        raise InputError(f"output_size {wanted}: expected divisors of the image {list(image)}")
    kernel = [old // new for old, new in zip(image, wanted, strict=True)]
    return call.add("avgpool2d", [source], None, kernel=kernel)


def pair_or_none(size: Any, axes: int) -> list[Any]:
    """Give a size for each axis, where None keeps it."""
    return list(size) if isinstance(size, (tuple, list)) else [size] * axes


def global_pool(call: Call, source: str, *, kept: bool) -> str:
    """Add an average over all axes after the channels; where they are kept as ones and needed, by a window."""
    image = call.network.shapes[source][1:]
    if not kept or call.only_reshaped():
        return call.add("globalavgpool", [source])
    if len(image) != 2:
        raise InputError("the average is kept as an axis of one and used so; expected a flatten after it")
    return call.add("avgpool2d", [source], None, kernel=list(image))


def adder(call: Call) -> arithmetic.Add:
    """Return a function that adds a node of the call with one input."""

    def add(op: str, source: str, **attributes: Any) -> str:
        return call.add(op, [source], None, **attributes)

    return add


def hardtanh(call: Call, least: float, most: float) -> str:
    """Add a bound on both sides, without a slope at its ends."""
    return arithmetic.hardtanh(adder(call), call.value(), float(least), float(most))


def softplus(call: Call, beta: float, threshold: float) -> str:
    """Add log(1 + exp βx)/β; above the threshold PyTorch drops a part below exp(−threshold)."""
    if beta <= 0 or threshold < 20:
        raise InputError(f"beta={beta}, threshold={threshold}: expected a number above 0 and at least 20")
    add = adder(call)
    smooth = add("softplus", arithmetic.scaled(add, call.value(), float(beta)))
    return arithmetic.scaled(add, smooth, 1.0 / beta)


def softmax(call: Call, dim: int | None) -> str:
    """Add normalized exponentials over the last axis."""
    source = call.value()
    axes = len(call.network.shapes[source])
    if dim not in (-1, axes):
        raise InputError(f"dim={dim}: expected the last axis, -1")
    return call.add("softmax", [source])


def position(call: Call, value: Value, node: Any) -> str:
    """Add a constant [T, D] to sequences; a part of a parameter is trained as that part."""
    found = tuple(call.traced.values[node].shape)
    shape = found[1:] if len(found) == 3 and found[0] == 1 else found
    if shape != value.shape or len(shape) != 2:
        raise InputError(
            f"adds a constant {list(found)} to {batched(value.shape)}; the format only adds a position [T, D] "
            "to a value [N, T, D]"
        )
    weight = call.part(node)
    origin = weight.origin
    if origin is not None and origin.elements is not None:
        origin = origin._replace(elements=origin.elements.reshape(shape))
    identity = weight.identity if origin is None else origin.identity
    weight = weight._replace(array=weight.array.reshape(shape), identity=identity, origin=origin)
    return call.add("position", [call.plain(value)], {"weight": weight})

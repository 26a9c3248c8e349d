"""A row for each operator of ONNX that the format has an op for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.files import shown
from landscape.importers.onnx_graph.call import Call
from landscape.importers.onnx_graph.constants import BATCH, Constant
from landscape.model.nodes import INPUT
from landscape.ops.operation import Shape, batched

Translate = Callable[[Call], str]
FLOATS = (1, 11)  # TensorProto.FLOAT, DOUBLE
INTEGERS = (6, 7)  # INT32, INT64


def gemm(call: Call) -> str:
    """Translate x Wᵀ + b, however W is stored."""
    call.expect("alpha", 1.0)
    call.expect("beta", 1.0)
    call.expect("transA", 0)
    weight, bias = call.constant(1), call.optional(2)
    return dense(call, weight, bool(call.get("transB", 0)), bias)


def matmul(call: Call) -> str:
    """Translate x W, with the bias that is added to it next."""
    if call.node.input[0] in call.graph.constants or call.node.input[1] in call.graph.values:
        raise InputError(
            "expected a value times a constant matrix; products of two values need attention, which has no row"
        )
    weight, bias, following = call.constant(1), None, call.only_reader()
    if following is not None and following.op_type == "Add":
        other = next((name for name in following.input if name != call.output), "")
        found = call.graph.constants.get(other)
        if found is not None and found.array.shape == weight.array.shape[-1:]:
            bias, call.output = found, following.output[0]
    return dense(call, weight, False, bias)


def dense(call: Call, weight: Constant, stored_out_in: bool, bias: Constant | None) -> str:
    """Add a product with the last axis."""
    if weight.array.ndim != 2:
        raise InputError(f"expected a matrix, found {list(weight.array.shape)}")
    matrix = (weight if stored_out_in else weight.seen(np.transpose)).weight()
    weights = {"weight": matrix}
    if bias is not None:
        if bias.array.size != len(matrix.array):
            raise InputError(f"bias: expected [{len(matrix.array)}], found {list(bias.array.shape)}")
        weights["bias"] = bias.seen(np.ravel).weight()
    given = (
        (weight,)
        if bias is None
        else (weight, Constant(bias.array, bias.identity.replace(".bias", ".weight")))
    )
    return call.network.add(call.name(*given), "dense", [call.value()], weights)


def windows(call: Call, kernel: Sequence[int]) -> dict[str, Any]:
    """Read strides, dilations and padding, the same on both sides."""
    axes = len(kernel)
    strides, dilations = list(call.get("strides", [1] * axes)), list(call.get("dilations", [1] * axes))
    pads, auto = list(call.get("pads", [0] * 2 * axes)), call.get("auto_pad", "NOTSET")
    if not isinstance(auto, str):
        raise InputError(f"auto_pad: expected a text, found {shown(auto)}")
    if auto.startswith("SAME"):
        image = call.shape()[1:]
        pads = _same(image, kernel, strides, dilations)
    elif auto not in ("NOTSET", "VALID"):
        raise InputError(f"auto_pad={auto}: unknown")
    if pads[:axes] != pads[axes:]:
        raise InputError(f"pads={shown(pads)}: expected as much before as after")
    return {"stride": strides, "padding": pads[:axes], "dilation": dilations}


def _same(image: Shape, kernel: Sequence[int], strides: list[int], dilations: list[int]) -> list[int]:
    total = [
        max(0, (math.ceil(size / s) - 1) * s + d * (k - 1) + 1 - size)
        for size, k, s, d in zip(image, kernel, strides, dilations, strict=True)
    ]
    if any(size % 2 for size in total):
        raise InputError(f"auto_pad: pads {total} cells, one side more than the other")
    return [size // 2 for size in total] * 2


def convolution(call: Call) -> str:
    """Translate a convolution of one or two axes."""
    weight, bias = call.constant(1), call.optional(2)
    axes = weight.array.ndim - 2
    if axes not in (1, 2):
        raise InputError(f"a kernel {list(weight.array.shape)}: expected one or two axes")
    weights = {"weight": weight.weight()} | ({} if bias is None else {"bias": bias.weight()})
    settings = windows(call, weight.array.shape[2:]) | {"groups": int(call.get("group", 1))}
    return call.network.add(call.name(weight), f"conv{axes}d", [call.value()], weights, **settings)


def batchnorm(call: Call) -> str:
    """Translate a batch normalization; ONNX's momentum is one minus the format's."""
    constants = [call.constant(position) for position in range(1, 5)]
    weights = {
        key: constant.weight()
        for key, constant in zip(("weight", "bias", "running_mean", "running_var"), constants, strict=True)
    }
    eps, momentum = float(call.get("epsilon", 1e-5)), 1 - float(call.get("momentum", 0.9))
    return call.network.add(
        call.name(*constants), "batchnorm", [call.value()], weights, eps=eps, momentum=round(momentum, 6)
    )


def layernorm(call: Call) -> str:
    """Translate a normalization over trailing axes."""
    axes, axis = len(call.shape()) + 1, int(call.get("axis", -1))
    weight, bias = call.constant(1), call.optional(2)
    if bias is None:
        raise InputError("expected a bias beside the scale")
    trailing = axes - axis % axes
    weights = {"weight": weight.weight(), "bias": bias.weight()}
    eps = float(call.get("epsilon", 1e-5))
    return call.network.add(call.name(weight), "layernorm", [call.value()], weights, eps=eps, axes=trailing)


def groupnorm(call: Call) -> str:
    """Translate a normalization over groups of channels, or without a number of groups of each channel."""
    weight, bias, channels = call.constant(1), call.constant(2), call.shape()[0]
    if weight.array.shape != (channels,):
        raise InputError(
            f"a scale {list(weight.array.shape)}: expected one number for each of {channels} channels"
        )
    weights = {"weight": weight.weight(), "bias": bias.weight()}
    groups, eps = int(call.get("num_groups", channels)), float(call.get("epsilon", 1e-5))
    return call.network.add(call.name(weight), "groupnorm", [call.value()], weights, groups=groups, eps=eps)


def embedding(call: Call) -> str:
    """Translate the lookup of ids in a matrix."""
    call.expect("axis", 0)
    if call.node.input[0] in call.graph.values or call.value(1) != INPUT:
        raise InputError("expected rows of a constant matrix, looked up by the input's ids")
    weight = call.constant(0)
    return call.network.add(call.name(weight), "embedding", [INPUT], {"weight": weight.weight()})


def elementwise(op: str, **attributes: tuple[str, Any]) -> Translate:
    """Make the row of an activation; `attributes` have ONNX's name of each and its default."""

    def translate(call: Call) -> str:
        given = {key: call.get(*where) for key, where in attributes.items()}
        return call.network.add(call.name(), op, [call.value()], None, **given)

    return translate


def softmax(call: Call) -> str:
    """Translate normalized exponentials over the last axis."""
    axes = len(call.shape()) + 1
    if int(call.get("axis", -1 if call.graph.version >= 13 else 1)) % axes != axes - 1:
        raise InputError(f"axis={shown(call.get('axis'))}: expected the last, -1")
    return call.network.add(call.name(), "softmax", [call.value()])


def log_softmax(call: Call) -> str:
    """Pass logits on: a log-softmax is good at the end only, under a cross-entropy, which has one in it."""
    if call.graph.readers.get(call.output):
        raise InputError("expected at the end of the network only")
    return call.value()


def joined(op: str) -> Translate:
    """Make the row of a sum or product of two values; to a sequence a position may be added."""

    def translate(call: Call) -> str:
        names = list(call.node.input)
        if all(name in call.graph.values for name in names):
            return call.network.add(call.name(), op, [call.value(position) for position in range(len(names))])
        position = 0 if names[0] in call.graph.constants else 1
        constant, shape = call.constant(position), call.shape(1 - position)
        found = constant.array.shape
        if op == "add" and len(shape) == 2 and found in (shape, (1, *shape)):
            weight = constant.seen(lambda numbers: numbers.reshape(shape)).weight()
            return call.network.add(
                call.name(constant), "position", [call.value(1 - position)], {"weight": weight}
            )
        raise InputError(
            f"a constant {list(found)} with {batched(shape)}: expected two values, a bias after MatMul, "
            "or a position [T, D] added to [N, T, D]"
        )

    return translate


def pool(op: str) -> Translate:
    """Make the row of a pooling over windows."""

    def translate(call: Call) -> str:
        call.expect("ceil_mode", 0)
        kernel = list(call.get("kernel_shape", []))
        settings = windows(call, kernel)
        if settings.pop("dilation") != [1] * len(kernel) or len(call.node.output) > 1:
            raise InputError("dilations and indices: expected neither")
        if op == "avgpool2d" and any(settings["padding"]) and not call.get("count_include_pad", 0):
            raise InputError("count_include_pad=0: the format's average counts the padding")
        if len(kernel) != 2:
            raise InputError(f"kernel_shape={shown(kernel)}: expected two axes")
        return call.network.add(call.name(), op, [call.value()], None, kernel=kernel, **settings)

    return translate


def global_pool(call: Call) -> str:
    """Translate the mean over all axes after the channels, kept as axes of one."""
    return _averaged(call, kept=True)


def _averaged(call: Call, *, kept: bool) -> str:
    image = call.shape()[1:]
    following = [node.op_type for node in call.graph.readers.get(call.output, [])]
    if not kept or all(kind in ("Flatten", "Reshape", "Squeeze") for kind in following):
        return call.network.add(call.name(), "globalavgpool", [call.value()])
    if len(image) != 2:
        raise InputError("the average is kept as an axis of one and used so; expected Flatten after it")
    return call.network.add(call.name(), "avgpool2d", [call.value()], None, kernel=list(image))


def mean(call: Call) -> str:
    """Translate a mean over one axis, or over all after the channels."""
    axes, kept = len(call.shape()) + 1, bool(call.get("keepdims", 1))
    chosen = sorted({axis % axes for axis in call.numbers(1, "axes") or []})
    if chosen == list(range(2, axes)) and (len(chosen) > 1 or not kept):
        return _averaged(call, kept=kept)
    if len(chosen) != 1 or kept:
        raise InputError(
            f"axes={shown(chosen)}, keepdims={int(kept)}: expected one axis, or all after the channels"
        )
    return call.network.add(call.name(), "mean", [call.value()], None, axis=chosen[0])


def flatten(call: Call) -> str:
    """Join all axes but the batch's."""
    if int(call.get("axis", 1)) != 1:
        raise InputError(f"axis={shown(call.get('axis'))}: expected 1, for the batch stays")
    return reshaped(call, (math.prod(call.shape()),))


def reshape(call: Call) -> str:
    """Translate a change of shape that keeps the batch and joins the rest, or changes nothing."""
    target = [int(size) for size in np.ravel(call.constant(1).array)]
    before = (BATCH, *call.shape())
    wanted = [before[i] if size == 0 and i < len(before) else size for i, size in enumerate(target)]
    size = math.prod(call.shape())
    if not wanted:
        raise InputError("expected a shape that begins with the batch")
    rest = wanted[1:]
    if -1 in rest:
        known = math.prod(value for value in rest if value != -1)
        rest[rest.index(-1)] = size // known if known and rest.count(-1) == 1 else -1
    if math.prod(rest) != size or min(rest, default=1) < 1:
        raise InputError(
            f"shape {shown(target)}: mixes the examples; expected the batch and the rest of {batched(call.shape())}"
        )
    return reshaped(call, tuple(rest))


def squeeze(call: Call) -> str:
    """Drop axes of one element."""
    shape = call.shape()
    chosen = call.numbers(1, "axes")
    drop = (
        [axis % (len(shape) + 1) for axis in chosen]
        if chosen
        else [i + 1 for i, s in enumerate(shape) if s == 1]
    )
    if 0 in drop or any(shape[axis - 1] != 1 for axis in drop):
        raise InputError(
            f"axes {shown(chosen)} of {batched(shape)}: expected axes of one element, not the batch's"
        )
    return reshaped(call, tuple(size for i, size in enumerate(shape) if i + 1 not in drop))


def unsqueeze(call: Call) -> str:
    """Add axes of one element."""
    shape, chosen = list(call.shape()), call.numbers(1, "axes") or []
    for axis in sorted(axis % (len(shape) + 1 + len(chosen)) for axis in chosen):
        if axis == 0:
            raise InputError("axes: the batch is the first")
        shape.insert(axis - 1, 1)
    return reshaped(call, tuple(shape))


def reshaped(call: Call, wanted: Shape) -> str:
    """Give a value another shape: none where only axes of one differ at the end, the data's own, or flat."""
    source, shape = call.value(), call.shape()
    if shape == wanted:
        return source
    if wanted == (math.prod(shape),):
        return call.network.add(call.name(), "flatten", [source])
    if source == INPUT and len(call.graph.readers.get(call.node.input[0], [])) == 1:
        call.network.shapes[INPUT] = wanted
        return source
    ones = [size for size in shape if size != 1] == [size for size in wanted if size != 1]
    if ones and not call.graph.readers.get(call.output):
        return source
    raise call.refuse_shape(wanted)


def concat(call: Call) -> str:
    """Translate the joining of values along an axis."""
    values = [call.value(position) for position in range(len(call.node.input))]
    return call.network.add(call.name(), "concat", values, None, axis=int(call.get("axis", 0)))


def dropout(call: Call) -> str:
    """Translate a dropout, which does nothing in evaluation mode."""
    ratio = call.optional(1)
    p = float(call.get("ratio", 0.5)) if ratio is None else float(np.ravel(ratio.array)[0])
    return call.network.add(call.name(), "dropout", [call.value()], None, p=p)


def cast(call: Call) -> str:
    """Pass on what is cast to a float, or ids that are cast to integers."""
    wanted = FLOATS + (INTEGERS if call.value() == INPUT else ())
    if call.get("to") not in wanted:
        raise InputError(
            f"to={shown(call.get('to'))}: expected a cast to float, or of the input to integer ids"
        )
    return call.value()


def nothing(call: Call) -> str:
    """Pass the value on."""
    return call.value()


OPS: dict[str, Translate] = {
    "Gemm": gemm,
    "MatMul": matmul,
    "Conv": convolution,
    "BatchNormalization": batchnorm,
    "LayerNormalization": layernorm,
    "GroupNormalization": groupnorm,
    "InstanceNormalization": groupnorm,
    "Gather": embedding,
    "Relu": elementwise("relu"),
    "LeakyRelu": elementwise("leaky_relu", slope=("alpha", 0.01)),
    "Elu": elementwise("elu", alpha=("alpha", 1.0)),
    "Sigmoid": elementwise("sigmoid"),
    "Tanh": elementwise("tanh"),
    "Softplus": elementwise("softplus"),
    "Gelu": elementwise("gelu", approximate=("approximate", "none")),
    "Softmax": softmax,
    "LogSoftmax": log_softmax,
    "Add": joined("add"),
    "Mul": joined("multiply"),
    "Concat": concat,
    "MaxPool": pool("maxpool2d"),
    "AveragePool": pool("avgpool2d"),
    "GlobalAveragePool": global_pool,
    "ReduceMean": mean,
    "Flatten": flatten,
    "Reshape": reshape,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Identity": nothing,
    "Cast": cast,
    "Dropout": dropout,
}

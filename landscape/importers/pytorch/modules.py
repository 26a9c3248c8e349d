"""A row for each module of `torch.nn` that the format has an op for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from landscape.errors import InputError
from landscape.importers.pytorch import attention, emit
from landscape.importers.pytorch.call import Call

Translate = Callable[[Call], str]


def linear(call: Call) -> str:
    """Translate a product with the last axis."""
    module = call.module
    return emit.dense(call, module.weight, module.bias)


def convolution(call: Call) -> str:
    """Translate a convolution."""
    module = call.module
    if module.padding_mode != "zeros":
        raise InputError(f"padding_mode={module.padding_mode!r}: expected 'zeros'")
    return emit.convolution(
        call, module.weight, module.bias, module.stride, module.padding, module.dilation, module.groups
    )


def batchnorm(call: Call) -> str:
    """Translate a batch normalization, with its running statistics."""
    module = call.module
    if module.running_mean is None:
        raise InputError("track_running_stats=False: expected running statistics")
    weights = call.weights(weight=module.weight, bias=module.bias)
    weights |= call.weights(running_mean=module.running_mean, running_var=module.running_var)
    momentum = {} if module.momentum is None else {"momentum": module.momentum}
    return call.add("batchnorm", [call.value()], weights, eps=module.eps, **momentum)


def layernorm(call: Call) -> str:
    """Translate a normalization over trailing axes."""
    module = call.module
    return emit.layernorm(call, module.normalized_shape, module.weight, module.bias, module.eps)


def groupnorm(call: Call) -> str:
    """Translate a normalization over groups of channels."""
    module = call.module
    return emit.groupnorm(call, module.num_groups, module.weight, module.bias, module.eps)


def instancenorm(call: Call) -> str:
    """Translate a normalization of each channel of each example."""
    module = call.module
    if module.running_mean is not None:
        raise InputError("track_running_stats=True: expected the statistics of each example")
    return emit.groupnorm(call, None, module.weight, module.bias, module.eps)


def embedding(call: Call) -> str:
    """Translate the lookup of ids; a padding row is a row like others, but never moved by training."""
    module = call.module
    if module.max_norm is not None or module.scale_grad_by_freq:
        raise InputError("max_norm and scale_grad_by_freq: expected neither")
    if module.padding_idx is not None:
        call.network.notes.append(
            f"row {module.padding_idx} of {call.node.target}.weight is padding, which PyTorch's training leaves as it is; here it is in θ as others are"
        )
    return call.add("embedding", [call.value()], call.weights(weight=module.weight))


def pool(op: str) -> Translate:
    """Make the row of a pooling over windows."""

    def translate(call: Call) -> str:
        module = call.module
        emit.require_plain_pool(
            ceil_mode=module.ceil_mode,
            dilation=getattr(module, "dilation", 1),
            return_indices=getattr(module, "return_indices", False),
            divisor_override=getattr(module, "divisor_override", None),
        )
        counted = getattr(module, "count_include_pad", True)
        return emit.pool(call, op, module.kernel_size, module.stride, module.padding, counted)

    return translate


def adaptive_pool(call: Call) -> str:
    """Translate an average to a given size."""
    return emit.adaptive_pool(call, call.module.output_size)


def elementwise(op: str, **attributes: str) -> Translate:
    """Make the row of an activation, with the module's attributes that the op has."""

    def translate(call: Call) -> str:
        given = {key: getattr(call.module, name) for key, name in attributes.items()}
        return call.add(op, [call.value()], None, **given)

    return translate


def hardtanh(call: Call) -> str:
    """Translate a bound on both sides."""
    return emit.hardtanh(call, call.module.min_val, call.module.max_val)


def softplus(call: Call) -> str:
    """Translate log(1 + exp x)."""
    return emit.softplus(call, call.module.beta, call.module.threshold)


def softmax(call: Call) -> str:
    """Translate normalized exponentials."""
    return emit.softmax(call, call.module.dim)


def reshape(call: Call) -> str:
    """Translate a change of shape."""
    return call.reshaped()


def nothing(call: Call) -> str:
    """Pass the value on."""
    return call.value()


MODULES: dict[str, Any] = {
    "Linear": linear,
    "NonDynamicallyQuantizableLinear": linear,
    "Conv1d": convolution,
    "Conv2d": convolution,
    "BatchNorm1d": batchnorm,
    "BatchNorm2d": batchnorm,
    "LayerNorm": layernorm,
    "GroupNorm": groupnorm,
    "InstanceNorm1d": instancenorm,
    "InstanceNorm2d": instancenorm,
    "Embedding": embedding,
    "MultiheadAttention": attention.multihead,
    "TransformerEncoderLayer": attention.encoder_layer,
    "TransformerEncoder": attention.encoder,
    "MaxPool2d": pool("maxpool2d"),
    "AvgPool2d": pool("avgpool2d"),
    "AdaptiveAvgPool1d": adaptive_pool,
    "AdaptiveAvgPool2d": adaptive_pool,
    "ReLU": elementwise("relu"),
    "LeakyReLU": elementwise("leaky_relu", slope="negative_slope"),
    "ELU": elementwise("elu", alpha="alpha"),
    "Tanh": elementwise("tanh"),
    "Sigmoid": elementwise("sigmoid"),
    "Softplus": softplus,
    "SiLU": elementwise("silu"),
    "GELU": elementwise("gelu", approximate="approximate"),
    "ReLU6": elementwise("relu6"),
    "Hardtanh": hardtanh,
    "Hardsigmoid": elementwise("hardsigmoid"),
    "Hardswish": elementwise("hardswish"),
    "SELU": elementwise("selu"),
    "CELU": elementwise("celu", alpha="alpha"),
    "Mish": elementwise("mish"),
    "Softsign": elementwise("softsign"),
    "LogSigmoid": elementwise("logsigmoid"),
    "Tanhshrink": elementwise("tanhshrink"),
    "Softshrink": elementwise("softshrink", threshold="lambd"),
    "Hardshrink": elementwise("hardshrink", threshold="lambd"),
    "Softmax": softmax,
    "Dropout": elementwise("dropout", p="p"),
    "Identity": nothing,
    "Flatten": reshape,
    "Unflatten": reshape,
}

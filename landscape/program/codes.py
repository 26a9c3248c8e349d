"""Codes of ops and activations, by which the kernels choose rules."""

from __future__ import annotations

from enum import IntEnum


class Op(IntEnum):
    """What a row does."""

    INPUT = 0
    DENSE = 1
    ACTIVATION = 2
    SOFTMAX = 3
    LAYERNORM = 4
    ADD = 5
    MULTIPLY = 6
    CONCAT = 7
    MASK = 8
    CONVOLUTION = 9
    BATCHNORM = 10
    TRANSPOSE = 11
    MAXPOOL = 12
    AVGPOOL = 13
    PAD_CHANNELS = 14
    MEAN = 15
    EMBEDDING = 16
    POSITION = 17
    ATTENTION = 18
    BATCH_STATISTICS = 19
    GROUPNORM = 20
    GATHER = 21
    PARAMETER = 22
    COMBINE = 23
    PRODUCT = 24
    LARGEST = 25
    MATMUL = 26
    DENSE_OF = 27
    CONVOLUTION_OF = 28


# In the order of the formulas (`landscape.formulas.activations`), which a test compares: a name's position is its code. The first ten are those of most
# networks, and in the kernels of every GPU.
ACTIVATION_NAMES = (
    "identity", "relu", "leaky_relu", "elu", "tanh", "sigmoid", "softplus", "silu", "gelu", "gelu_tanh",
    "relu6", "hardtanh", "hardsigmoid", "hardswish", "selu", "celu", "mish", "softsign", "logsigmoid", "tanhshrink", "softshrink", "hardshrink",
    "clip_below", "clip_above", "abs", "sign", "floor", "scale", "shift", "square", "reciprocal", "sqrt", "rsqrt", "power", "exp", "expm1", "log",
    "log1p", "sin", "cos", "tan", "atan", "sinh", "cosh", "erf",
)  # fmt: skip
ACTIVATION_CODES = {name: code for code, name in enumerate(ACTIVATION_NAMES)}

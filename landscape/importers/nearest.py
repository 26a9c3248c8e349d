"""What to try in the place of an op that has no row in the format."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from landscape.errors import InputError
from landscape.files import shown

# What takes any network.
EXIT = "scan it as it is with landscape.CallableObjective"
RECURRENT = "attention, from PyTorch's TransformerEncoderLayer by landscape.from_torch"
PLAIN = "a graph without choices and loops"
# Names in lower case, as both PyTorch and ONNX may spell them.
NEAREST = {
    "relu6": "relu",
    "clip": "relu",
    "clamp": "relu",
    "hardtanh": "tanh",
    "hardswish": "silu",
    "hardsigmoid": "sigmoid",
    "mish": "silu",
    "selu": "elu",
    "celu": "elu",
    "prelu": "leaky_relu with a fixed slope",
    "erf": "gelu",
    "groupnorm": "LayerNorm or BatchNorm",
    "group_norm": "LayerNorm or BatchNorm",
    "instancenorm2d": "BatchNorm2d",
    "instancenormalization": "BatchNormalization",
    "rmsnorm": "LayerNorm",
    "rms_norm": "LayerNorm",
    "convtranspose2d": "Conv2d",
    "convtranspose": "Conv",
    "conv3d": "Conv2d",
    "maxpool1d": "Conv1d with a stride",
    "avgpool1d": "Conv1d with a stride",
    "lstm": RECURRENT,
    "gru": RECURRENT,
    "rnn": RECURRENT,
    "if": PLAIN,
    "loop": PLAIN,
    "scan": PLAIN,
    "scaled_dot_product_attention": "the module nn.MultiheadAttention",
    "multi_head_attention_forward": "the module nn.MultiheadAttention",
    "matmul": "Linear, or nn.MultiheadAttention for products of two values",
    "bmm": "nn.MultiheadAttention",
    "einsum": "Linear, or nn.MultiheadAttention",
    "stack": "cat",
    "sub": "add",
    "neg": "weights of the other sign",
    "div": "weights scaled beforehand",
    "permute": "data with its axes in the order that the network reads",
    "transpose": "data with its axes in the order that the network reads",
    "pad": "the padding of a convolution",
    "bilinear": "Linear",
    "split": "one layer for each part",
    "chunk": "one layer for each part",
}


def unsupported(label: str, op: str, supported: Iterable[str]) -> InputError:
    """Make the error of an op that the format does not have, with the nearest that it has.

    >>> str(unsupported("features.1 (ReLU6)", "ReLU6", ["ReLU"]))
    "features.1 (ReLU6): 'ReLU6' is not supported; the nearest that is: relu"
    """
    known = {name.lower(): name for name in supported}
    close = difflib.get_close_matches(op.lower(), known, 1, 0.75)
    near = NEAREST.get(op.lower()) or (known[close[0]] if close else None)
    rest = f"the nearest that is: {near}" if near else f"supported are {', '.join(sorted(known.values()))}"
    return InputError(f"{label}: {shown(op)} is not supported; {rest}")

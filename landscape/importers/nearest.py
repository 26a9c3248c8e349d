"""What to try in the place of an op that has no row in the format."""

from __future__ import annotations

from collections.abc import Iterable

from landscape.errors import InputError
from landscape.files import shown

# What takes any network.
EXIT = "scan it as it is with landscape.CallableObjective"
# So many calls are named in one message.
NAMED = 4
RECURRENT = "attention, from PyTorch's TransformerEncoderLayer by landscape.from_torch"
PLAIN = "a graph without choices and loops"
# Names in lower case, as both PyTorch and ONNX may spell them. These are other functions, though of a similar shape.
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
}
# Other ways to write the same.
INSTEAD = {
    "if": PLAIN,
    "loop": PLAIN,
    "scan": PLAIN,
    "erf": "the function gelu as a whole",
    "scaled_dot_product_attention": "the module nn.MultiheadAttention",
    "multi_head_attention_forward": "the module nn.MultiheadAttention",
    "matmul": "Linear, or nn.MultiheadAttention for products of two values",
    "bmm": "nn.MultiheadAttention",
    "einsum": "Linear, or nn.MultiheadAttention",
    "stack": "cat",
    "neg": "weights of the other sign",
    "div": "weights scaled beforehand",
    "permute": "data with its axes in the order that the network reads",
    "transpose": "data with its axes in the order that the network reads",
    "pad": "the padding of a convolution",
    "split": "one layer for each part",
    "chunk": "one layer for each part",
}


def unsupported(label: str, op: str, others: Iterable[str] = ()) -> InputError:
    """Make the error of an op that the format does not have, with what is near to it and the other calls that it does not have.

    >>> str(unsupported("features.1 (ReLU6)", "ReLU6"))[:95]
    "features.1 (ReLU6): 'ReLU6' is not supported; the nearest that is: relu (another function); or "
    """
    near, instead = NEAREST.get(op.lower()), INSTEAD.get(op.lower())
    words = [f"the nearest that is: {near} (another function)"] if near else []
    words += [f"in its place there is {instead}"] if instead else []
    rest = list(dict.fromkeys(others))
    more = f" and {len(rest) - NAMED} more" if len(rest) > NAMED else ""
    also = f" (nor {'is' if len(rest) == 1 else 'are'} {', '.join(rest[:NAMED])}{more})" if rest else ""
    return InputError(
        f"{label}: {shown(op)} is not supported{also}; {'; '.join([*words, f'or {EXIT}' if words else EXIT])}"
    )

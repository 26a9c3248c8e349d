"""Which ops have kernels for a GPU, and under which names models have them. Imports no compiler.

A new op is a file in `ops/`, with the name of its code in `Op`, and a row of `OPS`.
"""

from __future__ import annotations

# Passes. A row's output; the part of it that is linear in the parameters; one number of that, as what rides on the row makes it; an adjoint to the
# parameters, and to the inputs; a tangent; and along that the change of the last two.
VALUE, LINEAR, FINISH, GRADIENT = "value", "linear", "finish", "gradient"
BACKWARD, TANGENT, CURVED = "backward", "tangent", "curved"

# The ops of models that a file of `ops/` runs.
OPS: dict[str, tuple[str, ...]] = {
    "dense": ("dense",),
    "activation": ("relu", "leaky_relu", "elu", "tanh", "sigmoid", "softplus", "silu", "gelu"),
    "softmax": ("softmax",),
    "layernorm": ("layernorm",),
    "add": ("add",),
    "multiply": ("multiply",),
    "concat": ("concat",),
    "convolution": ("conv1d", "conv2d"),
    "batchnorm": ("batchnorm",),
    "transpose": (),
    "maxpool": ("maxpool2d",),
    "avgpool": ("avgpool2d",),
    "pad_channels": ("pad_channels",),
    "mean": ("globalavgpool", "mean"),
    "embedding": ("embedding",),
    "position": ("position",),
    "attention": ("attention",),
}
# Those of dense networks: kernels for these have no code of other ops, which takes registers.
NARROW = ("dense", "activation", "add", "multiply", "concat")

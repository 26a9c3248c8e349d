"""Which ops have kernels for a GPU, without importing a compiler.

A new op is a file in `ops/`, with the name of its code in `Op`, and a row of `OPS`.
"""

from __future__ import annotations

# Passes. A row's output; the part of it that is linear in the parameters; one number of that, as what rides on the row makes it; an adjoint to the
# parameters, and to the inputs; a tangent; and along that the change of the last two.
VALUE, LINEAR, FINISH, GRADIENT = "value", "linear", "finish", "gradient"
BACKWARD, TANGENT, CURVED = "backward", "tangent", "curved"

# The files of `ops/`.
OPS = (
    "dense", "activation", "softmax", "layernorm", "add", "multiply", "concat", "convolution", "batchnorm", "transpose", "maxpool", "avgpool",
    "pad_channels", "mean", "embedding", "position", "attention", "gather", "parameter", "combine", "product", "largest", "matmul", "dense_of",
    "convolution_of",
)  # fmt: skip
# The general ones: kernels for networks that have some of them have the ops of those networks only, since with all they take minutes to compile.
GENERAL = ("gather", "parameter", "combine", "product", "largest", "matmul", "dense_of", "convolution_of")
# Those of dense networks: kernels for these have no code of other ops, which takes registers.
NARROW = ("dense", "activation", "add", "multiply", "concat")
# As many activations, the first of them, are in all kernels; others are in those of networks that have them.
USUAL_ACTIVATIONS = 10

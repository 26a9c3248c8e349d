"""What there are CUDA kernels for, by the names of the model's ops. Imports no compiler."""

from __future__ import annotations

from landscape.model import Model

SUPPORTED = (
    "dense", "relu", "leaky_relu", "elu", "tanh", "sigmoid", "softplus", "silu", "gelu", "identity", "flatten", "dropout",
    "add", "multiply", "concat", "softmax", "layernorm", "conv1d", "conv2d", "batchnorm", "maxpool2d", "avgpool2d", "globalavgpool", "mean",
    "pad_channels", "embedding", "position", "attention",
)  # fmt: skip


def unsupported_ops(model: Model, *, training: bool = False) -> list[str]:
    """Name what of a model has no CUDA kernel, each once: statistics of batches, which are those of training, are no block's tile."""
    found = [f"the op '{node.op}'" for node in model.nodes if node.op not in SUPPORTED]
    normalizing = [node for node in model.nodes if node.op == "batchnorm"]
    if any(training or node.attributes["mode"] == "batch" for node in normalizing):
        found.append("the op 'batchnorm' with the statistics of its batches")
    return list(dict.fromkeys(found))

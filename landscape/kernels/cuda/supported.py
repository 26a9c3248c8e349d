"""What there are CUDA kernels for, by the names of the model's ops. Imports no compiler."""

from __future__ import annotations

from landscape.model import Model

SUPPORTED = (
    "dense", "relu", "leaky_relu", "elu", "tanh", "sigmoid", "softplus", "silu", "gelu", "identity", "flatten", "dropout",
    "add", "multiply", "concat",
)  # fmt: skip


def unsupported_ops(model: Model) -> list[str]:
    """Name the ops of a model that have no CUDA kernel, each once."""
    return list(dict.fromkeys(f"the op '{node.op}'" for node in model.nodes if node.op not in SUPPORTED))

"""What there are CUDA kernels for, by the names of the model's ops. Imports no compiler."""

from __future__ import annotations

from landscape.kernels.cuda.table import OPS
from landscape.model import Model

# Ops that need no kernel.
FREE = ("identity", "flatten", "dropout")
SUPPORTED = {*FREE, *(name for names in OPS.values() for name in names)}


def unsupported_ops(model: Model, *, training: bool = False) -> list[str]:
    """Name what of a model has no CUDA kernel, each once: statistics of batches, which are those of training, are no block's tile."""
    found = [f"the op '{node.op}'" for node in model.nodes if node.op not in SUPPORTED]
    normalizing = [node for node in model.nodes if node.op == "batchnorm"]
    if any(training or node.attributes["mode"] == "batch" for node in normalizing):
        found.append("the op 'batchnorm' with the statistics of its batches")
    return list(dict.fromkeys(found))

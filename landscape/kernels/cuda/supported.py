"""What there are CUDA kernels for, by what the ops say of themselves. Imports no compiler."""

from __future__ import annotations

from landscape.model import Model


def unsupported_ops(model: Model, *, training: bool = False) -> list[str]:
    """Name what of a model has no CUDA kernel, each once: statistics of batches, which are those of training, are no block's tile."""
    found = [f"the op '{node.op}'" for node in model.nodes if not node.traits.cuda]
    found += [
        f"the op '{node.op}' with the statistics of its batches"
        for node in model.nodes
        if node.traits.batch_statistics and (training or node.attributes["mode"] == "batch")
    ]
    return list(dict.fromkeys(found))

"""Which parts of a model have CUDA kernels, by the traits of its ops, without importing a compiler."""

from __future__ import annotations

from landscape.model import Model


def unsupported_ops(model: Model, *, training: bool = False) -> list[str]:
    """Name the parts of a model without a CUDA kernel, each once; among them are batch statistics, since a block's tile is not a batch."""
    found = [f"the op '{node.op}'" for node in model.nodes if not node.traits.cuda]
    found += [
        f"the op '{node.op}' with the statistics of its batches"
        for node in model.nodes
        if node.traits.batch_statistics and (training or node.attributes["mode"] == "batch")
    ]
    return list(dict.fromkeys(found))

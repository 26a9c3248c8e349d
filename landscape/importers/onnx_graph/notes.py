"""Remarks on what an ONNX file may have lost of the network that was trained."""

from __future__ import annotations

import re
from typing import Any

from landscape.files import shown
from landscape.importers.onnx_graph.constants import weights_in
from landscape.importers.onnx_graph.graph import Graph
from landscape.importers.ties import equal_matrices

# The names that PyTorch's exporter gives to weights which it computed, here from a convolution and a batch norm.
COMPUTED = re.compile(r"onnx::Conv_\d+")
FIRST_OF_SEVERAL = "getitem"
# So many names stand in one sentence.
NAMED = 4


def note_folding(graph: Graph) -> None:
    """List where an exporter changed the network that was trained."""
    nodes = list(graph.makers.values())
    if any(node.op_type == "BatchNormalization" for node in nodes):
        return
    products = [node for node in nodes if node.op_type in ("Conv", "Gemm", "MatMul")]
    convolutions = [node for node in products if node.op_type == "Conv"]
    if any(_was_folded(node) for node in products):
        graph.network.notes.append(
            "the exporter folded batch norm into the layers before it: same outputs, another landscape, for θ is another; "
            "export in training mode, or use from_torch"
        )
    elif convolutions and all(len(node.input) > 2 for node in convolutions):
        graph.network.notes.append(
            "there is no batch norm and every convolution has a bias: if the network was trained with batch norm, the exporter "
            "folded it, which leaves the outputs and changes the landscape"
        )


def _was_folded(node: Any) -> bool:
    """Whether a product has a batch norm in it, by its names.

    PyTorch's older exporter computes new weights; its newer one gives the product the name of what it stands for, the first of a batch norm's results.
    """
    computed = len(node.input) > 1 and COMPUTED.fullmatch(node.input[1])
    return bool(computed) or node.output[0].startswith(FIRST_OF_SEVERAL)


def note_equals(graph: Graph) -> None:
    """List matrices that a file has twice, perhaps because shared weights were exported twice."""
    own = {
        name: constant.array
        for name, constant in graph.constants.items()
        if constant.origin is not None and constant.origin.name == name
    }
    for one, other in equal_matrices(own):
        graph.network.notes.append(
            f"{shown(one)} and {shown(other)} hold the same numbers: if training tied them, the file has lost that, "
            "and θ has them twice; use from_torch"
        )


def note_alone(graph: Graph, output: str) -> None:
    """Say which arrays that no operator has as its weights are taken for parameters: a file does not tell them from numbers that stay."""
    weights = weights_in(graph.makers.values())
    nodes = [node for node in graph.network.ending_at(output) if node["op"] == "parameter"]
    origins = graph.network.origins_of(nodes)
    names = list(dict.fromkeys(origin.name for origin in origins.values() if origin.name not in weights))
    if names:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        graph.network.notes.append(
            f"taken for parameters, since the file does not tell them from numbers that stay as they are: {shown(', '.join(names[:NAMED]))}{more}"
        )

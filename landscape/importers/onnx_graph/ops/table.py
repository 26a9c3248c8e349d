"""Every operator that is translated, by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from landscape.importers.onnx_graph.call import Call
from landscape.importers.onnx_graph.ops.attention import ATTENTION
from landscape.importers.onnx_graph.ops.casts import CASTS
from landscape.importers.onnx_graph.ops.functions import FUNCTIONS
from landscape.importers.onnx_graph.ops.joins import JOINS
from landscape.importers.onnx_graph.ops.layers import LAYERS
from landscape.importers.onnx_graph.ops.layouts import LAYOUTS
from landscape.importers.onnx_graph.ops.pools import POOLS
from landscape.importers.onnx_graph.ops.products import PRODUCTS
from landscape.importers.onnx_graph.ops.recurrent import RECURRENT
from landscape.importers.onnx_graph.ops.resize import RESIZES
from landscape.importers.onnx_graph.ops.shapes import SHAPES

OPS: dict[str, Callable[[Call], Any]] = {
    **FUNCTIONS, **JOINS, **SHAPES, **LAYOUTS, **PRODUCTS, **LAYERS, **POOLS, **RESIZES, **RECURRENT, **ATTENTION, **CASTS,
}  # fmt: skip

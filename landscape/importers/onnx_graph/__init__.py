"""ONNX graphs become models: read without their external files, translated op by op, compared with onnxruntime."""

from landscape.importers.onnx_graph.file import from_onnx

__all__ = ["from_onnx"]

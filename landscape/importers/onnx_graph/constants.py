"""Constant arrays of an ONNX file, and which numbers of which initializer they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from landscape.errors import InputError
from landscape.files import shown
from landscape.importers.network import Origin, Weight, part
from landscape.importers.ties import all_equal

# Which inputs of an operator are weights.
OF_WEIGHTS = {
    "Conv": (1, 2),
    "ConvTranspose": (1, 2),
    "Gemm": (1, 2),
    "MatMul": (1,),
    "BatchNormalization": (1, 2, 3, 4),
    **dict.fromkeys(("LayerNormalization", "GroupNormalization", "InstanceNormalization"), (1, 2)),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), (1, 2, 3)),
    "RMSNormalization": (1,),
    "PRelu": (1,),
    "Gather": (0,),
}


def weights_in(nodes: Iterable[Any]) -> set[str]:
    """Name what nodes read as weights."""
    return {
        node.input[place]
        for node in nodes
        for place in OF_WEIGHTS.get(node.op_type, ())
        if place < len(node.input)
    }


class Constant(NamedTuple):
    """An array, the initializer that it is or is made of, and which of its numbers it has (no origin: those of several)."""

    array: np.ndarray
    identity: str
    trainable: bool = True
    origin: Origin | None = None

    def seen(self, view: Callable[[np.ndarray], np.ndarray]) -> Constant:
        """The same numbers in another order or shape."""
        return self._replace(array=view(self.array), origin=viewed(self, view))

    def weight(self) -> Weight:
        """The constant as a parameter in float32 or float64.

        Exporters keep arrays of equal numbers once, such as the ones and zeros that normalizations start from; those are no shared parameters.

        Raises
        ------
        InputError
            Its numbers are of several initializers, or some of one several times over.
        """
        if self.trainable and self.origin is None:
            raise InputError(
                f"a weight is computed from {shown(self.identity.split('/')[0])}; expected an initializer, or a part of one"
            )
        dtype = np.float64 if self.array.dtype == np.float64 else np.float32
        identity = None if all_equal(self.array) else self.origin.identity if self.origin else self.identity
        return Weight(np.ascontiguousarray(self.array, dtype), identity, self.trainable, self.origin)


def viewed(constant: Constant, view: Callable[[np.ndarray], np.ndarray]) -> Origin | None:
    """Which numbers of its initializer a view of a constant has, or None if it has one of them twice."""
    if constant.origin is None:
        return None
    elements, size = constant.origin.elements, constant.origin.size
    if elements is None:
        elements, size = np.arange(constant.array.size).reshape(constant.array.shape), constant.array.size
    found = view(elements)
    if found.size > elements.size or len(np.unique(found)) < found.size:
        return None
    return part(constant.origin.name, found, size)


def read_tensor(onnx: Any, tensor: Any) -> np.ndarray:
    """Read a tensor whose numbers are in the file, as many as its shape says.

    Raises
    ------
    InputError
        External data, another kind of number, or a shape that the bytes do not fill.
    """
    label = shown(tensor.name)
    if tensor.data_location != onnx.TensorProto.DEFAULT or tensor.external_data:
        raise InputError(
            f"{label}: its numbers are in another file; expected them in this one (torch.onnx.export(…, external_data=False))"
        )
    count = 1
    for size in tensor.dims:
        count *= max(int(size), 0)
    held = len(tensor.raw_data) or 4 * (
        len(tensor.float_data)
        + len(tensor.int32_data)
        + 2 * (len(tensor.double_data) + len(tensor.int64_data) + len(tensor.uint64_data))
    )
    if count > max(held, 1) or min(tensor.dims, default=1) < 0:
        raise InputError(f"{label}: damaged: shape {list(tensor.dims)} for {held} bytes")
    try:
        array = onnx.numpy_helper.to_array(tensor)
    except Exception as error:  # it raises errors of several kinds
        raise InputError(f"{label}: damaged: {shown(str(error), 100)}") from None
    if array.dtype.kind not in "iufb":
        raise InputError(f"{label}: expected numbers, found {array.dtype}")
    return np.asarray(array)

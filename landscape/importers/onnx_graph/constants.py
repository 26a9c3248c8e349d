"""What a graph of ONNX knows before it sees an example: weights, settings, and shapes with the batch left open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from landscape.errors import InputError
from landscape.files import shown
from landscape.importers.network import Origin, Weight, part
from landscape.importers.ties import all_equal

# Numbers that an op of constants which can make more of them than it is given may make: those of shapes are few.
MOST = 1000
# Reshape takes 0 as "the size that is there", so it stands for the batch's size in shapes.
BATCH = 0


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
    """Which numbers of its initializer a view of a constant has, or None where it has one of them twice."""
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


def _gather(inputs: list[np.ndarray], settings: Mapping[str, Any]) -> np.ndarray:
    return np.take(inputs[0], inputs[1], axis=settings.get("axis", 0))


def _unsqueeze(inputs: list[np.ndarray], settings: Mapping[str, Any]) -> np.ndarray:
    axes = inputs[1] if len(inputs) > 1 else settings["axes"]
    return np.expand_dims(inputs[0], tuple(int(axis) for axis in np.ravel(axes)))


def _squeeze(inputs: list[np.ndarray], settings: Mapping[str, Any]) -> np.ndarray:
    axes = inputs[1] if len(inputs) > 1 else settings.get("axes")
    return np.squeeze(inputs[0], None if axes is None else tuple(int(axis) for axis in np.ravel(axes)))


def _concat(inputs: list[np.ndarray], settings: Mapping[str, Any]) -> np.ndarray:
    return np.concatenate(inputs, axis=settings.get("axis", 0))


def _transpose(inputs: list[np.ndarray], settings: Mapping[str, Any]) -> np.ndarray:
    return np.transpose(inputs[0], settings.get("perm"))


# Ops of constants that exporters write between a shape and a Reshape, or a weight and its product.
FOLDED: dict[str, Callable[[list[np.ndarray], Mapping[str, Any]], np.ndarray]] = {
    "Gather": _gather,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Concat": _concat,
    "Transpose": _transpose,
    "Identity": lambda inputs, settings: inputs[0],
    "Cast": lambda inputs, settings: inputs[0],
}


def made(op: str, inputs: list[Constant], settings: Mapping[str, Any]) -> int:
    """Count the numbers that an op would make of what it is given again and again; 0 for one that cannot make more.

    >>> made("Gather", [Constant(np.zeros((1, 5)), "rows"), Constant(np.zeros(100), "ids")], {})
    500
    """
    if op == "Concat":
        return sum(constant.array.size for constant in inputs)
    if op != "Gather" or len(inputs) < 2:
        return 0
    data, axis = inputs[0].array, settings.get("axis", 0)
    rows = data.shape[axis] if -data.ndim <= axis < data.ndim else 1
    return int(inputs[1].array.size * (data.size // max(1, rows)))


def fold(op: str, name: str, inputs: list[Constant], settings: Mapping[str, Any]) -> Constant | None:
    """Compute an op of constants; None where it is none of those above.

    Raises
    ------
    InputError
        The op does not go with its inputs.
    """
    if op not in FOLDED or not inputs:
        return None
    try:
        if made(op, inputs, settings) > MOST:
            return None
        array = FOLDED[op]([constant.array for constant in inputs], settings)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
        raise InputError(f"{shown(name)} ({op}): cannot be computed: {shown(str(error), 100)}") from None
    first, rest = inputs[0], [constant.array for constant in inputs[1:]]
    identity = first.identity if op == "Identity" else f"{first.identity}/{op}{settings.get('perm')}"
    if op == "Concat" and rest:
        return Constant(array, identity, any(constant.trainable for constant in inputs))
    origin = viewed(first, lambda places: FOLDED[op]([places, *rest], settings))
    return Constant(array, identity, first.trainable, origin)

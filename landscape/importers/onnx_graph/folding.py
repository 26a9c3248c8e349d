"""Compute operators of known numbers with NumPy, such as exporters write before a Reshape."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from landscape.errors import InputError

Settings = Mapping[str, Any]
Fold = Callable[[list[Any], Settings], Any]
# By the numbers of ONNX's TensorProto.
DTYPES: dict[int, Any] = {
    1: np.float32, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64,
    12: np.uint32, 13: np.uint64,
}  # fmt: skip


def numbers(array: Any) -> tuple[int, ...]:
    """Read whole numbers."""
    return tuple(int(number) for number in np.ravel(array))


def axes_of(inputs: list[Any], settings: Settings) -> tuple[int, ...] | None:
    """Read axes, an input in newer versions and an attribute in older ones."""
    axes = inputs[1] if len(inputs) > 1 and inputs[1] is not None else settings.get("axes")
    return None if axes is None else numbers(axes)


def reshaped(inputs: list[Any], settings: Settings) -> Any:
    """Reshape, where 0 stands for the size that is there."""
    wanted = numbers(inputs[1] if len(inputs) > 1 else settings["shape"])
    if not settings.get("allowzero"):
        wanted = tuple(inputs[0].shape[i] if size == 0 else size for i, size in enumerate(wanted))
    return inputs[0].reshape(wanted)


def sliced(inputs: list[Any], settings: Settings) -> Any:
    """Cut axes."""
    if len(inputs) > 1:
        starts, ends = inputs[1], inputs[2]
        axes, steps = (inputs[k] if len(inputs) > k else None for k in (3, 4))
    else:
        starts, ends, axes, steps = settings["starts"], settings["ends"], settings.get("axes"), None
    starts, ends = numbers(starts), numbers(ends)
    axes = tuple(range(len(starts))) if axes is None else numbers(axes)
    steps = (1,) * len(starts) if steps is None else numbers(steps)
    chosen: list[slice] = [slice(None)] * inputs[0].ndim
    for axis, start, stop, by in zip(axes, starts, ends, steps, strict=True):
        chosen[axis] = slice_of(start, stop, by, inputs[0].shape[axis])
    return inputs[0][tuple(chosen)]


def slice_of(start: int, stop: int, step: int, size: int) -> slice:
    """Make a slice with ONNX's meaning: for negative steps, an end below −size is before the first element."""
    if step < 0 and stop < -size:
        return slice(start, None, step)
    return slice(start, stop, step)


def divided(inputs: list[Any], settings: Settings) -> Any:
    """Divide; whole numbers are cut towards zero."""
    one, two = inputs
    if one.dtype.kind in "iu":
        return (np.abs(one) // np.abs(two) * np.sign(one) * np.sign(two)).astype(one.dtype)
    return one / two


def filled(inputs: list[Any], settings: Settings) -> Any:
    """Fill a shape with one number."""
    value = settings.get("value", np.zeros(1, np.float32))
    return np.full(numbers(inputs[0]), np.ravel(value)[0], np.asarray(value).dtype)


def triangle(inputs: list[Any], settings: Settings) -> Any:
    """Keep a triangle."""
    k = int(np.ravel(inputs[1])[0]) if len(inputs) > 1 and inputs[1] is not None else 0
    return (np.triu if settings.get("upper", 1) else np.tril)(inputs[0], k)


def expanded(inputs: list[Any], settings: Settings) -> Any:
    """Spread to a shape."""
    return np.array(np.broadcast_to(inputs[0], np.broadcast_shapes(inputs[0].shape, numbers(inputs[1]))))


def reduction(reduce: Any) -> Fold:
    """Make the row of a reduction."""

    def fold(inputs: list[Any], settings: Settings) -> Any:
        axes = axes_of(inputs, settings)
        if not axes and settings.get("noop_with_empty_axes"):
            return inputs[0]
        return np.asarray(
            reduce(inputs[0], axis=axes or None, keepdims=bool(settings.get("keepdims", 1)))
        ).astype(inputs[0].dtype)

    return fold


def ufunc(function: Any, kind: str = "") -> Fold:
    """Make the row of a function of each number; `kind` is that of its result where it is another."""
    if kind:
        return lambda inputs, settings: np.asarray(function(*inputs))
    return lambda inputs, settings: np.asarray(function(*inputs)).astype(inputs[0].dtype)


# What can give more numbers than it is given, or as many again and again; all others give as many at most.
FOLDED: dict[str, Fold] = {
    "Gather": lambda inputs, s: np.take(inputs[0], inputs[1].astype(np.int64), axis=s.get("axis", 0)),
    "Unsqueeze": lambda inputs, s: np.expand_dims(inputs[0], axes_of(inputs, s) or ()),
    "Squeeze": lambda inputs, s: np.squeeze(inputs[0], axes_of(inputs, s)),
    "Concat": lambda inputs, s: np.concatenate(inputs, axis=s.get("axis", 0)),
    "Transpose": lambda inputs, s: np.transpose(inputs[0], s.get("perm")),
    "Identity": lambda inputs, s: inputs[0],
    "Cast": lambda inputs, s: inputs[0].astype(DTYPES[s["to"]]),
    "CastLike": lambda inputs, s: inputs[0].astype(inputs[1].dtype),
    "Reshape": reshaped,
    "Flatten": lambda inputs, s: inputs[0].reshape(math.prod(inputs[0].shape[: s.get("axis", 1)]), -1),
    "Slice": sliced,
    "Shape": lambda inputs, s: np.array(inputs[0].shape, np.int64)[slice(s.get("start", 0), s.get("end"))],
    "Size": lambda inputs, s: np.array(inputs[0].size, np.int64),
    "ConstantOfShape": filled,
    "Expand": expanded,
    "Tile": lambda inputs, s: np.tile(inputs[0], numbers(inputs[1])),
    "Range": lambda inputs, s: np.arange(*(np.ravel(given)[0] for given in inputs)).astype(inputs[0].dtype),
    "Trilu": triangle,
    "CumSum": lambda inputs, s: np.cumsum(inputs[0], int(np.ravel(inputs[1])[0]), inputs[0].dtype),
    "Where": lambda inputs, s: np.where(*inputs),
    "Add": ufunc(np.add),
    "Sub": ufunc(np.subtract),
    "Mul": ufunc(np.multiply),
    "Div": divided,
    "Mod": lambda inputs, s: (np.fmod if s.get("fmod") else np.mod)(*inputs),
    "Pow": ufunc(np.power),
    "Min": lambda inputs, s: np.asarray(np.minimum.reduce(np.broadcast_arrays(*inputs))),
    "Max": lambda inputs, s: np.asarray(np.maximum.reduce(np.broadcast_arrays(*inputs))),
    "Equal": ufunc(np.equal, "b"),
    "Greater": ufunc(np.greater, "b"),
    "Less": ufunc(np.less, "b"),
    "GreaterOrEqual": ufunc(np.greater_equal, "b"),
    "LessOrEqual": ufunc(np.less_equal, "b"),
    "And": ufunc(np.logical_and, "b"),
    "Or": ufunc(np.logical_or, "b"),
    "Not": ufunc(np.logical_not, "b"),
    "IsNaN": ufunc(np.isnan, "b"),
    **{
        name: ufunc(getattr(np, name.lower()))
        for name in ("Abs", "Exp", "Log", "Sqrt", "Sin", "Cos", "Floor", "Ceil", "Sign")
    },
    "Neg": ufunc(np.negative),
    "Reciprocal": ufunc(np.reciprocal),
    "ReduceSum": reduction(np.sum),
    "ReduceMean": reduction(np.mean),
    "ReduceMax": reduction(np.max),
    "ReduceMin": reduction(np.min),
    "ReduceProd": reduction(np.prod),
}


def count(op: str, inputs: list[Any], settings: Settings) -> int:
    """Count the elements that an op would produce, before it does.

    >>> count("Gather", [np.zeros((1, 5)), np.zeros(100)], {})
    500
    """
    given = [array for array in inputs if array is not None]
    if op == "Concat":
        return sum(array.size for array in given)
    if op == "Gather" and len(given) > 1:
        data, axis = given[0], settings.get("axis", 0)
        rows = data.shape[axis] if -data.ndim <= axis < data.ndim else 1
        return int(given[1].size * (data.size // max(1, rows)))
    if op == "ConstantOfShape":
        return math.prod(numbers(given[0]))
    if op == "Tile":
        return int(given[0].size) * math.prod(numbers(given[1]))
    if op == "Expand":
        return math.prod(np.broadcast_shapes(given[0].shape, numbers(given[1])))
    if op == "Range":
        start, stop, step = (float(np.ravel(array)[0]) for array in given)
        return max(0, math.ceil((stop - start) / step))
    return (
        math.prod(np.broadcast_shapes(*(array.shape for array in given))) if op in SPREAD else given[0].size
    )


SPREAD = (
    "Add", "Sub", "Mul", "Div", "Mod", "Pow", "Min", "Max", "Where", "Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "And", "Or",
)  # fmt: skip


def fold(op: str, inputs: list[Any], settings: Settings, require: Callable[[int], None]) -> np.ndarray:
    """Compute an op of known numbers; `require` refuses too many.

    Raises
    ------
    InputError
        The op does not go with its inputs, or would make too many numbers.
    """
    try:
        with np.errstate(all="ignore"):
            require(count(op, inputs, settings))
            return np.asarray(FOLDED[op](inputs, settings))
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, ZeroDivisionError) as error:
        raise InputError(f"cannot be computed: {str(error)[:100]}") from None

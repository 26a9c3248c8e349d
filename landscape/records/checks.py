"""Checks of a record's arrays, whose messages name the key, what was expected and what was found."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from landscape.errors import InputError


def found(array: np.ndarray | None) -> str:
    """Say what an array is, in a message."""
    return "none" if array is None else f"{array.dtype} {list(array.shape)}"


def require(holds: bool, message: str) -> None:
    """Raise InputError with the message unless the claim holds."""
    if not holds:
        raise InputError(message)


def frozen(array: np.ndarray) -> np.ndarray:
    """Give a view that cannot be written through, as a frozen record's should not be."""
    view = array.view()
    view.flags.writeable = False
    return view


def numbers(
    name: str, values: ArrayLike, shape: tuple[int, ...] | None = None, ndim: int | None = None
) -> np.ndarray:
    """Check real numbers of a shape, or of a number of axes with something on them."""
    array = np.asarray(values)
    require(array.dtype.kind in "fiu", f"{name}: expected real numbers, found {array.dtype}")
    expected = list(shape) if shape is not None else f"{ndim} axis"
    fits = array.shape == shape if shape is not None else array.ndim == ndim and array.size > 0
    require(fits, f"{name}: expected the shape {expected}, found {list(array.shape)}")
    dtype = array.dtype.newbyteorder("=") if array.dtype.kind == "f" else np.dtype(np.float64)
    return frozen(array.astype(dtype, copy=False))


def axis(name: str, values: ArrayLike) -> np.ndarray:
    """Check the coordinates along one axis of a grid: finite and increasing."""
    array = numbers(name, values, ndim=1)
    rises = bool(np.isfinite(array).all() and (array[1:] > array[:-1]).all())
    require(rises, f"{name}: expected finite numbers that increase")
    return array


def flags(name: str, values: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    """Check a mask of a shape."""
    array = np.asarray(values)
    fits = array.dtype.kind == "b" and array.shape == shape
    require(fits, f"{name}: expected bool {list(shape)}, found {found(array)}")
    return frozen(array)

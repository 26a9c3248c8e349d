"""Directions in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landscape.directions.origin import Array
from landscape.errors import InputError
from landscape.files import read_archive, require_writable, write_archive


def load_directions(path: Path | str) -> NDArray[np.floating]:
    """Read `directions` from an `.npz` file, such as the record of a scan.

    Raises
    ------
    InputError
        No such key, or it does not hold real numbers.
    """
    found = read_archive(path, members=["directions"]).get("directions")
    if found is None:
        raise InputError(f"{path}: has no key 'directions', expected an array [d, P]: one row a direction")
    if found.dtype.kind not in "fiu":
        raise InputError(f"{path}: 'directions' is {found.dtype}, expected real numbers")
    return found


def require_no_other(path: Path | str) -> None:
    """Check that a path can be written and holds nothing but directions yet.

    Raises
    ------
    InputError
        It cannot, or it holds a model, a record or something else that is not to be lost.
    """
    require_writable(path)
    if Path(path).exists() and list(read_archive(path)) != ["directions"]:
        raise InputError(
            f"{path}: exists and is not a file of directions, so it is not overwritten: give another name"
        )


def save_directions(path: Path | str, directions: Array) -> None:
    """Write `directions` [d, P] to a file for `load_directions`.

    Raises
    ------
    InputError
        The path cannot be written, or holds something else.
    """
    require_no_other(path)
    write_archive(path, {"directions": directions})

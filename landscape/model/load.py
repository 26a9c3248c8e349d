"""Read a model from a file of either form."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from landscape.errors import InputError
from landscape.files import read_archive, shown
from landscape.model.bare import read_bare
from landscape.model.full import assemble
from landscape.model.header import parse_header
from landscape.model.model import Model
from landscape.model.opaque import refusal


def load_model(
    path: str | Path, *, activation: str | None = None, loss: str | None = None, allow_nonfinite: bool = False
) -> Model:
    """Read a model file.

    `activation` and `loss` are for a file of plain arrays, which does not say them. With `allow_nonfinite`, parameters
    and data may contain NaN and infinity; `Model.not_finite` says where.

    Raises
    ------
    InputError
        One line that names the file, the key and what was expected.
    """
    path = Path(path)
    if path.suffix == ".py" or ".py:" in path.name:
        raise InputError(
            f"{path}: expected a model file, found a program: scan, hessian, critical, sharpness, trajectory, connect, diagnose and report take FILE.py:NAME"
        )
    arrays = read_archive(path)
    try:
        if "landscape" in arrays:
            return _read_full(arrays, path, activation, loss, allow_nonfinite)
        return read_bare(arrays, activation=activation, loss=loss, path=path, allow_nonfinite=allow_nonfinite)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except MemoryError:
        raise InputError(f"{path}: takes more memory than is left") from None


def _read_full(
    arrays: dict[str, np.ndarray], path: Path, activation: str | None, loss: str | None, allow_nonfinite: bool
) -> Model:
    header = parse_header(arrays.pop("landscape"))
    if "record" in header:
        raise InputError(f"is a record ({shown(header['record'])}); expected a model file")
    if "kind" in header:
        raise InputError(refusal(header, path))
    for option, value in (("activation", activation), ("loss", loss)):
        if value is not None:
            raise InputError(
                f"--{option} is for files of weights without a header; the header of this file says it"
            )
    return assemble(header, arrays, form="full", path=path, allow_nonfinite=allow_nonfinite)

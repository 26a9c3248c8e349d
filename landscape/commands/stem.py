"""The name of what a command writes."""

from __future__ import annotations

from pathlib import Path

from landscape.errors import InputError


def output_stem(output: str | None, model: Path, command: str) -> str:
    """Name the files: as asked (without a trailing `.npz`), else after model and command.

    Raises
    ------
    InputError
        An empty name.

    Examples
    --------
    >>> output_stem(None, Path("models/digits.npz"), "hessian")
    'digits.hessian'
    """
    if output is None:
        return f"{model.stem}.{command}"
    stem = output.removesuffix(".npz")
    if not Path(stem).name or stem.endswith("/"):
        raise InputError(
            f"--output '{output}' names no file: expected a stem such as surface, for surface.npz"
        )
    return stem

"""Import packages that only some importers need, with a message if they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from landscape.errors import InputError

INSTALL = {
    "torch": "numba-landscape[torch]",
    "onnx": "numba-landscape[onnx]",
    "onnxruntime": "numba-landscape[onnx]",
}


def need(name: str) -> Any:
    """Import a package.

    >>> need("json").dumps([1])
    '[1]'

    Raises
    ------
    InputError
        It is not installed; the message says what to install.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        package = INSTALL.get(name.split(".")[0], name)
        raise InputError(f"this needs the package {name}: pip install '{package}'") from None

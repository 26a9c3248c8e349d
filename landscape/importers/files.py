"""`import_file`: make a model from a file of another framework, chosen by the ending of its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from landscape.errors import InputError
from landscape.files import shown
from landscape.importers.data import Data
from landscape.importers.onnx_graph import from_onnx
from landscape.importers.pt_file import from_pt
from landscape.importers.safetensors import from_safetensors
from landscape.model import Model

PICKLES = (".pkl", ".pickle", ".joblib")
READERS: dict[str, Callable[..., Model]] = {
    ".onnx": from_onnx,
    ".safetensors": from_safetensors,
    ".pt": from_pt,
    ".pth": from_pt,
}


def import_file(
    path: str | Path,
    data: Data,
    *,
    header: str | Path | None = None,
    activation: str | None = None,
    loss: str | None = None,
) -> Model:
    """Make a model from an `.onnx`, `.safetensors`, `.pt` or `.pth` file, and data.

    Raises
    ------
    InputError
        Another kind of file, options that it does not take, or what its reader refuses.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending in PICKLES:
        raise InputError(
            f"{path}: pickles are not opened, for they run code; "
            "use landscape.from_sklearn(estimator, …) in the process that has it"
        )
    if ending == ".pt2":
        raise InputError(
            f"{path}: programs of torch.export are not read; use landscape.from_torch(module, …), or export to ONNX"
        )
    if ending not in READERS:
        raise InputError(f"{path}: expected a name that ends in {', '.join(READERS)}, found {shown(ending)}")
    if ending == ".onnx":
        for option, value in (("header", header), ("activation", activation)):
            if value is not None:
                raise InputError(f"{path}: --{option} is for weights alone; an ONNX graph says it")
        return from_onnx(path, data, loss=loss)
    options: dict[str, Any] = {"header": header, "activation": activation, "loss": loss}
    return READERS[ending](path, data, **options)

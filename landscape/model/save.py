"""Write a model as a file of the full form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.file_array import FileArray
from landscape.files import map_array, require_writable, write_archive
from landscape.memory import fits_memory
from landscape.model.header import FORMAT
from landscape.model.model import Model
from landscape.model.nodes import Node
from landscape.model.required import require_model
from landscape.model.story import CHECKPOINT_KEYS


def save_model(model: Model, path: str | Path) -> None:
    """Write a model file, completely or not at all.

    Data that are mapped from files in the target's folder stay there, and are named in the header. Other data are
    written into the archive.

    Raises
    ------
    InputError
        The path cannot be written, or mapped data from elsewhere would not fit into memory when read back.
    ComputationError
        The file system refused; the earlier content of `path` is unchanged.
    """
    require_model(model, "save_model")
    write_model(model, Path(path), {})


def write_model(model: Model, path: Path, more: dict[str, Any]) -> None:
    """Write a model as `save_model` does, with more keys in its header.

    Raises
    ------
    InputError
        As `save_model`.
    """
    require_writable(path)
    beside = mapped_beside(model, path.resolve().parent)
    inside = {key: array for key, array in model.data.items() if key not in beside}
    if not fits_memory(sum(array.nbytes for array in inside.values())):
        raise InputError(
            f"{path}: the data is larger than memory; expected a path in the folder of its .npy files"
        )
    arrays: dict[str, np.ndarray | str] = {"landscape": json.dumps(header_of(model, beside) | more)}
    write_archive(path, arrays | model.parameters | model.buffers | inside | story_of(model))


def header_of(model: Model, data: dict[str, str] | None = None) -> dict[str, Any]:
    """Give the header that describes the model, every attribute written out."""
    header: dict[str, Any] = {
        "format": FORMAT,
        "name": model.name,
        "loss": model.loss,
        "loss_scale": model.loss_scale,
        "delta": model.delta,
        **model.loss_options.given(),
        "weight_decay": model.weight_decay,
        "input_shape": model.input_shape,
        "nodes": [_node(node) for node in model.nodes],
    }
    optional = {"training": model.training, "data": data or {}}
    return header | {key: value for key, value in optional.items() if value}


def story_of(model: Model) -> dict[str, np.ndarray]:
    """Give history, checkpoints and the optimizer's state by the archive's keys."""
    checkpoints = {key: getattr(model, name) for key, name in CHECKPOINT_KEYS.items()}
    return {
        **{f"history.{key}": array for key, array in model.history.items()},
        **{key: array for key, array in checkpoints.items() if array is not None},
        **{f"optimizer.{key}": array for key, array in model.optimizer.items()},
    }


def mapped_beside(model: Model, folder: Path) -> dict[str, str]:
    """Name the data files, relative to the folder, that can stay where they are."""
    result: dict[str, str] = {}
    array: Any
    for key, array in model.data.items():
        if isinstance(array, FileArray) and whole_file(array):
            file = array.filename.resolve()
            if file.is_relative_to(folder):
                result[key] = str(file.relative_to(folder))
    return result


def whole_file(array: FileArray) -> bool:
    """Return whether an array in a file is a whole .npy file and not a part of one."""
    if array.filename.suffix != ".npy":
        return False
    try:
        found = map_array(array.filename)
    except InputError:
        return False
    return (found.shape, found.dtype) == (array.shape, array.dtype)


def _node(node: Node) -> dict[str, Any]:
    written: dict[str, Any] = {"name": node.name, "op": node.op, "inputs": node.inputs, **node.attributes}
    if node.parameters_of is not None:
        written["parameters_of"] = node.parameters_of
    elif not node.trainable:
        written["trainable"] = False
    elif node.frozen:
        written["frozen"] = list(node.frozen)
    return written

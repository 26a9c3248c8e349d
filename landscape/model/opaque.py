"""A recorded network that could not be imported: names and shapes of its parameters, checkpoints, log, and the reason.

It has no graph and no data, so nothing is computed with it. Its checkpoints go beside an objective that can compute the loss.
"""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.files import read_archive, require_writable, shown, write_archive
from landscape.model.data import beside
from landscape.model.header import FORMAT, TRAINING, parse_header
from landscape.model.recording import read_recording
from landscape.model.story import CHECKPOINT_KEYS, Arrays, is_story, read_story
from landscape.ops import values
from landscape.ops.operation import Shape

KIND = "opaque"
KEYS = ("format", "kind", "name", "why", "parameters", "buffers", "training", "recording")
LONGEST = 1000


@dataclass(frozen=True, eq=False)
class Opaque:
    """A recorded network that could not be translated: its final θ, tensors by name, and the log and checkpoints of its training.

    `shapes` and `buffer_shapes` are in the order of θ and of the buffers; `why` says why it could not be imported.
    """

    name: str
    why: str
    shapes: dict[str, Shape]
    buffer_shapes: dict[str, Shape]
    theta: np.ndarray
    buffers: np.ndarray
    history: Arrays = field(default_factory=dict)
    checkpoints: np.ndarray | None = None
    checkpoint_steps: np.ndarray | None = None
    checkpoint_buffers: np.ndarray | None = None
    optimizer: Arrays = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    path: Path | None = None

    @property
    def size(self) -> int:
        """The number of recorded parameters P."""
        return sum(map(math.prod, self.shapes.values()))

    @property
    def buffer_size(self) -> int:
        """The number of elements B in buffers."""
        return sum(map(math.prod, self.buffer_shapes.values()))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """Show a summary and a figure in a notebook."""
        # By its name, since figures stand above models, which load without them.
        return importlib.import_module("landscape.notebook").bundle(self, include, exclude)

    def state_dict(self, checkpoint: int | None = None) -> Arrays:
        """Return the tensors by name at a checkpoint, counted from 0, or at the end.

        Raises
        ------
        InputError
            There is no such checkpoint.
        """
        theta, buffers = self.theta, self.buffers
        if checkpoint is not None:
            count = 0 if self.checkpoints is None else len(self.checkpoints)
            if self.checkpoints is None or not -count <= checkpoint < count:
                raise InputError(f"checkpoint: expected a number below {count}, found {checkpoint}")
            theta = self.checkpoints[checkpoint]
            buffers = buffers if self.checkpoint_buffers is None else self.checkpoint_buffers[checkpoint]
        return cut(theta, self.shapes) | cut(buffers, self.buffer_shapes)


def cut(vector: np.ndarray, shapes: Mapping[str, Shape]) -> Arrays:
    """Cut a flat vector into arrays.

    >>> cut(np.arange(3.0), {"w": (2,), "b": ()})
    {'w': array([0., 1.]), 'b': array(2.)}
    """
    found, start = {}, 0
    for name, shape in shapes.items():
        found[name] = vector[start : start + math.prod(shape)].reshape(shape)
        start += math.prod(shape)
    return found


def refusal(header: Mapping[str, Any], path: Path | None) -> str:
    """Say why a file of this `kind` is not a model to compute with, and what can be done with it."""
    if header.get("kind") != KIND:
        return f"is of the kind {shown(header.get('kind'))}; expected a model file"
    file = "FILE" if path is None else path.name
    why = f" ({' '.join(str(header['why']).split())[:LONGEST]})" if header.get("why") else ""
    return (
        f"is an opaque model: its network could not be imported{why}, so nothing is computed with it; `landscape diagnose --log {file}` and "
        f"`landscape plot {file}` read its log, and landscape.trajectory(objective, checkpoints=landscape.load_opaque({file!r}).checkpoints) "
        "its checkpoints, with an objective that runs the network"
    )


def save_opaque(opaque: Opaque, path: Path, more: Mapping[str, Any] | None = None) -> None:
    """Write an opaque model atomically, with more keys in its header.

    Raises
    ------
    InputError
        The path cannot be written.
    """
    require_writable(path)
    header = {
        "format": FORMAT, "kind": KIND, "name": opaque.name, "why": opaque.why[:LONGEST],
        "parameters": listed(opaque.shapes), "buffers": listed(opaque.buffer_shapes), "training": opaque.training, **(more or {}),
    }  # fmt: skip
    checkpoints = {key: getattr(opaque, name) for key, name in CHECKPOINT_KEYS.items()}
    arrays: dict[str, np.ndarray | str] = {
        "landscape": json.dumps(header), "theta": opaque.theta, "buffers": opaque.buffers,
    }  # fmt: skip
    arrays |= {key: array for key, array in checkpoints.items() if array is not None}
    arrays |= {f"history.{name}": series for name, series in opaque.history.items()}
    write_archive(path, arrays | {f"optimizer.{name}": array for name, array in opaque.optimizer.items()})


def listed(shapes: Mapping[str, Shape]) -> list[dict[str, Any]]:
    """Give names and shapes as the header has them."""
    return [{"name": name, "shape": list(shape)} for name, shape in shapes.items()]


def load_opaque(path: str | Path) -> Opaque:
    """Read a recorded network that could not be translated.

    Raises
    ------
    InputError
        The file is no such model; one line that names the file, the key and what was expected.
    """
    path = Path(path)
    arrays = read_archive(path)
    try:
        if "landscape" not in arrays:
            raise InputError("'landscape': missing; expected the header of an opaque model")
        return _assembled(parse_header(arrays.pop("landscape")), arrays, path)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _assembled(header: dict[str, Any], arrays: Arrays, path: Path) -> Opaque:
    if header.get("kind") != KIND:
        raise InputError("is not an opaque model: landscape.load_model reads it")
    for key in header:
        if key not in KEYS:
            raise InputError(f"header: unknown key {shown(key)}; known are {', '.join(KEYS)}")
    if not values.is_integer(header.get("format"), 1, FORMAT):
        raise InputError(f"header: format: expected {FORMAT}, found {shown(header.get('format'))}")
    shapes, buffers = _shapes(header, "parameters"), _shapes(header, "buffers")
    opaque = Opaque(
        name=str(header.get("name", "")), why=str(header.get("why", "")), shapes=shapes, buffer_shapes=buffers,
        theta=_vector(arrays, "theta", shapes), buffers=_vector(arrays, "buffers", buffers),
        training=values.read_mapping(header.get("training", {}), TRAINING, "key of training"), path=path,
    )  # fmt: skip
    story = {key: array for key, array in arrays.items() if is_story(key)}
    if "recording" in header:
        folder = beside("header: recording", str(header["recording"]), path.resolve().parent)
        found = read_recording(folder, opaque.size, opaque.buffer_size)
        story = {key: array for key, array in found.story().items() if array is not None}
        opaque.training.update(found.told(opaque.training))
    return _with(opaque, read_story(story, opaque.size, opaque.buffer_size), recorded="recording" in header)


def _with(opaque: Opaque, story: dict[str, Any], recorded: bool) -> Opaque:
    """Add the story; of a recording that was cut short θ is the last checkpoint."""
    moved: dict[str, Any] = {}
    if recorded and "checkpoints" in story:
        moved["theta"] = np.asarray(story["checkpoints"][-1], np.float64)
        if "checkpoint_buffers" in story:
            moved["buffers"] = np.asarray(story["checkpoint_buffers"][-1], np.float64)
    return Opaque(**{**vars(opaque), **story, **moved})


def _shapes(header: Mapping[str, Any], key: str) -> dict[str, Shape]:
    found: dict[str, Shape] = {}
    rows = header.get(key, [])
    if not isinstance(rows, list):
        raise InputError(f"header: {key}: expected a list of names and shapes, found {shown(rows)}")
    for row in rows:
        if not isinstance(row, dict) or set(row) != {"name", "shape"} or row["name"] in found:
            raise InputError(f"header: {key}: expected a name of its own and a shape, found {shown(row)}")
        found[str(row["name"])] = tuple(values.integers(8, 0)(row["shape"]))
    return found


def _vector(arrays: Arrays, key: str, shapes: Mapping[str, Shape]) -> np.ndarray:
    size, array = sum(map(math.prod, shapes.values())), arrays.get(key)
    if array is None or array.dtype.kind != "f" or array.shape != (size,):
        found = "nothing" if array is None else f"{array.dtype} {list(array.shape)}"
        raise InputError(f"{key}: expected numbers [{size}], found {found}")
    return np.asarray(array, np.float64)

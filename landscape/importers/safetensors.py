"""`from_safetensors`: read a file of arrays without trusting its index."""

from __future__ import annotations

import math
from pathlib import Path
from typing import IO, Any

import numpy as np

from landscape.errors import InputError
from landscape.files import require_regular, shown
from landscape.importers.data import Data
from landscape.importers.state_dict import Header, from_state_dict
from landscape.memory import available_memory
from landscape.model import Model
from landscape.model.header import parse_object

LENGTH = 8
# An index of more bytes is no index; the library itself stops at 100 MB.
LONGEST_INDEX = 10_000_000
DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}


def from_safetensors(
    path: str | Path,
    data: Data,
    *,
    header: Header | None = None,
    activation: str | None = None,
    loss: str | None = None,
    name: str | None = None,
) -> Model:
    """Make a model from a `.safetensors` file and data.

    The header is the text under `landscape` in the file's `__metadata__`, or the one given (a mapping or the path of
    a JSON file); without either the weights are read as a bare file's.

    Raises
    ------
    InputError
        Not such a file, damaged, or what a model file would be refused for; the message names the file.
    """
    path = Path(path)
    arrays, metadata = read_safetensors(path)
    try:
        inside = metadata.get("landscape")
        if inside is not None and header is not None:
            raise InputError("has a header in its metadata; expected no other one")
        return from_state_dict(
            arrays,
            data,
            header=header if inside is None else parse_object(inside),
            activation=activation,
            loss=loss,
            name=name or path.stem,
        )
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def read_safetensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read arrays, half precision as float32, and the metadata.

    Raises
    ------
    InputError
        Not such a file, or an index that does not go with the bytes that there are.
    """
    require_regular(path)
    size = path.stat().st_size
    try:
        with path.open("rb") as stream:
            index, start = _index(stream, size)
            metadata = index.pop("__metadata__", {})
            if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
                raise InputError("__metadata__: expected an object of texts")
            spans = {key: _span(key, entry, size - start) for key, entry in index.items()}
            _require_apart(spans)
            if size > available_memory():
                raise InputError(f"{size / 1e9:.1f} GB: more than memory holds")
            return {key: _read(stream, start, span) for key, span in spans.items()}, metadata
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


Span = tuple[str, tuple[int, ...], int, int]


def _index(stream: IO[bytes], size: int) -> tuple[dict[str, Any], int]:
    """Parse the index, and say where the arrays begin."""
    length = int.from_bytes(stream.read(LENGTH), "little")
    if size < LENGTH or not 2 <= length <= min(size - LENGTH, LONGEST_INDEX):
        raise InputError("expected a .safetensors file; the file is something else or truncated")
    try:
        text = stream.read(length).decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("expected a .safetensors file; its index is no text") from None
    return parse_object(text), LENGTH + length


def _span(key: str, entry: Any, size: int) -> Span:
    """Check one entry of the index against the bytes that there are."""
    label = shown(key)
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise InputError(f"{label}: expected dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise InputError(f"{label}: expected one of {', '.join(DTYPES)}, found {shown(dtype)}")
    if not _is_sizes(shape) or len(shape) > 8 or not _is_sizes(offsets) or len(offsets) != 2:
        raise InputError(f"{label}: expected sizes and two offsets from 0")
    if 0 in shape:
        raise InputError(f"{label}: expected numbers, found the shape {shape}")
    begin, end = offsets
    needed = math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize
    if not begin <= end <= size or end - begin != needed:
        raise InputError(
            f"{label}: truncated or damaged: expected {needed} bytes, found offsets {offsets} of {size}"
        )
    return dtype, tuple(shape), begin, end


def _is_sizes(value: Any) -> bool:
    """Return whether a value is a list of whole numbers from 0."""
    return isinstance(value, list) and all(
        isinstance(v, int) and not isinstance(v, bool) and 0 <= v < 2**48 for v in value
    )


def _require_apart(spans: dict[str, Span]) -> None:
    """Refuse arrays that overlap: together they would take more than the file."""
    last, before = 0, ""
    for key, (_, _, begin, end) in sorted(spans.items(), key=lambda item: item[1][2:]):
        if begin < last:
            raise InputError(f"{shown(key)}: overlaps {shown(before)}")
        last, before = end, key


def _read(stream: IO[bytes], start: int, span: Span) -> np.ndarray:
    name, shape, begin, end = span
    dtype = np.dtype(DTYPES[name])
    stream.seek(start + begin)
    flat = np.frombuffer(stream.read(end - begin), dtype).astype(dtype.newbyteorder("="))
    if name == "BF16":  # the upper half of a float32
        flat = (flat.astype(np.uint32) << 16).view(np.float32)
    elif name == "F16":
        flat = flat.astype(np.float32)
    return flat.reshape(shape)

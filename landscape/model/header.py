"""The header: the JSON object under the key `landscape` that says what the arrays mean."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from landscape.errors import InputError
from landscape.files import distinct_names, shown
from landscape.model.loss_options import READERS as OPTIONS
from landscape.model.loss_options import LossOptions, read_options
from landscape.model.losses import LOSSES
from landscape.ops import values
from landscape.ops.operation import Shape

FORMAT = 1
LONGEST = 1_000_000
# What splits hold: inputs, targets, and a weight for each example where there are such.
INPUTS, TARGETS, WEIGHTS = "x", "y", "sample_weight"
DATA_KEYS = tuple(
    f"{kind}_{split}" for split in ("train", "validation", "test") for kind in (INPUTS, TARGETS, WEIGHTS)
)

TRAINING: dict[str, values.Reader] = {
    "optimizer": values.text,
    "learning_rate": values.number(0.0),
    "momentum": values.number(),
    "betas": values.numbers(2),
    "beta2": values.number(),
    "eps": values.number(0.0),
    "weight_decay": values.number(0.0),
    "clip": values.number(0.0),
    "schedule": values.text,
    "warmup": values.number(0.0),
    "batch_size": values.integer(1),
    "steps": values.integer(0, values.LARGEST_SEED),
    "epochs": values.number(0.0),
    "seed": values.integer(0, values.LARGEST_SEED),
    "init": values.text,
    "radius": values.number(0.0),
    "schedule_steps": values.integer(1, values.LARGEST_SEED),
    "period": values.number(0.0),
    "decay": values.number(0.0),
    "floor": values.number(0.0),
    "replacement": values.boolean,
    "dtype": values.choice("float32", "float64"),
    "device": values.choice("cpu", "cuda"),
    "start": values.text,
    "machine": values.text,
    "history_loss": values.choice("full", "batch"),
}


@dataclass(frozen=True)
class Header:
    """The header's values, checked one by one; whether they go with the arrays is for the reader of those."""

    loss: str
    nodes: list[Any]
    name: str | None = None
    loss_scale: float = 1.0
    delta: float = 1.0
    loss_options: LossOptions = field(default_factory=LossOptions)
    weight_decay: float | dict[str, float] = 0.0
    input_shape: Shape | None = None
    training: dict[str, Any] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)
    recording: str | None = None
    format: int = FORMAT


def _format(value: Any) -> int:
    number = values.integer(1)(value)
    if number > FORMAT:
        raise InputError(
            f"expected {FORMAT}, found {number}: the file is from a newer version; upgrade landscape"
        )
    return int(number)


def _nodes(value: Any) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise values.refuse("a list of nodes", value)
    return list(value)


def _weight_decay(value: Any) -> float | dict[str, float]:
    if not isinstance(value, dict):
        return float(values.number(0.0)(value))
    return values.read_mapping(value, dict.fromkeys(value, values.number(0.0)), "parameter")


READERS: dict[str, values.Reader] = {
    "format": _format,
    "name": values.text,
    "loss": values.choice(*LOSSES),
    "loss_scale": values.number(0.0, above=True),
    "delta": values.number(0.0, above=True),
    **OPTIONS,
    "weight_decay": _weight_decay,
    "input_shape": values.shape,
    "nodes": _nodes,
    "training": lambda value: values.read_mapping(value, TRAINING, "key of training"),
    "data": lambda value: values.read_mapping(value, dict.fromkeys(DATA_KEYS, values.text), "key of data"),
    "recording": values.text,
}


def read_header(value: dict[str, Any]) -> Header:
    """Check a header's keys and values.

    >>> read_header({"format": 1, "loss": "mse", "nodes": [], "weight_decay": 0.1}).weight_decay
    0.1

    Raises
    ------
    InputError
        An unknown key, a missing one, or a value that cannot be; the message names the key.
    """
    try:
        # The number comes first: what a newer format added is no unknown key.
        if isinstance(value, dict) and "format" in value:
            values.read_mapping({"format": value["format"]}, READERS, "key")
        read = values.read_mapping(value, READERS, "key")
    except InputError as error:
        raise InputError(f"header: {error}") from None
    for key in ("format", "loss", "nodes"):
        if key not in read:
            raise InputError(f"header: {key}: missing; expected a header with format, loss and nodes")
    options = {key: read.pop(key) for key in OPTIONS if key in read}
    return Header(**read, loss_options=read_options(read["loss"], options))


def parse_header(array: np.ndarray) -> dict[str, Any]:
    """Parse the 0-d unicode array under the key `landscape`.

    Raises
    ------
    InputError
        Not such an array, not JSON, not an object, a key that stands twice, a number that is not finite.
    """
    if array.dtype.kind != "U" or array.ndim != 0:
        raise InputError(
            "'landscape': expected a 0-d unicode array of JSON, "
            f"found {array.dtype} of shape {list(array.shape)}"
        )
    if array.nbytes > 4 * LONGEST:
        raise InputError(f"header: expected at most {LONGEST} characters, found {array.nbytes // 4}")
    return parse_object(str(array[()]))


def parse_object(text: str) -> dict[str, Any]:
    """Parse JSON, and refuse numbers that are not finite and keys that occur twice.

    >>> parse_object('{"format": 1}')
    {'format': 1}

    Raises
    ------
    InputError
        Not JSON, not an object, a key that stands twice, a number that is not finite.
    """
    try:
        value = json.loads(text, object_pairs_hook=_distinct, parse_constant=_not_finite)
    except InputError:
        raise
    except json.JSONDecodeError as error:
        raise InputError(f"header: expected JSON: {error.msg}, at character {error.pos}") from None
    except (ValueError, RecursionError):
        raise InputError("header: expected JSON of plain numbers that is less nested") from None
    if not isinstance(value, dict):
        raise InputError(f"header: expected a JSON object {{…}}, found {shown(value)}")
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return distinct_names(pairs, "header: {} stands twice in one object; expected it once")


def _not_finite(name: str) -> NoReturn:
    raise InputError(f"header: expected finite numbers, found {name}")

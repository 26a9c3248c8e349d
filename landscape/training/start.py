"""Where a training starts: initializations by a seed, and new networks for a file of data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.errors import InputError, did_you_mean
from landscape.files import read_archive
from landscape.formulas.random import normal
from landscape.memory import available_memory, size_words
from landscape.model import Model, build_model
from landscape.model.bare_names import DATA_NAMES
from landscape.model.initialization import INITIALIZATIONS, start_scales
from landscape.model.required import require_model

Array = NDArray[np.float64]

# Of a new network's parameters in float64, while it is made.
COPIES = 4
# A wider layer is a typing error: nothing holds its weights.
WIDEST = 10**12


def require_initialization(name: str) -> None:
    """Refuse a name of no initialization.

    Raises
    ------
    InputError
        It is none of those there are.
    """
    if name not in INITIALIZATIONS:
        raise InputError(
            f"init: expected one of {', '.join(INITIALIZATIONS)}, found {name!r}{did_you_mean(name, INITIALIZATIONS)}"
        )


def initialize(model: Model, init: str = "he", seed: int = 0) -> Array:
    """Draw an initialization θ [P]: normally distributed weights, biases of zero, scales of normalizations one.

    The standard deviation is √(2/fan-in) for `he`, √(2/(fan-in + fan-out)) for `xavier`, 0.01 for `normal`, 0 for `zero`;
    0.02 for embeddings and positions (0 for `zero`).

    Raises
    ------
    InputError
        An unknown initialization.
    """
    require_model(model, "initialize")
    require_initialization(init)
    theta = np.zeros(model.size)
    for number, (slot, mean, deviation) in enumerate(start_scales(model, init)):
        part = theta[slot.start : slot.stop]
        part[:] = mean
        if deviation:
            part += deviation * normal(seed, streams.STARTS[number], 0, part.size)
    return theta


def at_initialization(model: Model, init: str = "he", seed: int = 0) -> Model:
    """Give the model at a start that is drawn, with running statistics that no batch has moved yet.

    Raises
    ------
    InputError
        An unknown initialization.
    """
    return fresh_statistics(model).with_theta(initialize(model, init, seed))


def fresh_statistics(model: Model) -> Model:
    """Give the model with running means of zero and variances of one, as a new network has them."""
    parts = [
        np.full(values.size, 1.0 if name.endswith(".running_var") else 0.0)
        for name, values in model.buffers.items()
    ]
    return model.with_buffers(np.concatenate(parts)) if parts else model


def require_finite_start(loss: float, dtype: str) -> None:
    """Refuse a start whose loss is not finite.

    Raises
    ------
    InputError
        The training loss is not finite.
    """
    if not math.isfinite(loss):
        raise InputError(
            f"the start: expected a finite training loss, found {loss} in {dtype}: try --dtype float64, or another start by --init"
        )


def new_model(
    path: str | Path, architecture: Sequence[int] | str, *, activation: str = "relu", loss: str | None = None,
    init: str = "he", seed: int = 0,
) -> Model:  # fmt: skip
    """Make a network of dense layers, such as "64-32-10", for the data in a file.

    The file has x_train and y_train, or x and y.

    The loss is chosen as for a bare file, unless given.

    Raises
    ------
    InputError
        Sizes that do not fit the data or the memory, an unknown activation, loss or initialization, a file without data.
    """
    arrays = read_archive(Path(path))
    keys = {name: key for name, names in DATA_NAMES.items() for key in names if key in arrays}
    data: dict[str, Any] = {name: arrays[key] for name, key in keys.items()}
    if "x_train" not in data or "y_train" not in data:
        found = ", ".join(arrays) or "nothing"
        raise InputError(f"{path}: expected x_train and y_train, or x and y, found {found}")
    sizes, features = sizes_of(architecture), math.prod(data["x_train"].shape[1:])
    if sizes[0] != features:
        raise InputError(f"architecture: the data have {features} numbers an example, found {sizes[0]} first")
    needed = COPIES * 8 * sum(inputs * outputs + outputs for inputs, outputs in pairwise(sizes))
    if needed > available_memory():
        raise InputError(
            f"architecture: a network {architecture} takes {size_words(needed)} to make, and "
            f"{size_words(available_memory())} of memory are free"
        )
    layers = [(np.zeros(pair), np.zeros(pair[1])) for pair in pairwise(sizes)]
    model = build_model(layers=layers, activation=activation, loss=loss, name=Path(path).stem, **data)
    return model.with_theta(initialize(model, init, seed))


def sizes_of(architecture: Sequence[int] | str) -> list[int]:
    """Read "64-32-10" as sizes.

    >>> sizes_of("64-32-10")
    [64, 32, 10]

    Raises
    ------
    InputError
        Not whole numbers above zero, or less than two.
    """
    parts = architecture.split("-") if isinstance(architecture, str) else list(architecture)
    try:
        sizes = [int(part) for part in parts]
    except ValueError:
        sizes = []
    if len(sizes) < 2 or min(sizes) < 1 or max(sizes) > WIDEST:
        raise InputError(f"architecture: expected sizes such as 64-32-10, found {architecture}")
    return sizes

"""`from_state_dict`: make a model from weights alone, described by a header or read by the rules of the bare form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.files import require_regular, shown
from landscape.importers.data import Data, as_array, read_data
from landscape.importers.finish import told_where_not_finite
from landscape.importers.ties import equal_matrices
from landscape.model import Model
from landscape.model.bare import read_bare
from landscape.model.full import assemble
from landscape.model.header import LONGEST, parse_object

UNCHECKED = "weights alone: there is no original to compare with; look at the loss"
Header = Mapping[str, Any] | str | Path


def from_state_dict(
    state: Mapping[str, Any],
    data: Data,
    *,
    header: Header | None = None,
    activation: str | None = None,
    loss: str | None = None,
    name: str = "model",
) -> Model:
    """Make a model from a mapping of names to arrays or tensors, and data.

    With a header (a mapping, or the path of a JSON file) the names are those of its nodes; without one the
    weights are read as a bare file's, with `activation` and `loss` for what it leaves open.

    >>> model = from_state_dict({"0.weight": [[1.0, 2.0], [0.0, 1.0]]}, ([[1.0, 1.0]], [1]))
    >>> model.loss, model.size
    ('cross_entropy', 4)

    Raises
    ------
    InputError
        What a model file would be refused for.
    """
    # Copies: the model does not move with a network that goes on training.
    arrays = {str(key): np.array(as_array(str(key), value)) for key, value in state.items()}
    examples = read_data(data)
    for key in examples:
        if key in arrays:
            raise InputError(f"{shown(key)}: is among the weights and in the data")
    if header is None:
        settings = {"name": name}
        model = read_bare(
            arrays | examples,
            activation=activation,
            loss=loss,
            header=settings,
            form="imported",
            allow_nonfinite=True,
        )
    else:
        if activation is not None or loss is not None:
            raise InputError("activation and loss are for weights without a header; the header says them")
        model = assemble(read_header_of(header), arrays | examples, form="imported", allow_nonfinite=True)
    model = told_where_not_finite(model)
    ties = [
        f"{shown(one)} and {shown(other)} hold the same numbers: if training tied them, θ has them twice; "
        "a header with parameters_of keeps them one"
        for one, other in equal_matrices(arrays)
    ]
    return replace(model, inferred=(*model.inferred, *ties, UNCHECKED))


def read_header_of(header: Header) -> dict[str, Any]:
    """Give a header from a mapping, or from a file of JSON.

    Raises
    ------
    InputError
        No such file, or not an object of JSON.
    """
    if isinstance(header, Mapping):
        return dict(header)
    path = Path(header)
    require_regular(path)
    if path.stat().st_size > 4 * LONGEST:
        raise InputError(f"{path}: expected a header of at most {LONGEST} characters")
    try:
        return parse_object(path.read_text(encoding="utf-8"))
    except (InputError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from None

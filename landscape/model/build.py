"""A model from arrays, in a few lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from landscape.errors import InputError
from landscape.file_array import FileArray, left_in_file
from landscape.model.bare import read_bare
from landscape.model.full import assemble
from landscape.model.header import FORMAT
from landscape.model.model import Model

Array = Any


def build_model(
    *,
    x_train: Array,
    y_train: Array,
    layers: Sequence[tuple[Array, Array | None]] | None = None,
    activation: str | None = None,
    nodes: Sequence[Mapping[str, Any]] | None = None,
    parameters: Mapping[str, Array] | None = None,
    loss: str | None = None,
    x_validation: Array | None = None,
    y_validation: Array | None = None,
    x_test: Array | None = None,
    y_test: Array | None = None,
    name: str = "model",
    weight_decay: float | Mapping[str, float] = 0.0,
    loss_scale: float = 1.0,
    delta: float = 1.0,
    loss_options: Mapping[str, Any] | None = None,
    input_shape: Sequence[int] | None = None,
    training: Mapping[str, Any] | None = None,
    arrays: Mapping[str, Array] | None = None,
    allow_nonfinite: bool = False,
) -> Model:
    """Build a model from dense layers, or from any nodes, with its data.

    `layers` are pairs of weight and bias (or None), read like a file of plain arrays: `[in, out]` or `[out, in]`,
    whichever fits the data, with `activation` (relu) between them. Alternatively, `nodes` are those of a header,
    `parameters` are the arrays by `"<node>.<parameter>"`, and `loss` must be given. `arrays` has any other key of a
    model file (`history.step`, `checkpoints`, …). `loss_options` are those of the header, such as `{"class_weights":
    [1, 3]}`.

    >>> model = build_model(
    ...     layers=[(np.ones((2, 3)), np.zeros(3)), (np.ones((3, 2)), np.zeros(2))],
    ...     x_train=np.eye(2),
    ...     y_train=[0, 1],
    ... )
    >>> model.size, model.loss
    (17, 'cross_entropy')

    Raises
    ------
    InputError
        Anything for which a model file would be refused.
    """
    splits = {"x_train": x_train, "y_train": y_train, "x_validation": x_validation}
    splits |= {"y_validation": y_validation, "x_test": x_test, "y_test": y_test}
    given = {
        key: _array(key, value) for key, value in {**(arrays or {}), **splits}.items() if value is not None
    }
    header: dict[str, Any] = {"format": FORMAT, "name": name, "loss_scale": loss_scale, "delta": delta}
    header |= {key: _as_json(value) for key, value in (loss_options or {}).items()}
    header["weight_decay"] = dict(weight_decay) if isinstance(weight_decay, Mapping) else weight_decay
    header |= {} if input_shape is None else {"input_shape": list(input_shape)}
    header |= {} if training is None else {"training": dict(training)}
    if (layers is None) == (nodes is None):
        raise InputError("expected either layers=[(weight, bias), …] or nodes=[…] with parameters={…}")
    if layers is not None:
        return read_bare(
            _named(layers) | given,
            activation=activation,
            loss=loss,
            header=header,
            form="built",
            allow_nonfinite=allow_nonfinite,
        )
    if activation is not None or loss is None:
        raise InputError("nodes=[…] needs loss=… and no activation=…, which the nodes say themselves")
    given |= {key: _array(key, value) for key, value in (parameters or {}).items()}
    header |= {"loss": loss, "nodes": list(nodes or ())}
    return assemble(header, given, form="built", allow_nonfinite=allow_nonfinite)


def _as_json(value: Any) -> Any:
    """Give an array or a tensor as JSON has it."""
    return value.tolist() if hasattr(value, "tolist") else value


def _named(layers: Sequence[tuple[Array, Array | None]]) -> dict[str, np.ndarray]:
    """Give the layers the names of a bare file."""
    named = {}
    for position, (weight, bias) in enumerate(layers, 1):
        named[f"W{position}"] = _array(f"W{position}", weight)
        if bias is not None:
            named[f"b{position}"] = _array(f"b{position}", bias)
    return named


def _array(key: str, value: Array) -> np.ndarray:
    try:
        kept: Any = left_in_file(value)
        kept = kept if isinstance(kept, np.memmap | FileArray) else np.asarray(kept)
        return cast(np.ndarray, kept)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(f"{key}: expected an array of numbers: {error}") from None

"""Files of plain arrays without a header: infer a model, with a sentence for each inference.

What is understood is written as a header and arrays of the full form, which then passes the one validation.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.model.bare_data import choose_loss, convert_input, convert_parameter, convert_target
from landscape.model.bare_layers import OUT_IN, Chain, find_chain
from landscape.model.bare_names import HINT, take_data, take_layers
from landscape.model.full import UNUSED, assemble, require_names
from landscape.model.header import DATA_KEYS, WEIGHTS
from landscape.model.model import Model
from landscape.model.nodes import read_name
from landscape.ops.activation import ACTIVATIONS
from landscape.ops.identity import IDENTITY
from landscape.ops.values import choice

Arrays = dict[str, np.ndarray]

# What may stand between the layers.
BETWEEN = (*(operation.name for operation in ACTIVATIONS if operation.traits.bend), IDENTITY.name)


def read_bare(
    arrays: Arrays,
    *,
    activation: str | None = None,
    loss: str | None = None,
    header: dict[str, Any] | None = None,
    form: str = "bare",
    path: Path | None = None,
    allow_nonfinite: bool = False,
) -> Model:
    """Make a model of weight matrices and data; `header` has what more is known (a name, weight decay).

    Raises
    ------
    InputError
        What cannot be decided, with the option or the header that would settle it.
    """
    require_names(arrays)
    keys = take_data(arrays)
    data, sentences = _inputs(arrays, keys)
    chain = find_chain(
        take_layers(_parameters(arrays, keys)), int(np.prod(data["x_train"].shape[1:])), _first(arrays, keys)
    )
    sentences = [*chain.reasons, *sentences]
    nodes, parameters, renamed, more = _network(chain, activation, data["x_train"].ndim)
    name, why = choose_loss(keys["y_train"], _first(arrays, keys), chain.outputs, loss)
    targets, changed = _targets(arrays, keys, name, chain.outputs)
    sentences += [*more, f"the loss is {name}, {why} (--loss for another)", *changed]
    try:
        return assemble(
            {"format": 1, "loss": name, "nodes": nodes, **(header or {})},
            parameters | data | targets | _as_they_are(arrays),
            form=form,
            path=path,
            inferred=tuple(sentences),
            allow_nonfinite=allow_nonfinite,
        )
    except InputError as error:
        raise InputError(_with_own_names(str(error), keys | renamed)) from None


def _parameters(arrays: Arrays, keys: dict[str, str]) -> Arrays:
    """Return the arrays without data, history and ignored ones; refuse those that need a header."""
    rest = {}
    left = {*keys.values(), *_as_they_are(arrays)}
    for key, array in arrays.items():
        if key in left or key.rsplit(".", 1)[-1] == UNUSED:
            continue
        if key.startswith(("checkpoints", "optimizer.")):
            raise InputError(f"{key}: flat parameters are in the order of a header's nodes; {HINT}")
        rest[key] = array
    return rest


def _as_they_are(arrays: Arrays) -> Arrays:
    """Return history and weights of examples, whose keys are those of the full form."""
    weights = {key for key in DATA_KEYS if key.startswith(WEIGHTS)}
    return {key: array for key, array in arrays.items() if key.startswith("history.") or key in weights}


def _first(arrays: Arrays, keys: dict[str, str]) -> np.ndarray:
    """Return the training targets, checked to be numbers with one or two axes."""
    target = arrays[keys["y_train"]]
    if target.ndim not in (1, 2) or not target.size or target.dtype.kind not in "iufb":
        raise InputError(
            f"{keys['y_train']}: expected targets [N] or [N, …] of numbers, "
            f"found {target.dtype} {list(target.shape)}"
        )
    return target


def _inputs(arrays: Arrays, keys: dict[str, str]) -> tuple[Arrays, list[str]]:
    data, sentences = {}, []
    for meant, key in keys.items():
        if meant[0] == "x":
            array = arrays[key]
            if array.ndim == 0 or not array.size or array.dtype.kind not in "iufb":
                found = f"{array.dtype} {list(array.shape)}"
                raise InputError(f"{key}: expected examples [N, …] of numbers, found {found}")
            data[meant], changed = convert_input(key, array)
            sentences += changed
    return data, sentences


def _targets(arrays: Arrays, keys: dict[str, str], loss: str, outputs: int) -> tuple[Arrays, list[str]]:
    targets, sentences = {}, []
    for meant, key in keys.items():
        if meant[0] == "y":
            targets[meant], changed = convert_target(key, arrays[key], loss, outputs)
            sentences += changed
    return targets, sentences


def _network(
    chain: Chain, activation: str | None, axes: int
) -> tuple[list[dict[str, Any]], Arrays, dict[str, str], list[str]]:
    """Give nodes, parameters in PyTorch's shapes, the file's own names of these, and sentences."""
    between = _activation(activation)
    names = _node_names(chain, between)
    nodes: list[dict[str, Any]] = [{"name": "flatten", "op": "flatten"}] if axes > 2 else []
    sentences = [f"examples of {axes - 1} axes are flattened"] if axes > 2 else []
    parameters: Arrays = {}
    renamed: dict[str, str] = {}
    for position, (name, layer) in enumerate(zip(names, chain.layers, strict=True)):
        if position:
            nodes.append({"name": f"{between}{position}", "op": between})
        nodes.append({"name": name, "op": "dense"})
        weight, changed = convert_parameter(layer.key, layer.weight)
        parameters[f"{name}.weight"] = (
            weight if chain.orientation == OUT_IN else np.ascontiguousarray(weight.T)
        )
        renamed[f"{name}.weight"] = layer.key
        sentences += changed
        if layer.bias is not None and layer.bias_key is not None:
            parameters[f"{name}.bias"], changed = convert_parameter(layer.bias_key, layer.bias)
            renamed[f"{name}.bias"] = layer.bias_key
            sentences += changed
    if len(names) > 1:
        sentences.append(f"the activation between the layers is {between} (--activation for another)")
    return nodes, parameters, renamed, sentences


def _activation(given: str | None) -> str:
    try:
        return str(choice(*BETWEEN)("relu" if given is None else given))
    except InputError as error:
        raise InputError(f"activation: {error}") from None


def _node_names(chain: Chain, between: str) -> list[str]:
    """Keep PyTorch's names; others become dense1, dense2, …."""
    numbered = [f"dense{position + 1}" for position in range(len(chain.layers))]
    stems = [layer.key.removesuffix(".weight") for layer in chain.layers]
    taken = {"flatten", *(f"{between}{position}" for position in range(len(stems)))}
    if not all(layer.key.endswith(".weight") for layer in chain.layers) or taken & set(stems):
        return numbered
    try:
        return [read_name(stem) for stem in stems]
    except InputError:
        return numbered


def _with_own_names(message: str, names: dict[str, str]) -> str:
    """Replace the full form's keys in a message by the file's own."""
    return re.sub(r"[\w.]+", lambda found: names.get(found[0], found[0]), message)

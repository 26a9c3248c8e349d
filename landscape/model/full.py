"""Files of the full form: make a model from the header and the arrays, and account for every key.

The bare form and `build_model` make a header and pass through here too: there is one validation.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.files import shown
from landscape.model import data as examples
from landscape.model.finite import WANTED
from landscape.model.graph import parameter_keys, places_in_data, read_nodes
from landscape.model.header import DATA_KEYS, Header, read_header
from landscape.model.loss_options import require_fitting
from landscape.model.losses import classes_of
from landscape.model.model import Model
from landscape.model.nodes import INPUT, Node
from landscape.model.recording import read_recording
from landscape.model.story import is_story, read_story
from landscape.ops import values
from landscape.ops.operation import Shape

Arrays = dict[str, np.ndarray]
UNUSED = "num_batches_tracked"


def assemble(
    header: dict[str, Any],
    arrays: Arrays,
    *,
    form: str,
    path: Path | None = None,
    inferred: tuple[str, ...] = (),
    allow_nonfinite: bool = False,
) -> Model:
    """Make a model of a header (as JSON gives it) and arrays by the archive's keys.

    Raises
    ------
    InputError
        Anything that the format does not allow; the message names the key and what was expected.
    """
    require_names(arrays)
    checked = read_header(header)
    data = _data(checked, arrays, path)
    examples.require_pairs(data)
    examples.require_weights(data)
    input_shape = _input_shape(checked, data)
    rest = {key: array for key, array in arrays.items() if key not in DATA_KEYS and not is_story(key)}
    nodes = read_nodes(checked.nodes, input_shape, {key: array.shape for key, array in rest.items()})
    parameters, buffers = _claim(nodes, rest, buffers=False), _claim(nodes, rest, buffers=True)
    _require_known(rest, parameters | buffers)
    examples.require_inputs(data, input_shape, _tables(nodes, parameters, input_shape))
    output, options = nodes[-1].shape, checked.loss_options
    examples.require_targets(data, output, checked.loss, allow_nonfinite, options)
    require_fitting(options, output, classes_of(checked.loss, output))
    model = Model(
        name=checked.name or _default_name(path),
        nodes=nodes,
        input_shape=input_shape,
        loss=checked.loss,
        loss_scale=checked.loss_scale,
        delta=checked.delta,
        loss_options=options,
        weight_decay=checked.weight_decay,
        parameters=parameters,
        buffers=buffers,
        data=data,
        training=checked.training,
        form=form,
        inferred=inferred,
        path=path,
    )
    if checked.recording is not None:
        folder = examples.beside(
            "header: recording", checked.recording, path.resolve().parent if path else None
        )
        return recorded(_finish(model, arrays, True), folder, allow_nonfinite)
    return _finish(model, arrays, allow_nonfinite)


def recorded(model: Model, folder: Path, allow_nonfinite: bool) -> Model:
    """Give a model that is being recorded, or whose recording was interrupted, at its last checkpoint, with the training recorded so far.

    Raises
    ------
    InputError
        The files of the recording are missing or of another network, or the last checkpoint is not finite and has to be.
    """
    found = read_recording(folder, model.size, model.buffer_size)
    if len(found.thetas):
        model = model.with_theta(found.thetas[-1]).with_buffers(found.buffers[-1])
    story = {key: array for key, array in found.story().items() if array is not None}
    model = replace(
        model,
        training=model.training | found.told(model.training),
        **read_story(story, model.size, model.buffer_size),
    )
    if not allow_nonfinite:
        for sentence in model.not_finite():
            raise InputError(f"{sentence}; {WANTED}")
    return model


def require_names(arrays: Arrays) -> None:
    """Refuse keys that cannot be printed in a message or a table.

    Raises
    ------
    InputError
        A key that is empty, not printable or of more than 200 characters.
    """
    for key in arrays:
        if not key.isprintable() or not 1 <= len(key) <= 200:
            raise InputError(f"{shown(key)}: expected a printable key of 1 to 200 characters")


def _finish(model: Model, arrays: Arrays, allow_nonfinite: bool) -> Model:
    """Add what depends on P, and look for values that are not finite."""
    _require_decay(model)
    story = {key: array for key, array in arrays.items() if is_story(key)}
    buffers = sum(array.size for array in model.buffers.values())
    model = replace(model, **read_story(story, model.size, buffers))
    if not allow_nonfinite:
        for sentence in model.not_finite():
            raise InputError(f"{sentence}; {WANTED}")
    return model


def _default_name(path: Path | None) -> str:
    """Return the file's name as the model's if a header may contain it, else "model"."""
    try:
        return "model" if path is None else str(values.text(path.stem))
    except InputError:
        return "model"


def _data(header: Header, arrays: Arrays, path: Path | None) -> Arrays:
    inside = {key: array for key, array in arrays.items() if key in DATA_KEYS}
    for key in header.data:
        if key in inside:
            raise InputError(f"{key}: is in the archive and in the header's data; expected it in one of them")
    # Links are followed first: paths are relative to the file itself.
    folder = path.resolve().parent if path else None
    return examples.order(inside | examples.map_data(header.data, folder))


def _input_shape(header: Header, data: Arrays) -> Shape:
    if header.input_shape is not None:
        return header.input_shape
    try:
        return tuple(values.shape(list(data["x_train"].shape[1:])))
    except InputError:
        raise InputError(
            f"x_train: expected examples of sizes from 1, found {list(data['x_train'].shape)}"
        ) from None


def _claim(nodes: tuple[Node, ...], arrays: Arrays, *, buffers: bool) -> Arrays:
    """Collect the parameters (or buffers) in node order, and within a node in the op table's order, each once."""
    claimed: Arrays = {}
    shapes = {key: array.shape for key, array in arrays.items()}
    for node in nodes:
        if node.parameters_of is not None:
            continue
        for key in parameter_keys(node, shapes, buffers=buffers).values():
            array = arrays[key]
            if array.dtype not in (np.float32, np.float64):
                raise InputError(f"{key}: expected float32 or float64, found {array.dtype}")
            claimed[key] = array
    return claimed


def _require_known(arrays: Arrays, claimed: Arrays) -> None:
    for key in arrays:
        if key not in claimed and key.rsplit(".", 1)[-1] != UNUSED:
            raise InputError(
                f"{shown(key)}: unknown key; expected parameters of the header's nodes, data or history"
            )


def _tables(nodes: tuple[Node, ...], parameters: Arrays, input_shape: Shape) -> list[examples.Table]:
    """List for every embedding which numbers of an example it looks up, and how many rows it has."""
    named = {node.name: node for node in nodes}
    return [
        examples.Table(
            None if node.inputs[0] == INPUT else places_in_data(node.inputs[0], named, input_shape),
            len(parameters[f"{node.owner}.weight"]),
        )
        for node in nodes
        if node.operation.reads_ids
    ]


def _require_decay(model: Model) -> None:
    if isinstance(model.weight_decay, dict):
        known = {slot.name: None for slot in model.layout}
        for key in model.weight_decay:
            if key not in known:
                raise InputError(
                    f"header: weight_decay: {shown(key)} is no trainable parameter; "
                    f"there are {shown(', '.join(known))}"
                )

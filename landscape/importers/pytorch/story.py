"""The record of a training given with a module: optimizer, log and checkpoints in the order of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.importers.history import read_history
from landscape.importers.network import Origin
from landscape.importers.pytorch.optimizer import penalties_of, settings_of, state_of
from landscape.importers.pytorch.places import Places, arrays_of, stripped
from landscape.model import Model


def with_story(
    model: Model, module: Any, origins: Mapping[str, Origin], optimizer: Any, history: Any, checkpoints: Any
) -> Model:
    """Give the model with the optimizer's settings and state, the log and the checkpoints; what is None is left as it is.

    Raises
    ------
    InputError
        Something is not what it should be, or has other names or shapes than the module.
    """
    if optimizer is None and history is None and checkpoints is None:
        return model
    places = Places(model, origins)
    if optimizer is not None:
        model = with_optimizer(model, module, places, optimizer)
    if history is not None:
        model = replace(model, history=read_history(history))
    return model if checkpoints is None else replace(model, **read_checkpoints(checkpoints, places))


def with_optimizer(model: Model, module: Any, places: Places, optimizer: Any) -> Model:
    """Give the model with an optimizer's settings, its state, and its weight decay where that is a penalty on the loss.

    Raises
    ------
    InputError
        It is no optimizer, has none of the module's parameters, or another penalty than the one that was given.
    """
    names = names_of(module)
    decays = {names[key]: decay for key, decay in penalties_of(optimizer).items() if key in names}
    if not decays:
        raise InputError("optimizer: has none of the module's parameters; expected the one that trained it")
    penalty = penalty_of(places, decays)
    if penalty and model.weight_decay not in (0.0, penalty):
        raise InputError(
            f"weight_decay: {model.weight_decay!r} was given, and the optimizer has {penalty!r}; expected one of them"
        )
    state = state_of(optimizer, names, places.theta_of)
    told = settings_of(optimizer) | ({"steps": int(state["step"])} if "step" in state else {})
    return replace(
        model,
        weight_decay=penalty or model.weight_decay,
        training={**model.training, **told},
        optimizer=state,
    )


def batch_size_of(data: Any) -> dict[str, int]:
    """Give the batch size of a loader, as `training` in a header has it; empty if data do not come in batches.

    >>> batch_size_of(([[1.0]], [0]))
    {}
    """
    size = getattr(data, "batch_size", None)
    return {"batch_size": size} if isinstance(size, int) and size > 0 else {}


def names_of(module: Any) -> dict[int, str]:
    """Give the module's name of each of its parameters, by identity."""
    return {id(parameter): stripped(name) for name, parameter in module.named_parameters()}


def penalty_of(places: Places, decays: Mapping[str, float]) -> float | dict[str, float]:
    """Give the penalty's λ of all of θ as a number, or by the model's keys where it differs."""
    found = {
        place.key: decays.get(place.origin.name, 0.0) for place in places.theta if place.origin is not None
    }
    values = set(found.values())
    return values.pop() if len(values) == 1 else {key: decay for key, decay in found.items() if decay}


def read_checkpoints(given: Any, places: Places) -> dict[str, Any]:
    """Read state dicts as the checkpoints of a model, float32 [K, P], with their buffers where the model has some.

    Raises
    ------
    InputError
        None at all, one that is no state dict of this module, or updates that do not rise.
    """
    steps, states = numbered(given)
    thetas = np.empty((len(states), places.size), np.float32)
    buffers = np.empty((len(states), places.buffer_size), np.float32)
    for number, state in enumerate(states):
        if not isinstance(state, Mapping):
            raise InputError(f"checkpoints[{number}]: expected a state_dict, found {type(state).__name__}")
        arrays = arrays_of(state)
        theta, beside = places.theta_of(arrays), places.buffers_of(arrays)
        if theta is None or beside is None:
            missing = sorted(places.names - arrays.keys())
            why = f"it has no {missing[0]}" if missing else "a tensor has another shape"
            raise InputError(f"checkpoints[{number}]: is no state_dict of this module: {why}")
        thetas[number], buffers[number] = theta, beside
    kept = {"checkpoint_buffers": buffers} if places.buffer_size else {}
    return {"checkpoints": thetas, "checkpoint_steps": steps, **kept}


def numbered(given: Any) -> tuple[np.ndarray, list[Any]]:
    """Give the number of updates before each checkpoint, counted from 0 where nobody says it, and the checkpoints."""
    if isinstance(given, Mapping) and given and all(isinstance(key, int) for key in given):
        steps, states = np.array(list(given), np.int64), list(given.values())
    elif isinstance(given, Sequence) and not isinstance(given, str) and len(given):
        steps, states = np.arange(len(given), dtype=np.int64), list(given)
    else:
        raise InputError(
            "checkpoints: expected a list of state_dicts, or a mapping from the number of updates to them"
        )
    if (np.diff(steps) <= 0).any() or steps[0] < 0:
        raise InputError("checkpoints: expected updates that rise, oldest first")
    return steps, states

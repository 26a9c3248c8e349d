"""Checkpoints of PyTorch as points θ: state dicts, or files of them that are read without running what they hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.atomic import write_atomically
from landscape.errors import InputError, did_you_mean
from landscape.files import require_regular, shown
from landscape.objective.about import PointsOfRun
from landscape.torch_objective.host import Host
from landscape.torch_objective.parameters import listed

Array = NDArray[np.float64]
State = Mapping[str, Any]

# Under which a training keeps the state dict of its network beside others.
INSIDE = ("state_dict", "model_state_dict", "model")
# What torch.compile and DistributedDataParallel put before each name.
BEFORE = ("_orig_mod.", "module.")
ENDINGS = (".pt", ".pth", ".ckpt", ".bin")


def read_file(torch: Any, path: Path) -> State:
    """Read the state dict of a network from a file of `torch.save`, with `weights_only=True`.

    Raises
    ------
    InputError
        There is no such file, or it holds something else.
    """
    require_regular(path)
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the reader raises errors of many kinds
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{path}: expected a checkpoint of torch.save that is read with weights_only=True, found {shown(first, 120)}: "
            "save module.state_dict() alone"
        ) from None
    try:
        return state_of(torch, found)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def state_of(torch: Any, found: Any) -> State:
    """Find the mapping of names to tensors in what a training saved, without what wrappers put before the names.

    Raises
    ------
    InputError
        There is none.
    """
    if isinstance(found, torch.nn.Module):
        found = found.state_dict()
    if isinstance(found, Mapping):
        found = next((found[key] for key in INSIDE if isinstance(found.get(key), Mapping)), found)
    if not isinstance(found, Mapping) or not any(isinstance(v, torch.Tensor) for v in found.values()):
        raise InputError(
            f"checkpoint: expected a state dict, names with tensors, found {shown(type(found).__name__)}: give module.state_dict()"
        )
    return {bare_name(str(name)): value for name, value in found.items()}


def bare_name(name: str) -> str:
    """Take off what wrappers put before a name.

    >>> bare_name("module._orig_mod.fc.weight")
    'fc.weight'
    """
    while any(name.startswith(prefix) for prefix in BEFORE):
        name = name.partition(".")[2]
    return name


def fitting(host: Host, state: State, where: str = "checkpoint") -> dict[str, Any]:
    """Give what a checkpoint has for each of the module's parameters and buffers, by name.

    Raises
    ------
    InputError
        One that is θ is missing, or one is of another shape.
    """
    own = {bare_name(name): (name, tensor) for name, tensor in named_tensors(host)}
    chosen = set(host.parameters)
    found = {}
    for bare, (name, tensor) in own.items():
        if bare not in state:
            if name in chosen:
                raise InputError(
                    f"{where}: expected the parameter {name}, found {listed(state)}{did_you_mean(bare, state)}: "
                    "give the checkpoint of this network"
                )
            continue
        if tuple(state[bare].shape) != tuple(tensor.shape):
            raise InputError(
                f"{where}: {name}: expected shape {list(tensor.shape)}, found {list(state[bare].shape)}: "
                "give the checkpoint of this network"
            )
        found[name] = state[bare]
    return found


def named_tensors(host: Host) -> list[tuple[str, Any]]:
    """Give the module's parameters and buffers by name."""
    return named_tensors_of(host.module)


def named_tensors_of(module: Any) -> list[tuple[str, Any]]:
    """Give a module's parameters and buffers by name."""
    return [*module.named_parameters(), *module.named_buffers()]


def write(torch: Any, tensors: list[tuple[str, Any]], state: State) -> None:
    """Write numbers into a module's tensors, by name.

    Raises
    ------
    InputError
        One is missing, or of another shape.
    """
    for name, tensor in tensors:
        if name not in state or state[name].shape != tensor.shape:
            found = f"shape {list(state[name].shape)}" if name in state else "none"
            raise InputError(
                f"module: {name}: expected the objective's own parameter of shape {list(tensor.shape)}, found {found}: "
                "give a module of the same layers"
            )
    with torch.no_grad():
        for name, tensor in tensors:
            tensor.copy_(state[name])


def point_of(host: Host, found: Mapping[str, Any]) -> tuple[Array, Array]:
    """Make θ [P] and the buffers [B] of the tensors of a checkpoint; buffers that it lacks are the module's."""
    theta = [numbers(host, found[piece.name]) for piece in host.pieces]
    buffers = [numbers(host, found.get(name, buffer)) for name, buffer in host.floating_buffers()]
    return np.concatenate(theta), np.concatenate([np.zeros(0), *buffers])


def numbers(host: Host, tensor: Any) -> Array:
    """Copy a tensor's numbers, flat, in float64."""
    return np.asarray(tensor.detach().to("cpu", host.torch.float64).reshape(-1).numpy())


def read_run(host: Host, given: Any) -> PointsOfRun:
    """Make the points of a run of a folder of checkpoints, of a list of files or state dicts, or of points [K, P].

    Raises
    ------
    InputError
        It is none of these, or a checkpoint does not fit the module.
    """
    if isinstance(given, np.ndarray):
        return PointsOfRun(np.asarray(given, np.float64))
    kinds = (Mapping, str, Path, host.torch.nn.Module)
    paths = files_of(given) if isinstance(given, str | Path) else None
    items = list(paths if paths is not None else given)
    if items and not isinstance(items[0], kinds):
        return PointsOfRun(np.asarray(given, np.float64))
    rows = [one_of(host, item, place) for place, item in enumerate(items)]
    if not rows:
        raise InputError(
            "checkpoints: expected at least two, found none: give state dicts, or a folder of files"
        )
    buffers = np.stack([row[1] for row in rows])
    moved = len(rows) == 1 or (buffers != buffers[0]).any()
    own = buffers if buffers.shape[1] and moved else None
    return PointsOfRun(np.stack([row[0] for row in rows]), steps_of(items), own)


def one_of(host: Host, item: Any, place: int) -> tuple[Array, Array]:
    """Read one checkpoint of a run, a file or a state dict."""
    if isinstance(item, str | Path):
        return point_of(host, fitting(host, read_file(host.torch, Path(item)), str(item)))
    where = f"checkpoint {place + 1}"
    return point_of(host, fitting(host, state_of(host.torch, item), where))


def files_of(folder: str | Path) -> list[Path]:
    """List the checkpoints in a folder, in the order of the numbers in their names.

    Raises
    ------
    InputError
        There is no such folder, or there are none in it.
    """
    path = Path(folder)
    if not path.is_dir():
        raise InputError(f"{path}: expected a folder of checkpoints ({', '.join(ENDINGS)}), found none there")
    found = [file for file in path.iterdir() if file.suffix in ENDINGS]
    if not found:
        raise InputError(f"{path}: expected checkpoints ({', '.join(ENDINGS)}) in the folder, found none")
    return sorted(found, key=lambda file: (numbers_in(file.name), file.name))


def numbers_in(name: str) -> tuple[int, ...]:
    """Give the whole numbers in a name.

    >>> numbers_in("epoch-2.step-100.pt")
    (2, 100)
    """
    return tuple(int(digits) for digits in re.findall(r"\d+", name))


def steps_of(items: Sequence[Any]) -> NDArray[np.int64]:
    """Give the updates before each checkpoint: the last number in the files' names where these rise, else their place."""
    if all(isinstance(item, str | Path) and numbers_in(Path(item).name) for item in items):
        found = np.array([numbers_in(Path(item).name)[-1] for item in items])
        if (np.diff(found) > 0).all():
            return found
    return np.arange(len(items))


def copied(host: Host, found: Any) -> dict[str, Any]:
    """Copy the numbers of a network that a training ended with, as the module itself, its state dict, or θ, into a state dict on the CPU."""
    torch = host.torch
    if isinstance(found, torch.nn.Module | Mapping):
        state = state_of(torch, found)
    else:
        numbers = found.detach().cpu().numpy() if isinstance(found, torch.Tensor) else found
        types = {name: tensor.dtype for name, tensor in host.module.state_dict().items()}
        with host.lent(), torch.no_grad():
            host.place(host.as_wide(np.asarray(numbers, np.float64)))
            state = {name: tensor.to(types[name]) for name, tensor in host.module.state_dict().items()}
            return {name: tensor.detach().cpu().clone() for name, tensor in state.items()}
    return {
        name: value.detach().cpu().clone() for name, value in state.items() if isinstance(value, torch.Tensor)
    }


def write_file(torch: Any, state: State, path: Path) -> None:
    """Write a state dict by `torch.save`, whole or not at all."""
    write_atomically(path, lambda stream: torch.save(dict(state), stream))

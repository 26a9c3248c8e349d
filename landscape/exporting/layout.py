"""Which arrays of a record are exported, by which names, along which axes, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.records import Hessian, Race, Record, Scan, Topology, Trajectory

AXES = ("alpha", "beta", "gamma")


@dataclass(frozen=True)
class Variable:
    """An array with the names of its axes, and what is said of it."""

    dims: tuple[str, ...]
    values: np.ndarray
    words: Mapping[str, str] = field(default_factory=dict)


def scan_within(record: Record) -> Scan:
    """Return a scan, or the plane that a record holds.

    Raises
    ------
    InputError
        There is none, or it is not finished.
    """
    found = getattr(record, "scan", record)
    if not isinstance(found, Scan):
        raise InputError(
            f"a record of the kind '{record.kind}' has no grid: scans, trajectories, races and topologies have one"
        )
    if not found.finished:
        raise InputError(f"this is {found.named()}: run the command that began it again to finish it")
    return found


def axis_names(scan: Scan) -> tuple[str, ...]:
    """Name the coordinates of a scan."""
    return AXES[: len(scan.axes)]


def axis_words(scan: Scan, index: int) -> dict[str, str]:
    """Say what a coordinate is."""
    labels = scan.settings.get("directions")
    label = labels[index] if isinstance(labels, list) and index < len(labels) else f"direction {index + 1}"
    return {"long_name": f"along {label}", "units": "1"}


def quantity_words(scan: Scan, name: str) -> dict[str, str]:
    """Say what a quantity is."""
    loss = scan.settings.get("loss")
    kind = f" ({loss})" if name.endswith("_loss") and isinstance(loss, str) else ""
    return {"long_name": name.replace("_", " ") + kind, "units": "1"}


def grid_values(record: Record) -> dict[str, np.ndarray]:
    """Return every quantity over the grid of a record, with errors, what was computed, and the basins of a topology."""
    scan = scan_within(record)
    found = dict(scan.values)
    found |= {f"{name}_error": array for name, array in scan.errors.items()}
    found |= {"penalty": scan.penalty, "done": scan.done}
    if isinstance(record, Topology):
        found["basin"] = record.basin_of.astype(np.int32)
    return found


def path_values(record: Trajectory) -> dict[str, np.ndarray]:
    """Return what is known of each checkpoint of a trajectory."""
    found: dict[str, np.ndarray] = {"step": record.step, "distance": record.distance, **record.values}
    return found | {f"plane_{name}": array for name, array in record.plane_values.items()}


def variables_of(record: Record) -> tuple[dict[str, Variable], dict[str, Variable]]:
    """Return coordinates and variables of a record; arrays of a kind without a grid have axes of their own.

    Names are those of the record's file, with `_` for every point.
    """
    if not hasattr(record, "scan") and not isinstance(record, Scan):
        return {}, {
            plain(name): Variable(tuple(f"{plain(name)}_{i}" for i in range(array.ndim)), array)
            for name, array in record.arrays().items()
        }
    scan = scan_within(record)
    names = axis_names(scan)
    coordinates = {
        name: Variable((name,), axis, axis_words(scan, index))
        for index, (name, axis) in enumerate(zip(names, scan.axes, strict=True))
    }
    found = {
        name: Variable(names, array, quantity_words(scan, name))
        for name, array in grid_values(record).items()
    }
    found["directions"] = Variable(("direction", "parameter"), scan.directions)
    found["center"] = Variable(("parameter",), scan.center, {"long_name": "parameters at the origin"})
    if isinstance(record, Trajectory):
        coordinates["step"] = Variable(("step",), record.step, {"long_name": "updates done"})
        # The plane's quantities have these names too.
        found |= {f"checkpoint_{name}": Variable(("step",), array) for name, array in path_values(record).items() if name != "step"}  # fmt: skip
        found["projected"] = Variable(("step", "direction"), record.projected)
        found["captured"] = Variable(("direction",), record.captured)
    return coordinates, found


def plain(name: str) -> str:
    """Write a name that every format takes.

    >>> plain("train_loss.error"), plain("node 1/x")
    ('train_loss_error', 'node_1_x')
    """
    return "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in name)


def table_of(record: Record) -> dict[str, np.ndarray]:
    """Return a record as columns of one length: a scan's points, a trajectory's checkpoints, a race's looks, eigenvalues.

    Raises
    ------
    InputError
        A kind that is no table.
    """
    if isinstance(record, Trajectory):
        at = {name: record.projected[:, i] for i, name in enumerate(axis_names(record.scan))}
        values = path_values(record)
        return {"step": values.pop("step"), **at, **values}
    if isinstance(record, Race):
        shape = next(iter(record.values.values())).shape
        optimizer, seed, look = np.indices(shape)
        return {
            "optimizer": np.asarray(record.optimizers)[optimizer.ravel()], "seed": seed.ravel(),
            "step": record.step[look.ravel()], **{name: array.ravel() for name, array in record.values.items()},
        }  # fmt: skip
    if isinstance(record, Hessian):
        return {"eigenvalue": record.eigenvalues, "residual": record.residuals, "error": record.errors}
    if isinstance(record, Scan | Topology):
        scan = scan_within(record)
        grid = np.meshgrid(*scan.axes, indexing="ij")
        at = {name: place.ravel() for name, place in zip(axis_names(scan), grid, strict=True)}
        return at | {name: array.ravel() for name, array in grid_values(record).items()}
    raise InputError(
        f"a record of the kind '{record.kind}' is no table: to_xarray() gives its arrays, and numpy.load reads its file"
    )


def about(record: Record) -> dict[str, Any]:
    """Return the attributes of the whole record, such as its kind and settings."""
    return {
        "title": f"{record.kind} of {record.settings.get('model_name', 'a function')}",
        "source": f"landscape {record.version}",
        "record": record.kind,
        "model": record.model,
        "data": record.data,
    }

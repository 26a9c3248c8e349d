"""What is marked on a plane: models, their mean and the curves between them, or a run's checkpoints, with their distance out of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import comb

from landscape.errors import InputError
from landscape.model import Model
from landscape.records import Connection, load_record
from landscape.scanning.plan import Plan

Array = NDArray[np.float64]

# Points of a curve that is drawn.
DRAWN = 61
CURVES = ("bezier", "polychain", "band")
# Checkpoints of a path that is drawn.
MOST_CHECKPOINTS = 500


def marks_of(center: Array, vectors: Array, thetas: Array, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Give name and coordinates of each model [M, P] on the plane, and of their mean."""
    rows = np.concatenate([thetas, thetas.mean(axis=0)[None]])
    told = zip((*names, f"mean of the {len(names)}"), projected(rows, center, vectors)[0], strict=True)
    return [{"name": name, "at": [float(x) for x in at]} for name, at in told]


def projected(points: Array, center: Array, vectors: Array) -> tuple[Array, Array]:
    """Give coordinates [n, 2] of points [n, P] along orthogonal vectors [2, P], and how far they lie out of the plane [n].

    >>> coordinates, distance = projected(np.array([[1.0, 4.0, 3.0]]), np.zeros(3), np.array([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]))
    >>> coordinates.tolist(), distance.tolist()
    ([[0.5, 2.0]], [3.0])
    """
    offsets = points - center
    coordinates = np.stack([np.sum(offsets * v, axis=1) / np.sum(v * v) for v in vectors], axis=1)
    return coordinates, np.linalg.norm(offsets - coordinates @ vectors, axis=1)


def path_of(
    checkpoints: NDArray[Any], steps: NDArray[Any] | None, center: Array, vectors: Array
) -> dict[str, Any]:
    """Give the coordinates of a run's checkpoints [K, P] on the plane, their updates, and the share of their variance around the center on it.

    Of more than 500 checkpoints every so many are given, the first and the last among them.

    >>> path_of(np.array([[0.0, 3.0, 4.0], [0.0, 0.0, 0.0]]), np.array([0, 9]), np.zeros(3), np.eye(3)[1:])
    {'points': [[3.0, 4.0], [0.0, 0.0]], 'captured': 1.0, 'distance': 0.0, 'steps': [0, 9]}
    """
    rows = np.asarray(checkpoints, np.float64)
    coordinates, distance = projected(rows, center, vectors)
    squares = float(np.sum((rows - center) ** 2))
    some = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MOST_CHECKPOINTS)).round().astype(int))
    told = {
        "points": coordinates[some].tolist(),
        "captured": 1.0 - float(np.sum(distance**2)) / squares if squares else 1.0,
        "distance": float(distance.max()),
    }
    return told if steps is None else told | {"steps": [int(step) for step in np.asarray(steps)[some]]}


def overlay_record(overlay: Connection | str | Path) -> Connection:
    """Read the record whose curves are drawn.

    Raises
    ------
    InputError
        It is of another kind.
    """
    record = load_record(overlay) if isinstance(overlay, str | Path) else overlay
    if not isinstance(record, Connection):
        raise InputError(
            f"{overlay}: expected a record of `landscape connect`, found one of the kind '{record.kind}'"
        )
    return record


def overlays_of(record: Connection, center: Array, vectors: Array) -> list[dict[str, Any]]:
    """Give the coordinates of each curve of a connection on the plane, and its largest distance out of it.

    Raises
    ------
    InputError
        It is one of networks of another size, or it has no curves.
    """
    if record.theta.shape[1] != center.size:
        raise InputError(
            f"the connection is between models of {record.theta.shape[1]} parameters, expected {center.size} as this one has"
        )
    found = []
    for pair in record.report["pairs"]:
        for name in CURVES:
            points = record.series.get(f"path.{pair['from']}-{pair['to']}.{name}.points")
            if points is None:
                continue
            rows = drawn(name, np.asarray(points, np.float64))
            coordinates, distance = projected(rows, center, vectors)
            words = f"{name} from {record.names[pair['from']]} to {record.names[pair['to']]}"
            entry = {
                "name": words,
                "curve": name,
                "points": coordinates.tolist(),
                "distance": float(distance.max()),
            }
            found.append(entry)
    if not found:
        raise InputError(
            "the connection has no curves: make it with --curve bezier, --curve polychain or --band"
        )
    return found


def drawn(name: str, points: Array) -> Array:
    """Give points [n, P] along a curve with the control points [k, P]."""
    if name != "bezier":
        t = np.linspace(0, len(points) - 1, max(DRAWN, len(points)))
        left = np.minimum(t.astype(int), len(points) - 2)
        share = (t - left)[:, None]
        return np.asarray((1 - share) * points[left] + share * points[left + 1])
    order, t = len(points) - 1, np.linspace(0.0, 1.0, DRAWN)[:, None]
    j = np.arange(order + 1)
    return np.asarray((comb(order, j) * t**j * (1 - t) ** (order - j)) @ points)


def digest_of(record: Connection) -> str:
    """Hash the curves, which change what a record of the plane says."""
    whole = hashlib.sha256(record.theta.astype("<f8").tobytes())
    for name in sorted(record.series):
        if name.endswith(".points"):
            whole.update(np.asarray(record.series[name], "<f8").tobytes())
    return whole.hexdigest()


def with_marks(
    plan: Plan, thetas: Sequence[Array], names: tuple[str, str], curves: Connection | None
) -> Plan:
    """Add what is marked on the plane to a plan: the models with their own losses, their mean, and the curves."""
    center, vectors = plan.subject.center, plan.directions.vectors
    rows = np.stack([center, *thetas])
    marks = marks_of(center, vectors, rows, ("θ", *names))
    objective = next(iter(plan.subject.objectives.values()))
    points = np.concatenate([rows, rows.mean(axis=0)[None]])
    # The map leaves weight decay out too.
    decay = 0.0 if plan.subject.decay is None else 0.5 * np.sum(plan.subject.decay * points**2, axis=1)
    for mark, loss in zip(marks, objective.values(points) - decay, strict=True):
        mark["loss"] = float(loss) if np.isfinite(loss) else None
    words, settings, notes = plan.words | {"marks": marks}, plan.settings, plan.notes
    if curves is not None:
        overlays = overlays_of(curves, center, vectors)
        words, settings = words | {"overlays": overlays}, settings | {"overlay": digest_of(curves)}
        notes += tuple(f"{one['name']}: up to {one['distance']:.4g} out of the plane" for one in overlays)
    return replace(plan, words=words, settings=settings, notes=notes)


def with_path(plan: Plan, model: Model) -> Plan:
    """Add the run to a plan whose plane is that of its checkpoints, unless a normalization has changed the directions."""
    vectors = plan.directions.vectors
    if model.checkpoints is None or len(vectors) != 2 or plan.directions.normalize != "none":
        return plan
    run = path_of(model.checkpoints, model.checkpoint_steps, plan.subject.center, vectors)
    return replace(plan, words=plan.words | {"run": run})

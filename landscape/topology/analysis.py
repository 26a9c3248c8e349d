"""`analyze_topology`: the basins of a scan and the saddles between them, with errors and the limits of the grid."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from landscape.errors import InputError, did_you_mean
from landscape.model import Model
from landscape.objective import Completed, NetworkObjective, complete
from landscape.progress import Announce, Progress, nobody, silent
from landscape.records import Pieces, Scan, Topology
from landscape.records.keeping import Key, Wanted, produce
from landscape.topology.basins import Basins, changed_by_the_grid, default_threshold, find_basins
from landscape.topology.descents import verify_basins
from landscape.topology.merging import DUAL, checked, maxima_of
from landscape.topology.noise import errors_below

# Descents of a verification: the deepest basins.
MOST = 12
SCALES = ("linear", "log")


def analyze_topology(
    scan: Any,
    *,
    quantity: str | None = None,
    connectivity: str = "faces",
    threshold: float | None = None,
    scale: str = "linear",
    verify: Any = None,
    threads: int | None = None,
    output: str | Path | None = None,
    fresh: bool = False,
    progress: Progress = nobody,
    announce: Announce = silent,
) -> Topology:
    r"""Find the basins of a scanned surface, the saddles between them, and the maxima.

    A basin is the set of points from which the surface leads down to one minimum. Its persistence is saddle − minimum, the height of the
    lowest way out of it above its lowest point. These are features of the slice: a minimum of a slice is seldom one of the whole loss.

    Parameters
    ----------
    scan
        A `Scan` of one to three dimensions, or a record that holds one, such as a `Trajectory`.
    quantity
        `train_loss`, `test_loss`, …; by default the scan's main one.
    connectivity
        Which points are neighbours: those across `faces` (2 along each axis), or across `corners` too. For maxima the
        other choice is used.
    threshold
        Basins with a smaller persistence are left out, in the unit of the quantity; by default 1 % of the median's
        height above the minimum. A basin that is shallower than its own error is always left out.
    scale
        `linear`, or `log`, where the threshold is the ratio of saddle to minimum (by default 1.1), so that a shallow
        basin at a small loss counts as much as a deep one at a large loss. All values must be above 0.
    verify
        The model of the scan, or an objective of θ [P]: descend from each basin's lowest point in the whole space, and say whether the ends
        are distinct minima.
    threads
        Number of threads for a model.
    output
        The file to save to.
    fresh
        Overwrite what `output` holds.
    progress, announce
        Called with the share of the work that is done, and the same in words, and with messages.

    Returns
    -------
    Topology

    Raises
    ------
    InputError
        An unfinished scan, a scan of a single point or without a finite value, a model that was not scanned, an unknown
        quantity, connectivity or scale, or a logarithmic scale of values that are not above 0.

    Examples
    --------
    The valleys w₁w₂ = 1 are two basins, which meet at the origin, where the loss is 1.

    >>> from landscape.objective import CallableObjective
    >>> from landscape.scanning import scan
    >>> loss = CallableObjective(lambda w: float((1 - w[0] * w[1]) ** 2), size=2)
    >>> surface = scan(loss, center=np.zeros(2), direction=np.eye(2), points=41, span=2)
    >>> found = analyze_topology(surface)
    >>> found.pairs[found.kept, 1].tolist(), found.depth_of_center()
    ([inf, 1.0], 1.0)
    """
    plane = scan_of(scan)
    name = plane.main if quantity is None else quantity
    values = checked_values(plane, name)
    checked(connectivity)
    require_scale(scale, name, values)
    limit = default_threshold(values, scale) if threshold is None else float(threshold)
    least = 1.0 if scale == "log" else 0.0
    if not least <= limit < np.inf:
        raise InputError(f"threshold: expected a number from {least:g} on, found {limit:g}")
    objective = None if verify is None else objective_of(verify, plane, name, threads)
    settings: dict[str, Any] = {
        "quantity": name,
        "connectivity": connectivity,
        "threshold": limit,
        "scan_sha256": digest(plane),
        "verify": objective is not None,
        # Records of earlier versions have no such setting.
        **({"scale": scale} if scale != "linear" else {}),
    }
    wanted = Wanted(
        Topology,
        Key(plane.model, plane.data, settings),
        None if output is None else Path(output),
        fresh,
        progress,
        announce,
    )

    def work(pieces: Pieces) -> dict[str, Any]:
        found, fields, words = measured(plane, name, values, connectivity, limit, scale)
        verified: dict[str, np.ndarray] = {}
        if objective is not None:
            kept = found.kept[np.argsort(found.pairs[found.kept, 0], kind="stable")][:MOST]
            verified = verify_basins(
                plane, found.tree.births[kept], objective, pieces.once, pieces.progress
            ) | {"basin": kept}
        told = {name: value for name, value in plane.settings.items() if name not in settings}
        return {
            **fields,
            "verified": verified,
            "settings": {**told, **settings, **words, "scan": plane.settings},
        }

    return produce(wanted, work)


def surface_of(record: Any) -> Topology | None:
    """Return the topology of a scan's main quantity; None if there is no surface to look at, as of a single point."""
    try:
        # Without descents there is nothing that threads would share.
        return analyze_topology(record, threads=1)
    except InputError:
        return None


def measured(
    plane: Scan, name: str, values: np.ndarray, connectivity: str, limit: float, scale: str
) -> tuple[Basins, dict[str, Any], dict[str, Any]]:
    """Find basins and maxima; give the basins, the fields of the record, and its settings about the grid."""

    def errors(heights: np.ndarray) -> np.ndarray:
        return errors_below(plane, name, values, heights)

    found = find_basins(values, connectivity, limit, errors, scale)
    across = find_basins(values, DUAL[connectivity], limit, errors, scale)
    grid_dependent = np.zeros(found.survivor.size, bool)
    grid_dependent[found.kept] = changed_by_the_grid(found, values, connectivity, limit, errors, scale)
    peaks = maxima_of(values, connectivity)
    tree = found.tree
    fields = {
        "scan": plane, "pairs": found.pairs, "index": np.stack([tree.births, tree.deaths], axis=1), "error": found.error,
        "open": on_the_edge(tree.births, plane.shape), "label": tree.label.reshape(plane.shape), "parent": tree.heirs,
        "survivor": found.survivor, "grid_dependent": grid_dependent, "maxima": values.ravel()[peaks], "maxima_index": peaks,
    }  # fmt: skip
    return found, fields, {"same_across_corners": across.kept.size == found.kept.size}


def require_scale(scale: str, name: str, values: np.ndarray) -> None:
    """Refuse an unknown scale, and a logarithmic one of values that have no logarithm.

    Raises
    ------
    InputError
        It is.
    """
    if scale not in SCALES:
        raise InputError(
            f"scale: expected {' or '.join(SCALES)}, found '{scale}'{did_you_mean(scale, SCALES)}"
        )
    least = float(values[np.isfinite(values)].min())
    if scale == "log" and least <= 0:
        raise InputError(
            f"scale: a logarithmic one needs values above 0, found {name} {least:.4g}: leave --scale out"
        )


def scan_of(record: Any) -> Scan:
    """Return a scan, or the one that a record holds.

    Raises
    ------
    InputError
        There is none, or it is not finished.
    """
    found = getattr(record, "scan", record)
    if not isinstance(found, Scan):
        kind = getattr(record, "kind", type(record).__name__)
        raise InputError(
            f"expected a scan or a record with one, such as a trajectory, found {kind}: `landscape scan` makes one"
        )
    if not found.finished:
        raise InputError(f"this is {found.named()}: run the command that began it again to finish it")
    return found


def checked_values(plane: Scan, name: str) -> np.ndarray:
    """Return the quantity without the axes of one point, as float64.

    Raises
    ------
    InputError
        There is one point only, or more than three axes, or no finite value.
    """
    values = np.squeeze(np.asarray(plane.quantity(name), np.float64))
    if not 1 <= values.ndim <= 3:
        points = "one point has no basins" if values.ndim == 0 else f"found {values.ndim} axes"
        raise InputError(f"expected a scan with one to three axes of several points: {points}")
    if not np.isfinite(values).any():
        raise InputError(
            f"no value of {name} is finite, all {values.size} points diverged: try a smaller --span"
        )
    return values


def on_the_edge(places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Say which places of a flat grid lie on the edge of the window; an axis of one point has none."""
    at = np.unravel_index(places, shape)
    edges = [(i == 0) | (i == count - 1) for i, count in zip(at, shape, strict=True) if count > 1]
    return np.logical_or.reduce(edges)


def digest(plane: Scan) -> str:
    """Hash the arrays of a scan, by which its topology is known."""
    total = hashlib.sha256()
    for name, array in sorted(plane.arrays().items()):
        total.update(
            f"{name} {array.dtype.str} {array.shape}".encode() + np.ascontiguousarray(array).tobytes()
        )
    return total.hexdigest()


def objective_of(verify: Any, plane: Scan, name: str, threads: int | None) -> Completed:
    """Return the function of θ of which the scan is a slice, in float64.

    Raises
    ------
    InputError
        It is another model, or has another number of parameters.
    """
    if isinstance(verify, Model):
        if (verify.fingerprint(), verify.data_fingerprint()) != (plane.model, plane.data):
            raise InputError(
                f"{verify.name}: the scan is of another model, other parameters or other data; give the model that was scanned"
            )
        split = name.partition("_")[0]
        verify = NetworkObjective(verify, split, dtype="float64", threads=threads)
    found = complete(verify)
    if found.size != plane.center.size:
        raise InputError(
            f"expected a function of the scan's {plane.center.size} parameters, found {found.size}"
        )
    return found

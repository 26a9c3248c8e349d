"""The data of the interactive page: axes, quantities, paths, basins, and the common scale."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.plots.contours import equal_units
from landscape.plots.field import drawn_axes, field_of, slice_of
from landscape.plots.levels import choose_levels
from landscape.plots.planes import Run, marked
from landscape.plots.words import GREEK, one_line_label, quantity_label, quantity_name, short
from landscape.records import Race, Record, Scan, Topology, Trajectory

# Bytes of a page; each number takes four, and a third more as text.
MOST_BYTES = 20_000_000
BYTES = 16 / 3
# Okabe and Ito's colours, one for each optimizer of a race.
COLORS = ("#56b4e9", "#e69f00", "#cc79a7", "#f0e442", "#d55e00", "#0072b2", "#009e73", "#ffffff")
# Of the heights above the lowest, the one at which a logarithmic scale begins.
FLOOR = 0.05


def scan_in(record: Record) -> Scan:
    """Return the scan that a page shows of a record.

    Raises
    ------
    InputError
        There is none, it is not finished, or it has no axis to draw along.
    """
    scan = getattr(record, "scan", record)
    if not isinstance(scan, Scan):
        raise InputError(
            f"a page shows a scan, a trajectory, a race or a topology, found a record of the kind '{record.kind}'"
        )
    if not scan.finished:
        raise InputError(f"this is {scan.named()}: run the command that began it again to finish it")
    if not 1 <= len(drawn_axes(scan)) <= 3:
        raise InputError(
            f"a page needs one to three axes of several points, the record has {len(drawn_axes(scan))}"
        )
    return scan


def content_of(
    records: Sequence[Record], titles: Sequence[str], quantity: str | None = None
) -> dict[str, Any]:
    """Give everything that the page's script draws, as plain JSON.

    Raises
    ------
    InputError
        Records that have no quantity in common, or another number of axes, or no surface.
    """
    scans = [scan_in(record) for record in records]
    counts = {len(drawn_axes(scan)) for scan in scans}
    if len(counts) > 1:
        raise InputError(
            f"expected records with one number of axes, found {' and '.join(map(str, sorted(counts)))}"
        )
    names = shared_quantities(scans, quantity)
    step = decimation(scans, len(names))
    scales = {name: scale_of([scan.quantity(name) for scan in scans]) for name in names}
    return {
        "dimensions": counts.pop(),
        "names": [quantity_name(scans[0], name) for name in names],
        "logarithmic": scales[names[0]].pop("log"),
        "aspect": all(even(scan) for scan in scans),
        "middle": middle_of(scans[0], step),
        "step": step,
        "panels": [
            panel_of(record, scan, title, names, scales, step)
            for record, scan, title in zip(records, scans, titles, strict=True)
        ],
    }  # fmt: skip


def even(scan: Scan) -> bool:
    """Say whether steps of 1 along both axes of a map, or of a slice of a volume, are equally long."""
    axes, field = drawn_axes(scan), field_of(scan)
    return len(axes) > 1 and equal_units(field if len(axes) == 2 else slice_of(field, 2, 0))


def shared_quantities(scans: Sequence[Scan], quantity: str | None) -> list[str]:
    """Name the quantities that all records have, the requested or the main one first.

    Raises
    ------
    InputError
        There is none, or it is another loss or in another unit.
    """
    first = scans[0].main if quantity is None else quantity
    for scan in scans:
        scan.quantity(first)
    units = list(dict.fromkeys(quantity_label(scan, first) for scan in scans))
    if len(units) > 1:
        raise InputError(f"the records cannot share a scale: one is {units[0]}, another {units[1]}")
    return [first, *(name for name in scans[0].values if name != first and all(name in scan.values for scan in scans))]  # fmt: skip


def decimation(scans: Sequence[Scan], quantities: int) -> int:
    """Give the stride at which points are kept along each axis, so that the page stays below 20 MB."""
    step = 1
    arrays = quantities + max(len(scan.errors) for scan in scans) + 1
    while (
        sum(np.prod([-(-n // step) for n in scan.shape]) for scan in scans) * arrays * BYTES
        > 0.9 * MOST_BYTES
    ):
        step += 1
    return step


def thinned(array: np.ndarray, step: int) -> np.ndarray:
    """Keep points at a stride along each axis, and drop axes of one point."""
    return np.squeeze(array[tuple(slice(None, None, step) for _ in array.shape)])


def middle_of(scan: Scan, step: int) -> int:
    """Give the place of the slice through the centre along the third axis."""
    axes = drawn_axes(scan)
    return int(np.abs(scan.axes[axes[2]][::step]).argmin()) if len(axes) == 3 else 0


def scale_of(values: Sequence[np.ndarray]) -> dict[str, Any]:
    """Choose one scale for several surfaces: from the lowest value to the highest that is not an outlier, and where a logarithmic one begins."""
    together = np.concatenate([array.ravel() for array in values])
    finite = together[np.isfinite(together)]
    if not finite.size:
        return {"low": 0.0, "high": 1.0, "floor": 1.0, "log": False}
    levels = choose_levels(np.clip(finite, -1e100, 1e100))
    low, high = (
        float(finite.min()),
        float(min(finite.max(), levels.high) if levels.lines.size else finite.max()),
    )
    above = finite[finite > low] - low
    floor = float(np.quantile(above, FLOOR)) if above.size else 1.0
    logarithmic = levels.scale in ("logarithmic", "above the minimum")
    floor = max(floor, 1e-9 * (high - low), 1e-300)
    return {"low": low, "high": max(high, low), "floor": floor, "log": logarithmic}


def encoded(array: np.ndarray) -> str:
    """Write numbers as base64 of float32; what is not finite is NaN."""
    with np.errstate(over="ignore"):
        values = np.where(np.isfinite(array), array, np.nan).astype("<f4")
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def panel_of(
    record: Record, scan: Scan, title: str, names: Sequence[str], scales: dict[str, dict[str, Any]], step: int
) -> dict[str, Any]:
    """Give the data of one panel as plain JSON."""
    axes = drawn_axes(scan)
    told: dict[str, Any] = {
        "title": title,
        "summary": summary_of(scan, names[0], title),
        "axes": [
            {"name": GREEK[index], "label": one_line_label(scan, index), "values": scan.axes[index][::step].astype(float).tolist()}
            for index in axes
        ],
        "quantities": [
            {
                "label": quantity_label(scan, name), "values": encoded(thinned(scan.quantity(name), step)),
                "errors": encoded(thinned(scan.errors[name], step)) if name in scan.errors else None,
                **{key: value for key, value in scales[name].items() if key != "log"},
            }
            for name in names
        ],
    }  # fmt: skip
    if isinstance(record, Trajectory) and len(axes) == 2:
        told["paths"] = [
            {"at": finite_pairs(record.projected[:, list(axes)]), "words": checkpoint_words(record)}
        ]
    elif isinstance(record, Race) and len(axes) == 2:
        told["paths"] = [
            {"name": name, "color": COLORS[i % len(COLORS)], "at": finite_pairs(record.projected[i][:, list(axes)]),
             "words": [f"update {int(step):,}" for step in record.step]}
            for i, name in enumerate(record.optimizers)
        ]  # fmt: skip
    elif isinstance(record, Topology) and len(axes) == 2:
        told["basins"] = basins_of(record, axes, step)
    run = marked(scan, axes)
    if "paths" not in told and isinstance(run, Run):
        told["paths"] = [{"at": finite_pairs(run.places), "words": run.words()}]
    return told


def finite_pairs(places: np.ndarray) -> list[list[float | None]]:
    """Write pairs of coordinates as JSON, with null for what is not finite."""
    return [[float(value) if np.isfinite(value) else None for value in place] for place in np.asarray(places)]


def checkpoint_words(record: Trajectory) -> list[str]:
    """Describe each checkpoint: its update, its loss, and the loss on the map."""
    values, plane = record.values[record.main], record.plane_values[record.main]
    name = quantity_name(record.scan, record.main)
    return [
        f"update {int(step):,}: {name} {short(value, 4)}, the map shows {short(shown, 4)}, {short(away)} out of the plane"
        for step, value, shown, away in zip(record.step, values, plane, record.distance, strict=True)
    ]


def basins_of(record: Topology, axes: Sequence[int], step: int) -> dict[str, Any]:
    """Give the basins of a plane as plain JSON."""
    at = [[record.at(int(place)) for place in record.index[k] if place >= 0] for k in record.kept]
    return {
        "label": encoded(thinned(record.basin_of, step)),
        "minima": [[places[0][i] for i in axes] for places in at],
        "saddles": [[places[1][i] for i in axes] for places in at if len(places) == 2],
    }  # fmt: skip


def summary_of(scan: Scan, name: str, title: str) -> str:
    """Say in a sentence what a panel shows."""
    values = scan.quantity(name)
    finite = values[np.isfinite(values)]
    grid = " × ".join(str(count) for count in scan.shape)
    spread = f"from {short(finite.min(), 4)} to {short(finite.max(), 4)}" if finite.size else "nowhere finite"
    missing = values.size - finite.size
    holes = f", not finite at {missing:,} points" if missing and finite.size else ""
    return f"{title}: {quantity_name(scan, name)} over {grid} points, {spread}{holes}"

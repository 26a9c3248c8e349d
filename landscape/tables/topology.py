"""The topology of a surface in lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from landscape.records import Topology

# Basins that are told one by one.
MOST = 8


def topology_table(record: Topology) -> str:
    """Write a readable summary."""
    rows = list(topology_lines(record))
    width = max(len(label) for label, _ in rows)
    return "\n".join(f"{label:<{width}}  {text}" for label, text in rows)


def headline(record: Topology) -> str:
    """Say in one line what the surface holds.

    The same line stands in the summary of a scan.
    """
    told = record.summary()
    inside, edge = len(told["basins"]), len(told["open_basins"])
    parts = [
        f"{inside} basin{'s' * (inside != 1)} inside the window, {edge} open at its edge ({threshold_words(record)})"
    ]
    depth = told["depth_of_center"]
    if depth is not None:
        parts.append(f"that of the centre is {depth:.4g} deep")
    if not record.resolved:
        parts.append("not resolved by this grid")
    return "; ".join(parts)


def threshold_words(record: Topology) -> str:
    """Say what counts as a basin."""
    if record.scale == "log":
        return f"saddle above {record.threshold:.6g} times the minimum"
    return f"persistence above {record.threshold:.3g}"


def topology_lines(record: Topology) -> Iterator[tuple[str, str]]:
    """Give label and text of each line."""
    name = record.settings.get("model_name", "a function")
    yield (
        "topology",
        f"{name}, {record.quantity} on {' x '.join(map(str, record.scan.shape))} points, neighbours across {record.settings.get('connectivity')}",
    )
    yield "surface", headline(record)
    for number, k in enumerate(record.kept[:MOST], start=1):
        yield f"basin {number}", basin_line(record.basin_summary(int(k)), bool(record.open[k]))
    if len(record.kept) > MOST:
        yield "…", f"{len(record.kept) - MOST} more basins"
    maxima = record.kept_maxima()
    highest = f", the highest {record.maxima[maxima[0], 1]:.6g}" if len(maxima) else ""
    yield "maxima", f"{len(maxima)} inside the window{highest}"
    yield from verified_lines(record)
    if not record.resolved:
        yield "resolution", why_not_resolved(record)
    yield "note", "these are features of the slice; in the whole space they need not be minima or saddles"


def why_not_resolved(record: Topology) -> str:
    """Say what makes the grid too coarse for the answer."""
    changed = int(np.count_nonzero(record.grid_dependent[record.kept]))
    parts = []
    if changed:
        parts.append(
            f"{changed} basin{'s' * (changed != 1)} would be missing, or have another saddle, if every second point were left out"
        )
    if not record.settings.get("same_across_corners", True):
        parts.append("neighbours across corners give another number of basins")
    return f"{'; '.join(parts)}: scan with more --points"


def basin_line(told: dict[str, Any], is_open: bool) -> str:
    """Write one basin."""
    at = ", ".join(f"{coordinate:.4g}" for coordinate in told["at"])
    text = f"{'open, ' if is_open else ''}lowest {told['minimum']:.6g} at ({at}), {told['area']:.1%} of the window"
    if told["saddle"] is None:
        return f"{text}, the deepest"
    there = ", ".join(f"{coordinate:.4g}" for coordinate in told["saddle_at"])
    rise = told["persistence"]
    doubt = "; depends on the grid" if told["grid_dependent"] else ""
    return f"{text}, saddle {told['saddle']:.6g} at ({there}): {rise['value']:.4g} ± {rise['error']:.1g} deep{doubt}"


def verified_lines(record: Topology) -> Iterator[tuple[str, str]]:
    """Say where descents in the whole space ended."""
    found = record.verified
    if not found:
        return
    minima = found["minimum"]
    places = {int(k): place for place, k in enumerate(record.kept, start=1)}
    distinct = len(set(minima.tolist()))
    count = len(minima)
    ends = f"{count} descent{'s' * (count != 1)} from the basins' lowest points, to losses from {found['loss'].min():.6g} to {found['loss'].max():.6g}"
    yield "verified", ends
    unfinished = int(np.count_nonzero(~found["converged"]))
    if unfinished:
        yield "", f"{unfinished} of them had not settled: a flat valley, or a kink"
    if count < 2:
        return
    if distinct == 1:
        yield (
            "",
            "ways between the ends do not rise: one and the same low region, the basins are of the slice alone",
        )
        return
    ways = [way for way in record.ways() if way["bent"] is not None]
    yield "", f"{distinct} distinct ones, as far as ways were found between them"
    for way in ways:
        one, other = (places[basin] for basin in way["basins"])
        straight = "∞" if way["straight"] is None else f"{way['straight']:.4g}"
        yield (
            "",
            f"between those of basins {one} and {other} the loss rises by {way['bent']:.4g} at most ({straight} on the straight way)",
        )

"""Which basins of a topology are drawn, in which order, and up to which height."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from landscape.plots.words import short
from landscape.records import Topology

# Basins that are numbered and drawn by themselves; beyond, a picture tells no more.
MOST = 30


def shown(record: Topology) -> list[int]:
    """Give the basins that are drawn by themselves, the deepest first."""
    return [int(k) for k in record.kept[:MOST]]


def numbers(record: Topology) -> dict[int, int]:
    """Number the basins that are drawn, from the deepest on."""
    return {basin: number for number, basin in enumerate(shown(record), start=1)}


def order_of(record: Topology, kept: Sequence[int]) -> list[int]:
    """Put branches in an order in which none crosses another: around each basin those that join it, the first to join nearest."""
    order: list[int] = []
    for root in [k for k in kept if into_of(record, k) not in kept]:
        order += around(record, root, kept)
    return order


def around(record: Topology, basin: int, kept: Sequence[int]) -> list[int]:
    """Give a basin and all that join it, on alternate sides; found without recursion, from the last to join on."""
    line = [basin]
    joining = sorted((k for k in kept if k != basin), key=lambda k: -record.pairs[k, 1])
    side = dict.fromkeys(kept, False)
    for k in joining:
        into = into_of(record, k)
        if into not in line:
            continue
        # What joins later stands farther away, so the first comes in between.
        line.insert(line.index(into) + (not side[into]), k)
        side[into] = not side[into]
    return line


def into_of(record: Topology, basin: int) -> int:
    """Give the kept basin that a basin joins, −1 if there is none."""
    parent = int(record.parent[basin])
    return -1 if parent < 0 else int(record.survivor[parent])


def shallow(record: Topology) -> list[int]:
    """Give the basins that count as noise, the most persistent of them first."""
    noise = np.flatnonzero(record.survivor != np.arange(record.survivor.size))
    order = noise[np.argsort(-record.persistence[noise], kind="stable")]
    return [int(k) for k in order[:200]]


def top_of(record: Topology) -> float:
    """Give the height up to which is drawn: a little above the highest saddle, or the lowest tenth of the surface if there is none."""
    saddles = record.pairs[record.kept, 1]
    low = float(record.pairs[:, 0].min())
    finite = saddles[np.isfinite(saddles)]
    values = record.scan.quantity(record.quantity)
    values = values[np.isfinite(values)]
    high = float(finite.max()) if finite.size else float(np.quantile(values, 0.5)) if values.size else low
    return high + 0.1 * (high - low) if high > low else low + 1.0


def limit_words(record: Topology) -> str:
    """Say up to where a basin counts as noise."""
    if record.scale == "log":
        return f"saddle up to {short(record.threshold, 5)} times the minimum"
    return f"persistence up to {short(record.threshold)}"

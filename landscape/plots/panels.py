"""What is drawn over maps that stand beside each other, and the legend that they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape.plots.contours import shortened
from landscape.plots.field import Field
from landscape.plots.look import chosen
from landscape.plots.marks import legend_below
from landscape.plots.paths import run_of
from landscape.plots.planes import Run, marked
from landscape.plots.races import draw_one_path, remark, start_of
from landscape.plots.style import add_rows
from landscape.plots.topologies import outlined
from landscape.records import Race, Record, Topology, Trajectory

# Inches of a row of the legend.
ROW = 0.14
# In letters: a row over one column, and what an entry has beside its words.
LETTERS, SYMBOL = 62, 7
PATH, FIRST = "the path of the training", "the first checkpoint"


def overlaid(ax: Axes, record: Record, field: Field, optimizers: Sequence[str]) -> list[Artist]:
    """Draw the paths, basins or models of a record over its map; give the legend's keys.

    `optimizers` are those of all panels: one has the same colour and marker everywhere.
    """
    if isinstance(record, Race):
        return [draw_one_path(ax, record, i, optimizers.index(record.optimizers[i])) for i in record.ranking()]  # fmt: skip
    if isinstance(record, Topology):
        return shortened(outlined(ax, record))
    run = run_of(record) if isinstance(record, Trajectory) else marked(field.record, field.axes)
    keys = [] if run is None else run.draw(ax)
    if not isinstance(run, Run):
        return []
    for key, words in zip(keys, (PATH, FIRST), strict=True):
        key.set_label(words)
    return keys


def optimizers_of(records: Sequence[Record]) -> list[str]:
    """Name the optimizers of all races, each once."""
    return list(
        dict.fromkeys(name for record in records if isinstance(record, Race) for name in record.optimizers)
    )


def named_center(record: Record, field: Field) -> Field:
    """Say what the centre of a race's plane is: the start of all its runs."""
    return replace(field, center=start_of(record)) if isinstance(record, Race) else field


def share_legend(figure: Figure, ax: Axes, drawn: Sequence[Artist], points: Sequence[Artist]) -> None:
    """Name once what is drawn over the maps, and the points beside it; none where there is nothing but the centre."""
    if not drawn:
        return
    keys = list({str(key.get_label()): key for key in [*drawn, *shortened(points)]}.values())
    columns = fitting_columns([len(str(key.get_label())) for key in keys])
    add_rows(figure, ROW * -(-len(keys) // columns))
    legend_below(ax, keys, ours=True, columns=columns)


def fitting_columns(lengths: Sequence[int]) -> int:
    """Give the most columns in which entries of so many letters fit into a row.

    >>> fitting_columns([4, 7, 3, 10, 11]), fitting_columns([24, 20, 11]), fitting_columns([80])
    (4, 2, 1)
    """
    for columns in range(len(lengths), 1, -1):
        widths = [max(part) + SYMBOL for part in np.array_split(lengths, columns)]
        if sum(widths) <= LETTERS * chosen().room:
            return columns
    return 1


def places_of(record: Record, field: Field) -> list[tuple[float, float]]:
    """Give the places of paths and models on a map, on which no label may stand."""
    if isinstance(record, Race):
        return [(float(x), float(y)) for path in record.projected for x, y in path if np.isfinite(x)]
    run = run_of(record) if isinstance(record, Trajectory) else marked(field.record, field.axes)
    return [] if run is None else list(run.points)


def path_words(record: Record) -> list[str]:
    """Say how much of a record's paths its plane holds: the panels have no room for it."""
    if isinstance(record, Race):
        return [f"first of {record.diverged.shape[1]} seeds", remark(record)]
    run = run_of(record) if isinstance(record, Trajectory) else None
    return [] if run is None else run.remarks()

"""Which figures a scan has, by the number of its axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape.errors import InputError, did_you_mean
from landscape.plots.contours import plot_contours
from landscape.plots.curves import plot_curves
from landscape.plots.cuts import cut_axes, plot_cuts
from landscape.plots.field import dimensions, field_of
from landscape.plots.slices import plot_slices
from landscape.plots.style import figure_of
from landscape.plots.surface import plot_surface
from landscape.records import Scan

KINDS = ("contour", "surface", "both")

Plotter = Callable[..., Axes]

# Of each number of axes with several points: the figures and what draws them, the first the main one.
PLOTTERS: dict[int, dict[str, Plotter]] = {
    0: {"curves": plot_curves},
    1: {"curves": plot_curves},
    2: {"contour": plot_contours, "surface": plot_surface},
    3: {"slices": plot_slices},
}


def plot_scan(
    record: Scan,
    *,
    quantity: str | None = None,
    kind: str = "both",
    levels: int | Sequence[float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a scan: curves of a line, a contour map (or `kind="surface"`) of a plane, slices of a volume.

    Parameters
    ----------
    record
        A scan of one to three dimensions.
    quantity
        `train_loss`, `test_accuracy`, …; by default the training loss (for curves: everything).
    kind
        Of a plane: `contour` or `surface`; `both` draws the contour map.
    levels
        About how many contour lines, or their heights.
    ax
        Where to draw; by default those of a new figure: `axes.figure.savefig(…)`.

    Raises
    ------
    landscape.errors.InputError
        A kind, a quantity or levels that this record cannot be drawn with.
    """
    plotters = _plotters(record, kind)
    return next(iter(plotters.values()))(record, quantity=quantity, levels=levels, ax=ax)


def scan_figures(
    record: Scan,
    *,
    quantity: str | None = None,
    kind: str = "both",
    levels: int | Sequence[float] | None = None,
) -> dict[str, Figure]:
    """Draw all figures of a scan by name, with maps of both the training and the test loss.

    Raises
    ------
    landscape.errors.InputError
        As `plot_scan`.
    """
    drawn = {}
    for name in scan_figure_names(record, quantity=quantity, kind=kind):
        base, _, split = name.partition("_")
        plotter = plot_cuts if base == "cuts" else PLOTTERS[dimensions(record)][base]
        shown = f"{split}_loss" if split == "test" else (split and f"{_curved(record)}_curvature") or quantity
        lines = None if base == "cuts" else levels
        drawn[name] = figure_of(plotter(record, quantity=shown, levels=lines))
    return drawn


def scan_figure_names(record: Scan, *, quantity: str | None = None, kind: str = "both") -> list[str]:
    """Name the figures without drawing them.

    Raises
    ------
    landscape.errors.InputError
        As `plot_scan`.
    """
    names = list(_plotters(record, kind))
    beside = quantity is None and record.main == "train_loss" and "test_loss" in record.values
    if beside and names[0] != "curves":
        names += [f"{name}_test" for name in names if name != "surface"]
    if quantity is None and _curved(record):
        names.append(f"{names[0]}_curvature")
    if (
        kind == "both"
        and dimensions(record) > 1
        and cut_axes(record)
        and not field_of(record, quantity).rises
    ):
        names.append("cuts")
    return names


def _curved(record: Scan) -> str:
    """Name the split whose eigenvalues are there; nothing if there are none."""
    split = record.main.partition("_")[0]
    return split if f"{split}_curvature" in record.values else ""


def _plotters(record: Scan, kind: str) -> dict[str, Plotter]:
    if kind not in KINDS:
        raise InputError(
            f"unknown kind of figure '{kind}': choose {', '.join(KINDS)}{did_you_mean(kind, KINDS)}"
        )
    count = dimensions(record)
    if count not in PLOTTERS:
        raise InputError(f"figures are drawn of one to three axes, the record has {count}")
    if kind == "both":
        return PLOTTERS[count]
    if kind not in PLOTTERS[count]:
        names = ", ".join(PLOTTERS[count])
        raise InputError(f"a {kind} figure needs two axes of several points, the record has {count}: {names}")
    return {kind: PLOTTERS[count][kind]}

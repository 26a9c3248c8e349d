"""Training and test loss through a minimum, or through two, with the measures below."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape.errors import InputError
from landscape.plots.levels import finite_of
from landscape.plots.style import SMALL, SPLIT_LINES, figure_of, new_figure, style
from landscape.plots.words import MINUS, SPLITS, loss_kind, shorten
from landscape.records import Sharpness

CURVE_HEIGHT, ROW, AROUND = 1.75, 0.128, 0.25
NAMES = {
    "lambda_max": "λₘₐₓ(H)",
    "trace": "trace of H",
    "frobenius": "Frobenius norm of H",
    "keskar": "Keskar’s φ",
    "keskar_subspace": "Keskar’s φ, subspace",
    "sam": "SAM, one step",
    "sam_maximized": "SAM, maximized",
    "adaptive": "adaptive",
    "average": "Gaussian average",
    "adaptive_average": "adaptive average",
    "relative_flatness": "relative flatness",
    "weighted_lambda_max": "λₘₐₓ(|θ|H|θ|)",
    "fisher_rao": "Fisher–Rao norm",
    "width": "width",
}
HIGHEST = 4.0
LEVELS = ("layer", "neuron")


def plot_sharpness(record: Sharpness, *, table: bool = True) -> Axes:
    """Draw the losses along a filter-normalized direction, and the measures with their errors below.

    A model that was compared is drawn beside it, on the same scale. Beside each measure is the factor by which
    rescaling layers and neurons changes it, if that was tested, and otherwise whether it changes.

    Parameters
    ----------
    record
        The measures of a network.
    table
        Whether the measures are written below; a page that has them in its text wants the curves alone.

    Raises
    ------
    landscape.errors.InputError
        The record has no curves: it is of a function of θ.
    """
    if not record.curves:
        raise InputError("the record has no curves to draw: it is of a function of θ")
    with style():
        rows = len(record.measures) + 3 if table else 0
        figure = new_figure(CURVE_HEIGHT + ROW * rows + AROUND)
        heights = [CURVE_HEIGHT + AROUND, *([ROW * rows] if table else [])]
        upper, *lower = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
        panels = upper.subplots(1, len(record.curves), sharey=True, squeeze=False)[0]
        for panel, curve, name in zip(panels, record.curves.values(), names_of(record), strict=False):
            _draw(panel, curve)
            panel.set_title(name)
        _scale(panels, record)
        if lower:
            _write(lower[0].subplots(), record)
        return panels[0]


def _draw(ax: Axes, curve: dict[str, np.ndarray]) -> None:
    for split in ("train", "test"):
        if f"{split}_loss" in curve:
            ax.plot(curve["axis"], curve[f"{split}_loss"], label=SPLITS[split], **SPLIT_LINES[split])
    ax.axvline(0.0, color="#888888", linewidth=0.6, linestyle=":", zorder=0.8)
    ax.set_xlim(curve["axis"][0], curve["axis"][-1])
    ax.set_xlabel("α (at 1 the step is as long as the weights)")


def _scale(panels: Sequence[Axes], record: Sharpness) -> None:
    """Show the basin: up to a few times the loss's middle, linear from zero."""
    losses = finite_of(np.concatenate([c[k] for c in record.curves.values() for k in c if k != "axis"]))
    if losses.size:
        top = min(float(losses[-1]), HIGHEST * float(np.median(losses)))
        panels[0].set_ylim(min(0.0, 1.05 * float(losses[0])), 1.05 * top)
    panels[0].set_ylabel(f"loss ({loss_kind(record.settings)})")
    panels[-1].legend(loc="best")
    if len(panels) > 1:
        for panel in panels:
            panel.set_xlabel("α (weights’ length)")


def _write(ax: Axes, record: Sharpness) -> None:
    """Write the table of measures: a column a model, then what rescaling does."""
    ax.set_axis_off()
    columns, rows = _table(record)
    places = np.linspace(0.0, 1.0, len(rows) + 1)[::-1][1:]
    for place, row in zip(places, rows, strict=True):
        for (x, align), cell in zip(columns, row, strict=False):
            weight = "bold" if place == places[0] else "normal"
            text = ax.text(x, place, cell, ha=align, va="bottom", fontsize=SMALL, fontweight=weight)
            text.set_in_layout(False)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)


def _table(record: Sharpness) -> tuple[list[tuple[float, str]], list[list[str]]]:
    """Lay out the columns, and the text of every row."""
    two = "other" in record.beside
    tested = any(level in record.beside for level in LEVELS)
    heads = ["", *names_of(record)[: 1 + two], "layers", "neurons"]
    places = [0.0, 0.47, 0.68, 0.84, 1.0] if two else [0.0, 0.62, 0.81, 1.0]
    columns = [(x, "left" if x == 0 else "right") for x in places]
    rows: list[list[str]] = [heads]
    for name, numbers in record.measures.items():
        values = [measured(*numbers)] + ([measured(*record.beside["other"][name])] if two else [])
        rows.append([NAMES.get(name, name), *values, *(_change(record, level, name) for level in LEVELS)])
    told = "factor when rescaled, the function being the same" if tested else "when rescaled (in theory)"
    return columns, [*rows, [f"layers, neurons: {told}"]]


def names_of(record: Sharpness) -> list[str]:
    """Name the model and the one beside it, and tell them apart where both have one name."""
    first, other = (str(record.settings.get(f"{which}_name") or "") for which in ("model", "compare"))
    if first and first == other:
        return [f"{shorten(first, 10)} (1)", f"{shorten(other, 10)} (2)"]
    return [shorten(first or "function", 13), shorten(other or "other", 13)]


def measured(value: float, error: float) -> str:
    """Write a value to the digits that its error leaves, the error of the last digit in brackets where it is seen.

    >>> measured(0.0005099, 2.2e-5), measured(136.5, 1.9), measured(2.25834, 1e-15), measured(1.2e-7, 3e-9)
    ('0.00051(2)', '136(2)', '2.26', '1.20(3)e−7')
    """
    if not (1e-300 < abs(value) < np.inf and error < np.inf) or error <= 1e-3 * abs(value):
        return f"{value:.3g}".replace("-", MINUS)
    if not 1e-4 <= abs(value) < 1e5:
        power = int(np.floor(np.log10(abs(value))))
        return f"{measured(value / 10.0**power, error / 10.0**power)}e{power}".replace("-", MINUS)
    place = int(np.floor(np.log10(error)))
    return f"{value:.{max(0, -place)}f}({error / 10.0 ** min(0, place):.0f})"


def _change(record: Sharpness, level: str, name: str) -> str:
    verdict = record.verdict(level, name)
    if verdict is None:
        invariant = (record.settings.get("measures") or {}).get(name, {}).get("invariant") or {}
        return (
            ""
            if any(key in record.beside for key in LEVELS)
            else ("same" if invariant.get(level) else "changes")
        )
    if verdict:
        return "same"
    before = record.measures[name][0]
    return f"×{record.beside[level][name][0] / before:.2g}" if before else "changes"


def sharpness_figure_names(
    record: Sharpness, *, quantity: str | None = None, kind: str = "both"
) -> list[str]:
    """Name the figures without drawing them.

    Raises
    ------
    landscape.errors.InputError
        A quantity was asked for: measures are no grid of them.
    """
    if quantity is not None:
        raise InputError(f"a record of sharpness has no quantity '{quantity}': leave --quantity out")
    return ["curves"] if record.curves else []


def sharpness_figures(
    record: Sharpness,
    *,
    quantity: str | None = None,
    kind: str = "both",
    levels: int | Sequence[float] | None = None,
) -> dict[str, Figure]:
    """Draw all figures of sharpness, by name; `kind` and `levels` are for scans.

    Raises
    ------
    landscape.errors.InputError
        As `sharpness_figure_names`.
    """
    names = sharpness_figure_names(record, quantity=quantity, kind=kind)
    return {name: figure_of(plot_sharpness(record)) for name in names}

"""A critical point on planes: the loss beside its quadratic model, and a random plane for comparison."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from landscape.errors import InputError
from landscape.plots.levels import Levels, choose_levels
from landscape.plots.look import chosen
from landscape.plots.marks import CENTER
from landscape.plots.style import SMALL, colormap, house_style_unless, new_figure
from landscape.plots.words import distinct, short, shorten
from landscape.records import Critical

HEIGHT = 2.5
# Numbers under a map's scale, and letters that stand side by side there.
MOST_TICKS, ROOM = 4, 20
LONGEST_NAME = 20
# Scales of a map without bands.
BLANK = ("nothing", "constant")
# Heights that differ by less than this part of them are told by what they are above the lowest.
NARROW = 0.05
# The least part of a map that is hatched.
SEEN = 0.005
PATH: dict[str, Any] = {"color": "#ffffff", "linewidth": 2.6, "zorder": 5, "solid_capstyle": "round"}
PATH_INSIDE: dict[str, Any] = {"color": "#d55e00", "linewidth": 1.3, "zorder": 5.5}
END: dict[str, Any] = {
    "linestyle": "none",
    "marker": "D",
    "markersize": 4,
    "markerfacecolor": "#d55e00",
    "markeredgecolor": "white",
    "markeredgewidth": 0.8,
    "zorder": 6,
}


def quadratic_model(record: Critical) -> np.ndarray:
    """Give L + gᵀd + ½λd² on the plane of the extreme eigenvectors, as its grid has it.

    Raises
    ------
    landscape.errors.InputError
        The record has no surfaces.
    """
    _require_planes(record)
    x, y = np.meshgrid(record.planes["plane.axis.0"], record.planes["plane.axis.1"], indexing="ij")
    slopes = record.planes["plane.vectors"] @ record.gradient
    low, high = record.eigenvalues[[0, -1]]
    return np.asarray(record.verdict["loss"] + slopes[0] * x + slopes[1] * y + (low * x**2 + high * y**2) / 2)


def plot_quadratic_model(record: Critical) -> Figure:
    """Draw the loss and its quadratic model side by side, on the plane of the extreme eigenvectors.

    Raises
    ------
    landscape.errors.InputError
        The record has no surfaces.
    """
    _require_planes(record)
    return _side_by_side(record, ("plane", "model"), ("the loss", "its quadratic model"), "two eigenvectors")


def plot_random_plane(record: Critical) -> Figure:
    """Draw the point on the plane of its extreme eigenvectors and on a random one, which can hide a saddle.

    Raises
    ------
    landscape.errors.InputError
        The record has no surfaces.

    References
    ----------
    Böttcher and Wheeler, "Visualizing high-dimensional loss landscapes with Hessian directions", arXiv 2208.13219.
    """
    _require_planes(record)
    return _side_by_side(
        record, ("plane", "random"), ("extreme eigenvectors", "random directions"), "two planes"
    )


def _require_planes(record: Critical) -> None:
    if not record.has_planes:
        raise InputError(
            "the record has no surfaces: it is of a single parameter, or they were not asked for"
        )


def _side_by_side(record: Critical, names: tuple[str, str], titles: tuple[str, str], subject: str) -> Figure:
    """Draw two maps, each over its own scale; the model's is the truth's, and where it is lower it is hatched."""
    truth = choose_levels(record.planes["plane.loss"])
    hatched = ""
    if names[1] == "model" and below(quadratic_model(record), truth):
        hatched = "; hatched: below any loss here"
    with house_style_unless(None):
        figure = new_figure(HEIGHT * chosen().tall)
        axes = figure.subplots(1, 2)
        for ax, name, title in zip(axes, names, titles, strict=True):
            if name == "model":
                values, levels = quadratic_model(record), truth
            else:
                values = record.planes[f"{name}.loss"]
                levels = truth if name == "plane" else choose_levels(values)
            _map(ax, record, "plane" if name == "model" else name, values, levels)
            ax.set_title(title, fontsize=SMALL)
            _scale(figure, ax, levels)
        figure.suptitle(_title(record, subject, hatched), x=0.02, ha="left", fontsize=7.5)
    return figure


def below(values: np.ndarray, levels: Levels) -> bool:
    """Say whether the part of a map below the lowest colour is large enough to be seen."""
    return levels.scale not in BLANK and bool(np.mean(values < levels.low) > SEEN)


def _scale(figure: Figure, ax: Axes, levels: Levels) -> None:
    """Draw the colours' scale under a map, its ends named, with as many numbers between as there is room for."""
    bar = figure.colorbar(
        ScalarMappable(norm=levels.norm(), cmap=colormap()),
        ax=ax,
        location="bottom",
        aspect=22,
        spacing="uniform",
    )
    bar.ax.minorticks_off()
    bar.outline.set_linewidth(0.5)
    if levels.scale in BLANK:
        # A bar keeps both maps the same height; there is no scale to name.
        bar.ax.set_visible(False)
        return
    base = levels.low if _is_narrow(levels) else 0.0
    heights = levels.bands - base
    texts = [short(heights[0], 2), *distinct(heights[1:-1]), short(heights[-1], 2)]
    most = max(2, min(MOST_TICKS, ROOM // (max(map(len, texts)) + 1)))
    shown = np.unique(np.linspace(0, len(texts) - 1, most).round().astype(int))
    bar.set_ticks(levels.bands[shown].tolist(), labels=[texts[place] for place in shown])
    bar.set_label(f"loss above {short(base, 4)}" if base else "loss")


def _is_narrow(levels: Levels) -> bool:
    """Say whether the heights above the lowest one are easier to distinguish than the heights themselves."""
    largest = max(abs(levels.low), abs(levels.high))
    return levels.scale == "above the minimum" or levels.high - levels.low < NARROW * largest


def _map(ax: Axes, record: Critical, name: str, values: np.ndarray, levels: Levels) -> None:
    """Draw one map: bands, lines, the point, and on the eigenvectors' plane the escape."""
    x, y = record.planes[f"{name}.axis.0"], record.planes[f"{name}.axis.1"]
    if levels.scale in BLANK:
        text = (
            "no finite value"
            if levels.scale == "nothing"
            else f"constant: {short(float(np.nanmean(values)), 4)}"
        )
        ax.text(0.5, 0.25, text, transform=ax.transAxes, ha="center", va="center", fontsize=SMALL)
    else:
        shown = np.ma.masked_invalid(values).T
        ax.contourf(
            x,
            y,
            shown,
            levels=_edges(levels),
            cmap=colormap(),
            norm=levels.norm(),
            extend="both",
        )
        if below(values, levels):
            ax.contourf(
                x, y, shown, levels=[shown.min() - 1.0, levels.low], colors=["#e4e4e4"], hatches=["/////"]
            )
        inside = levels.lines[(levels.lines > shown.min()) & (levels.lines < shown.max())]
        if inside.size:
            ax.contour(x, y, shown, levels=inside, colors="#00000060", linewidths=0.4)
    _marks(ax, record, name, float(x[-1]))
    if name == "plane":
        low, high = record.eigenvalues[[0, -1]]
        ax.set_xlabel(f"along λ = {short(float(low), 2)}")
        ax.set_ylabel(f"along λ = {short(float(high), 2)}")
    else:
        ax.set_xlabel("random direction 1")
        ax.set_ylabel("random direction 2")
    ax.locator_params(axis="y", nbins=4)
    ax.locator_params(axis="x", nbins=3)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(float(value))))
    if abs(x[-1] - y[-1]) < 0.05 * x[-1]:
        ax.set_aspect("equal")


def _marks(ax: Axes, record: Critical, name: str, widest: float) -> None:
    """Mark the point, and the escape where it lies in the map."""
    best = record.verdict["escape"]
    if name == "plane" and best and abs(best["step"]) <= widest:
        ax.plot([0, best["step"]], [0, 0], **PATH)
        ax.plot([0, best["step"]], [0, 0], **PATH_INSIDE)
        ax.plot(best["step"], 0, **END)
    ax.plot(0, 0, **CENTER)


def _edges(levels: Levels) -> np.ndarray:
    """Give the bands' edges; the lowest band contains its lower end, the highest its upper."""
    edges = levels.bands.copy()
    margin = 1e-9 * (edges[-1] - edges[0])
    edges[0], edges[-1] = edges[0] - margin, edges[-1] + margin
    return edges


def _title(record: Critical, subject: str, more: str) -> str:
    name = shorten(str(record.settings.get("model_name") or "function"), LONGEST_NAME)
    verdict = record.verdict
    above, zero, below = verdict["inertia"]
    count = f"index at least {below}" if above is None else f"{above} positive, {zero} zero, {below} negative"
    return f"{name}: {verdict['kind']}, {subject}\nloss {short(verdict['loss'])}{more or f'; {count}'}"

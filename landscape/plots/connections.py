"""What lies between minima: the loss along every path between two, and the passes between several as a tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape.errors import InputError, did_you_mean
from landscape.plots.marks import worded_keys
from landscape.plots.style import figure_of, house_style_unless, new_figure
from landscape.plots.words import SPLITS, loss_kind, short, shorten, wrapped
from landscape.records import Connection

LABELS = {
    "linear": "line", "aligned": "line, units aligned", "repair": "line with REPAIR", "aligned_repair": "aligned, with REPAIR",
    "bezier": "Bézier curve", "polychain": "chain of pieces", "band": "elastic band",
}  # fmt: skip
# Okabe and Ito's colours, dark enough on white, with dashes that tell them apart in grey.
LOOKS: dict[str, dict[str, Any]] = {
    "linear": {"color": "#333333", "linestyle": "-"},
    "aligned": {"color": "#d55e00", "linestyle": (0, (5, 1.5))},
    "repair": {"color": "#777777", "linestyle": (0, (1, 1))},
    "aligned_repair": {"color": "#a0457f", "linestyle": (0, (5, 1, 1, 1, 1, 1))},
    "bezier": {"color": "#004c85", "linestyle": (0, (3, 1, 1, 1))},
    "polychain": {"color": "#007a5e", "linestyle": (0, (2, 1))},
    "band": {"color": "#8a6d00", "linestyle": (0, (9, 2)), "linewidth": 1.8},
}
END: dict[str, Any] = {
    "linestyle": "none", "marker": "o", "markersize": 4.5, "markerfacecolor": "white", "markeredgecolor": "black", "markeredgewidth": 1.0,
    "clip_on": False, "zorder": 6,
}  # fmt: skip
TOP: dict[str, Any] = {"linestyle": "none", "marker": "^", "markersize": 4.5, "markeredgecolor": "black", "markeredgewidth": 0.6, "zorder": 6}  # fmt: skip
HEIGHT, SECOND, LEGEND_ROW, TREE = 2.1, 1.1, 0.15, 2.5
# The loss is drawn logarithmically where its highest is so many times its lowest; what falls to rounding is not.
LOG_RATIO, LARGEST_RATIO = 100.0, 1e7
BARRIER = "barrier"


def plot_connection(record: Connection, *, quantity: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the loss along every path between the two minima with the highest barrier on the line.

    Below it stands the accuracy on the test data, where there is one. A triangle marks the highest point of each path.

    Parameters
    ----------
    record
        A connection.
    quantity
        `train_loss`, `test_accuracy`, …; by default the first split's loss, and the accuracy.
    ax
        Where to draw the loss, or the quantity; by default those of a new figure.

    Raises
    ------
    landscape.errors.InputError
        No such quantity.
    """
    groups = quantities(record, quantity)
    with house_style_unless(ax):
        if ax is not None:
            panel(ax, record, groups[0])
            ax.set_xlabel(x_label(record))
            ax.legend()
            return ax
        rows = len(record.paths(record.highest)) + len(captions(record))
        figure = new_figure(HEIGHT + SECOND * (len(groups) - 1) + LEGEND_ROW * rows)
        panels = figure.subplots(
            len(groups), 1, sharex=True, squeeze=False, height_ratios=[3, 2][: len(groups)]
        )[:, 0]
        for axes, name in zip(panels, groups, strict=True):
            panel(axes, record, name)
        panels[-1].set_xlabel(x_label(record))
        figure.align_ylabels()
        figure.suptitle(title(record), x=0.02, ha="left", fontsize=panels[0].title.get_fontsize())
        lines = [line for line in panels[0].lines if not str(line.get_label()).startswith("_")]
        keys = [*lines, *worded_keys(captions(record))]
        figure.legend(handles=keys, loc="outside lower left", handletextpad=0.6, handlelength=2.4)
        return panels[0]


def quantities(record: Connection, quantity: str | None) -> list[str]:
    """Say what is drawn: the loss, and an accuracy.

    Raises
    ------
    landscape.errors.InputError
        No such quantity.
    """
    there = [name for name in record.path(record.highest, "linear") if name.endswith(("_loss", "_accuracy"))]
    if quantity is not None:
        if quantity not in there:
            raise InputError(
                f"no quantity '{quantity}' in this record: it has {', '.join(there)}{did_you_mean(quantity, there)}"
            )
        return [quantity]
    losses = [name for name in ("train_loss", "test_loss") if name in there]
    accuracies = [name for name in ("test_accuracy", "train_accuracy") if name in there]
    return [*losses[:1], *accuracies[:1]] or there[:1]


def panel(ax: Axes, record: Connection, name: str) -> None:
    """Draw one quantity along every path."""
    pair, seen = record.highest, []
    for path in record.paths(pair):
        arrays = record.path(pair, path)
        if name not in arrays:
            continue
        t, values = arrays["t"], arrays[name]
        look = LOOKS.get(path, {"color": "#333333"})
        ax.plot(t, values, label=key_of(record, path), **look)
        finite = np.isfinite(values)
        seen.append(values[finite])
        if name.endswith("_loss") and finite.any():
            top = int(np.argmax(np.where(finite, values, -np.inf)))
            if 0 < top < len(t) - 1:
                ax.plot(t[top], values[top], color=look["color"], **TOP)
    known = np.concatenate(seen) if seen else np.zeros(0)
    if (
        name.endswith("_loss")
        and known.size
        and known.min() > 0
        and LOG_RATIO < known.max() / known.min() < LARGEST_RATIO
    ):
        ax.set_yscale("log")
    line = record.path(pair, "linear")
    if name in line:
        ax.plot([0.0, 1.0], line[name][[0, -1]], **END)
    ax.set_xlim(0.0, 1.0)
    ax.set_ylabel(y_label(record, name))


def y_label(record: Connection, name: str) -> str:
    """Name a quantity with its unit, on two lines."""
    split, _, what = name.partition("_")
    words = what.replace("_", " ") if not record.data else f"{SPLITS.get(split, split)} {what}"
    if what == "accuracy":
        return f"{words}\n(fraction correct)"
    kind = loss_kind(record.settings)
    return f"{words}\n({kind})" if kind else words


def x_label(record: Connection) -> str:
    """Say what goes from 0 to 1."""
    pair = record.highest
    one, other = (shorten(record.names[pair[key]], 18) for key in ("from", "to"))
    return f"share of the way from {one} (0) to {other} (1)"


def title(record: Connection) -> str:
    """Say the verdict on the line."""
    pair = record.highest
    barrier = pair["barrier"]
    if barrier["value"] is None:
        return "between minima: the loss on the line is infinite"
    error = f" ± {short(barrier['error'], 1)}" if barrier["error"] else ""
    several = f" (highest of {len(record.report['pairs'])} pairs)" if len(record.report["pairs"]) > 1 else ""
    # "barrier: barrier" would say nothing more.
    verdict = "" if pair["connected"] == BARRIER else f", {pair['connected']}"
    return f"barrier on the line: {short(barrier['value'])}{error}{verdict}{several}"


def key_of(record: Connection, path: str) -> str:
    """Name a path, a curve with how long it is and how far from the line."""
    curve = record.highest["curves"].get(path, {})
    name = LABELS.get(path, path)
    if curve.get("length") is None or curve.get("away") is None:
        return name
    return f"{name} ({short(curve['length'])} × as long, {short(curve['away'])} off the line)"


def captions(record: Connection) -> list[str]:
    """Say what became of the saddle, and what no picture shows."""
    saddle, words = record.highest.get("saddle"), []
    if saddle:
        kind = f"certified saddle of index {saddle['index']}" if saddle["certified"] else "no certified saddle"  # fmt: skip
        height = (
            ""
            if saddle["height"] is None
            else f" (loss {short(saddle['height'])}{' with weight decay' * decays(record)})"
        )
        # Records of earlier versions do not say it.
        joins = {True: ", which joins the two", False: ", which does not join the two"}.get(
            saddle.get("joins"), ""
        )
        words.append(f"top of the band: {kind}{height}{joins}")
    return wrapped([*words, "a low path need not lie in any plane that can be drawn"])


def plot_tree(record: Connection, *, ax: Axes | None = None) -> Axes:
    """Draw the passes between three or more minima as a tree, whose branches join at the height of the lowest pass.

    References
    ----------
    Becker and Karplus, Journal of Chemical Physics 106 (1997) 1495, on disconnectivity graphs.

    Raises
    ------
    landscape.errors.InputError
        The record has no tree: it has two minima, or no bands.
    """
    edges = record.report.get("tree")
    if not edges:
        raise InputError(
            "a tree of passes needs bands between at least three minima: landscape connect A B C --band"
        )
    with house_style_unless(ax):
        axes = new_figure(TREE).add_subplot() if ax is None else ax
        losses = [end_loss(end) for end in record.report["ends"]]
        order = ordered(len(losses), edges)
        x = {number: float(place) for place, number in enumerate(order)}
        branches = {number: (x[number], losses[number], {number}) for number in range(len(losses))}
        heights = []
        for edge in sorted(edges, key=lambda edge: edge["height"]):
            ends = [joined(branches, edge[key]) for key in ("from", "to")]
            (x0, y0, one), (x1, y1, other) = (branches[end] for end in ends)
            top = edge["height"]
            axes.plot([x0, x0, x1, x1], [y0, top, top, y1], color="#333333", linewidth=1.2)
            axes.annotate(
                short(top),
                (min(x0, x1), top),
                xytext=(2, 2),
                textcoords="offset points",
                fontsize=6.5,
            )
            heights.append(top)
            merged = (0.5 * (x0 + x1), top, one | other)
            for number in one | other:
                branches[number] = merged
        axes.plot([x[number] for number in range(len(losses))], losses, **END)
        axes.set_xticks(range(len(order)), [shorten(record.names[number], 12) for number in order])
        if len(order) > 4:
            axes.tick_params(axis="x", labelrotation=45)
        axes.set_xlim(-0.5, len(order) - 0.5)
        low, high = min(losses), max([*heights, *losses])
        span = (high - low) or 1.0
        axes.set_ylim(low - 0.06 * span, high + 0.12 * span)
        axes.set_ylabel(y_label(record, quantities(record, None)[0]) + "\nwith weight decay" * decays(record))
        if ax is None:
            figure_of(axes).suptitle(
                "lowest passes between minima", x=0.02, ha="left", fontsize=axes.title.get_fontsize()
            )
        return axes


def decays(record: Connection) -> bool:
    """Say whether heights of passes have a weight decay that the losses of paths leave out."""
    pairs = [(end.get("value"), end.get("train_loss")) for end in record.report["ends"]]
    known = [(value, loss) for value, loss in pairs if value is not None and loss is not None]
    return any(abs(value - loss) > 1e-9 * abs(value) for value, loss in known)


def end_loss(end: dict[str, Any]) -> float:
    """Give the loss of an end that is drawn, with weight decay as the passes have it; records of earlier versions do not say that."""
    value = end.get("value", end.get("train_loss", end.get("test_loss")))
    return 0.0 if value is None else float(value)


def joined(branches: dict[int, tuple[float, float, set[int]]], number: int) -> int:
    """Return the minimum that represents the branch of another one.

    Raises
    ------
    landscape.errors.InputError
        There is no such minimum.
    """
    if number not in branches:
        raise InputError(f"report: there is no minimum {number}, which a pass leads to")
    return number


def ordered(count: int, edges: Sequence[dict[str, Any]]) -> list[int]:
    """Put minima side by side so that branches do not cross: those that join lower stand together."""
    groups = [[number] for number in range(count)]
    for edge in sorted(edges, key=lambda edge: edge["height"]):
        found = [next((group for group in groups if edge[key] in group), None) for key in ("from", "to")]
        one, other = found
        if one is None or other is None or one is other:
            continue
        groups.remove(other)
        one.extend(other)
    return [number for group in groups for number in group]


def connection_figure_names(
    record: Connection, *, quantity: str | None = None, kind: str = "both"
) -> list[str]:
    """Name the figures without drawing them.

    Raises
    ------
    landscape.errors.InputError
        No such quantity.
    """
    quantities(record, quantity)
    return ["paths", *(["tree"] if record.report.get("tree") else [])]


def connection_figures(
    record: Connection,
    *,
    quantity: str | None = None,
    kind: str = "both",
    levels: int | Sequence[float] | None = None,
) -> dict[str, Figure]:
    """Draw the paths between the two minima with the highest barrier, and the tree of passes if there is one."""
    found = {"paths": figure_of(plot_connection(record, quantity=quantity))}
    if record.report.get("tree"):
        found["tree"] = figure_of(plot_tree(record))
    return found

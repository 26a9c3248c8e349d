"""The figures of studies: one for each, a row of `DRAWERS`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from landscape.errors import InputError
from landscape.plots.races import COLORS, DASHES, MARKERS
from landscape.plots.style import new_figure, style
from landscape.plots.words import loss_kind, short, shorten
from landscape.records import Study
from landscape.records.study import held_out

Drawer = Callable[[Study], Figure]
TITLE_ROW = 0.14
GREY = "#777777"
# Free room below the lowest median of a logarithmic axis, as a factor: one lucky run may lie twenty decades lower.
ROOM = 5.0


def look(index: int, **more: Any) -> dict[str, Any]:
    """Give colour, dashes and marker of the curve at a place."""
    return {
        "color": COLORS[index % len(COLORS)], "linestyle": DASHES[index % len(DASHES)],
        "marker": MARKERS[index % len(MARKERS)], "markersize": 3.2, **more,
    }  # fmt: skip


def headed(record: Study, figure: Figure, words: str) -> Figure:
    """Put the model's name and what was done above the panels."""
    name = shorten(str(record.settings.get("model_name", "")))
    figure.suptitle(f"{name}: {words}", x=0.02, ha="left", fontsize=7.5)
    return figure


def loss_words(record: Study) -> str:
    """Name the training loss on two lines, with its kind."""
    kind = loss_kind(record.settings)
    return f"training loss\n({kind})" if kind else "training loss"


def band(ax: Axes, x: np.ndarray, runs: np.ndarray, **options: Any) -> None:
    """Draw the median over the last axis of runs [K, S], and the range; a point with a divergence is left out."""
    known = np.isfinite(runs).all(axis=1)
    middle = np.where(known, np.median(np.where(np.isfinite(runs), runs, 0.0), axis=1), np.nan)
    ax.plot(x, middle, **options)
    low, high = (
        np.where(known, edge(np.where(np.isfinite(runs), runs, 0.0), axis=1), np.nan)
        for edge in (np.min, np.max)
    )
    ax.fill_between(x, low, high, color=options["color"], alpha=0.18, linewidth=0)


def of_seeds(record: Study) -> str:
    """Say what is drawn: a run, or the range of several."""
    seeds = int(record.settings["seeds"])
    return f"range of {seeds} seeds" if seeds > 1 else "one seed"


def draw_batch_size(record: Study) -> Figure:
    """Draw times, losses of both budgets, what they come to on held-out data, and sharpness against the batch size."""
    sizes, series = record.series["batch_size"], record.series
    held = held_out(series)
    figure = new_figure((4.9 if held is None else 6.1) + TITLE_ROW)
    time, loss, *more, sharp = figure.subplots(3 if held is None else 4, 1, sharex=True)
    for index, (name, words) in enumerate((("update_seconds", "an update"), ("epoch_seconds", "an epoch"))):
        time.plot(sizes, 1e3 * series[name], label=words, **look(index))
    time.set(xscale="log", yscale="log", ylabel="time (ms)")
    time.legend(ncols=2)
    for index, (budget, words) in enumerate((("epochs", "equal epochs"), ("updates", "equal updates"))):
        band(loss, sizes, series[f"{budget}.train_loss"], label=words, **look(index))
        band(sharp, sizes, series[f"{budget}.sharpness"], label=words, **look(index))
        if held is not None:
            band(more[0], sizes, series[f"{budget}.{'_'.join(held)}"], label=words, **look(index))
            more[0].set_ylabel(" ".join(held) + "\n(fraction correct)" * (held[1] == "accuracy"))
    ends = np.concatenate([series["epochs.train_loss"], series["updates.train_loss"]])
    # A logarithmic scale needs something to show.
    loss.set(yscale="log" if np.isfinite(ends).all(axis=1).any() else "linear", ylabel=loss_words(record))
    sharp.set(ylim=(0, None), ylabel="sharpness\n(λₘₐₓ at the end)", xlabel="batch size (examples)")
    sharp.set_xticks(sizes, [f"{size:g}" for size in sizes])
    for ax in figure.axes:
        # Between the sizes there is nothing.
        ax.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
    figure.align_ylabels()
    # Of all panels but the first.
    figure.legend(*loss.get_legend_handles_labels(), loc="outside lower left", ncols=2)
    settings = record.settings
    return headed(
        record,
        figure,
        f"{settings['optimizer']}, η = {short(settings['learning_rate'])}, {of_seeds(record)}",
    )


def draw_learning_rate(record: Study) -> Figure:
    """Draw the final loss against the rate for each optimizer, with the rates proposed and the limit."""
    rates, losses = record.series["rates"], record.series["train_loss"]
    names = record.settings["optimizers"]
    figure = new_figure(2.5 + TITLE_ROW * (len(names) + 1))
    ax = figure.add_subplot()
    ranges = False
    for index, (name, table) in enumerate(zip(names, losses, strict=True)):
        proposed, low, high = (record.numbers.get(f"{name}.rate{end}") for end in ("", "_low", "_high"))
        words = name
        if proposed is not None and low is not None and high is not None:
            best = "for every seed" if low == high else f"best of a seed: {short(low)} to {short(high)}"
            words += f": η = {short(proposed)} ({best})"
            ax.axvspan(low / 1.08, high * 1.08, color=COLORS[index % len(COLORS)], alpha=0.12, linewidth=0)
            ranges = True
        band(ax, rates, table, label=words, **look(index))
        gone = ~np.isfinite(table).all(axis=1)
        top = float(losses[np.isfinite(losses)].max(initial=0.0)) or 1.0
        ax.plot(rates[gone], np.full(gone.sum(), top), "x", color=COLORS[index % len(COLORS)], markersize=4)
    draw_limits(ax, record)
    ax.set(xscale="log", yscale="log", xlabel="learning rate η", ylabel=loss_words(record))
    middles = np.median(losses, axis=2)
    shown = middles[np.isfinite(middles) & (middles > 0)]
    if shown.size and losses.min() < shown.min() / ROOM:
        ax.set_ylim(bottom=shown.min() / ROOM)
    keys = ax.get_legend_handles_labels()[0]
    keys += (
        [Patch(color=GREY, alpha=0.25, linewidth=0, label="the best rates of the seeds")] if ranges else []
    )
    figure.legend(handles=keys, loc="outside lower left")
    gone = "" if np.isfinite(losses).all() else ", × diverged"
    return headed(record, figure, f"{record.settings['steps']:,} updates, {of_seeds(record)}{gone}")


def draw_limits(ax: Axes, record: Study) -> None:
    """Draw up to which rate each optimizer is stable at the start, in its colour; 2/λₘₐₓ where none of them has a limit."""
    names = record.settings["optimizers"]
    own = {
        COLORS[index % len(COLORS)]: record.numbers[f"{name}.limit"]
        for index, name in enumerate(names)
        if f"{name}.limit" in record.numbers
    }
    drawn = {
        color: limit
        for color, limit in (own or {GREY: record.numbers["limit"]}).items()
        if np.isfinite(limit)
    }
    for color, limit in drawn.items():
        ax.axvline(limit, color=color, linestyle=":", linewidth=1.1)
    if drawn:
        words = "stability limit at the start" if own else "2/λₘₐₓ at the start"
        ax.plot([], [], color=GREY, linestyle=":", linewidth=1.1, label=words)


def draw_stability(record: Study) -> Figure:
    """Draw the sharpness of each rate with its limit, and the losses below."""
    series, factor = record.series, record.numbers["factor"]
    figure = new_figure(3.2 + TITLE_ROW * (1 + len(series["rates"])))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    batches = series.get("batch_sharpness", series["sharpness"])
    both = np.concatenate([series["sharpness"].ravel(), batches.ravel()])
    top = 1.2 * max(float(both[np.isfinite(both)].max(initial=0.0)), float(series["limit"].min()))
    for index, rate in enumerate(series["rates"]):
        options, limit = look(index, marker=None), float(series["limit"][index])
        words = f"η = {short(rate)}: {short(limit)}{', above the picture' if limit > top else ''}"
        upper.plot(series["step"][index], series["sharpness"][index], label=words, **options)
        # Neither dashed nor dotted, as the curves are.
        upper.axhline(limit, color=options["color"], linewidth=0.6)
        if "batch_sharpness" in series:
            upper.plot(
                series["step"][index],
                series["batch_sharpness"][index],
                **options | {"linewidth": 0.8, "alpha": 0.6},
            )
        lower.plot(series["step"][index], series["loss"][index], **options)
    upper.set_ylim(0, top)
    adaptive = record.settings["optimizer"] in ("adam", "rmsprop")
    upper.set_ylabel("λₘₐₓ of the\npreconditioned Hessian" if adaptive else "sharpness λₘₐₓ")
    thin = "; pale: of batches" if "batch_sharpness" in series else ""
    figure.legend(
        *upper.get_legend_handles_labels(),
        loc="outside lower left",
        title=f"level lines: the limit {short(factor)}/η{thin}",
        alignment="left",
    )
    if (series["loss"][np.isfinite(series["loss"])] > 0).all():
        lower.set_yscale("log")
    size = record.settings.get("batch_size")
    lower.set(xlabel=f"updates ({'all' if size is None else size} examples)", ylabel=loss_words(record))
    figure.align_ylabels()
    return headed(
        record,
        figure,
        f"{'full-batch ' if size is None else ''}{record.settings['optimizer']}, curvature against its limit",
    )


def draw_schedule(record: Study) -> Figure:
    """Draw the losses of each schedule: without a warm-up above, with one below."""
    series, names = record.series, record.settings["schedules"]
    figure = new_figure(4.0 + TITLE_ROW * ((len(names) + 1) // 2))
    panels = figure.subplots(2, 1, sharex=True, sharey=True)
    for warm, (ax, words) in enumerate(
        zip(panels, ("no warm-up", f"warm-up of {record.numbers['warmup']:g} steps"), strict=True)
    ):
        for index, name in enumerate(names):
            band(
                ax,
                series["step"],
                series["train_loss"][index, warm].T,
                label=name,
                **look(index, marker=None),
            )
        ax.set(yscale="log", ylabel=loss_words(record))
        ax.set_title(words)
    panels[1].set_xlabel("updates")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower left", ncols=2)
    settings = record.settings
    return headed(
        record,
        figure,
        f"{settings['optimizer']}, peak η = {short(settings['learning_rate'])}, {of_seeds(record)}",
    )


DRAWERS: dict[str, Drawer] = {
    "batch-size": draw_batch_size,
    "learning-rate": draw_learning_rate,
    "stability": draw_stability,
    "schedule": draw_schedule,
}


def study_figure_names(record: Study, *, quantity: str | None = None, kind: str = "both") -> list[str]:
    """Name the figure of a study.

    Raises
    ------
    landscape.errors.InputError
        A quantity was asked for, or a study of a later version.
    """
    if quantity is not None:
        raise InputError(f"a study has no quantity '{quantity}': leave --quantity out")
    if record.study not in DRAWERS:
        raise InputError(f"no figure of the study '{record.study}': there are {', '.join(DRAWERS)}")
    return [record.study.replace("-", "_")]


def study_figures(
    record: Study,
    *,
    quantity: str | None = None,
    kind: str = "both",
    levels: int | Sequence[float] | None = None,
) -> dict[str, Figure]:
    """Draw the figure of a study in the style of the package."""
    (name,) = study_figure_names(record, quantity=quantity)
    with style():
        return {name: DRAWERS[record.study](record)}

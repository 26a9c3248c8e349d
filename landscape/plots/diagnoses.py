"""The figures of a diagnosis: what convinces, those that apply."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from landscape.errors import InputError
from landscape.plots.studies import TITLE_ROW, band, look
from landscape.plots.style import new_figure, style
from landscape.plots.words import LOSSES, short, shorten
from landscape.records import Diagnosis

# Curves in the fork plot, the control and the best among them.
MOST_FORKS = 6
BLUE, RED, GREY = "#004c85", "#d55e00", "#777777"


def headed(record: Diagnosis, figure: Figure, words: str) -> Figure:
    """Put the model's name and the verdict above the panel."""
    name = shorten(str(record.settings.get("model_name", "")))
    figure.suptitle(f"{name}: {words}", x=0.02, ha="left", fontsize=7.5)
    return figure


def loss_words(record: Diagnosis, split: str = "training") -> str:
    """Name the loss with its kind."""
    loss = str(record.settings.get("loss", ""))
    return f"{split} loss ({LOSSES.get(loss, loss)})"


def outcomes(record: Diagnosis) -> list[dict[str, Any]]:
    """Give the remedies tried."""
    return list((record.report.get("evidence") or {}).get("outcomes", []))


def runs_of(record: Diagnosis, name: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Give the updates [K] and the losses [K, S] of a remedy's runs; None where the record has none."""
    for key, labels in record.series.items():
        if key.startswith("runs.") and key.endswith(".labels") and name in labels.tolist():
            stem, place = key.removesuffix(".labels"), labels.tolist().index(name)
            step = record.series[f"{stem}.step"].reshape(
                len(labels), -1, record.series[f"{stem}.step"].shape[-1]
            )
            loss = record.series[f"{stem}.train_loss"].reshape(step.shape)
            return step[place, 0], loss[place].T
    return None


def draw_forks(record: Diagnosis) -> Figure:
    """Draw the curves of the same network: the control, and the remedies that removed most."""
    tried = [
        o
        for o in outcomes(record)
        if o["kind"] in ("fork", "fresh", "penalty") and runs_of(record, o["name"])
    ]
    control = [o for o in tried if o["name"] == "longer"]
    others = sorted((o for o in tried if o["name"] != "longer"), key=lambda o: -(o["share"] or 0.0))
    shown = control + others[: MOST_FORKS - len(control)]
    figure = new_figure(2.4 + TITLE_ROW * len(shown))
    ax = figure.add_subplot()
    for index, outcome in enumerate(shown):
        found = runs_of(record, outcome["name"])
        assert found is not None
        removed = max(outcome["share"] or 0.0, 0.0)
        words = f"{outcome['name']}: removes {removed:.0%}" + (
            "" if outcome["useful"] else ", held-out data do not gain"
        )
        band(ax, found[0], found[1], label=words, **look(index))
    constant = record.report["evidence"].get("constant_loss")
    if constant is not None:
        ax.axhline(constant, color=GREY, linestyle=":", linewidth=0.9, label="best constant predictor")
    ax.set(yscale="log", xlabel="updates", ylabel=loss_words(record))
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower left")
    return headed(record, figure, "what was tried, range of seeds")


def draw_networks(record: Diagnosis) -> Figure:
    """Draw the losses of networks at equal updates, with intervals."""
    rows = [
        o
        for o in outcomes(record)
        if (o["kind"] in ("simpler", "larger") or o["name"] == "fresh, adam") and o["train"]
    ]
    figure = new_figure(1.15 + 0.2 * len(rows))
    ax = figure.add_subplot()
    markers = {"simpler": "s", "larger": "^", "fresh": "o"}
    for place, row in enumerate(rows):
        color = RED if row["kind"] == "larger" else BLUE
        half = min(row["half"] or 0.0, 0.999 * row["train"])
        ax.errorbar(
            row["train"],
            place,
            xerr=half,
            fmt=markers.get(row["kind"], "o"),
            color=color,
            markersize=4,
            linewidth=1,
            capsize=2,
        )
    evidence = record.report["evidence"]
    if evidence.get("train_loss") is not None:
        ax.axvline(evidence["train_loss"], color="black", linewidth=0.9, label="this model")
    if evidence.get("constant_loss") is not None:
        ax.axvline(
            evidence["constant_loss"],
            color=GREY,
            linestyle=":",
            linewidth=0.9,
            label="best constant predictor",
        )
    names = ["the same network" if row["name"] == "fresh, adam" else row["name"] for row in rows]
    ax.set_yticks(range(len(rows)), names)
    ax.set(xscale="log", xlabel=loss_words(record), ylim=(len(rows) - 0.5, -0.5))
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower left", ncols=2)
    return headed(record, figure, "networks tuned alike, 95 % intervals")


def draw_escape(record: Diagnosis) -> Figure:
    """Draw the loss down from the saddle, and what the quadratic model predicts."""
    step, predicted, actual = (record.series[f"escape.{name}"] for name in ("step", "predicted", "actual"))
    figure = new_figure(2.5)
    ax = figure.add_subplot()
    ax.plot(step, actual, color=BLUE, label="the loss")
    ax.plot(step, predicted, color=RED, linestyle=(0, (4, 1.5)), label="predicted by ½λα²")
    ax.plot(0, 0, "o", color="black", markersize=4)
    low = float(np.nanmin(actual))
    ax.set(
        xlabel="step α along the lowest eigenvector",
        ylabel="change of the loss",
        ylim=(2.2 * low, -0.6 * low),
    )
    ax.legend()
    state = (record.report.get("evidence") or {}).get("state") or {}
    value = state.get("eigenvalue_min")
    return headed(record, figure, "down from the saddle" + ("" if value is None else f", λ = {short(value)}"))


def draw_stability(record: Diagnosis) -> Figure:
    """Draw the rate times the largest curvature at the checkpoints, against what it may be."""
    figure = new_figure(2.2)
    ax = figure.add_subplot()
    limit = float(record.series["stability.limit"])
    ax.plot(
        record.series["stability.step"], record.series["stability.value"], "o-", color=BLUE, markersize=3.5
    )
    ax.axhline(limit, color=RED, linestyle=(0, (4, 1.5)), label=f"stable below {limit:g}")
    ax.set(xlabel="updates", ylabel="η λ_max", ylim=(0, None))
    ax.legend()
    return headed(record, figure, "the rate against the curvature")


def draw_gaps(record: Diagnosis) -> Figure:
    """Draw the two gaps in parts of the metric's range, with two standard errors and what is allowed."""
    evidence, limits = record.report["evidence"], record.report.get("thresholds") or {}
    rows = [
        (evidence.get("validation_gap"), limits.get("gap")),
        (evidence.get("test_gap"), limits.get("shift")),
    ]
    shown = [(gap, limit) for gap, limit in rows if gap is not None and gap["part"] is not None]
    figure = new_figure(1.2 + 0.3 * len(shown))
    ax = figure.add_subplot()
    for place, (gap, limit) in enumerate(shown):
        ax.barh(
            place,
            gap["part"],
            xerr=2 * (gap["error"] or 0.0),
            height=0.5,
            color=BLUE,
            ecolor="black",
            capsize=2,
        )
        if limit is not None:
            label = "allowed" if place == 0 else None
            ax.plot([limit, limit], [place - 0.4, place + 0.4], color=RED, linewidth=1.5, label=label)
    ax.axvline(0, color="black", linewidth=0.6)
    ax.set_yticks(range(len(shown)), [f"{gap['other']}\nagainst {gap['base']}" for gap, _ in shown])
    ax.set(ylim=(len(shown) - 0.5, -0.5), xlabel=f"{shown[0][0]['metric']} worse by, in parts of its range")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower left")
    return headed(record, figure, "gaps, two standard errors")


def draw_learning_curve(record: Diagnosis) -> Figure:
    """Draw held-out error against the number of training examples, with intervals."""
    found = record.report["evidence"]["generalization"]
    figure = new_figure(2.4)
    ax = figure.add_subplot()
    halves = [half or 0.0 for half in found["halves"]]
    curve = np.array(found["curve"], float)
    ax.errorbar(found["sizes"], curve, yerr=halves, fmt="o-", color=BLUE, markersize=4, capsize=2)
    ax.set(xscale="log", xlabel="training examples", ylabel=f"held-out {found['metric']}")
    ax.set_xticks(found["sizes"], [f"{size:,}" for size in found["sizes"]])
    ax.xaxis.set_minor_locator(NullLocator())
    return headed(record, figure, "learning curve, 95 % intervals")


# Each figure: whether the record has what it shows, and what draws it.
DRAWERS: dict[str, tuple[Callable[[Diagnosis], bool], Callable[[Diagnosis], Figure]]] = {
    "forks": (lambda r: runs_of(r, "longer") is not None and bool(outcomes(r)), draw_forks),
    "networks": (lambda r: any(o["kind"] in ("simpler", "larger") for o in outcomes(r)), draw_networks),
    "escape": (lambda r: "escape.step" in r.series, draw_escape),
    "stability": (lambda r: "stability.step" in r.series, draw_stability),
    "gaps": (lambda r: has_gap(r), draw_gaps),
    "learning_curve": (
        lambda r: bool((r.report.get("evidence") or {}).get("generalization")),
        draw_learning_curve,
    ),
}


def has_gap(record: Diagnosis) -> bool:
    """Tell whether a gap is known."""
    evidence = record.report.get("evidence") or {}
    gaps = (evidence.get("validation_gap"), evidence.get("test_gap"))
    return any(gap is not None and gap["part"] is not None for gap in gaps)


def diagnosis_figure_names(
    record: Diagnosis, *, quantity: str | None = None, kind: str = "both"
) -> list[str]:
    """Name the figures of a diagnosis.

    Raises
    ------
    landscape.errors.InputError
        A quantity was asked for.
    """
    if quantity is not None:
        raise InputError(f"a diagnosis has no quantity '{quantity}': leave --quantity out")
    return [name for name, (applies, _) in DRAWERS.items() if applies(record)]


def diagnosis_figures(
    record: Diagnosis,
    *,
    quantity: str | None = None,
    kind: str = "both",
    levels: int | Sequence[float] | None = None,
) -> dict[str, Figure]:
    """Draw the figures of a diagnosis in the house's style."""
    with style():
        return {name: DRAWERS[name][1](record) for name in diagnosis_figure_names(record, quantity=quantity)}

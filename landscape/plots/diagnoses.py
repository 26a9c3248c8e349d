"""The figures of a diagnosis that apply to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatterSciNotation, NullLocator

from landscape.errors import InputError
from landscape.plots.studies import TITLE_ROW, band, look
from landscape.plots.style import new_figure, style
from landscape.plots.words import loss_kind, short, shorten
from landscape.records import Diagnosis

# Curves in the fork plot, the control and the best among them.
MOST_FORKS = 6
# A trial that removed less is not drawn where another one removed more; losses that differ by less are drawn as one line.
SEEN, ALIKE = 0.02, 0.02
LEGEND_LETTERS = 58
# Losses further above the constant's and the model's own are as good as infinite.
FARTHEST = 1e6
# The largest curvature is drawn where it comes to this part of what the rate allows; below it the figure would be empty.
NEAR = 0.3
BLUE, RED, GREY = "#004c85", "#d55e00", "#777777"

# Networks by what they are beside the model: a label, a marker, a colour.
SIZES = {
    "fork": ("from the parameters", "D", GREY),
    "penalty": ("less penalized", "v", GREY),
    "fresh": ("the same size", "o", BLUE),
    "simpler": ("smaller", "s", BLUE),
    "larger": ("larger", "^", RED),
}


class ShortLabels(LogFormatterSciNotation):
    """The labels of a logarithmic axis as 0.3, since 3×10⁻¹ and 4×10⁻¹ lie on each other."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Write a label where there is to be one."""
        return f"{x:g}" if super().__call__(x, pos) else ""


def headed(record: Diagnosis, figure: Figure, words: str) -> Figure:
    """Put the model's name and the verdict above the panel."""
    name = shorten(str(record.settings.get("model_name", "")))
    figure.suptitle(f"{name}: {words}", x=0.02, ha="left", fontsize=7.5)
    return figure


def loss_words(record: Diagnosis, split: str = "training") -> str:
    """Name the loss with its kind."""
    return f"{split} loss ({loss_kind(record.settings)})"


def outcomes(record: Diagnosis) -> list[dict[str, Any]]:
    """Give the remedies tried."""
    return list((record.report.get("evidence") or {}).get("outcomes", []))


def named(outcome: dict[str, Any]) -> str:
    """Name a remedy in words, which older records lack."""
    return str(outcome.get("words", outcome["name"]))


def runs_of(record: Diagnosis, name: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Give the updates [K] and the losses [K, S] of a remedy's runs; None if the record has none."""
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
        if o["kind"] in ("fork", "fresh", "penalty", "output") and runs_of(record, o["name"])
    ]
    shown = chosen_forks(tried, record.report.get("remedy"))
    labels = [fork_words(outcome, record.report.get("remedy")) for outcome in shown]
    figure = new_figure(2.5 + TITLE_ROW * sum(1 + label.count("\n") for label in labels))
    ax = figure.add_subplot()
    for index, (outcome, label) in enumerate(zip(shown, labels, strict=True)):
        found = runs_of(record, outcome["name"])
        assert found is not None
        band(ax, found[0], drawable(record, found[1]), label=label, **look(index))
    constant = record.report["evidence"].get("constant_loss")
    if constant is not None:
        ax.axhline(constant, color=GREY, linestyle=":", linewidth=0.9, label="best constant predictor")
    ax.set(yscale="log", xlabel="updates", ylabel=loss_words(record))
    figure.legend(
        *ax.get_legend_handles_labels(), loc="outside lower left", title="share of the removable loss that is removed",
        alignment="left",
    )  # fmt: skip
    return headed(record, figure, "what was tried, range of seeds")


def drawable(record: Diagnosis, losses: np.ndarray) -> np.ndarray:
    """Return losses with NaN for those so far above the constant's that a figure would show nothing else, or could not be laid out."""
    seen = record.report["evidence"]
    top = FARTHEST * max(
        seen.get("constant_loss") or 0.0, seen.get("train_loss") or 0.0, np.finfo(float).tiny
    )
    return np.where(np.asarray(losses, np.float64) <= top, losses, np.nan)


def chosen_forks(tried: list[dict[str, Any]], remedy: str | None) -> list[dict[str, Any]]:
    """Choose the control, the remedy that is recommended, and the others that removed most; those that removed nothing only where none did."""
    first = [o for o in tried if o["name"] in ("longer", remedy)]
    others = sorted((o for o in tried if o not in first), key=lambda o: -(o["share"] or 0.0))
    helpful = [o for o in others if (o["share"] or 0.0) >= SEEN]
    return first + (helpful or others)[: MOST_FORKS - len(first)]


def fork_words(outcome: dict[str, Any], remedy: str | None) -> str:
    """Say what a trial removed, on as many lines as the legend needs."""
    said = f"{max(outcome['share'] or 0.0, 0.0):.0%}: {named(outcome)}"
    said += ", the remedy" if outcome["name"] == remedy else ""
    said += "" if outcome["useful"] else " (held-out data do not gain)"
    return "\n".join(wrap(said, LEGEND_LETTERS))


def compared(record: Diagnosis) -> list[dict[str, Any]]:
    """Give the networks at equal updates, as far as their losses can be drawn; of a user's own trainings, which are seen at their ends only, all."""
    every = ends_only(record)
    return [
        o
        for o in outcomes(record)
        if (every or o["kind"] in ("simpler", "larger") or o["name"] == "fresh, adam")
        and o["train"]
        and np.isfinite(drawable(record, o["train"]))
    ]


def draw_networks(record: Diagnosis) -> Figure:
    """Draw the losses of networks at equal updates, with intervals."""
    rows, every = compared(record), ends_only(record)
    figure = new_figure(1.3 + 0.2 * len(rows))
    ax = figure.add_subplot()
    for place, row in enumerate(rows):
        _, marker, color = SIZES[row["kind"]]
        # On a logarithmic axis an interval that holds zero has no lower end: a decade stands for it.
        half = row["half"] or 0.0
        ends = [[min(half, 0.9 * row["train"])], [half]]
        ax.errorbar(
            row["train"], place, xerr=ends, fmt=marker, color=color, markersize=4, linewidth=1, capsize=2
        )
    shown = SIZES | ({"fresh": ("fresh starts", *SIZES["fresh"][1:])} if every else {})
    for label, marker, color in (shown[kind] for kind in shown if any(row["kind"] == kind for row in rows)):
        ax.plot([], [], marker, color=color, markersize=4, label=label)
    own, constant = (record.report["evidence"].get(f"{name}_loss") for name in ("train", "constant"))
    alike = own is not None and constant is not None and abs(own - constant) <= ALIKE * constant
    if own is not None:
        label = "this model, no better than a constant" if alike else "this model"
        ax.axvline(own, color="black", linewidth=0.9, label=label)
    if constant is not None and not alike:
        ax.axvline(constant, color=GREY, linestyle=":", linewidth=0.9, label="best constant predictor")
    names = [
        "this one, a fresh start" if row["name"] == "fresh, adam" and not every else named(row)
        for row in rows
    ]
    ax.set_yticks(range(len(rows)), names)
    ax.set(xscale="log", xlabel=loss_words(record), ylim=(len(rows) - 0.5, -0.5))
    # Between decades labels would lie on each other; an axis of less than a decade has one or two of them.
    ax.xaxis.set_minor_formatter(ShortLabels(labelOnlyBase=False, minor_thresholds=(0.7, 0.3)))
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower left", ncols=2)
    what = "what was tried, 95 % intervals" if every else "networks tuned alike, 95 % intervals"
    return headed(record, figure, what)


def ends_only(record: Diagnosis) -> bool:
    """Say whether trainings were looked at when they had ended, so that there are no curves."""
    found = runs_of(record, "longer") or runs_of(record, "fresh")
    return found is not None and len(found[0]) == 1


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
    ax.set(xlabel="updates", ylabel="rate × curvature, η λₘₐₓ", ylim=(0, None))
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
    ax.set(ylim=(len(shown) - 0.5, -0.5), xlabel=f"{shown[0][0]['metric']} gap (fraction of its range)")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower left")
    return headed(record, figure, "gaps, two standard errors")


def held_out_words(record: Diagnosis, metric: str) -> str:
    """Name what is measured on held-out data, with its unit."""
    if metric == "loss":
        return loss_words(record, "held-out")
    return f"held-out {metric}" + " (fraction correct)" * (metric == "accuracy")


def draw_learning_curve(record: Diagnosis) -> Figure:
    """Draw held-out error against the number of training examples, with intervals."""
    found = record.report["evidence"]["generalization"]
    figure = new_figure(2.4)
    ax = figure.add_subplot()
    halves = [half or 0.0 for half in found["halves"]]
    curve = np.array(found["curve"], float)
    ax.errorbar(found["sizes"], curve, yerr=halves, fmt="o-", color=BLUE, markersize=4, capsize=2)
    ax.set(xscale="log", xlabel="training examples", ylabel=held_out_words(record, found["metric"]))
    ax.set_xticks(found["sizes"], [f"{size:,}" for size in found["sizes"]])
    ax.xaxis.set_minor_locator(NullLocator())
    return headed(record, figure, "learning curve, 95 % intervals")


# Each figure: whether the record has what it shows, and what draws it.
DRAWERS: dict[str, tuple[Callable[[Diagnosis], bool], Callable[[Diagnosis], Figure]]] = {
    "forks": (
        lambda r: runs_of(r, "longer") is not None and bool(outcomes(r)) and not ends_only(r),
        draw_forks,
    ),
    "networks": (
        lambda r: any(ends_only(r) or o["kind"] in ("simpler", "larger") for o in compared(r)),
        draw_networks,
    ),
    "escape": (lambda r: "escape.step" in r.series, draw_escape),
    "stability": (lambda r: has_stability(r), draw_stability),
    "gaps": (lambda r: has_gap(r), draw_gaps),
    "learning_curve": (
        lambda r: bool((r.report.get("evidence") or {}).get("generalization")),
        draw_learning_curve,
    ),
}


def has_stability(record: Diagnosis) -> bool:
    """Say whether the curvature at the checkpoints came near what the rate allows."""
    values = record.series.get("stability.value", np.zeros(0))
    return bool(np.size(values)) and float(np.max(values)) >= NEAR * float(record.series["stability.limit"])


def has_gap(record: Diagnosis) -> bool:
    """Return whether a gap is known."""
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
    """Draw the figures of a diagnosis in the style of the package."""
    with style():
        return {name: DRAWERS[name][1](record) for name in diagnosis_figure_names(record, quantity=quantity)}

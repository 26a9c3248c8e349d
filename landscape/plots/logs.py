"""The log of a training: losses over the updates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape.errors import InputError
from landscape.plots.style import SPLIT_LINES, house_style_unless, new_figure, style
from landscape.plots.words import SPLITS, shorten

HEIGHT = 2.3
# Losses are drawn logarithmically from this ratio of the highest to the lowest on.
LOG_RATIO = 30.0
# Longer series are drawn as medians of so many parts; of few values each has its dot.
LONGEST, PARTS, FEW = 400, 100, 40
# Inches of a row below the losses, and of the title and the axis's label.
ROW, FRAME = 0.9, 0.25
BELOW: Mapping[str, tuple[str, ...]] = {
    "accuracy": ("train_accuracy", "validation_accuracy", "test_accuracy"),
    "learning rate": ("learning_rate",),
    "gradient norm": ("gradient_norm",),
}


def plot_log(
    history: Mapping[str, np.ndarray], *, loss: str = "loss", ax: Axes | None = None, unit: str = "updates"
) -> Axes:
    """Draw the losses that a training logged, each split in its own line.

    Parameters
    ----------
    history
        `train_loss`, `validation_loss`, `test_loss` [T], as far as they are there, and `step` [T].
    loss
        What the losses are called.
    ax
        The axes to draw on; by default those of a new figure.
    unit
        What the steps count: "updates" or "epochs".

    Raises
    ------
    landscape.errors.InputError
        No loss was logged.
    """
    if not isinstance(history, Mapping):
        raise InputError(
            f"plot_log needs the log of a training, such as model.history, found {type(history).__name__}"
        )
    series = {
        split: np.asarray(history[f"{split}_loss"], float) for split in SPLITS if f"{split}_loss" in history
    }
    if not series:
        raise InputError("the log has no losses")
    with house_style_unless(ax):
        ax = new_figure(HEIGHT).subplots() if ax is None else ax
        for split, values in series.items():
            draw_series(
                ax, history.get("step", np.arange(len(values))), values, SPLITS[split], SPLIT_LINES[split]
            )
        known = np.concatenate([values[np.isfinite(values)] for values in series.values()])
        if known.size and known.min() > 0 and known.max() > LOG_RATIO * known.min():
            ax.set_yscale("log")
        ax.set(xlabel=unit, ylabel=loss)
        ax.margins(x=0.01)
        ax.set_title("the losses that the training logged")
        ax.legend()
        return ax


def draw_series(ax: Axes, step: np.ndarray, values: np.ndarray, label: str, look: Mapping[str, Any]) -> None:
    """Draw one series where it has values: a long one as medians over its range, which lies pale behind them."""
    known = np.isfinite(values)
    step, values = np.asarray(step)[known], values[known]
    if len(values) <= LONGEST:
        marker: dict[str, Any] = {"marker": ".", "markersize": 3} if len(values) <= FEW else {}
        ax.plot(step, values, label=label, **look, **marker)
        return
    parts = [np.array_split(each, PARTS) for each in (step, values)]
    middle = [part[len(part) // 2] for part in parts[0]]
    low, high = ([edge(part) for part in parts[1]] for edge in (np.min, np.max))
    ax.fill_between(middle, low, high, color=look["color"], alpha=0.2, linewidth=0)
    ax.plot(middle, [np.median(part) for part in parts[1]], label=label, **look)


def log_figure(history: Mapping[str, np.ndarray], unit: str, name: str) -> Figure:
    """Draw a whole log: its losses, and below them accuracies, rate and gradient's norm, as far as they are there.

    Raises
    ------
    landscape.errors.InputError
        There is nothing to draw.
    """
    below = {
        words: [key for key in keys if key in history] for words, keys in BELOW.items() if any(key in history for key in keys)
    }  # fmt: skip
    losses = any(f"{split}_loss" in history for split in SPLITS)
    if not losses and not below:
        raise InputError("the log has no losses, accuracies, rates or gradient norms to draw")
    with style():
        figure = new_figure(HEIGHT * losses + ROW * len(below) + FRAME)
        heights = [HEIGHT] * losses + [ROW] * len(below)
        axes = np.atleast_1d(figure.subplots(len(heights), 1, sharex=True, height_ratios=heights))
        if losses:
            plot_log(history, ax=axes[0], unit=unit).set_title("")
        for ax, (words, keys) in zip(axes[losses:], below.items(), strict=True):
            draw_below(ax, history, words, keys)
        for ax in axes[:-1]:
            ax.set_xlabel("")
        axes[-1].set_xlabel(unit)
        axes[0].set_title(f"the log of {shorten(name)}")
    return figure


def draw_below(ax: Axes, history: Mapping[str, np.ndarray], words: str, keys: list[str]) -> None:
    """Draw accuracies, the rate or the gradient's norm."""
    for key in keys:
        split = key.removesuffix("_accuracy")
        look = SPLIT_LINES.get(split, SPLIT_LINES["train"])
        values = np.asarray(history[key], float)
        draw_series(ax, history["step"], values, SPLITS.get(split, words), look)
        good = values[np.isfinite(values)]
        if (
            words not in ("accuracy",)
            and good.size
            and good.min() > 0
            and good.max() > LOG_RATIO * good.min()
        ):
            ax.set_yscale("log")
    ax.set_ylabel(words)
    ax.margins(x=0.01)
    if len(keys) > 1:
        ax.legend()

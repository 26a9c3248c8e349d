"""The log of a training: losses over the updates."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from landscape.errors import InputError
from landscape.plots.style import SPLIT_LINES, house_style_unless, new_figure
from landscape.plots.words import SPLITS

HEIGHT = 2.3
# Losses are drawn logarithmically from this ratio of the highest to the lowest on.
LOG_RATIO = 30.0


def plot_log(history: Mapping[str, np.ndarray], *, loss: str = "loss", ax: Axes | None = None) -> Axes:
    """Draw the losses that a training logged, each split in its own line.

    Parameters
    ----------
    history
        `train_loss`, `validation_loss`, `test_loss` [T], as far as they are there, and `step` [T].
    loss
        What the losses are called.
    ax
        Where to draw; by default a figure of its own, in the house's style.

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
            step = history.get("step", np.arange(len(values)))
            ax.plot(step, values, label=SPLITS[split], **SPLIT_LINES[split])
        known = np.concatenate([values[np.isfinite(values)] for values in series.values()])
        if known.size and known.min() > 0 and known.max() > LOG_RATIO * known.min():
            ax.set_yscale("log")
        ax.set(xlabel="updates", ylabel=loss)
        ax.margins(x=0.01)
        ax.set_title("the losses that the training logged")
        ax.legend()
        return ax

"""The learning rate rises before it falls: two schedules from the literature, and what the rise does."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import landscape
from landscape.gallery.drawing import BLUE, GREEN, LOOKS, ORANGE, PAGE, panels
from landscape.gallery.networks import digits

SEES = (
    "Left: the rates of three schedules relative to their peak. Right: Adam on digits at η = 0.3, five seeds. Without "
    "warm-up the first steps ruin the run and it does not recover; a warm-up of 30 steps prevents much of that, and "
    "RAdam, which has one built in, more."
)
CORRECTS = (
    "The lecture gives the reason for RAdam: early on, σ is estimated from few gradients. The notes lack the exponents in "
    "m̂ = m/(1 − βᵗ), without which Adam's steps are 0.316 of what they should be at steady state. At η = 0.05 the same "
    "runs need no warm-up."
)

RATE, STEPS, SEEDS, RISE = 0.3, 300, 5, 30


def draw(quick: bool = False) -> Figure:
    """Draw the schedules' rates, and the losses."""
    steps = 40 if quick else STEPS
    rise = max(2, steps * RISE // STEPS)
    seeds = range(1) if quick else range(SEEDS)
    with landscape.style():
        figure, (left, right) = panels(2, width=PAGE, height=2.4)
        draw_rates(left, 200 if quick else 20_000)
        common = {"learning_rate": RATE, "steps": steps, "seed": seeds, "init": "he", "looks": 31}
        runs = {
            "Adam": landscape.train_many(digits(), optimizer="adam", **common),
            f"Adam, rise of {rise} steps": landscape.train_many(
                digits(), optimizer="adam", warmup=rise, **common
            ),
            "RAdam": landscape.train_many(digits(), optimizer="radam", **common),
        }
        for (name, found), color, look in zip(runs.items(), (ORANGE, BLUE, GREEN), LOOKS, strict=False):
            losses = found.losses["train_loss"]
            right.plot(
                found.step[0], np.median(losses, axis=0), color=color, linestyle=look["linestyle"], label=name
            )
            right.fill_between(
                found.step[0], losses.min(axis=0), losses.max(axis=0), color=color, alpha=0.15, linewidth=0
            )
        right.set(yscale="log", xlabel="updates", ylabel="training loss (nats)", xlim=(0, steps))
        right.set_title(f"digits, peak η = {RATE}")
        # Below the bands is room for the names.
        right.set_ylim(bottom=0.02)
        right.legend(loc="lower left")
    return figure


def draw_rates(ax: Axes, steps: int) -> None:
    """Draw the rates that a run of the schedule has, over their peak."""
    one = landscape.build_model(
        layers=[(np.zeros((1, 1)), np.zeros(1))], loss="mse", x_train=[[1.0]], y_train=[[0.0]]
    )
    schedules = {
        "Transformer, 4,000 steps of rise": {"schedule": "transformer", "period": steps / 5},
        "rise, then steps down (as ResNet-110)": {
            "schedule": "step",
            "warmup": steps // 50,
            "period": steps / 2,
        },
        "rise, then cosine": {"schedule": "cosine", "warmup": steps // 10},
    }
    for (name, settings), look in zip(schedules.items(), LOOKS, strict=False):
        run = landscape.train(
            one, learning_rate=1e-3, steps=steps, history=201, checkpoints=0, batch_size=1, **settings
        )
        ax.plot(run.history["step"], np.asarray(run.history["learning_rate"]) / 1e-3, label=name, **look)
    ax.set(xlabel="updates", ylabel="η over its peak", ylim=(0, 1.55), xlim=(0, steps))
    ax.set_xticks(np.linspace(0, steps, 5))
    ax.set_title("schedules with a warm-up")
    ax.legend(loc="upper right")

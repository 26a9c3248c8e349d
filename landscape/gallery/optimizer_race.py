"""All optimizers on one surface, and on a real network's plane."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke

import landscape
from landscape.gallery.drawing import PAGE, panels, quiet_map
from landscape.gallery.networks import digits

SEES = (
    "From one start on Rosenbrock's valley, each optimizer reaches the floor in its own way and then follows it. On the "
    "principal plane of their paths, the same optimizers, each with a tuned rate, take a digits network to different "
    "places."
)
CORRECTS = (
    "The lecture's summary reads as if σ and momentum might cancel. The paths show that they do not: momentum keeps the "
    "direction, and σ only changes the step's length in each coordinate."
)

SURFACE = "rosenbrock"
START = (-1.5, -0.5)
RATES = {"sgd": 5e-4, "heavy_ball": 1e-4, "adagrad": 0.3, "rmsprop": 0.005, "adam": 0.03, "lion": 0.003}
UPDATES = 1500
COLORS = ("#004c85", "#d55e00", "#e69f00", "#007a5e", "#a0457f", "#000000")
MARKERS = "os^DvP"


def draw(quick: bool = False) -> Figure:
    """Draw the paths on the surface, and the race of the network on its plane."""
    points = 15 if quick else 61
    names = ("sgd", "adam") if quick else tuple(RATES)
    surface = landscape.SurfaceObjective(SURFACE)
    spans = [tuple(map(float, side)) for side in surface.box]
    plane = landscape.scan(surface, center=np.zeros(2), direction=np.eye(2), span=spans, points=4 * points)
    race = landscape.race(
        digits(), optimizers=names, tune=not quick, epochs=1 if quick else 8, batch_size=64, seeds=1,
        points=7 if quick else 41,
    )  # fmt: skip
    with landscape.style():
        figure, (left, right) = panels(2, width=PAGE, height=2.9)
        quiet_map(left, plane, f"{SURFACE.capitalize()}, {UPDATES:,} updates")
        quiet_map(right, race.scan, f"digits, {int(race.step[-1]):,} updates")
        left.set(xlabel="x", ylabel="y")
        right.set(xlabel="first principal direction", ylabel="second principal direction", aspect="auto")
        for ax in (left, right):
            for mark in list(ax.lines):
                mark.remove()
        for index, name in enumerate(names):
            found = landscape.descend(
                SURFACE, START, optimizer=name, learning_rate=RATES[name], steps=UPDATES
            )
            draw_one(left, np.asarray(found.path[0]), index, "")
            draw_one(right, race.projected[index], index, f"{name}: {race.final()[index, 0]:.2g}")
        draw_start(left, START)
        draw_start(right, (0.0, 0.0))
        left.plot(1.0, 1.0, "x", color="#ffd23f", markersize=6, markeredgewidth=1.8, zorder=4)
        handles = [line for line in right.lines if not str(line.get_label()).startswith("_")]
        figure.legend(
            handles=handles,
            loc="outside lower center",
            ncols=6,
            title="optimizer: training loss of the network at the end",
        )
    return figure


def draw_start(ax: Axes, at: tuple[float, float]) -> None:
    """Mark where all start."""
    ax.plot(*at, "o", markerfacecolor="white", markeredgecolor="black", markersize=5, zorder=7)


def draw_one(ax: Axes, path: np.ndarray, index: int, label: str) -> None:
    """Draw one path with a marker at its end."""
    known = path[np.isfinite(path).all(axis=1)]
    (line,) = ax.plot(
        known[:, 0], known[:, 1], color=COLORS[index], linewidth=1.0, marker=MARKERS[index], markevery=[len(known) - 1],
        markersize=4.5, markeredgecolor="white", markeredgewidth=0.5, label=label or "_", zorder=5,
    )  # fmt: skip
    line.set_path_effects([Stroke(foreground="white", linewidth=2.0), Normal()])

"""Three points of a smooth curve, fitted by a flexible and by a constrained function."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import minimize

import landscape
from landscape.gallery.drawing import COLUMN, GREY, LOOKS, panels

SEES = (
    "Both networks fit three points of a parabola exactly. The one with 40 tanh units is free between the "
    "points, and its curve differs from start to start; the one that can only represent parabolas finds the true curve."
)
CORRECTS = (
    "The lecture draws the flexible curve by hand. Trained curves differ from start to start, so the test loss of a "
    "single run says little, and choosing between runs by the public test set, as the notes advise, would be choosing by "
    "luck."
)

POINTS = np.array([-0.8, 0.1, 0.9])
STARTS = 3


def truth(x: np.ndarray) -> np.ndarray:
    """The curve that the points are of."""
    return 1.2 * x**2 - 0.4 * x - 0.3


def flexible(seed: int, units: int) -> landscape.Model:
    """Build a network of many units with steep slopes at a random start."""
    rng = np.random.default_rng(seed)
    first, bias = 6.0 * rng.standard_normal((1, units)), 3.0 * rng.standard_normal(units)
    second = rng.standard_normal((units, 1)) / np.sqrt(units)
    return landscape.build_model(
        layers=[(first, bias), (second, np.zeros(1))], activation="tanh", loss="mse",
        x_train=POINTS[:, None], y_train=truth(POINTS)[:, None],
    )  # fmt: skip


def constrained() -> landscape.Model:
    """Build a network with three parameters, on x and x²."""
    return landscape.build_model(
        layers=[(np.zeros((2, 1)), np.zeros(1))], loss="mse",
        x_train=features(POINTS), y_train=truth(POINTS)[:, None],
    )  # fmt: skip


def features(x: np.ndarray) -> np.ndarray:
    """Give x and x², [N, 2]."""
    return np.stack([x, x**2], axis=1)


def fitted(model: landscape.Model) -> landscape.Model:
    """Minimize the training loss with exact gradients."""
    objective = landscape.NetworkObjective(model, threads=1)
    found = minimize(objective.value_and_gradient, model.theta, jac=True, method="BFGS", tol=1e-9)
    return model.with_theta(found.x)


def curve(model: landscape.Model, x: np.ndarray) -> np.ndarray:
    """Give the outputs of a network of one hidden layer, or none."""
    layers = list(model.parameters.values())
    hidden = x
    for index in range(0, len(layers), 2):
        hidden = hidden @ layers[index].T + layers[index + 1]
        if index + 2 < len(layers):
            hidden = np.tanh(hidden)
    return hidden[:, 0]


def draw(quick: bool = False) -> Figure:
    """Draw the curves through the points, and the curve they are of."""
    x = np.linspace(-1.1, 1.1, 60 if quick else 400)
    units = 8 if quick else 40
    with landscape.style():
        figure, ax = panels(1, width=COLUMN, height=2.4)
        ax.plot(x, truth(x), color=GREY, linewidth=4, alpha=0.5, label="the true curve")
        for seed in range(STARTS):
            label = {"label": "flexible, three starts"} if seed == 0 else {}
            ax.plot(x, curve(fitted(flexible(seed, units)), x[:, None]), linewidth=0.9, **LOOKS[1], **label)
        ax.plot(x, curve(fitted(constrained()), features(x)), **LOOKS[0], label="constrained: parabolas")
        ax.plot(POINTS, truth(POINTS), "o", color="black", markersize=5, label="training data", zorder=5)
        ax.set(xlabel="x", ylabel="y", ylim=(-1.0, 2.4))
        ax.legend(loc="upper center", ncols=2)
        ax.set_title("no training loss in either, and free in between")
    return figure

"""Normalizing features, of the data or of hidden layers, makes the valley round."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

import landscape
from landscape.gallery.convex import draw_path
from landscape.gallery.drawing import PAGE, panels, quiet_map

SEES = (
    "Above: the squared error of a line on two features, the second with ten times the scale of the first; standardized, the valley is round "
    "and 20 steps reach its floor. Below: the same for a layer on features that three others made: with batch norm before each ReLU the "
    "largest curvature is 3.5 times the tenth in place of 54."
)
CORRECTS = (
    "Standardizing does not make the valley quite round: the ratio of the curvatures is still (1 + |ρ|)/(1 − |ρ|), with the features' correlation "
    "ρ = 0.17. The lecture's circles are a picture of two directions; along some of the others the loss stays flat with batch norm too."
)

Array = NDArray[np.float64]

EXAMPLES, STEPS, REACH = 40, 20, 1.25
WIDTHS = (64, 32, 32, 32, 10)
# The second eigenvector of a plane, counted from the largest: behind the nine that tell ten classes apart.
BEHIND, SPAN = 10, 2.5
# Lines of the loss above the lowest of a plane.
RISES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


def line_on(features: Array, y: Array) -> landscape.Model:
    """A line y = w₁x₁ + w₂x₂ on two features, at w = 0, under the mean squared error."""
    return landscape.build_model(
        layers=[(np.zeros((1, 2)), None)], loss="mse", x_train=features, y_train=y[:, None]
    )


def raw_features() -> tuple[Array, Array]:
    """Two features of which the second has ten times the scale, and a target to which both add as much; its mean is 0."""
    random = np.random.default_rng(0)
    features = random.normal(size=(EXAMPLES, 2)) * [1.0, 10.0]
    y = features @ [1.0, 0.1] + 0.1 * random.normal(size=EXAMPLES)
    return features, y - y.mean()


def standardized(features: Array) -> Array:
    """Features less their means, over their standard deviations."""
    return np.asarray((features - features.mean(axis=0)) / features.std(axis=0))


def deep_network(normalized: bool) -> landscape.Model:
    """A ReLU network 64-32-32-32-10 on digits at He's initialization, perhaps with batch norm before each ReLU."""
    bundled = landscape.load_model(landscape.bundled_path("digits"))
    x, y = bundled.data["x_train"], bundled.data["y_train"]
    random = np.random.default_rng(0)
    nodes: list[dict[str, Any]] = []
    parameters: dict[str, Array] = {}
    for k, (fan_in, out) in enumerate(itertools.pairwise(WIDTHS), 1):
        nodes.append({"name": f"fc{k}", "op": "dense"})
        parameters[f"fc{k}.weight"] = random.normal(size=(out, fan_in)) * np.sqrt(2.0 / fan_in)
        parameters[f"fc{k}.bias"] = np.zeros(out)
        if k < len(WIDTHS) - 1:
            if normalized:
                # One batch of all examples, whose statistics are those of the point.
                nodes.append({"name": f"bn{k}", "op": "batchnorm", "mode": "batch", "batch_size": len(x)})
                parameters[f"bn{k}.running_mean"] = np.zeros(out)
                parameters[f"bn{k}.running_var"] = np.ones(out)
            nodes.append({"name": f"relu{k}", "op": "relu"})
    return landscape.build_model(
        nodes=nodes, parameters=parameters, loss="cross_entropy", x_train=x, y_train=y
    )


def draw(quick: bool = False) -> Figure:
    """Draw the loss of a line and of a deep network's last layer, each with and without normalization."""
    features, y = raw_features()
    points = 9 if quick else 101
    with landscape.style():
        figure, axes = panels(2, 2, width=PAGE, height=5.5)
        draw_fit(axes[0, 0], line_on(features, y), "two features as they are", points)
        draw_fit(axes[0, 1], line_on(standardized(features), y), "the same, standardized", points)
        draw_last_layer(axes[1, 0], deep_network(False), "a fourth layer, without batch norm", points)
        draw_last_layer(axes[1, 1], deep_network(True), "the same, with batch norm", points)
        lowest, start = axes[0, 0].get_legend_handles_labels()[0]
        names = ["start of the steps, or the network", "the lowest point of the plane"]
        figure.legend([start, lowest], names, loc="outside lower left", ncols=2)
    return figure


def draw_fit(ax: Axes, model: landscape.Model, title: str, points: int) -> None:
    """Draw the loss over both weights, and gradient descent at one over the largest eigenvalue."""
    low, high = np.sort(landscape.analyze_hessian(model, all=True).eigenvalues)
    best = np.linalg.lstsq(model.data["x_train"], model.data["y_train"], rcond=None)[0].ravel()
    trained = landscape.train(
        model, learning_rate=1.0 / high, batch_size=EXAMPLES, steps=STEPS, checkpoints=STEPS, dtype="float64"
    )
    around = [(middle - REACH, middle + REACH) for middle in best]
    plane = landscape.scan(
        model, direction=np.eye(2), span=around, points=points, normalize="none", dtype="float64"
    )
    first, last = trained.history["train_loss"][[0, -1]]
    quiet_map(
        ax, plane, f"{title}: λ₁/λ₂ = {high / low:.3g}\n{STEPS} steps of η = 1/λ₁: {first:.2f} → {last:.2f}"
    )
    draw_path(ax, np.vstack([model.theta, trained.checkpoints]), marker=".", markersize=2.5)
    ax.set(xlabel="weight of x₁", ylabel="weight of x₂")


def draw_last_layer(ax: Axes, model: landscape.Model, title: str, points: int) -> None:
    """Draw the loss over two eigenvectors of the last layer's Hessian; in that layer's parameters it is convex."""
    found = landscape.analyze_hessian(model, node="fc4", all=True)
    order = np.argsort(found.eigenvalues)[::-1][[0, BEHIND - 1]]
    high, low = found.eigenvalues[order]
    plane = landscape.scan(
        model,
        direction=found.eigenvectors[order],
        span=SPAN,
        points=points,
        normalize="none",
        dtype="float64",
    )
    levels = np.round(plane.values["train_loss"].min() + np.array(RISES), 2)
    quiet_map(ax, plane, f"{title}: λ₁/λ₁₀ = {high / low:.3g}", levels=levels.tolist())
    ax.set(xlabel="α along the eigenvector of λ₁", ylabel="β along that of λ₁₀")

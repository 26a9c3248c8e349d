"""Cross-entropy and squared error on the same network: where the gradient vanishes far from the target, and what that costs."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

import landscape
from landscape.gallery.convex import draw_path
from landscape.gallery.drawing import BLUE, DASHED, ORANGE, PAGE, panels, quiet_map
from landscape.gallery.networks import digits

SEES = (
    "Above: softmax of three outputs, of which the third is held at −1000. Far from the target squared error is flat, and 100 steps (η = 1) from "
    "(−8, 8) go nowhere; cross-entropy is steep there. Below: the digits network under both; a training from 16 times He's start ends at 0.20 correct "
    "with squared error and at 0.91 with cross-entropy."
)
CORRECTS = (
    "The lecture says that squared error gets stuck. That holds of starts far out: from He's own start, and from one four times as large, both losses "
    "reach 0.99. One learning rate would favour one of them, so each training has the best of six."
)

Array = NDArray[np.float64]

LOSSES = ("squared error", "cross-entropy")
LOOKS: dict[str, dict[str, Any]] = {
    LOSSES[0]: {"color": ORANGE, "linestyle": DASHED, "marker": "s"},
    LOSSES[1]: {"color": BLUE, "marker": "o"},
}
# Steps that have a dot each; later ones are too short to be told apart.
START, UPDATES, DOTS = (-8.0, 8.0), 100, 11
RATES, SCALES, SEEDS, STEPS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0), (1, 2, 4, 8, 16, 32), 3, 500


def network(
    loss: str, layers: list[tuple[str, Array, Array | None]], x: Array, labels: NDArray[Any]
) -> landscape.Model:
    """Build dense layers with ReLUs between them, under cross-entropy or under Σ (ŷ − softmax)², the sum over the classes."""
    nodes: list[dict[str, Any]] = []
    parameters: dict[str, Array] = {}
    for name, weight, bias in layers:
        nodes += [{"name": f"relu {name}", "op": "relu"}] if nodes else []
        nodes.append({"name": name, "op": "dense"})
        parameters[f"{name}.weight"] = weight
        if bias is not None:
            parameters[f"{name}.bias"] = bias
    if loss == "cross-entropy":
        return landscape.build_model(
            nodes=nodes, parameters=parameters, loss="cross_entropy", x_train=x, y_train=labels
        )
    classes = len(layers[-1][1])
    nodes.append({"name": "probabilities", "op": "softmax"})
    targets = np.eye(classes)[labels]
    return landscape.build_model(
        nodes=nodes, parameters=parameters, loss="mse", loss_scale=classes, x_train=x, y_train=targets
    )


def three_outputs(loss: str) -> landscape.Model:
    """The lecture's example: the outputs are the parameters, the third is −1000, and the first class is right."""
    outputs = np.array([[0.0], [0.0], [-1000.0]])
    return network(loss, [("outputs", outputs, None)], np.ones((1, 1)), np.array([0]))


def digits_under(loss: str) -> landscape.Model:
    """The bundled network on digits as it was trained, under either loss."""
    bundled = landscape.load_model(landscape.bundled_path("digits"))
    one, other = "fc1", "fc2"
    layers = [
        (name, bundled.parameters[f"{name}.weight"], bundled.parameters[f"{name}.bias"])
        for name in (one, other)
    ]
    return network(loss, layers, bundled.data["x_train"], bundled.data["y_train"])


def draw(quick: bool = False) -> Figure:
    """Draw both losses of the three outputs with a descent, and both of the digits network, along a line and trained."""
    with landscape.style():
        figure, axes = panels(2, 2, width=PAGE, height=5.0)
        for ax, loss in zip(axes[0], LOSSES, strict=True):
            draw_descent(ax, loss, 9 if quick else 61)
        draw_line(axes[1, 0], 9 if quick else 81)
        draw_trainings(axes[1, 1], quick)
    return figure


def draw_descent(ax: Axes, loss: str, points: int) -> None:
    """Draw the loss over the first two outputs, and gradient descent from the upper left."""
    model = three_outputs(loss)
    plane = landscape.scan(
        model, direction=np.eye(3)[:2], span=10.0, points=points, normalize="none", dtype="float64"
    )
    started = model.with_theta(np.array([*START, -1000.0]))
    trained = landscape.train(
        started, learning_rate=1.0, batch_size=1, steps=UPDATES, checkpoints=UPDATES, dtype="float64"
    )
    path = np.vstack([started.theta, trained.checkpoints])[:, :2]
    first, last = trained.history["train_loss"][[0, -1]]
    levels = (0.1, 0.5, 1.0, 1.5, 1.9) if loss == LOSSES[0] else (0.1, 2.0, 5.0, 10.0, 15.0)
    quiet_map(ax, plane, f"{loss}: {first:.2f} → {last:.2f} in {UPDATES} steps", levels=levels)
    for line in list(ax.lines):
        line.remove()
    draw_path(ax, path, marker=".", markersize=3.0, markevery=list(range(DOTS)))
    ax.plot(*START, "o", markerfacecolor="white", markeredgecolor="black", markersize=5, zorder=7)
    ax.set(xlabel="output of the target's class", ylabel="output of another class")
    for scale in ax.child_axes:
        scale.set_ylabel("Σ (target − probability)²" if loss == LOSSES[0] else "cross-entropy (nats)")


def draw_line(ax: Axes, points: int) -> None:
    """Draw both losses of the digits network along one line, each over that of guessing."""
    for loss, guess in zip(LOSSES, (0.9, np.log(10.0)), strict=True):
        line = landscape.scan(
            digits_under(loss), dimensions=1, span=10.0, points=points, dtype="float64", split="train"
        )
        look = LOOKS[loss] | {"marker": None}
        ax.plot(line.axes[0], line.values["train_loss"] / guess, label=loss, **look)
    ax.axhline(1.0, color="#888888", linewidth=0.8, linestyle=":")
    ax.set(
        yscale="log",
        xlabel="α along a filter-normalized direction",
        ylabel="training loss / that of guessing",
    )
    ax.set_xticks([-10, -5, 0, 5, 10])
    ax.set_title("the trained digits network, P = 2,410")
    ax.legend(loc="lower right")


def draw_trainings(ax: Axes, quick: bool) -> None:
    """Draw the training accuracy after training against the scale of the start."""
    scales = SCALES[::3] if quick else SCALES
    seeds, steps = (1, 40) if quick else (SEEDS, STEPS)
    judge = digits_under(LOSSES[1])
    starts = [digits(seed).theta for seed in range(seeds)]
    for loss in LOSSES:
        model = digits_under(loss)
        reached = np.array([[best(model, judge, k * start, steps) for start in starts] for k in scales])
        ax.plot(scales, np.median(reached, axis=1), markersize=3.5, label=loss, **LOOKS[loss])
        ax.fill_between(
            scales,
            reached.min(axis=1),
            reached.max(axis=1),
            color=LOOKS[loss]["color"],
            alpha=0.18,
            linewidth=0,
        )
    ax.set_xscale("log", base=2)
    ax.set_xticks(scales, [f"{k}" for k in scales])
    ax.set(
        xlabel="factor of He's initialization at the start",
        ylabel="training accuracy (fraction correct)",
        ylim=(0, 1.03),
    )
    ax.set_title(f"after {steps} updates at the best of six rates")
    ax.legend(loc="lower left")


def best(model: landscape.Model, judge: landscape.Model, start: Array, steps: int) -> float:
    """Train at every rate, and give the highest accuracy, which `judge` computes for both losses."""
    found = landscape.train_many(
        model.with_theta(start), learning_rate=list(RATES), batch_size=64, steps=steps, looks=2
    )
    ends = [theta for theta in found.theta if np.isfinite(theta).all()]
    return max(float(landscape.evaluate_model(judge.with_theta(theta))["train"].accuracy) for theta in ends)

"""The guide as a tree: look at the training loss first; every leaf has a measured example."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

import landscape
from landscape.gallery.drawing import BLUE, GREEN, ORANGE, PAGE, panels
from landscape.gallery.networks import digits

SEES = (
    "The lecture's decision tree, with a trained example on every leaf: a linear network on a spiral, a deep network that "
    "a shallow one beats on training data, a network with few examples, one whose test images were inverted, and one that "
    "is done."
)
CORRECTS = (
    "The lecture says 'large' and 'small' without a scale, a budget or a number of seeds. Here every example compares two "
    "losses after equal numbers of updates, and both are printed. The notes would choose a model by the public test set, "
    "which the lecture warns against."
)


def spiral(hidden: tuple[int, ...], seed: int = 0) -> landscape.Model:
    """Build a tanh network on two spirals, 200 points."""
    rng = np.random.default_rng(seed)
    turn = 0.5 + 2.5 * np.pi * np.sqrt(rng.random(200))
    label = rng.integers(0, 2, 200)
    angle = turn + np.pi * label
    x = (turn[:, None] / 8.0) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    sizes = (2, *hidden, 2)
    layers = [(np.ones((wide, narrow)), np.zeros(wide)) for narrow, wide in itertools.pairwise(sizes)]
    model = landscape.build_model(
        layers=layers, activation="tanh", loss="cross_entropy", x_train=x, y_train=label
    )
    return model.with_theta(landscape.initialize(model, "xavier", seed))


def trained(model: landscape.Model, steps: int, rate: float = 0.01) -> dict[str, float]:
    """Train with Adam; give the final losses."""
    options: dict[str, Any] = {"optimizer": "adam", "learning_rate": rate, "steps": steps, "looks": 2}
    found = landscape.train_many(model, batch_size=50, **options)
    return {name: float(values[0, -1]) for name, values in found.losses.items()}


def examples(steps: int) -> dict[str, str]:
    """Train the example of every leaf; give its words."""
    linear, wide = trained(spiral(()), steps), trained(spiral((32, 32)), steps)
    deep = trained(spiral((8,) * 12), steps)
    network = digits()
    few = replace(
        network,
        data={
            **network.data,
            "x_train": network.data["x_train"][:60],
            "y_train": network.data["y_train"][:60],
        },
    )
    turned = replace(network, data={**network.data, "x_test": 1.0 - network.data["x_test"]})
    overfit, mismatch, good = (trained(model, steps) for model in (few, turned, network))
    pair = "training {train_loss:.2g}, test {test_loss:.2g}"
    return {
        "bias": f"linear on spirals: {linear['train_loss']:.2g}\n32-32 tanh: {wide['train_loss']:.2g}",
        "optimization": f"12 layers: {deep['train_loss']:.2g}\n2 layers: {wide['train_loss']:.2g}, on training data",
        "overfitting": "60 digits:\n" + pair.format(**overfit),
        "mismatch": "inverted test digits:\n" + pair.format(**mismatch),
        "done": "all digits:\n" + pair.format(**good),
    }


def draw(quick: bool = False) -> Figure:
    """Draw the tree."""
    words = examples(30 if quick else 1500)
    with landscape.style():
        figure, ax = panels(1, width=PAGE, height=3.5)
        ax.set_axis_off()
        ax.set(xlim=(0, 10), ylim=(0, 6))
        train = node(ax, (5, 5.5), "loss on training data", "#333333")
        easier = node(ax, (2.4, 4.1), "try models that are\neasy to optimize", "#333333")
        test = node(ax, (6.9, 4.1), "loss on test data", "#333333")
        apart = node(ax, (6.0, 2.4), "test loss ≫ training loss", "#333333")
        bias = leaf(ax, (1.15, 2.4), "model bias", "more features, neurons, layers", words["bias"], ORANGE)
        search = leaf(
            ax, (3.75, 2.4), "optimization", "rate, schedule, optimizer, start", words["optimization"], ORANGE
        )
        overfit = leaf(
            ax, (5.0, 0.75), "overfitting", "data, augmentation, constraints", words["overfitting"], BLUE
        )
        other = leaf(ax, (8.2, 0.75), "mismatch", "other data: more does not help", words["mismatch"], BLUE)
        done = leaf(ax, (9.2, 4.1), "done", "", words["done"], GREEN)
        join(ax, train, [easier, test], ["large", "small"])
        join(ax, easier, [bias, search], ["larger is better", "smaller is better"])
        join(ax, test, [apart, done], ["large", "small"])
        join(ax, apart, [overfit, other], ["more data helps", "more data does not help"])
    return figure


def join(ax: Axes, start: Text, ends: list[Text], words: list[str]) -> None:
    """Draw an arrow from a box to each of others, labelled with the answer that leads there."""
    for end, word in zip(ends, words, strict=True):
        (x, y), (to_x, to_y) = start.get_position(), end.get_position()
        look = {"arrowstyle": "-|>", "color": "#777777", "linewidth": 0.9, "shrinkA": 0, "shrinkB": 1}
        boxes = {"patchA": start.get_bbox_patch(), "patchB": end.get_bbox_patch()}
        ax.annotate("", xy=(to_x, to_y), xytext=(x, y), arrowprops=look | boxes, zorder=4)
        middle = (0.5 * (x + to_x), 0.5 * (y + to_y))
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
        ax.text(*middle, word, ha="center", va="center", fontsize=6.5, style="italic", bbox=box, zorder=5)


def node(ax: Axes, at: tuple[float, float], words: str, color: str) -> Text:
    """Draw a question; give its box."""
    box = {"boxstyle": "round,pad=0.45", "facecolor": "white", "edgecolor": color, "linewidth": 1.0}
    return ax.text(*at, words, ha="center", va="center", fontsize=7.5, bbox=box, zorder=3)


def leaf(ax: Axes, at: tuple[float, float], name: str, remedy: str, example: str, color: str) -> Text:
    """Draw an answer with its remedy and its example; give its box."""
    box = {"boxstyle": "round,pad=0.45", "facecolor": color, "edgecolor": color}
    drawn = ax.text(
        *at,
        name,
        ha="center",
        va="center",
        fontsize=7.5,
        color="white",
        fontweight="bold",
        bbox=box,
        zorder=3,
    )
    ax.text(
        at[0],
        at[1] - 0.42,
        f"{remedy}\n{example}".strip(),
        ha="center",
        va="top",
        fontsize=6,
        linespacing=1.25,
    )
    return drawn

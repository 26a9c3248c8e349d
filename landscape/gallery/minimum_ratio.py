"""Many small networks at critical points: their loss against the inertia of their Hessians."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import least_squares

import landscape
from landscape.gallery.drawing import BLUE, GREY, ORANGE, PAGE, panels

SEES = (
    "Tanh networks 2-2-1, each with six random examples of its own, moved to points where the gradient vanishes. Saddles "
    "and points without a negative eigenvalue occur at every height of the loss, and at most of them more than half of "
    "the eigenvalues are zero."
)
CORRECTS = (
    "The lecture plots the share of positive eigenvalues. There a zero counts as positive or negative by its rounding "
    "error: changing the Hessian by one part in 10¹⁵ moves a point by up to four eigenvalues. So the "
    "fact that this ratio never reaches 1 does not show that there are no minima."
)

EXAMPLES = 6
HIDDEN = 2
TOLERANCE = 1e-7
CRITICAL = 1e-10


def network(rng: np.random.Generator) -> landscape.Model:
    """Build a network at a random start, with examples of its own: their targets have mean 0 and variance 1."""
    x, y = rng.standard_normal((EXAMPLES, 2)), rng.standard_normal((EXAMPLES, 1))
    y = (y - y.mean()) / y.std()
    first, second = rng.standard_normal((2, HIDDEN)), rng.standard_normal((HIDDEN, 1))
    biases = rng.standard_normal(HIDDEN), rng.standard_normal(1)
    return landscape.build_model(
        layers=[(2 * first, biases[0]), (second, biases[1])],
        activation="tanh", loss="mse", x_train=x, y_train=y,
    )  # fmt: skip


def critical_points(runs: int) -> list[tuple[float, np.ndarray]]:
    """Find points with a gradient of zero; give loss and eigenvalues of each.

    Minimizing ‖gradient‖² with the exact Hessian as its Jacobian goes to critical points of any index.
    """
    rng = np.random.default_rng(0)
    found = []
    for _ in range(runs):
        model = network(rng)
        objective = landscape.NetworkObjective(model, threads=1)

        def hessian(theta: np.ndarray, of: landscape.NetworkObjective = objective) -> np.ndarray:
            return of.hvps(theta, np.eye(of.size))

        end = least_squares(
            objective.gradient, model.theta, jac=hessian, xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=150
        )
        if np.linalg.norm(objective.gradient(end.x)) < CRITICAL and np.abs(end.x).max() < 50:
            matrix = hessian(end.x)
            found.append((objective.value(end.x), 0.5 * (matrix + matrix.T)))
    return found


def draw(quick: bool = False) -> Figure:
    """Draw the inertia with a stated tolerance, and the naive ratio with its noise."""
    points = critical_points(5 if quick else 150)
    with landscape.style():
        figure, (left, right) = panels(2, width=PAGE, height=2.7, sharey=True)
        draw_inertia(left, points)
        draw_naive(right, points)
        left.set_ylabel("training loss (mean squared error)")
    return figure


def draw_inertia(ax: Axes, points: list[tuple[float, np.ndarray]]) -> None:
    """Draw the share of negative and of zero eigenvalues."""
    losses, negative, zero = [], [], []
    for loss, matrix in points:
        values = np.linalg.eigvalsh(matrix)
        edge = TOLERANCE * max(1.0, np.abs(values).max())
        losses.append(loss)
        negative.append(np.mean(values < -edge))
        zero.append(np.mean(np.abs(values) <= edge))
    ax.plot(zero, losses, "s", color=GREY, markersize=3.5, label="zero", alpha=0.6)
    ax.plot(negative, losses, "o", color=ORANGE, markersize=3.5, label="negative", alpha=0.6)
    ax.set(xlabel="share of the 9 eigenvalues", xlim=(-0.05, 1.05), ylim=(-0.05, 1.2))
    ax.set_title(f"signs, where zero is below {TOLERANCE:.0e} of the largest |λ|".replace("e-0", "e−"))
    ax.legend(loc="upper right", ncols=2)


def draw_naive(ax: Axes, points: list[tuple[float, np.ndarray]]) -> None:
    """Draw the share of positive eigenvalues, zeros by their sign, under the smallest perturbations."""
    rng = np.random.default_rng(1)
    for loss, matrix in points:
        noise = rng.standard_normal((8, *matrix.shape)) * 1e-15 * np.abs(matrix).max()
        ratios = [np.mean(np.linalg.eigvalsh(matrix + 0.5 * (e + e.T)) > 0) for e in noise]
        ax.plot([min(ratios), max(ratios)], [loss, loss], color=BLUE, linewidth=0.8, alpha=0.5)
        ax.plot(ratios[0], loss, ".", color=BLUE, markersize=4)
    ax.set(xlabel='"minimum ratio": share of eigenvalues > 0', xlim=(-0.05, 1.05))
    ax.set_title("the naive ratio, and its range under rounding")

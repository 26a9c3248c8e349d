"""One saddle of a real network on two planes: a random one, and that of its extreme eigenvectors."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

import landscape
from landscape.gallery.drawing import PAGE, panels, quiet_map

SEES = (
    "The same critical point of a 64-16-10 linear network on digits (‖g‖ ≈ 1e-16, three of nine principal components of the best "
    "linear map learned) is the bottom of a bowl on a random plane and a saddle on the plane of its most negative and most positive eigenvectors."
)
CORRECTS = (
    "The lecture tells a minimum from a saddle by the Hessian, and later shows landscapes on random planes. On those the "
    "curvature is an average of all eigenvalues, in which a few negative ones among hundreds of positive ones do not show "
    "(arXiv 2208.13219)."
)

HIDDEN, LEARNED = 16, 3


def saddle() -> landscape.Model:
    """Build the linear network at an exact saddle: the least-squares map truncated to its leading singular values.

    With A = Σ_yx Σ_xx⁻¹ and the eigenvectors U of A Σ_xy, the point W₂ = U_r C, W₁ = C⁻¹ U_rᵀ A is
    critical for any set of r modes, and a saddle where a mode is left out (Baldi and Hornik 1989).
    """
    digits = landscape.load_model(landscape.bundled_path("digits"))
    x = np.asarray(digits.data["x_train"], np.float64)
    x = x - x.mean(axis=0)
    targets = np.eye(10)[digits.data["y_train"]]
    targets = targets - targets.mean(axis=0)
    ordinary = np.linalg.lstsq(x, targets, rcond=1e-8)[0].T
    _, modes = np.linalg.eigh(ordinary @ x.T @ targets)
    leading = modes[:, ::-1][:, :LEARNED]
    left, singular, right = np.linalg.svd(leading @ leading.T @ ordinary, full_matrices=False)
    balance = np.sqrt(singular[:LEARNED])
    first, second = np.zeros((HIDDEN, 64)), np.zeros((10, HIDDEN))
    first[:LEARNED] = balance[:, None] * right[:LEARNED]
    second[:, :LEARNED] = left[:, :LEARNED] * balance
    return landscape.build_model(
        nodes=[{"name": "fc1", "op": "dense"}, {"name": "fc2", "op": "dense"}],
        parameters={"fc1.weight": first, "fc2.weight": second},
        loss="mse",
        x_train=x,
        y_train=targets,
        name="linear digits",
    )


def draw(quick: bool = False) -> Figure:
    """Draw the two planes side by side."""
    model = saddle()
    options = {"points": 11 if quick else 41, "split": "train", "dtype": "float64"}
    hessian = landscape.analyze_hessian(model, top=1, bottom=1)
    low, high = hessian.eigenvalues
    # As long as makes the rise along the one comparable with the fall along the other.
    lengths = 1.2 * np.array([1.0, np.sqrt(-low / high)])
    hidden = landscape.scan(model, normalize="layer", span=0.6, **options)
    shown = landscape.scan(
        model, direction=hessian.eigenvectors * lengths[:, None], normalize="none", **options
    )
    with landscape.style():
        figure, (left, right) = panels(2, width=PAGE, height=2.75)
        quiet_map(left, hidden, "a random plane: a minimum?")
        quiet_map(right, shown, "its extreme eigenvectors: a saddle")
        left.set(xlabel="along a random direction", ylabel="along another")
        right.set(xlabel=f"along the eigenvector of λ = −{-low:.3f}", ylabel=f"along that of λ = {high:.3f}")
        for ax in (left, right):
            ax.plot(0, 0, "o", markerfacecolor="white", markeredgecolor="black", markersize=5.5, zorder=6)
        figure.legend(
            [right.lines[-1], right.get_legend_handles_labels()[0][0]],
            ["the saddle", "the lowest point of the plane"],
            loc="outside lower left",
            ncols=2,
        )
        # The name of the left bar and that of the right axis would touch.
        figure.set_layout_engine("constrained", wspace=0.08)
    return figure

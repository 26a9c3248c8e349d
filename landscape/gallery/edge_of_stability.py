"""Sharpness meets 2/η, and for Adam the preconditioned sharpness meets 38/η."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import landscape
from landscape.gallery.drawing import LOOKS, PAGE, panels
from landscape.gallery.networks import chebyshev

SEES = (
    "Full-batch training of a tanh network on T₄: whatever the rate, λₘₐₓ rises until it meets 2/η and then swings about it, its "
    "median over the last third within 2 % of it; for Adam it is the preconditioned Hessian's, its median within "
    "5 % of 38/η."
)
CORRECTS = (
    "The lecture chooses the rate for a given curvature; along training it is the other way round as well, the rate chooses the "
    "curvature (Cohen et al. 2021 and 2022)."
)

DESCENT, ADAM = (0.05, 0.1, 0.2), (1e-3, 3e-3)


def draw(quick: bool = False) -> Figure:
    """Draw the curvature over its limit for descent and for Adam."""
    steps, looks = (200, 5) if quick else (15_000, 40)
    model = chebyshev()
    descent = landscape.study_stability(
        model, rates=DESCENT[-1:] if quick else DESCENT, steps=steps, looks=looks
    )
    adam = landscape.study_stability(
        model,
        optimizer="adam",
        rates=ADAM[-1:] if quick else ADAM,
        steps=steps,
        looks=4 * looks,
        dtype="float32",
    )
    with landscape.style():
        figure, (left, right) = panels(2, width=PAGE, height=2.4, sharey=True)
        draw_ratio(left, descent, "gradient descent: λₘₐₓ over 2/η")
        draw_ratio(right, adam, "Adam: preconditioned λₘₐₓ over 38/η")
        left.set_ylabel("curvature over its limit")
    return figure


def draw_ratio(ax: Axes, record: landscape.Study, title: str) -> None:
    """Draw sharpness over its limit, a rate a curve; in the legend its median over the last third."""
    ax.axhline(1.0, color="#777777", linewidth=0.8, linestyle=":")
    for rate, step, sharpness, limit, look in zip(
        record.series["rates"], record.series["step"], record.series["sharpness"], record.series["limit"], LOOKS,
        strict=False,
    ):  # fmt: skip
        ratio = sharpness / limit
        late = float(np.nanmedian(ratio[-max(1, len(ratio) // 3) :]))
        ax.plot(step, ratio, label=f"η = {rate:g}: {late:.3f}", **look)
    ax.set(xlabel="updates", ylim=(0, 1.5))
    ax.set_title(title)
    ax.legend(title="at the end", loc="lower right")

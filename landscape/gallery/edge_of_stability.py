"""Sharpness meets 2/η, and for Adam the preconditioned sharpness meets 38/η."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import landscape
from landscape.gallery.drawing import LOOKS, PAGE, panels
from landscape.gallery.networks import chebyshev

SEES = (
    "Full-batch training of a tanh network on the Chebyshev polynomial T₄. Whatever the learning rate, λₘₐₓ rises until it "
    "reaches 2/η and then oscillates around it; its median over the last third is within 2 % of it. For Adam the same holds for the "
    "preconditioned Hessian and 38/η, with a median within 5 %."
)
CORRECTS = (
    "The lecture chooses the learning rate for a given curvature. During training the opposite happens too: the learning "
    "rate determines the curvature (Cohen et al. 2021 and 2022)."
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
    ax.legend(title="median of the last third", loc="lower right", alignment="left")

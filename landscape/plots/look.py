"""Choices of how figures look: colours, width, font size, range and scale of the colours, view."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import matplotlib
import numpy as np

from landscape.errors import InputError, did_you_mean

# Widths of one column and of a page of two, as factors of the column's.
WIDTHS = {"single": 1.0, "double": 7.0 / 3.4}
# Heights of maps and surfaces, likewise: a picture over both columns is wide, and need not fill the page.
HEIGHTS = {"single": 1.0, "double": 1.5}
# Letters, lines and the whole figure beside those of a report.
STYLES = {"paper": (1.0, 1.0, 1.0), "slides": (1.2, 1.5, 1.25)}
SCALES = ("linear", "log")


@dataclass(frozen=True)
class Look:
    """How figures look, where None leaves the choice to each figure.

    `limits` are the lowest and the highest value that has a colour of its own; `view` is elevation and azimuth of surfaces, in degrees.
    """

    cmap: str = "viridis"
    width: str = "single"
    style: str = "paper"
    dpi: float | None = None
    limits: tuple[float, float] | None = None
    scale: str | None = None
    view: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for name, value, known in (
            ("cmap", self.cmap, matplotlib.colormaps),
            ("width", self.width, WIDTHS),
            ("style", self.style, STYLES),
            ("scale", self.scale, (None, *SCALES)),
        ):
            if value not in known:
                some = [str(one) for one in known if one is not None]
                shown = (
                    ", ".join(some) if len(some) < 6 else "a name of matplotlib's, such as cividis or magma"
                )
                raise InputError(f"{name}: expected {shown}, found '{value}'{did_you_mean(str(value), some)}")
        if self.dpi is not None and not 20 <= self.dpi <= 2400:
            raise InputError(f"dpi: expected 20 to 2400 points an inch, found {self.dpi:g}")
        if self.limits is not None and not (
            np.isfinite(self.limits).all() and self.limits[0] < self.limits[1]
        ):
            raise InputError(
                f"limits: expected two numbers that rise, found {self.limits[0]:g} and {self.limits[1]:g}"
            )
        if self.scale == "log" and self.limits is not None and self.limits[0] <= 0:
            raise InputError(
                f"limits: expected numbers above 0 for a logarithmic scale, found {self.limits[0]:g}"
            )

    @property
    def size(self) -> float:
        """How many times larger than in a report everything is, the letters too."""
        return STYLES[self.style][2]

    @property
    def room(self) -> float:
        """How many columns wide a figure is, in letters: they do not grow with it."""
        return WIDTHS[self.width]

    @property
    def tall(self) -> float:
        """How many times higher than in a column a map is. Other figures are as high as there."""
        return HEIGHTS[self.width]


_USUAL = Look()
_CHOSEN: ContextVar[Look] = ContextVar("look", default=_USUAL)


def chosen() -> Look:
    """Return the look of the figures that are drawn now."""
    return _CHOSEN.get()


@contextmanager
def looking(look: Look | None) -> Iterator[None]:
    """Change how figures look within a `with` block."""
    if look is None:
        yield
        return
    token = _CHOSEN.set(look)
    try:
        yield
    finally:
        _CHOSEN.reset(token)

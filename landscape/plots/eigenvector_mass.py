"""The share of each eigenvector's squared length in each node's parameters."""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.axes import Axes

from landscape.errors import InputError
from landscape.plots.eigenvalue_axis import hessian_title
from landscape.plots.style import house_style_unless, new_figure
from landscape.plots.words import short, shorten
from landscape.records import Hessian

AROUND = 1.0
ROW = 0.2
LONGEST_NAME = 14
# At each end of the spectrum; with more columns the numbers would not be read.
MOST_AT_END = 8
# White to black is read the same in print.
COLORMAP = "Greys"
NUMBERS = 5.0


def eigenvector_mass(record: Hessian) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Give the nodes, their shares of each eigenvector [nodes, k], and their shares of θ [nodes].

    Raises
    ------
    landscape.errors.InputError
        No eigenvectors, or no nodes: the record is of a function.
    """
    layout = record.settings.get("layout")
    if not layout or not len(record.eigenvalues):
        raise InputError("the record has no eigenvectors of a network's nodes to draw")
    names = list(dict.fromkeys(str(name) for name, _, _ in layout))
    shares, sizes = np.zeros((len(names), len(record.eigenvalues))), np.zeros(len(names))
    for name, start, stop in layout:
        shares[names.index(str(name))] += np.sum(record.eigenvectors[:, start:stop] ** 2, axis=1)
        sizes[names.index(str(name))] += stop - start
    return names, shares, sizes / sizes.sum()


def plot_eigenvector_mass(record: Hessian, *, ax: Axes | None = None) -> Axes:
    """Draw the share of each extreme eigenvector that lies in each node, in per cent.

    Beside a node's name stands its share of all parameters, which a random direction would have.

    Parameters
    ----------
    record
        A network's Hessian with eigenvectors.
    ax
        The axes to draw on; by default those of a new figure.

    Raises
    ------
    landscape.errors.InputError
        As `eigenvector_mass`.
    """
    names, shares, sizes = eigenvector_mass(record)
    kept = shown_columns(record)
    with house_style_unless(ax):
        axes = new_figure(AROUND + ROW * len(names)).add_subplot() if ax is None else ax
        axes.imshow(shares[:, kept], cmap=COLORMAP, vmin=0.0, vmax=1.0, aspect="auto")
        _write_numbers(axes, shares[:, kept])
        rows = [
            f"{shorten(name, LONGEST_NAME)} ({size:.0%} of θ)"
            for name, size in zip(names, sizes, strict=True)
        ]
        axes.set_yticks(np.arange(len(names)), rows)
        values = [short(float(value), 2) for value in record.eigenvalues[kept]]
        axes.set_xticks(np.arange(len(kept)), values, rotation=90)
        axes.set_xlabel("eigenvalue λ of the eigenvector")
        axes.set_title(hessian_title(record, "each eigenvector by node, in %"))
        return axes


def shown_columns(record: Hessian) -> np.ndarray:
    """Choose the eigenvectors that are shown: those nearest to the ends, the smallest eigenvalue first."""
    count = len(record.eigenvalues)
    top = count // 2 if record.settings.get("all") else min(count, int(record.settings.get("top") or 0))
    return np.r_[0 : min(count - top, MOST_AT_END), count - min(top, MOST_AT_END) : count]


def _write_numbers(ax: Axes, shares: np.ndarray) -> None:
    """Write each share in its cell."""
    dark = matplotlib.colormaps[COLORMAP]
    for (row, column), share in np.ndenumerate(shares):
        color = "white" if np.mean(dark(share)[:3]) < 0.5 else "black"
        ax.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=NUMBERS, color=color)

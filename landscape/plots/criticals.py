"""Which figures a critical point and an atlas have."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure

from landscape.errors import InputError
from landscape.plots.atlases import plot_atlas
from landscape.plots.critical_maps import plot_quadratic_model, plot_random_plane
from landscape.plots.escapes import plot_escape
from landscape.plots.style import figure_of
from landscape.records import Atlas, Critical, Record

# Each kind of record's figures: whether the record has what it shows, and what draws it.
PLOTTERS: dict[str, dict[str, tuple[Callable[..., bool], Callable[..., Figure]]]] = {
    "critical": {
        "escape": (lambda r: bool(len(r.escape_step)), lambda r: figure_of(plot_escape(r))),
        "model": (lambda r: r.has_planes, plot_quadratic_model),
        "random": (lambda r: r.has_planes, plot_random_plane),
    },
    "atlas": {"atlas": (lambda r: bool(np.any(r.critical)), lambda r: figure_of(plot_atlas(r)))},
}


def critical_figure_names(
    record: Critical | Atlas, *, quantity: str | None = None, kind: str = "both"
) -> list[str]:
    """Name the figures without drawing them.

    Raises
    ------
    landscape.errors.InputError
        A quantity was asked for: these records have one loss.
    """
    if quantity is not None:
        raise InputError(
            f"a record of the kind '{record.kind}' has no quantity '{quantity}': leave --quantity out"
        )
    return [name for name, (there, _) in PLOTTERS[record.kind].items() if there(record)]


def critical_figures(
    record: Record,
    *,
    quantity: str | None = None,
    kind: str = "both",
    levels: int | Sequence[float] | None = None,
) -> dict[str, Figure]:
    """Draw all figures, by name; `kind` and `levels` are for scans.

    Raises
    ------
    landscape.errors.InputError
        As `critical_figure_names`.
    """
    assert isinstance(record, Critical | Atlas)
    names = critical_figure_names(record, quantity=quantity, kind=kind)
    return {name: PLOTTERS[record.kind][name][1](record) for name in names}

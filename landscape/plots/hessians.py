"""Which figures a Hessian has, by what was computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape.errors import InputError
from landscape.plots.eigenvector_mass import plot_eigenvector_mass
from landscape.plots.node_eigenvalues import plot_node_eigenvalues
from landscape.plots.spectrum import plot_spectrum
from landscape.plots.style import figure_of
from landscape.records import Hessian

Plotter = Callable[..., Axes]

# Each figure: whether the record has what it shows, and what draws it.
PLOTTERS: dict[str, tuple[Callable[[Hessian], bool], Plotter]] = {
    "spectrum": (lambda record: bool(len(record.eigenvalues) or record.density), plot_spectrum),
    "nodes": (lambda record: bool(record.node_names), plot_node_eigenvalues),
    "vectors": (
        lambda record: bool(len(record.eigenvalues) and record.settings.get("layout")),
        plot_eigenvector_mass,
    ),
}


def hessian_figure_names(record: Hessian, *, quantity: str | None = None, kind: str = "both") -> list[str]:
    """Name the figures without drawing them.

    Raises
    ------
    landscape.errors.InputError
        A quantity was asked for: a Hessian is no grid of them. Or the record is unfinished.
    """
    if not record.finished:
        raise InputError(
            "this hessian record is unfinished, there is nothing to draw yet: run the command that began it again"
        )
    if quantity is not None:
        raise InputError(f"a Hessian has no quantity '{quantity}': leave --quantity out")
    return [name for name, (there, _) in PLOTTERS.items() if there(record)]


def hessian_figures(
    record: Hessian,
    *,
    quantity: str | None = None,
    kind: str = "both",
    levels: int | Sequence[float] | None = None,
) -> dict[str, Figure]:
    """Draw all figures of a Hessian, by name; `kind` and `levels` are for scans.

    Raises
    ------
    landscape.errors.InputError
        As `hessian_figure_names`.
    """
    names = hessian_figure_names(record, quantity=quantity, kind=kind)
    return {name: figure_of(PLOTTERS[name][1](record)) for name in names}

"""The pictures of a lecture, each drawn again from a computation: a figure a module, its text beside its code.

The lecture and the notes on it are those that docs/diagnosis.md names.

A module has `SEES` (what one sees), `CORRECTS` (where the lecture or notes on it were wrong, or what they leave
out) and `draw(quick) -> Figure`. It is written as a user would write it: from `landscape` it uses public names
only. `FIGURES` is the table, in the lecture's order; a row is a module of the same name.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES: dict[str, str] = {
    "general_guide": "the decision tree, with a measured example on every leaf",
    "overfitting": "three points, a flexible and a constrained network, the true curve",
    "critical_points": "networks at a saddle and at a minimum: the loss and two planes",
    "toy_saddle": "the saddle of y = w₁w₂x, its Taylor model and the way out",
    "random_plane_hides_saddle": "one saddle on a random plane and on its extreme eigenvectors",
    "minimum_ratio": "critical points of many networks: loss against inertia, and the naive ratio",
    "batch_update_time": "the time of an update against the batch size, on this machine",
    "batch_epoch_time": "the time of an epoch against the batch size, on this machine",
    "batch_accuracy": "accuracy against the batch size, for equal epochs and for equal updates",
    "noisy_updates": "the loss of two batches on one line: stuck on one, not on the other",
    "flat_and_sharp": "minima of a small and a large batch, training and test loss",
    "valleys": "barriers between trainings, before and after their units are put in one order",
    "keskar_table": "Keskar's experiment redone on digits, beside the paper's numbers",
    "stuck_gradient": "a flat loss with a gradient that is not small, and the curvature at 2/η",
    "convex_rates": "gradient descent on the convex example with three rates",
    "root_mean_square": "a rate for each parameter by the root mean square of its gradients",
    "explosion": "the bursts of the root-mean-square form at a constant rate",
    "decay": "the same with a decaying rate: Adagrad",
    "warmup": "schedules that rise before they fall, and what the rise is good for",
    "momentum": "a ball past a shallow minimum, with and without momentum",
    "optimizer_race": "optimizers on one surface, and on a real network's plane",
    "edge_of_stability": "the sharpness meets 2/η, Adam's preconditioned one 38/η",
    "loss_functions": "squared error and cross-entropy on the same network",
    "normalization": "normalized features, of the data and of hidden layers, make a valley round",
    "small_networks": "planes through small trained networks: LeNet, conv1d, a transformer",
    "batch_statistics": "batch norm's statistics kept from the centre and recomputed",
}

PAGE, TITLE = "README.md", "# The lecture's pictures, computed"


def figure_module(name: str) -> Any:
    """Import the module of one figure.

    Raises
    ------
    landscape.InputError
        There is no such figure; the message lists them.
    """
    if name not in FIGURES:
        from landscape.errors import InputError, did_you_mean

        raise InputError(
            f"no figure '{name}' in the gallery: there are {', '.join(FIGURES)}{did_you_mean(name, FIGURES)}"
        )
    return importlib.import_module(f"landscape.gallery.{name}")


def draw_figure(name: str, *, quick: bool = False) -> Figure:
    """Compute and draw one figure of the gallery; `quick` takes fewer points, runs and steps.

    Raises
    ------
    landscape.InputError
        There is no such figure.
    """
    return figure_module(name).draw(quick)


def draw_gallery(
    folder: str | Path,
    names: Sequence[str] = (),
    *,
    quick: bool = False,
    figure_format: str = "png",
    fresh: bool = False,
    announce: Callable[[str], None] | None = None,
) -> list[Path]:
    """Draw figures into a folder, by default all of them, and a page of what the folder shows; give the paths.

    Raises
    ------
    landscape.InputError
        There is no such figure or format, the folder cannot be written, or its README.md is another text, or (unless `fresh`) a file in
        a figure's place was not drawn by this function; said before any work.
    """
    from landscape.gallery.files import figure_paths, require_own_page, write_figure, write_page

    chosen = list(dict.fromkeys(names)) or list(FIGURES)
    modules = [figure_module(name) for name in chosen]
    paths = figure_paths(Path(folder), chosen, figure_format, fresh=fresh)
    page = Path(folder) / PAGE
    require_own_page(page, TITLE)
    for name, module, path in zip(chosen, modules, paths, strict=True):
        if announce is not None:
            announce(f"{name}: {FIGURES[name]}")
        write_figure(module.draw(quick), path, figure_format)
    there = [name for name in FIGURES if (Path(folder) / f"{name}.{figure_format}").exists()]
    write_page(page, page_text(there, figure_format))
    return [*paths, page]


def page_text(names: Sequence[str] = (), figure_format: str = "png") -> str:
    """Write the page that shows figures with two sentences each: what one sees, and what was wrong."""
    chosen = names or list(FIGURES)
    lines = [TITLE, ""]
    lines += [
        "Drawn by `landscape figures -o figures`; one of them by its script or by `landscape figures NAME`.",
        "Every number in them is computed when they are drawn, from fixed seeds.",
        'The lecture is Hung-yi Lee\'s "What to do if my network fails to train" (Machine Learning, Spring 2022), with those on',
        "optimization that belong to it; [docs/diagnosis.md](../docs/diagnosis.md) of the project says how it is used here.",
        "",
    ]
    for name in chosen:
        module = figure_module(name)
        lines += [f"## {name}", "", f"![{FIGURES[name]}]({name}.{figure_format})", ""]
        lines += [module.SEES, "", module.CORRECTS, ""]
    return "\n".join(lines)

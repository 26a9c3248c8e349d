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
    "overfitting": "overfitting: three points, a flexible and a constrained network, and the true curve",
    "critical_points": "a saddle and a minimum: the loss, and two planes",
    "toy_saddle": "the saddle of y = w₁w₂x, its Taylor model and the way out",
    "random_plane_hides_saddle": "one saddle on a random plane and on its extreme eigenvectors",
    "minimum_ratio": "how common minima are: the loss at critical points against the signs of their eigenvalues",
    "batch_update_time": "the time of an update against the batch size",
    "batch_epoch_time": "the time of an epoch against the batch size",
    "batch_accuracy": "accuracy against the batch size, for equal epochs and for equal updates",
    "noisy_updates": "noisy updates: stuck on one batch, and not on another",
    "flat_and_sharp": "flat and sharp minima: training and test loss of a small and a large batch",
    "valleys": "barriers between two trainings, before and after their hidden units are put in one order",
    "keskar_table": "Keskar's experiment repeated on digits, beside the paper's numbers",
    "stuck_gradient": "a loss that has stopped falling while the gradient is large",
    "convex_rates": "a convex loss with three learning rates",
    "root_mean_square": "root mean square: a learning rate for each parameter",
    "explosion": "bursts of the root-mean-square method at a constant rate",
    "decay": "the same with a decaying rate: Adagrad",
    "warmup": "warm-up: schedules that rise before they fall, and what that is good for",
    "momentum": "momentum carries a ball past a shallow minimum",
    "optimizer_race": "optimizers on one surface, and on the plane of a real network",
    "edge_of_stability": "the edge of stability: sharpness reaches 2/η, Adam's preconditioned sharpness 38/η",
    "loss_functions": "squared error and cross-entropy on the same network: where the gradient vanishes",
    "normalization": "normalization makes a valley rounder, in the data and in hidden layers",
    "small_networks": "planes through small trained networks: LeNet, 1-D convolutions, a transformer",
    "batch_statistics": "batch normalization with statistics kept from the centre, and recomputed",
}

PAGE, TITLE = "README.md", "# The lecture's pictures, computed"
ABOUT = (
    'The pictures of Hung-yi Lee\'s lecture "What to do if my network fails to train" (Machine Learning, Spring 2022) and of those on',
    "optimization that belong to it. Every number is computed when a picture is drawn, from fixed seeds. `landscape figures` draws",
    "them all. The [story of the lecture](../docs/lecture.md) shows them in their order; [the diagnosis](../docs/diagnosis.md) is built on it.",
    "A box under each picture says where the lecture, or written notes on it, differ from the picture or leave something out.",
)
# Of the small pictures at the top of the page.
COLUMNS = 4


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
    """Write the page that shows figures: what one sees, the command that draws it, and what the lecture says otherwise."""
    chosen = list(names) or list(FIGURES)
    lines = [TITLE, "", *ABOUT, "", *thumbnails(chosen, figure_format), ""]
    for name in chosen:
        module = figure_module(name)
        lines += [
            f"## {heading(name)}",
            "",
            f"![{heading(name)}]({name}.{figure_format})",
            "",
            module.SEES,
            "",
        ]
        lines += ["```sh", f"landscape figures {name} -o figures", "```", ""]
        lines += [f"> **Compared with the lecture.** {module.CORRECTS}", ""]
    return "\n".join(lines)


def heading(name: str) -> str:
    """Return the title of a figure, as a heading has it."""
    return FIGURES[name][:1].upper() + FIGURES[name][1:]


def thumbnails(names: Sequence[str], figure_format: str) -> list[str]:
    """Write a table of small pictures, each a link to its section."""
    cells = [f"[![{heading(name)}]({name}.{figure_format})](#{anchor(heading(name))})" for name in names] + [
        ""
    ] * (-len(names) % COLUMNS)
    rows = [cells[start : start + COLUMNS] for start in range(0, len(cells), COLUMNS)]
    return [f"|{' |' * COLUMNS}", f"|{' --- |' * COLUMNS}", *(f"| {' | '.join(row)} |" for row in rows)]


def anchor(text: str) -> str:
    """Return the anchor that readers of Markdown give a heading: letters, digits and dashes.

    >>> anchor("Sharpness meets 2/η, Adam's 38/η")
    'sharpness-meets-2η-adams-38η'
    """
    kept = [char for char in text.lower() if char.isalnum() or char in "_- "]
    return "".join(kept).replace(" ", "-")

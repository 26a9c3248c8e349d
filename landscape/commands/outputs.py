"""The output files of a command, and the checks before the work that no other file is overwritten."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from landscape.marks import holds_mark
from landscape.overwrite import refuse_overwriting, require_distinct
from landscape.records.earlier import require_record

# Every figure that a command may draw, by the first word of its name; which of them is known after the work.
FIGURES: dict[str, tuple[str, ...]] = {
    "scan": ("contour", "surface", "contour_test", "contour_curvature", "curves", "curves_curvature", "slices", "slices_test", "slices_curvature"),
    "hessian": ("spectrum", "nodes", "vectors"),
    "connect": ("paths", "tree"),
    "critical": ("escape", "model", "random"),
    "atlas": ("atlas",),
    "sharpness": ("curves",),
    "trajectory": ("path", "out_of_plane"),
    "topology": ("map", "barcode", "diagram", "tree"),
    "race": ("race", "paths"),
    "study": ("batch_size", "learning_rate", "stability", "schedule"),
    "diagnose": ("forks", "networks", "escape", "stability", "gaps", "learning_curve"),
}  # fmt: skip
# Records beside the record itself.
BESIDE: dict[str, tuple[str, ...]] = {"trajectory": ("plane", "run")}
KINDS = {"connect": "connection", "diagnose": "diagnosis"}


def record_paths(name: str, stem: str) -> list[Path]:
    """Name the record of a command, its unfinished work, and the records beside it."""
    beside = BESIDE.get(name.partition(".")[0], ())
    return [Path(f"{stem}.{part}npz") for part in ("", "unfinished.", *(f"{part}." for part in beside))]


def require_safe_outputs(
    name: str,
    stem: str,
    *,
    inputs: Iterable[str | Path],
    outputs: Iterable[str | Path],
    figure_format: str | None,
    fresh: bool,
) -> None:
    """Refuse, before the work, outputs that are inputs, and figures that would replace files the command did not draw.

    A record of other settings is for the work to refuse; `outputs` are files that the options name.

    Raises
    ------
    InputError
        The message names the file and what would settle it.
    """
    inputs, command = list(inputs), name.partition(".")[0]
    records = record_paths(name, stem)
    require_distinct([*records, *outputs])
    for path in [*records, *outputs]:
        refuse_overwriting(path, inputs=inputs, fresh=True)
    for path in records:
        if path.name != f"{Path(stem).name}.run.npz":  # a model, which `train` looks at
            require_record(path)
    if figure_format is None:
        return
    kind = KINDS.get(command, command)
    for figure in FIGURES.get(command, ()):
        refuse_overwriting(
            Path(f"{stem}.{figure}.{figure_format}"),
            inputs=inputs,
            fresh=fresh,
            ours=lambda path: holds_mark(path, f"landscape-{kind}-"),
        )

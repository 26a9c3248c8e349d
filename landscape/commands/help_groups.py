"""The headings under which `--help` lists options, by the names of their arguments.

An option is declared without a word of its group, and one that stands in no group is the command's own, under "Options".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

Row = tuple[str, str]

OWN = "Options"
# A help of so many options is read at a glance, and needs no headings.
FEW = 10
# Characters of the column of names; a longer one has a line of its own.
NAMES = 30

# In the order of the help.
GROUPS: Mapping[str, Sequence[str]] = {
    "Directions": ("direction", "to", "overlay", "normalize", "include_bias", "no_orthogonalize"),
    "Matching of units": ("align", "matching", "starts"),
    "Curves and bands between models": ("curve", "bends", "fitting", "repair", "band", "pivots"),
    "Eigenvalues": ("top", "bottom", "every", "density", "accuracy", "trace", "node", "by_node"),
    "Sizes in the measures": ("epsilon", "rho", "adaptive_rho", "sigma", "adaptive_sigma", "rise"),
    "Optimizer and learning rate": (
        "optimizer", "learning_rate", "rates", "tune", "momentum", "beta2", "weight_decay", "clip", "schedule",
        "schedules", "warmup", "schedule_steps",
    ),
    "Batches, length and start": (
        "batch_size", "batch_sizes", "replacement", "steps", "epochs", "seeds", "looks", "init", "architecture",
    ),
    "Appearance": (
        "levels", "kind", "titles", "columns", "limits", "scale", "view", "cmap", "width", "style", "dpi",
    ),
    "Data": ("split", "examples", "validation", "recompute_statistics"),
    "Files of weights alone, and your own programs": (
        "activation", "loss", "weights", "train", "constant_loss",
    ),
    "Computation": ("dtype", "threads", "workers", "mixed", "device", "seed"),
    "Output": (
        "output", "target", "folder", "checkpoints", "history", "save_directions", "escape", "animate", "pdf",
        "interactive", "file_format", "fresh", "no_figure", "figure_format", "as_json", "quiet", "help",
    ),
}  # fmt: skip


def in_groups(rows: Sequence[tuple[str, Row]]) -> Iterator[tuple[str, list[Row]]]:
    """Divide the rows of a help text, given with the names of their arguments, into groups with headings and equally wide columns.

    >>> few = [("threads", ("--threads N", "Number of threads."))]
    >>> list(in_groups(few))
    [('Options', [('--threads N', 'Number of threads.')])]
    >>> many = [(f"own{i}", (f"--own{i}", "Text.")) for i in range(10)] + few
    >>> [(heading, len(under)) for heading, under in in_groups(many)]
    [('Options', 10), ('Computation', 1)]
    """
    if len(rows) <= FEW:
        yield OWN, [row for _, row in rows]
        return
    wide = min(max(len(row[0]) for _, row in rows), NAMES)
    heading_of = {name: heading for heading, names in GROUPS.items() for name in names}
    for heading in (OWN, *GROUPS):
        under = [(row[0].ljust(wide), row[1]) for name, row in rows if heading_of.get(name, OWN) == heading]
        if under:
            yield heading, under

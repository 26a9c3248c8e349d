"""Names in the recommended command: that of the file it makes, and options for a file of plain arrays."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

from landscape.model import Model

# What the model that a remedy leads to is named by, behind the model's own name.
REMEDIED = re.compile(r"(.*)\.remedied(\d*)")


def understood(model: Model) -> str:
    """Write the options by which a bare file was understood, so that the next command understands it alike; empty for other files."""
    if model.form != "bare":
        return ""
    between = [node.op for node in model.nodes if node.traits.elementwise]
    return " ".join([*(f"--activation {op}" for op in between[:1]), f"--loss {model.loss}"])


def free_name(model: Model) -> str:
    """Name the file of the model that a remedy leads to, in the working directory, after the model; no file has that name yet.

    >>> from landscape.model import bundled_path, load_model
    >>> free_name(load_model(bundled_path("digits")))
    'digits.remedied.npz'
    """
    stem = "MODEL" if model.path is None else model.path.stem
    found = REMEDIED.fullmatch(stem)
    base, number = (stem, 1) if found is None else (found[1], int(found[2] or 1) + 1)
    while Path(name := f"{base}.remedied{'' if number == 1 else number}.npz").exists():
        number += 1
    return name


def on_free_name(report: dict[str, Any], model: Model) -> dict[str, Any]:
    """Return an earlier report with a free name in its command, where the name that it had is taken by now."""
    command = report.get("next")
    if not command:
        return report
    *words, last = shlex.split(command)
    if not Path(last).exists():
        return report
    return report | {"next": shlex.join([*words, free_name(model)])}

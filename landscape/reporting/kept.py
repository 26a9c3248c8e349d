"""The finished parts of an unfinished report, kept as records beside the page."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from landscape.overwrite import refuse_overwriting
from landscape.progress import Announce, Progress
from landscape.records import Pieces, load_record
from landscape.records.earlier import require_record
from landscape.reporting.subject import Subject

# What a part may leave beside its record: the plane of a trajectory, and its own unfinished work.
BESIDE = ("", ".plane", ".unfinished")


class PartsBeside(Pieces):
    """Records of a report's parts, kept beside the page until it is written; `<page's stem>.unfinished.npz` has their settings.

    Parameters
    ----------
    page
        The file of the page.
    names
        Of the parts.
    inputs
        Files that are read, which are never written.

    Raises
    ------
    InputError
        There are parts of another model or other settings, unless `fresh`, or a file that is no record.
    """

    def __init__(
        self, page: Path, model: Subject, settings: dict[str, Any], names: Iterable[str], *, inputs: Iterable[str | Path | None],
        fresh: bool, progress: Progress, announce: Announce,
    ) -> None:  # fmt: skip
        super().__init__(
            page.with_suffix(".npz"), model=model.fingerprint(), data=model.data_fingerprint(), settings=settings, fresh=fresh,
            progress=progress, announce=announce,
        )  # fmt: skip
        self.fresh = fresh or not self.kept
        inputs = list(inputs)
        self.places = {name: self.beside(name) for name in names}
        for name in self.places:
            for more in BESIDE[1:]:
                self.beside(f"{name}{more}")
        for path in self.others:
            refuse_overwriting(path, inputs=inputs, fresh=True)
            require_record(path)

    def write(self) -> bool:
        """Write the settings of the parts, once there is one."""
        if not any(path.exists() for path in self.others):
            return False
        self.pieces["begun"] = {"parts": np.array([path.exists() for path in self.others])}
        return super().write()

    def progress(self, share: float, words: str) -> None:
        """Tell how far the work is, and save where it is time to."""
        super().progress(share, words)
        self.save()

    def done(self) -> set[str]:
        """Name the parts that an earlier run finished."""
        if self.fresh:
            return set()
        there = {name: path for name, path in self.places.items() if path is not None and path.exists()}
        return {name for name, path in there.items() if load_record(path).finished}

"""The frame of all long work: look for an existing record, compute, save while it runs, and resume.

What is done of unfinished work is kept in one of two ways. A scan, an analysis of a Hessian, an atlas and a diagnosis keep it in the record
itself, at the output (`produce_inside`). All other work is made of pieces, in a file beside the output (`produce`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from landscape.progress import Announce, Progress, nobody, silent
from landscape.records.earlier import earlier_record, standing
from landscape.records.keeper import Keeper
from landscape.records.record import Record
from landscape.records.unfinished import Pieces
from landscape.records.wording import already_there
from landscape.version import current_version

Kind = TypeVar("Kind", bound=Record)
Fields = dict[str, Any]


@dataclass(frozen=True)
class Key:
    """The identity of a record: the hashes of the model and of its data, and all settings that can change a number."""

    model: str
    data: str
    settings: dict[str, Any]

    def record(self, kind: type[Kind], fields: Fields, work: Keeper) -> Kind:
        """Make the record from its fields (with further `settings`, if there are any), the time and the machines."""
        told = {"settings": self.settings, **fields}
        return kind(
            model=self.model, data=self.data, version=current_version(), seconds=work.seconds, machine=work.machine, **told
        )  # fmt: skip


@dataclass(frozen=True)
class Wanted(Generic[Kind]):
    """A record that is wanted: its kind and key, its file, and the callbacks for progress.

    `differing` names what differs between a record that stands there and what is asked for; by default hashes and settings.
    """

    kind: type[Kind]
    key: Key
    output: Path | None
    fresh: bool = False
    progress: Progress = nobody
    announce: Announce = silent
    differing: Callable[[Kind], list[str]] | None = None

    def found(self) -> Kind | None:
        """Load the record that exists at the output, and say so if it is finished.

        Raises
        ------
        InputError
            The path cannot be written, or holds something else, or unfinished work of another version.
        """
        if self.output is not None and self.differing is not None:
            found = standing(self.kind, self.output, fresh=self.fresh, differing=self.differing)
        else:
            key = self.key
            found = earlier_record(
                self.kind,
                self.output,
                model=key.model,
                data=key.data,
                settings=key.settings,
                fresh=self.fresh,
            )
        if found is not None and found.finished:
            self.announce(already_there(self.output or ""))
        return found

    def finish(self, fields: Fields, work: Keeper) -> Kind:
        """Make the finished record, and save it if it has a path."""
        record = self.key.record(self.kind, fields, work)
        if self.output is not None:
            record.save(self.output)
        return record


class Inside(Keeper, Generic[Kind]):
    """Keeps unfinished work in the record itself, at the output.

    The work sets `state`, which returns the fields of the unfinished record, or None if there is nothing yet that is worth a file.
    """

    def __init__(self, wanted: Wanted[Kind], earlier: Kind | None, *, whole: bool) -> None:
        before, begun_on = (0.0, "") if earlier is None else (earlier.seconds, earlier.machine)
        super().__init__(
            wanted.output, whole=whole, seconds=before, begun_on=begun_on, progress=wanted.progress, announce=wanted.announce
        )  # fmt: skip
        self.wanted, self.earlier = wanted, earlier
        self.kept = earlier is not None
        self.state: Callable[[], Fields | None] = lambda: None

    def write(self) -> bool:
        """Write the unfinished record, if there is something to write."""
        fields = self.state()
        if self.path is None or fields is None:
            return False
        self.wanted.key.record(self.wanted.kind, fields, self).save(self.path)
        return True


def produce(wanted: Wanted[Kind], work: Callable[[Pieces], Fields]) -> Kind:
    """Return the record that exists at the output, or do the work piece by piece and save the result.

    Raises
    ------
    InputError
        The output cannot be written, or holds a record or unfinished work of other settings.
    KeyboardInterrupt
        Ctrl-C; it says what was kept.
    """
    found = wanted.found()
    if found is not None:
        return found
    key = wanted.key
    with Pieces(
        wanted.output, model=key.model, data=key.data, settings=key.settings, fresh=wanted.fresh,
        progress=wanted.progress, announce=wanted.announce,
    ) as pieces:  # fmt: skip
        return wanted.finish(work(pieces), pieces)


def produce_inside(
    wanted: Wanted[Kind], work: Callable[[Inside[Kind]], Fields], *, whole: bool = True
) -> Kind:
    """Return the finished record that exists at the output, or do the work, continuing an unfinished one, and save the result.

    Parameters
    ----------
    wanted
        What is asked for.
    work
        Called with the keeper, whose `earlier` is the unfinished record that is taken up, if any; returns the fields of the record.
    whole
        Whether the state may be saved at any moment, and not in a `pause` alone.

    Raises
    ------
    InputError
        The output cannot be written, or holds something else, or unfinished work of another version.
    KeyboardInterrupt
        Ctrl-C; it says what was kept.
    """
    found = wanted.found()
    if found is not None and found.finished:
        return found
    with Inside(wanted, found, whole=whole) as keeper:
        return wanted.finish(work(keeper), keeper)

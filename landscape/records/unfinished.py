"""Long work in pieces, which are kept in a file beside the output until all are done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

import numpy as np

from landscape.errors import InputError, WorkerError
from landscape.progress import Announce, Progress, nobody, silent
from landscape.records.earlier import earlier_record
from landscape.records.keeper import Keeper
from landscape.records.record import Arrays, Record
from landscape.version import current_version

# Between the name of a piece and that of its array.
MARK = ":"


@dataclass(frozen=True, kw_only=True, eq=False)
class Unfinished(Record):
    """Pieces of work, each a name and arrays; the settings are those of the record to come."""

    kind: ClassVar[str] = "unfinished"

    pieces: dict[str, Arrays]

    @property
    def finished(self) -> bool:
        """Never."""
        return False

    def named(self) -> str:
        """Name the record in a message."""
        return "unfinished work"

    def arrays(self) -> Arrays:
        """All arrays by their names in the file."""
        return {
            f"{piece}{MARK}{name}": array
            for piece, told in self.pieces.items()
            for name, array in told.items()
        }

    @classmethod
    def fields_of(cls, arrays: Arrays) -> dict[str, Any]:
        """Sort the arrays of a file into pieces."""
        pieces: dict[str, Arrays] = {}
        for key, array in arrays.items():
            piece, mark, name = key.partition(MARK)
            if mark:
                pieces.setdefault(piece, {})[name] = array
        return {"pieces": pieces}


class Pieces(Keeper):
    """The pieces of work that may be interrupted and resumed; a context that ends with the work.

    They are kept in `<output's stem>.unfinished.npz`, which is saved every few seconds and on Ctrl-C, taken up by the same
    work (the same model, data, settings and version), and removed when the work is done. Without an output they are in memory only.

    Raises
    ------
    InputError
        The file holds pieces of other work, unless `fresh`.

    Examples
    --------
    >>> with Pieces(None, model="", data="", settings={}) as pieces:
    ...     first = pieces.once("half", lambda: {"value": np.array(0.5)})
    ...     again = pieces.once("half", lambda: {"value": np.array(7.0)})
    >>> float(again["value"])
    0.5
    """

    def __init__(
        self,
        output: str | Path | None,
        *,
        model: str,
        data: str,
        settings: dict[str, Any],
        fresh: bool = False,
        progress: Progress = nobody,
        announce: Announce = silent,
    ) -> None:
        self.identity = {"model": model, "data": data}
        self.settings = settings
        self.pieces: dict[str, Arrays] = {}
        self.others: list[Path] = []
        path = None if output is None else unfinished_path(Path(output))
        earlier = earlier_record(Unfinished, path, model=model, data=data, settings=settings, fresh=fresh)
        before, begun_on = (0.0, "") if earlier is None else (earlier.seconds, earlier.machine)
        super().__init__(path, seconds=before, begun_on=begun_on, progress=progress, announce=announce)
        if earlier is not None:
            self.pieces, self.kept = dict(earlier.pieces), True

    def beside(self, name: str) -> Path | None:
        """Name a file for a part of the work that saves its own; it is removed when the work is done."""
        if self.path is None:
            return None
        self.others.append(self.path.with_name(f"{self.path.name.removesuffix('.npz')}.{name}.npz"))
        return self.others[-1]

    def piece(self, name: str) -> Piece:
        """Return the storage of one piece."""
        return Piece(self, name)

    def once(self, name: str, work: Callable[[], Arrays]) -> Arrays:
        """Return a piece that is done, or do it."""
        if name not in self.pieces:
            self.pieces[name] = work()
            self.save()
        return self.pieces[name]

    def write(self) -> bool:
        """Write the pieces, if there are any."""
        if self.path is None or not self.pieces:
            return False
        Unfinished(
            pieces=self.pieces, settings=self.settings, version=current_version(), seconds=self.seconds,
            machine=self.machine, **self.identity,
        ).save(self.path)  # fmt: skip
        return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What was refused on the way is refused again, but by workers, which may be others next time: there is nothing to go on with.
        refused = isinstance(error, InputError) and not isinstance(error, WorkerError)
        if (error is None or refused) and self.path is not None:
            for path in (self.path, *self.others):
                path.unlink(missing_ok=True)
        super().__exit__(kind, error, trace)


class Piece:
    """The storage of one piece: what an earlier process left, and where its state is saved on the way."""

    def __init__(self, pieces: Pieces, name: str) -> None:
        self.pieces, self.name = pieces, name

    @property
    def state(self) -> Arrays | None:
        """The saved state, if any."""
        return self.pieces.pieces.get(self.name)

    def keep(self, state: Callable[[], Arrays], *, now: bool = False) -> None:
        """Keep a copy of the state if it is time to save, or `now`."""
        if now or self.pieces.due():
            self.pieces.pieces[self.name] = {name: np.array(array) for name, array in state().items()}
            self.pieces.save()


def unfinished_path(output: Path) -> Path:
    """Name the file of the unfinished work for an output.

    >>> unfinished_path(Path("out/digits.race.npz")).name
    'digits.race.unfinished.npz'
    """
    return output.with_name(f"{output.name.removesuffix('.npz')}.unfinished.npz")

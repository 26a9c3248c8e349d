"""Long work made of pieces: what is done stands in a file beside the output until all of it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import numpy as np

from landscape.errors import InputError
from landscape.records.earlier import differences, standing
from landscape.records.record import Arrays, Record
from landscape.version import current_version

# Seconds between saves, and the part of the time that they may take, whatever their size.
SAVE_SECONDS, SAVE_PART = 5.0, 0.1
# Between the name of a piece and that of its array.
MARK = ":"


@dataclass(frozen=True, kw_only=True, eq=False)
class Unfinished(Record):
    """Pieces of work, each a name and arrays; the settings are those of the record to come."""

    kind: ClassVar[str] = "unfinished"

    pieces: dict[str, Arrays]

    def arrays(self) -> Arrays:
        """All arrays by the names they have in the file."""
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


class Pieces:
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
    ) -> None:
        self.path = None if output is None else unfinished_path(Path(output))
        self.identity = {"model": model, "data": data}
        self.settings = settings
        self.pieces: dict[str, Arrays] = {}
        self.before = 0.0
        self.begun = self.saved = time.perf_counter()
        self.cost = 0.0
        self.others: list[Path] = []
        earlier = None if self.path is None else self._earlier(self.path, fresh)
        if earlier is not None:
            self.pieces, self.before = dict(earlier.pieces), earlier.seconds

    def _earlier(self, path: Path, fresh: bool) -> Unfinished | None:
        def differing(found: Unfinished) -> list[str]:
            told = differences(found, self.identity["model"], self.identity["data"], self.settings)
            here = current_version()
            return told or ([] if found.version == here else [f"version {found.version} there, {here} here"])

        return standing(Unfinished, path, fresh=fresh, differing=differing, named=lambda _: "unfinished work")

    @property
    def seconds(self) -> float:
        """Seconds of work, those before a resume included."""
        return self.before + time.perf_counter() - self.begun

    def beside(self, name: str) -> Path | None:
        """Name a file for a part of the work that keeps one of its own; it goes when the work is done."""
        if self.path is None:
            return None
        self.others.append(self.path.with_name(f"{self.path.name.removesuffix('.npz')}.{name}.npz"))
        return self.others[-1]

    def piece(self, name: str) -> Piece:
        """Give the place of one piece."""
        return Piece(self, name)

    def once(self, name: str, work: Callable[[], Arrays]) -> Arrays:
        """Give a piece that is done, or do it."""
        if name not in self.pieces:
            self.pieces[name] = work()
            self.save()
        return self.pieces[name]

    def due(self) -> bool:
        """Whether it is time to save."""
        return time.perf_counter() - self.saved > max(SAVE_SECONDS, self.cost / SAVE_PART)

    def save(self, *, now: bool = False) -> None:
        """Save where it is time, or `now`.

        Raises
        ------
        ComputationError
            The file system refused; what was saved before is still there.
        """
        if self.path is None or not self.pieces or not (now or self.due()):
            return
        begun = time.perf_counter()
        Unfinished(
            pieces=self.pieces, settings=self.settings, version=current_version(), seconds=self.seconds,
            **self.identity,
        ).save(self.path)  # fmt: skip
        self.saved = time.perf_counter()
        self.cost = self.saved - begun

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, KeyboardInterrupt):
            self.save(now=True)
            kept = self.path is not None and self.pieces
            raise KeyboardInterrupt(
                f"interrupted: {self.path} keeps what is done, and the same command goes on from there"
                if kept
                else "interrupted; nothing was kept"
            ) from None
        # What was refused on the way is refused again: there is nothing to go on with.
        if (error is None or isinstance(error, InputError)) and self.path is not None:
            for path in (self.path, *self.others):
                path.unlink(missing_ok=True)


class Piece:
    """The place of one piece: what an earlier process left there, and where its state is kept on the way."""

    def __init__(self, pieces: Pieces, name: str) -> None:
        self.pieces, self.name = pieces, name

    @property
    def state(self) -> Arrays | None:
        """What is there, if anything."""
        return self.pieces.pieces.get(self.name)

    def keep(self, state: Callable[[], Arrays], *, now: bool = False) -> None:
        """Take a copy of the state where it is time to save, or `now`."""
        if now or self.pieces.due():
            self.pieces.pieces[self.name] = {name: np.array(array) for name, array in state().items()}
            self.pieces.save()


def unfinished_path(output: Path) -> Path:
    """Name the file of what is done of an output.

    >>> unfinished_path(Path("out/digits.race.npz")).name
    'digits.race.unfinished.npz'
    """
    return output.with_name(f"{output.name.removesuffix('.npz')}.unfinished.npz")

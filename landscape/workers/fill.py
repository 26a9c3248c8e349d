"""Pieces of a work computed by workers, and kept where the work itself would keep them."""

from __future__ import annotations

from collections.abc import Sequence

from landscape.objective.protocol import HasValue
from landscape.progress import Progress, units
from landscape.records import Pieces
from landscape.workers.crew import Workers
from landscape.workers.parcel import Shared


def fill(
    pieces: Pieces,
    workers: Workers | None,
    shared: Shared,
    names: Sequence[str],
    progress: Progress,
    unit: str,
    objective: HasValue | None = None,
) -> None:
    """Have workers make pieces, of which the work then finds that they are done; without workers nothing is.

    Parameters
    ----------
    pieces
        Where they are kept.
    workers
        Who makes them.
    shared
        Takes (name, what is there of the piece already or None), and returns the piece's arrays.
    names
        Of the pieces that are not done.
    progress, unit
        Who is told, and what a piece is called.
    objective
        The user's objective in what is shared, as `Workers.results` takes it.
    """
    if workers is None:
        return
    told = units(progress, unit)
    asked = [(name, pieces.pieces.get(name)) for name in names]
    for done, ((name, _), outcome) in enumerate(workers.results(shared, asked, objective=objective), start=1):
        pieces.pieces[name] = outcome.value
        pieces.computed_on(outcome.kind)
        pieces.save()
        told(done, len(names))

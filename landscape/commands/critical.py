"""`landscape critical`: what kind of critical point a model is at, the way down, and a search for others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from landscape.commands import options, parsing
from landscape.commands.call import Call, makes_record

if TYPE_CHECKING:
    from landscape.model import Model
    from landscape.records import Record


@parsing.command(
    "critical", epilog="For example: landscape critical stuck.npz --escape freed.npz, then: --search 50"
)
@click.option(
    "--no-polish",
    is_flag=True,
    help="Judge the parameters as they are, without moving to the critical point nearby.",
)
@click.option(
    "--escape",
    type=parsing.FileName(),
    metavar="OUT.npz",
    help="Write the model after a step that lowers the loss, where one was found.",
)
@click.option(
    "--search",
    type=parsing.Whole(1),
    metavar="N",
    help="Search critical points of the network from N random starts, and write them as an atlas.",
)
@options.point
@makes_record("critical")
def command(
    call: Call,
    no_polish: bool,
    escape: Path | None,
    search: int | None,
    **choices: Any,
) -> int:
    """Say whether MODEL is at a minimum, a saddle, a plateau or at no critical point, with the evidence.

    The parameters are polished first: full-batch steps to the critical point nearby, whatever its kind. "Saddle" is said
    only where the least eigenvalue is negative beyond its error and a step along its eigenvector lowered the loss.
    Exit status 1 where no critical point was reached; what was found is written all the same.
    """
    from landscape.records import Critical
    from landscape.tables.critical import atlas_table, critical_table

    call.name = "critical" if search is None else "atlas"
    loaded = call.load()
    with call.interruptible(
        "interrupted; " + ("the same command takes it up" if search else "nothing was written")
    ):
        record = judged(
            loaded, no_polish, escape, search, output=call.record_path, announce=call.say, **choices
        )
    status = record.status
    more: list[Path] = []
    if escape is not None and isinstance(record, Critical):
        status = written_escape(loaded, record, escape, more) or status
    call.end(record, critical_table if isinstance(record, Critical) else atlas_table, more)
    if status:
        click.echo(f"Error: {status}", err=True)
    return 1 if status else 0


def judged(loaded: Model, no_polish: bool, escape: Path | None, search: int | None, **choices: Any) -> Any:
    """Call the one function that was asked for."""
    from landscape.critical import analyze_critical, search_critical
    from landscape.errors import InputError
    from landscape.files import require_writable

    if search is not None and (escape is not None or no_polish):
        raise InputError("--search finds points of its own: leave --escape and --no-polish out")
    if search is not None:
        return search_critical(loaded, search, **choices)
    if escape is not None:
        require_writable(escape)
    return analyze_critical(loaded, polishing=not no_polish, **choices)


def written_escape(loaded: Model, record: Record, path: Path, files: list[Path]) -> str:
    """Write the model after the escape; or say why there is none."""
    from landscape.model import save_model
    from landscape.records import Critical

    assert isinstance(record, Critical)
    if not len(record.escape_theta):
        return f"no escape was found from this point ({record.verdict['kind']}), so {path} was not written."
    save_model(loaded.with_theta(record.escape_theta), path)
    files.append(path)
    return ""

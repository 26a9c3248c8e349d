"""`landscape critical`: what kind of critical point a model is at, the way down, and a search for others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from landscape.commands import options, parsing
from landscape.commands.call import Call, makes_record, standing

if TYPE_CHECKING:
    from landscape.model import Model
    from landscape.records import Critical


@parsing.command("critical", epilog="For example: landscape critical digits.npz --escape lower.npz")
@click.option(
    "--no-polish",
    is_flag=True,
    help="Judge only the parameters as they are, without the search for a critical point nearby.",
)
@click.option(
    "--radius",
    type=parsing.Number(0, above=True),
    metavar="R",
    help="Largest distance at which a critical point counts as nearby; by default a tenth of the norm of MODEL "
    "or of a usual initialization, whichever is larger.",
)
@click.option(
    "--escape",
    type=parsing.FileName(),
    metavar="OUT.npz",
    help="Write the model after a step that lowers the loss, if one was found.",
)
@click.option(
    "--search",
    type=parsing.Whole(1),
    metavar="N",
    help="Search for critical points of the network from N random starts instead, and write them as an atlas. With FILE.py:NAME the starts are "
    "drawn around the parameters, each with standard deviation 1.",
)
@options.point
@options.workers
@makes_record("critical", programs=True)
def command(
    call: Call,
    no_polish: bool,
    radius: float | None,
    escape: Path | None,
    search: int | None,
    fresh: bool,
    **choices: Any,
) -> int:
    """Say whether MODEL is at a minimum, a saddle, a plateau or at no critical point, with the evidence.

    MODEL is first judged as it is. Then full-batch steps search for a critical point of any kind nearby, which is judged too.
    That there is none is also an answer. A point is called a saddle only if the smallest eigenvalue is negative beyond its error and a
    step along its eigenvector lowered the loss. Exit status 1 if --escape is given and no step lowers the loss.
    """
    from landscape.errors import InputError

    if call.program is not None and escape is not None:
        raise InputError("--escape: writes a model's file: leave it out with FILE.py:NAME")
    if search is None:
        if call.workers is not None:
            raise InputError(
                "--workers: computes the starts of a search: expected --search N beside it, found none; leave --workers out to judge one point"
            )
        return judged(call, no_polish, radius, escape, fresh, choices)
    if escape is not None or no_polish or radius is not None:
        raise InputError("--search finds points of its own: leave --escape, --radius and --no-polish out")
    return searched(call, search, fresh, choices)


def judged(
    call: Call,
    no_polish: bool,
    radius: float | None,
    escape: Path | None,
    fresh: bool,
    choices: dict[str, Any],
) -> int:
    """Decide what kind of point the model is at, and write it after the escape if asked for; return the exit status."""
    from landscape.critical import analyze_critical
    from landscape.tables.critical import critical_table

    loaded = call.subject()
    if escape is not None:
        require_free(call, loaded, escape, fresh)
    with call.working() as progress:
        record = analyze_critical(
            loaded, polishing=not no_polish, radius=radius, output=call.record_path, fresh=fresh, progress=progress,
            announce=call.say, **choices, **standing(loaded, "theta"),
        )  # fmt: skip
    lower = len(record.escape_theta) > 0
    more = []
    if escape is not None and lower:
        save_escape(loaded, record, escape)
        more.append(escape)
    call.end(record, critical_table, more)
    failed = record.status
    if escape is not None and not lower:
        failed = (
            f"no escape was found from this point ({record.verdict['kind']}), so {escape} was not written"
        )
    if failed:
        click.echo(f"Error: {failed}", err=True)
    return 1 if failed else 0


def searched(call: Call, starts: int, fresh: bool, choices: dict[str, Any]) -> int:
    """Search for critical points and write their atlas; return the exit status."""
    from landscape.critical import search_critical
    from landscape.tables.critical import atlas_table

    call.name = "atlas"
    record = call.record(search_critical, starts, fresh=fresh, **choices)
    call.end(record, atlas_table)
    return 0


def require_free(call: Call, loaded: Model, path: Path, fresh: bool) -> None:
    """Refuse, before the work, to write the escape over a file that this command did not write.

    What may be replaced is what an earlier escape wrote: the model at the point that the record of the same model holds.
    """
    from landscape.model import load_model
    from landscape.overwrite import mapped_files, refuse_overwriting, require_distinct
    from landscape.records import Critical

    def ours(found: Path) -> bool:
        there = load_model(found)
        record = Critical.load(call.record_path)
        if record.model != loaded.fingerprint() or not len(record.escape_theta):
            return False
        escaped = loaded.with_theta(record.escape_theta)
        return (there.fingerprint(), there.data_fingerprint()) == (
            escaped.fingerprint(),
            escaped.data_fingerprint(),
        )

    require_distinct([call.record_path, path])
    refuse_overwriting(path, inputs=[call.model, *mapped_files(loaded.data.values())], fresh=fresh, ours=ours)


def save_escape(loaded: Model, record: Critical, path: Path) -> None:
    """Write the model after the escape."""
    from landscape.model import save_model

    save_model(loaded.with_theta(record.escape_theta), path)

"""`landscape critical`: what kind of critical point a model is at, the way down, and a search for others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from landscape.commands import INTERRUPTED, options
from landscape.commands.stem import draw, output_stem, speaker

if TYPE_CHECKING:
    from landscape.model import Model
    from landscape.records import Record


@click.command(
    "critical", epilog="For example: landscape critical stuck.npz --escape freed.npz, then: --search 50"
)
@options.model
@click.option("--no-polish", is_flag=True, help="Judge the parameters as they are.")
@click.option(
    "--escape",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="OUT.npz",
    help="Write the model after the step that lowers the loss.",
)
@click.option(
    "--search",
    type=int,
    metavar="N",
    help="Find critical points of the network from N starts, and write their atlas.",
)
@options.point
@options.bare_file
@options.record
def command(
    model: Path,
    activation: str | None,
    loss: str | None,
    output: str | None,
    no_figure: bool,
    figure_format: str,
    as_json: bool,
    quiet: bool,
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
    from landscape.model import load_model
    from landscape.records import Critical
    from landscape.tables.critical import atlas_table, critical_table

    say = speaker(quiet)
    stem = output_stem(output, model, "critical" if search is None else "atlas")
    loaded = load_model(model, activation=activation, loss=loss)
    choices |= {"output": f"{stem}.npz", "announce": say}
    try:
        record = judged(loaded, no_polish, escape, search, **choices)
    except KeyboardInterrupt:
        say("interrupted; " + ("the same command takes it up" if search else "nothing was written"))
        raise click.exceptions.Exit(INTERRUPTED) from None
    files = [Path(f"{stem}.npz")] + ([] if no_figure else draw(record, stem, figure_format))
    status = record.status
    if escape is not None and isinstance(record, Critical):
        status = written_escape(loaded, record, escape, files) or status
    say(f"wrote {', '.join(str(file) for file in files)}")
    table = critical_table(record) if isinstance(record, Critical) else atlas_table(record)
    click.echo(json.dumps(record.summary(files), allow_nan=False) if as_json else table)
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

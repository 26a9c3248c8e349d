"""`landscape scan`: the loss along one, two or three directions, as a record and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from landscape.commands import options
from landscape.commands.call import Call, makes_record
from landscape.commands.scan_report import ScanReport
from landscape.directions.normalize import NORMALIZATIONS


@click.command(
    "scan",
    epilog="For example: landscape scan digits.npz --points 31 --span auto",
)
@click.option(
    "--dimensions",
    type=click.IntRange(1, 3),
    metavar="1|2|3",
    help="How many directions; by default 2, or as many as FILE.npz has.",
)
@click.option("--points", metavar="N|NxM", default="51", show_default=True, help="Points along the axes.")
@click.option(
    "--span",
    multiple=True,
    metavar="S|A:B|auto",
    help="Range of the axes: S is -S:S, auto searches for a rise worth looking at. Once, or once an axis. "
    "By default 1, and 0:1 on the way to another model.",
)
@click.option(
    "--direction",
    metavar="random|gradient|principal|eigen|between|FILE.npz",
    default="random",
    show_default=True,
    help="What the axes are: principal, eigen (largest and smallest eigenvalue) and a file ('directions' [d, P]) have several, "
    "after the others random ones fill the rest.",
)
@click.option(
    "--to", metavar="OTHER.npz", type=click.Path(path_type=Path), help="The model that between goes to."
)
@click.option(
    "--normalize",
    type=click.Choice(tuple(NORMALIZATIONS)),
    help="Scale directions to the weights, a filter (row) or a layer at a time; "
    "by default filter for random, else none.",
)
@click.option("--include-bias", is_flag=True, help="Scale biases to their norm in place of leaving them out.")
@click.option("--no-orthogonalize", is_flag=True, help="Leave random directions as they were drawn.")
@click.option(
    "--save-directions",
    metavar="FILE.npz",
    type=click.Path(path_type=Path),
    help="Write the directions as used.",
)
@options.recompute_statistics
@click.option(
    "--quantity",
    type=click.Choice(("loss", "curvature")),
    default="loss",
    show_default=True,
    help="curvature: also the extreme eigenvalues of the Hessian at every point, a search each; in float64 their bounds are tight.",
)
@options.data
@options.engine
@options.device
@makes_record("scan")
def command(
    call: Call,
    save_directions: Path | None,
    to: Path | None,
    no_orthogonalize: bool,
    span: tuple[str, ...],
    **choices: Any,
) -> None:
    """Evaluate the loss of MODEL along directions around its parameters, and draw it.

    Writes STEM.npz, and figures beside it. Cut short, by Ctrl-C or otherwise, the same command takes up
    where it stopped.
    """
    from landscape.scanning import scan

    report = ScanReport(save_directions, quiet=call.quiet)
    with call.interruptible(), report.progress() as progress:
        record = scan(
            call.load(),
            to=None if to is None else call.load(to),
            span=list(span),
            orthogonalize=not no_orthogonalize,
            output=call.record_path,
            announce=report.announce,
            progress=progress,
            **choices,
        )
    files = [call.record_path, *call.draw(record)]
    report.wrote(files)
    click.echo(report.json(record, files) if call.as_json else report.table(record))

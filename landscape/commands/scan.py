"""`landscape scan`: the loss along one, two or three directions, as a record and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from landscape.commands import options, parsing
from landscape.commands.call import Call, makes_record, standing
from landscape.commands.scan_report import ScanReport


@parsing.command(
    "scan",
    epilog="For example: landscape scan digits.npz --points 31 --span auto",
)
@click.option(
    "--dimensions",
    type=parsing.Whole(1, 3),
    metavar="1|2|3",
    help="Number of directions; by default 2, or as many as FILE.npz has.",
)
@options.points
@click.option(
    "--span",
    multiple=True,
    metavar="S|A:B|auto",
    help="Range of the axes: S means -S:S, auto searches for a range over which the loss rises visibly. Give it once, or once "
    "for each axis. By default 1, or 0:1 between two models.",
)
@click.option(
    "--direction",
    metavar="random|gradient|principal|eigen|between|plane|FILE.npz",
    default="random",
    show_default=True,
    help="Directions of the axes: random; the gradient; principal components of the checkpoints; eigenvectors of the largest and the smallest "
    "eigenvalue; between two models, or the plane through three (--to); a file's array 'directions' [d, P]. A missing second axis is random.",
)
@click.option(
    "--to",
    metavar="OTHER.npz",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Model at the other end of --direction between; given twice, the two other models of --direction plane.",
)
@click.option(
    "--overlay",
    metavar="CONNECT.npz",
    type=click.Path(path_type=Path),
    help="With --direction plane: also draw the curves of this record of connect, and report how far they leave the plane.",
)
@options.normalize
@options.include_bias
@click.option(
    "--no-orthogonalize",
    is_flag=True,
    help="Keep random directions as they were drawn; by default they are made orthogonal.",
)
@click.option(
    "--save-directions",
    metavar="FILE.npz",
    type=parsing.FileName(),
    help="Also write the directions to a file, for --direction FILE.npz.",
)
@options.recompute_statistics
@click.option(
    "--quantity",
    type=parsing.Choice(("loss", "curvature")),
    default="loss",
    show_default=True,
    help="Quantity to evaluate; curvature also finds the extreme eigenvalues of the Hessian at every point, which is slow, and needs float64 for tight bounds.",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    help="Metric to evaluate too: for classes topK (such as top5), balanced_accuracy, macro_f1, mean_iou; for two classes also precision, "
    "recall, f1; for numbers mean_absolute_error, mean_squared_error, root_mean_squared_error, r2. "
    "May be given several times; each point then takes another pass over the data.",
)
@options.data
@options.engine
@options.device
@options.workers
@makes_record("scan", programs=True)
def command(
    call: Call,
    save_directions: Path | None,
    to: tuple[Path, ...],
    no_orthogonalize: bool,
    span: tuple[str, ...],
    **choices: Any,
) -> None:
    """Evaluate the loss of MODEL along directions around its parameters, and draw it.

    Writes STEM.npz, and figures beside it. After an interruption the same command continues where it
    stopped.
    """
    from landscape.scanning import scan

    report = ScanReport(save_directions, call.say)
    loaded = call.subject()
    # An objective reads a checkpoint itself.
    others: list[Any] = [path if call.program is not None else call.load(path) for path in to]
    with call.crew() as crew, call.working() as progress:
        record = scan(
            loaded,
            to=others[0] if len(others) == 1 else others or None,
            span=list(span),
            orthogonalize=not no_orthogonalize,
            output=call.record_path,
            planned=report.planned,
            announce=call.say,
            progress=progress,
            **choices,
            **crew,
            **standing(loaded, "center"),
        )
    files = [call.record_path, *call.draw(record)]
    call.wrote(files)
    click.echo(report.json(record, files) if call.as_json else report.table(record))

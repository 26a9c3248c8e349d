"""`landscape connect`: how high the loss rises between models, on lines, on curves and over the lowest pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from landscape.commands import options, parsing
from landscape.commands.call import Call, makes_record
from landscape.errors import InputError

# The names of `landscape.connection.CURVES`, here so that --help imports nothing.
CURVES, FITS, MATCHINGS = ("bezier", "polychain"), ("auto", "full", "batches"), ("weights", "activations")
# Options that are read only where another one is given.
NEEDS = {
    "matching": "align", "starts": "align", "bends": "curve", "fitting": "curve", "recompute_statistics": "curve", "pivots": "band",
}  # fmt: skip

matching = click.option(
    "--matching",
    type=parsing.Choice(MATCHINGS),
    default="weights",
    show_default=True,
    help="How units are matched: by their weights, or by their activations over the training data.",
)
starts = click.option(
    "--starts",
    type=parsing.Whole(1, 10_000),
    metavar="N",
    help="Random starts of the matching by weights, of which the best result is kept; by default 10 for up to 500 units, 2 for up to "
    "1,200, and 1 above.",
)


@parsing.command(
    "connect",
    epilog="For example: landscape connect a.npz b.npz --align --curve bezier",
)
@click.option(
    "--points",
    "alphas",
    type=parsing.Whole(3, 100_001),
    metavar="N",
    default=25,
    show_default=True,
    help="Number of points along the line, before the search for its maximum is refined.",
)
@click.option(
    "--align",
    is_flag=True,
    help="Also evaluate the line to each other model after permuting its hidden units to match the first model's.",
)
@matching
@starts
@click.option(
    "--curve",
    type=parsing.Choice(CURVES),
    multiple=True,
    metavar="bezier|polychain",
    help="Also fit a curve between the models along which the mean loss is as low as possible; may be given twice.",
)
@click.option(
    "--bends",
    type=parsing.Whole(1, 100),
    metavar="N",
    default=1,
    show_default=True,
    help="Number of points between its ends that shape a curve.",
)
@click.option(
    "--fitting",
    type=parsing.Choice(FITS),
    default="auto",
    show_default=True,
    help="Fit curves on all examples at once (full) or on minibatches (batches); auto chooses minibatches if examples times parameters exceed 2e8.",
)
@click.option(
    "--repair",
    is_flag=True,
    help="Also evaluate the line with the means and standard deviations of hidden units reset to lie between the two models' (REPAIR).",
)
@click.option(
    "--band",
    is_flag=True,
    help="Also find a low path with an elastic band, and the saddle at the highest point of that path.",
)
@click.option(
    "--pivots",
    type=parsing.Whole(3, 2000),
    metavar="N",
    default=7,
    show_default=True,
    help="Number of points of the elastic band at the start, including both ends.",
)
@options.recompute_statistics
@options.examples
@options.precise_dtype
@options.threads
@options.device
@options.seed
@options.workers
@makes_record("connect", programs=True)
@click.argument("others", metavar="OTHER...", nargs=-1, required=True, type=click.Path(path_type=Path))
def command(call: Call, others: tuple[Path, ...], fresh: bool, **choices: Any) -> None:
    """Say whether MODEL and each OTHER lie in one valley of the loss, or how high the barrier between them is.

    Every pair of models is compared: on the line between them, and on the curves, the band and the aligned line of the options below.
    If MODEL is FILE.py:NAME, each OTHER is a checkpoint. Writes STEM.npz and figures. After an interruption the same command
    continues where it stopped.
    """
    require_used(choices)
    from landscape.connection import connect
    from landscape.files import require_writable
    from landscape.tables.connection import connection_table

    require_writable(call.record_path)
    call.read = [*call.read, *others]
    first = call.subject()
    with call.crew() as crew, call.working() as progress:
        if call.program is None:
            twice = repeated([call.model, *others])
            if twice is not None:
                raise InputError(f"{twice}: is given twice: give two different models")
            subjects: dict[str, Any] = {"subjects": [first, *(call.load(path) for path in others)]}
        else:
            subjects = {"subjects": first, "points": list(others)}
            choices = {name: value for name, value in choices.items() if name not in ("dtype", "threads", "device", "examples")}  # fmt: skip
        record = connect(
            **subjects,
            output=call.record_path,
            fresh=fresh,
            progress=progress,
            announce=call.say,
            **choices,
            **crew,
        )
    call.end(record, connection_table)


def require_used(choices: dict[str, Any]) -> None:
    """Refuse an option that has no effect without another one that is not given.

    Raises
    ------
    InputError
        The message names both.
    """
    context = click.get_current_context()
    for name, needed in NEEDS.items():
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and not choices[needed]:
            option = name.replace("_", "-")
            raise InputError(f"--{option}: is for --{needed}, which is not given: give --{needed} too, or leave it out")  # fmt: skip


def repeated(paths: list[Path]) -> Path | None:
    """Find a file that is named twice."""
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            return path
        seen.add(path.resolve())
    return None

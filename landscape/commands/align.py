"""`landscape align`: a model with its hidden units in the order of another's."""

from __future__ import annotations

import json
from pathlib import Path

import click

from landscape.commands import options, parsing
from landscape.commands.connect import matching as matching_option
from landscape.commands.connect import starts as starts_option


@parsing.command("align", epilog="For example: landscape align a.npz b.npz -o b-aligned.npz")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("other", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "output",
    type=parsing.FileName(),
    metavar="FILE.npz",
    help="Where to write the aligned model; by default OTHER's name with -aligned in the working directory.",
)
@matching_option
@starts_option
@options.seed
@options.threads
@options.reading
@options.fresh
@options.speech
def command(
    model: Path,
    other: Path,
    output: Path | None,
    matching: str,
    starts: int | None,
    seed: int,
    threads: int | None,
    reading: options.Reading,
    fresh: bool,
    messages: options.Messages,
) -> None:
    """Permute the hidden units of OTHER to match those of MODEL as well as possible, and write the result.

    The network computes the same function: its outputs before and after are compared, and it is written only if they agree to 1e-12. Which
    units may change places, and with tanh their sign, is derived from the graph.
    """
    from landscape.alignment import align
    from landscape.locks import locked
    from landscape.model import load_model, save_model
    from landscape.overwrite import mapped_files, refuse_overwriting

    target = output or Path(f"{other.stem}-aligned.npz")
    refuse_overwriting(target, inputs=[model, other], fresh=fresh)
    one, two = (load_model(path, activation=reading.activation, loss=reading.loss) for path in (model, other))
    refuse_overwriting(target, inputs=mapped_files([*one.data.values(), *two.data.values()]), fresh=fresh)
    found = align(one, two, method=matching, starts=starts, seed=seed, threads=threads)
    with locked([target]):
        save_model(found.model, target)
    messages.say(f"wrote {target}")
    told = found.told() | {"files": [str(target)]}
    if messages.as_json:
        click.echo(json.dumps(told, allow_nan=False))
        return
    from landscape.tables.connection import alignment_words

    click.echo(alignment_words(told))

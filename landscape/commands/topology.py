"""`landscape topology`: what a scanned surface holds, as a record and figures."""

from __future__ import annotations

import json
from pathlib import Path

import click

from landscape.commands import options, parsing
from landscape.commands.progress import interruptible, progress_bar
from landscape.commands.stem import draw, options_in_name, speaker


@parsing.command("topology", epilog="For example: landscape topology digits.scan.npz")
@click.argument("record", type=click.Path(path_type=Path))
@click.option(
    "--quantity", metavar="NAME", help="Quantity to analyze: train_loss, test_loss, …; by default the training loss."
)  # fmt: skip
@click.option(
    "--connectivity", type=parsing.Choice(("faces", "corners")), default="faces", show_default=True,
    help="Neighbours of a point: those across faces (two along each axis), or across corners too.",
)  # fmt: skip
@click.option(
    "--threshold", type=parsing.Number(0), metavar="X",
    help="Leave out basins that are shallower than X; by default 1 % of the height of the median loss above the minimum.",
)  # fmt: skip
@click.option(
    "--scale", type=parsing.Choice(("linear", "log")), default="linear", show_default=True,
    help="Measure depths by differences (linear) or by ratios (log). With log, --threshold is the ratio of the value at "
    "the saddle to that at the minimum, 1.1 by default; all values must be above 0.",
)  # fmt: skip
@click.option(
    "--verify", type=click.Path(path_type=Path), metavar="MODEL.npz",
    help="Descend from each basin's lowest point in the whole space of this model, the one that was scanned, and say whether "
    "the ends are distinct minima.",
)  # fmt: skip
@options.threads
@options.record
def command(
    record: Path, quantity: str | None, connectivity: str, threshold: float | None, scale: str, verify: Path | None, threads: int | None,
    output: str | None, fresh: bool, no_figure: bool, figure_format: str, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Find the basins of RECORD, a scan (or a trajectory's plane), the saddles between them, and the maxima.

    Each basin has its depth, the height of the lowest way out of it, with its error, and its share of the window.
    Basins and saddles are features of the slice; --verify examines the whole space. Writes STEM.npz and figures.
    """
    from landscape.commands.outputs import record_paths, require_safe_outputs
    from landscape.files import require_writable
    from landscape.locks import locked
    from landscape.model import load_model
    from landscape.records import load_record
    from landscape.tables.topology import topology_table
    from landscape.topology import analyze_topology

    say = speaker(quiet)
    named = options_in_name(click.get_current_context(), without=("record",))
    stem = (
        f"{record.name.removesuffix('.npz')}.topology{named}"
        if output is None
        else output.removesuffix(".npz")
    )
    path = Path(f"{stem}.npz")
    require_writable(path)
    inputs = [record, *([] if verify is None else [verify])]
    require_safe_outputs(
        "topology",
        stem,
        inputs=inputs,
        outputs=[],
        figure_format=None if no_figure else figure_format,
        fresh=fresh,
    )
    loaded = load_record(record)
    model = None if verify is None else load_model(verify)
    with (
        locked(record_paths("topology", stem)),
        interruptible(say, quiet=quiet),
        progress_bar("topology", quiet=quiet) as progress,
    ):
        found = analyze_topology(
            loaded, quantity=quantity, connectivity=connectivity, threshold=threshold, scale=scale, verify=model, threads=threads,
            output=path, fresh=fresh, progress=progress, announce=say,
        )  # fmt: skip
    files = [path, *([] if no_figure else draw(found, stem, figure_format, inputs=inputs, fresh=fresh))]
    say(f"wrote {', '.join(map(str, files))}")
    click.echo(json.dumps(found.summary(files), allow_nan=False) if as_json else topology_table(found))

"""`landscape plot RECORD`: the figures of a record, drawn again without recomputing anything."""

from __future__ import annotations

import json
from pathlib import Path

import click

from landscape.commands import options, parsing


class LevelsType(click.ParamType):
    """A number of contour lines, or their heights between commas."""

    name = "levels"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | tuple[float, ...]:
        """Read `12` as a number of lines, `0.1,0.5,2` or `0.5,` as heights."""
        try:
            return tuple(float(part) for part in value.split(",") if part) if "," in value else int(value)
        except ValueError:
            self.fail(
                f"'{value}': expected a number of lines such as 12, or heights such as 0.1,0.5,2", param, ctx
            )


@parsing.command()
@click.argument("record", type=click.Path(path_type=Path))
@click.option(
    "--quantity",
    metavar="NAME",
    help="Quantity to draw: train_loss, test_loss, train_accuracy, test_accuracy, penalty, or a metric such as test_top5. "
    "By default the losses (and, of a line, the accuracies).",
)
@click.option(
    "--levels", type=LevelsType(), metavar="N|A,B,…", help="Contour lines: how many, or their heights."
)
@click.option(
    "--kind",
    type=parsing.Choice(["contour", "surface", "both"]),
    default="both",
    show_default=True,
    help="Which figures of a plane.",
)
@click.option(
    "-o", "--output", metavar="STEM", help="Name the figures STEM.<figure>.png; by default after the record."
)
@options.figure_format
@click.option("--fresh", is_flag=True, help="Replace files that are no figures of this record's model.")
@options.speech
def command(
    record: Path,
    quantity: str | None,
    levels: int | tuple[float, ...] | None,
    kind: str,
    output: str | None,
    figure_format: str,
    fresh: bool,
    messages: options.Messages,
) -> None:
    """Draw a record again without recomputing it, or the log of a training.

    A log is a model file with one, CSV, JSON or JSON lines with a step, or event files of TensorBoard.

    Example: `landscape plot digits.scan.npz --figure-format pdf --kind contour`
    """
    from landscape.plots import save_figures
    from landscape.records import load_record

    if is_log(record):
        plain = quantity is None and levels is None and kind == "both"
        draw_log(record, output, figure_format, plain, fresh, messages)
        return
    loaded = load_record(record)
    stem = record.name.removesuffix(".npz") if output is None else output
    files = save_figures(
        loaded, stem, figure_format, quantity=quantity, kind=kind, levels=levels, inputs=[record], fresh=fresh
    )
    if messages.as_json:
        click.echo(json.dumps(loaded.summary(files), allow_nan=False))
    for file in files:
        messages.say(f"wrote {file}")


def is_log(path: Path) -> bool:
    """Say whether a path is to be read as a log: a folder, a file that is no archive, or a model file that has one."""
    import zipfile

    from landscape.errors import InputError
    from landscape.files import read_archive
    from landscape.records.record import HEADER

    try:
        if path.is_dir() or (path.is_file() and path.suffix != ".npz"):
            return not zipfile.is_zipfile(path)
        if not path.is_file():
            return False
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        header = str(read_archive(path, members=[HEADER]).get(HEADER, ""))
    except (InputError, OSError, zipfile.BadZipFile):
        return False
    return '"record":' not in header and (
        '"recording":' in header or any(name.startswith("history.") for name in names)
    )


def draw_log(
    path: Path, output: str | None, figure_format: str, plain: bool, fresh: bool, messages: options.Messages
) -> None:
    """Draw the log of a training."""
    from landscape.errors import InputError
    from landscape.logs import read_log
    from landscape.plots.saving import save_log_figure

    if not plain:
        raise InputError(f"{path}: is a log, which has no --quantity, --levels or --kind to choose")
    log = read_log(path)
    stem = path.name.removesuffix(path.suffix) if output is None else output
    file = save_log_figure(
        log.history(), stem, figure_format, unit=log.unit, name=path.name, inputs=[path] if path.is_file() else [], fresh=fresh
    )  # fmt: skip
    if messages.as_json:
        click.echo(
            json.dumps({"log": str(path), "form": log.form, "series": list(log.series), "files": [str(file)]})
        )
    messages.say(f"wrote {file}")

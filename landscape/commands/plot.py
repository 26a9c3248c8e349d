"""`landscape plot RECORD`: the figures of a record, drawn again without recomputing anything."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from landscape.commands import options, parsing

if TYPE_CHECKING:
    from landscape.records import Record


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


class PairType(click.ParamType):
    """Two numbers between a comma."""

    name = "pair"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float]:
        """Read `0.1,10`."""
        try:
            first, second = (float(part) for part in value.split(","))
        except ValueError:
            self.fail(
                f"{parsing.shown(value)}: expected two numbers with a comma between, such as 0.1,10",
                param,
                ctx,
            )
        return first, second


# Files for other programs, and the page; figures have --figure-format.
FILES = ("html", "vti", "vtr", "vtp", "pvd", "nc", "csv")


@parsing.command(epilog="For example: landscape plot digits.scan.npz --figure-format pdf --kind contour")
@click.argument("record", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--quantity",
    metavar="NAME",
    help="Quantity to draw: train_loss, test_loss, train_accuracy, test_accuracy, penalty, or a metric such as test_top5. "
    "By default the losses (and, of a line, the accuracies).",
)
@click.option(
    "--levels", type=LevelsType(), metavar="N|A,B,…", help="Number of contour lines, or their heights."
)
@click.option(
    "--kind",
    type=parsing.Choice(["contour", "surface", "both"]),
    default="both",
    show_default=True,
    help="Figures to draw of a plane.",
)
@click.option(
    "--format", "file_format", type=parsing.Choice(FILES),
    help="Write a file in place of figures: html is an interactive page without network, vti, vtr, vtp and pvd are for ParaView, nc is "
    "NetCDF, csv a table.",
)  # fmt: skip
@click.option(
    "--titles",
    metavar="A,B,…",
    help="Titles of several records, in their order; by default the models' names.",
)
@click.option("--columns", type=parsing.Whole(1, 12), metavar="N", help="Number of panels in a row.")
@click.option(
    "--limits", type=PairType(), metavar="LOW,HIGH",
    help="Ends of the scale of colours and heights, so that figures of several calls can be compared.",
)  # fmt: skip
@click.option(
    "--scale", type=parsing.Choice(("linear", "log")), help="Scale of the colours; by default log if the values span decades."
)  # fmt: skip
@click.option(
    "--view", type=PairType(), metavar="ELEVATION,AZIMUTH", help="Viewpoint of a surface, in degrees."
)  # fmt: skip
@click.option(
    "--cmap", metavar="NAME", default="viridis", show_default=True, help="Colour map, by matplotlib's name."
)
@click.option(
    "--width", type=parsing.Choice(("single", "double")), default="single", show_default=True,
    help="Width of a figure: one column (3.4 in), or both of a page (7 in).",
)  # fmt: skip
@click.option(
    "--style", type=parsing.Choice(("paper", "slides")), default="paper", show_default=True,
    help="Style of the figures; slides has larger letters and thicker lines.",
)  # fmt: skip
@click.option(
    "--dpi", type=parsing.Number(20, 2400), metavar="N", help="Resolution of png files in dots per inch; by default 300."
)  # fmt: skip
@click.option(
    "-o",
    "--output",
    metavar="STEM",
    help="Name of the files: STEM.<figure>.png; by default the record's name.",
)
@options.figure_format
@click.option(
    "--fresh",
    is_flag=True,
    help="Also overwrite files of these names that are not figures of this record's model.",
)
@options.speech
def command(
    record: tuple[Path, ...],
    quantity: str | None,
    levels: int | tuple[float, ...] | None,
    kind: str,
    file_format: str | None,
    titles: str | None,
    columns: int | None,
    output: str | None,
    figure_format: str,
    fresh: bool,
    messages: options.Messages,
    **choices: Any,
) -> None:
    """Draw a record again without recomputing it, several side by side on one scale, or the log of a training.

    A log is a model file with one, CSV, JSON or JSON lines with a step, or event files of TensorBoard.
    --format writes an interactive page, or files for ParaView, NetCDF and tables.
    """
    from landscape.errors import InputError
    from landscape.plots import save_comparison, save_figures
    from landscape.plots.look import Look
    from landscape.records import load_record

    look = Look(**choices)
    if len(record) == 1 and is_log(record[0]):
        plain = (
            quantity is None and levels is None and kind == "both" and file_format is None and look == Look()
        )
        draw_log(record[0], output, figure_format, plain, fresh, messages)
        return
    loaded = [load_record(path) for path in record]
    names = None if titles is None else titles.split(",")
    if len(record) == 1 and (columns is not None or (names is not None and file_format != "html")):
        raise InputError("--titles and --columns are for several records: give two or more")
    if names is None and len({str(one.settings.get("model_name")) for one in loaded}) < len(record):
        names = [path.name.removesuffix(".npz") for path in record] if len(record) > 1 else None
    first = record[0].name.removesuffix(".npz")
    stem = output or (first if len(record) == 1 else f"{first}.comparison")
    common: dict[str, Any] = {"inputs": record, "fresh": fresh}
    if file_format is not None:
        files = write_file(loaded, Path(f"{stem}.{file_format}"), names, quantity, common)
    elif len(record) == 1:
        files = save_figures(
            loaded[0], stem, figure_format, quantity=quantity, kind=kind, levels=levels, look=look, **common
        )
    else:
        files = save_comparison(
            loaded, stem, figure_format, names, quantity=quantity, kind=kind, levels=levels, columns=columns, look=look, **common
        )  # fmt: skip
    if messages.as_json:
        told = loaded[0].summary(files)
        if len(record) > 1:
            told = {"records": [one.summary() for one in loaded], "files": told["files"]}
        click.echo(json.dumps(told, allow_nan=False))
    for file in files:
        messages.say(f"wrote {file}")


def write_file(
    records: Sequence[Record],
    path: Path,
    titles: Sequence[str] | None,
    quantity: str | None,
    common: Mapping[str, Any],
) -> list[Path]:
    """Write the page of records, or one record for another program.

    Raises
    ------
    InputError
        Several records for a format that holds one, or what the format cannot hold.
    """
    from landscape.errors import InputError

    if path.suffix == ".html":
        from landscape.interactive import save_page

        return [save_page(records, path, titles, quantity=quantity, **common)]
    if len(records) > 1:
        raise InputError(
            f"--format {path.suffix[1:]} holds one record, found {len(records)}: give one at a time"
        )
    if quantity is not None:
        raise InputError(f"--format {path.suffix[1:]} holds every quantity: leave --quantity out")
    from landscape.exporting import export_record

    return export_record(records[0], path, **common)


def is_log(path: Path) -> bool:
    """Say whether to read a path as a log: a folder, a file that is not an archive, or a model file with a log."""
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
        raise InputError(f"{path}: is a log, whose figure takes none of these options: leave them out")
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

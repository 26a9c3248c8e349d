"""`landscape figures`: the gallery, drawn for a report."""

from __future__ import annotations

import json
from pathlib import Path

import click

from landscape.commands import INTERRUPTED, options, parsing
from landscape.commands.stem import speaker


@parsing.command("figures", epilog="For example: landscape figures toy_saddle convex_rates -o report")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "-o", "--output", "folder", metavar="DIR", type=parsing.FileName(folder=True), default=Path("figures"),
    show_default=True, help="Folder for the figures and their page README.md.",
)  # fmt: skip
@click.option("--list", "listed", is_flag=True, help="List the figures with what they show, and draw none.")
@click.option(
    "--quick", is_flag=True, help="Use fewer points, runs and steps: for a first look, not for a report."
)
@options.figure_format
@click.option(
    "--fresh", is_flag=True, help="Also overwrite files of these names that are not figures of the gallery."
)
@options.messages
def command(
    names: tuple[str, ...],
    folder: Path,
    listed: bool,
    quick: bool,
    figure_format: str,
    fresh: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Compute and draw the figures NAME of the gallery, pictures of a lecture; by default all.

    Each is computed again, with fixed seeds: networks are trained and functions are scanned.
    """
    from landscape.gallery import FIGURES, draw_gallery

    if listed:
        width = max(map(len, FIGURES))
        table = "\n".join(f"{name:<{width}}  {words}" for name, words in FIGURES.items())
        click.echo(json.dumps(FIGURES, ensure_ascii=False) if as_json else table)
        return

    say = speaker(quiet)
    try:
        files = draw_gallery(
            folder, names, quick=quick, figure_format=figure_format, fresh=fresh, announce=say
        )
    except KeyboardInterrupt:
        say("interrupted; the figures named before are written")
        raise click.exceptions.Exit(INTERRUPTED) from None
    say(f"wrote {len(files)} files into {folder}")
    if as_json:
        click.echo(json.dumps({"files": [str(file) for file in files]}))

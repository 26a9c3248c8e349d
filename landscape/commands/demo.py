"""`landscape demo`: write a bundled model, to try the other commands on."""

from __future__ import annotations

from pathlib import Path

import click

from landscape.commands import options
from landscape.errors import InputError


@click.command(epilog="Example: landscape demo && landscape scan digits.npz")
@click.argument("name", default="digits")
@click.option(
    "-o",
    "output",
    type=click.Path(path_type=Path),
    metavar="FILE.npz",
    help="Where to write it; by default NAME.npz in the working directory.",
)
@click.option("--list", "listing", is_flag=True, help="Name the bundled models and write nothing.")
@options.fresh
def command(name: str, output: Path | None, listing: bool, fresh: bool) -> None:
    """Write the bundled model NAME (digits) to a file."""
    from landscape.model import bundled, bundled_path

    if listing:
        for known, path in bundled().items():
            click.echo(f"{known}  {path.stat().st_size / 1e3:.0f} kB")
        return
    target = output or Path(f"{name}.npz")
    copy(bundled_path(name), target, fresh)
    if output is None:
        click.echo(f"wrote {target}", err=True)


def copy(source: Path, target: Path, fresh: bool) -> None:
    """Copy a file, but not over one with other content unless `fresh`.

    Raises
    ------
    InputError
        There is another file, or the path cannot be written.
    """
    from landscape.files import require_writable, write_bytes_atomically

    require_writable(target)
    content = source.read_bytes()
    if target.exists() and not fresh and not holds(target, content):
        raise InputError(
            f"{target}: another file is there already; give -o another name, or --fresh to replace it"
        )
    write_bytes_atomically(target, content)


def holds(path: Path, content: bytes) -> bool:
    """Tell whether a file has exactly this content."""
    return path.stat().st_size == len(content) and path.read_bytes() == content

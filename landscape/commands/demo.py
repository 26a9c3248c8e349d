"""`landscape demo`: write a bundled model, or one with a known fault, to try the other commands on."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from landscape.commands import options, parsing
from landscape.errors import InputError
from landscape.faults import CASES, HEALTHY

EPILOG = (
    "For example: landscape demo && landscape scan digits.npz\n\nFaults: "
    + ", ".join(CASES)
    + ". Then: landscape demo --fault zero-start && landscape critical zero-start.npz"
)


@parsing.command(epilog=EPILOG)
@click.argument("name", required=False)
@click.option(
    "-o",
    "--output",
    "output",
    type=parsing.FileName(),
    metavar="FILE.npz",
    help="Where to write the model; by default NAME.npz in the working directory.",
)
@click.option(
    "--list", "listing", is_flag=True, help="List the bundled models and the faults, and write nothing."
)
@click.option(
    "--fault", metavar="NAME", help="Train a network with this known fault, in seconds, and write it."
)
@click.option(
    "--twin",
    is_flag=True,
    help="With --fault: write the healthy counterpart, which differs only in the fault.",
)
@options.seed
@options.fresh
def command(
    name: str | None,
    output: Path | None,
    listing: bool,
    fault: str | None,
    twin: bool,
    seed: int,
    fresh: bool,
) -> None:
    """Write the bundled model NAME (by default digits) to a file, or a network with a known fault."""
    from landscape.model import bundled_path

    if listing:
        click.echo("\n".join(listed()))
        return
    if fault is None and (twin or seed):
        raise InputError("--twin and --seed belong to --fault NAME: a bundled model is always the same")
    if fault is not None and name is not None:
        raise InputError("expected the name of a bundled model or --fault NAME, found both")
    if fault is None:
        name = name or "digits"
        target = output or Path(f"{name}.npz")
        copy(bundled_path(name), target, fresh)
    else:
        target = output or Path(f"{fault}{f'.{HEALTHY}' if twin else ''}{f'.seed{seed}' if seed else ''}.npz")
        write_fault(fault, seed, twin, target, fresh)
    if output is None:
        click.echo(f"wrote {target}", err=True)


def listed() -> list[str]:
    """Name bundled models and faults, a line each."""
    from landscape.model.bundles import ABOUT, bundled

    width = max(map(len, CASES))
    models = [
        f"{known:<{width}}  {ABOUT[known]}, {path.stat().st_size / 1e3:.0f} kB"
        for known, path in bundled().items()
    ]
    faults = [f"{known:<{width}}  {case.title}; {HEALTHY}: {case.twin}" for known, case in CASES.items()]
    return [*models, "", "with --fault:", *faults]


def write_fault(fault: str, seed: int, twin: bool, target: Path, fresh: bool) -> None:
    """Train a case and write it.

    Raises
    ------
    InputError
        No such fault, another file there, or a path that cannot be written.
    """
    from landscape.faults import draw, recipe
    from landscape.files import require_writable
    from landscape.model import save_model

    recipe(fault)
    require_writable(target)
    case = CASES[fault]
    click.echo(
        f"training: {case.title}" + (f", but {case.twin}" if twin else f"; what you will see: {case.seen}"),
        err=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / "model.npz"
        save_model(draw(fault, seed, twin=twin), drawn)
        copy(drawn, target, fresh)


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
            f"{target}: another file exists there; give -o another name, or --fresh to replace it"
        )
    write_bytes_atomically(target, content)


def holds(path: Path, content: bytes) -> bool:
    """Return whether a file has exactly this content."""
    return path.stat().st_size == len(content) and path.read_bytes() == content

"""`landscape warm`: compile all kernels ahead."""

from __future__ import annotations

import click

from landscape.commands import INTERRUPTED, options, parsing
from landscape.commands.progress import progress_bar
from landscape.messages import say


@parsing.command(epilog="For example: landscape warm --dtype float32")
@click.option(
    "--dtype",
    "dtypes",
    type=parsing.Choice(options.DTYPES),
    multiple=True,
    help="Precision to compile for; may be given twice, by default both. Scans and trainings use float32, curvature uses float64.",
)
@options.quiet
def command(dtypes: tuple[str, ...], quiet: bool) -> None:
    """Compile all functions (kernels) for this machine's CPU and store them, so that no later run waits for the compiler.

    Takes some minutes, on all cores; LANDSCAPE_COMPILERS=N limits them to N. Kernels that exist already are not compiled again.
    """
    from landscape.jit import CACHE
    from landscape.objective.compiling import DTYPES, compile_ahead

    try:
        with progress_bar("compiling", quiet=quiet) as progress:
            count = compile_ahead(dtypes or DTYPES, progress=progress)
    except KeyboardInterrupt:
        say("interrupted; the kernels compiled so far are kept, and the same command continues from there")
        raise click.exceptions.Exit(INTERRUPTED) from None
    click.echo(f"{count} kernels compiled; all are in {CACHE}")

"""`landscape hessian`: the curvature of the loss at a model, as a record and figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from landscape.commands import INTERRUPTED, options
from landscape.commands.stem import draw, output_stem, speaker

OPERATORS = ("hessian", "gauss-newton", "fisher", "empirical-fisher")
METHODS = ("exact", "finite-difference", "both")


@click.command("hessian", epilog="For example: landscape hessian digits.npz --top 10 --bottom 5 --density")
@options.model
@click.option(
    "--method",
    type=click.Choice(METHODS),
    default="exact",
    show_default=True,
    help="Exact products, finite differences of gradients, or exact ones compared with differences.",
)
@click.option(
    "--operator",
    type=click.Choice(OPERATORS),
    default="hessian",
    show_default=True,
    help="The matrix: the Hessian, or what stands in for it.",
)
@click.option(
    "--precondition", is_flag=True, help="See it as Adam does: P^(-1/2) H P^(-1/2), P from the file's state."
)
@click.option(
    "--top", type=int, metavar="K", help="The K largest eigenvalues. By default 10, with 5 at the bottom."
)
@click.option("--bottom", type=int, metavar="K", help="The K smallest (most negative) eigenvalues.")
@click.option("--all", "every", is_flag=True, help="All eigenvalues, of the dense Hessian.")
@click.option("--density", is_flag=True, help="The spectral density, by stochastic Lanczos quadrature.")
@click.option(
    "--accuracy",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="Of the density, as a part of the spectrum's width.",
)
@click.option("--trace", is_flag=True, help="Trace and Frobenius norm, with standard errors.")
@click.option("--node", metavar="NAME", help="Only the submatrix of one node's parameters.")
@click.option("--by-node", is_flag=True, help="Also the extreme eigenvalues of each node's submatrix.")
@options.point
@options.bare_file
@options.record
def command(
    model: Path,
    activation: str | None,
    loss: str | None,
    output: str | None,
    no_figure: bool,
    figure_format: str,
    as_json: bool,
    quiet: bool,
    every: bool,
    **choices: Any,
) -> int:
    """Find the curvature of the loss of MODEL at its parameters: eigenvalues, trace, density.

    Writes STEM.npz, and figures beside it. Every number comes with its error: a bound from the residual for
    an eigenvalue, a standard error for an estimate. Exit status 1 where a search did not converge; what was
    found is written all the same.
    """
    from landscape.commands.hessian_report import hessian_table
    from landscape.curvature import analyze_hessian
    from landscape.model import load_model

    say = speaker(quiet)
    stem = output_stem(output, model, "hessian")
    try:
        record = analyze_hessian(
            load_model(model, activation=activation, loss=loss),
            all=every,
            output=f"{stem}.npz",
            announce=say,
            **choices,
        )
    except KeyboardInterrupt as interruption:
        say(str(interruption) or "interrupted; nothing was written")
        raise click.exceptions.Exit(INTERRUPTED) from None
    files = [Path(f"{stem}.npz")] + ([] if no_figure else draw(record, stem, figure_format))
    say(f"wrote {', '.join(str(file) for file in files)}")
    click.echo(json.dumps(record.summary(files), allow_nan=False) if as_json else hessian_table(record))
    if record.status:
        click.echo(f"Error: {record.status}", err=True)
    return 1 if record.status else 0

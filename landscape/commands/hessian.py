"""`landscape hessian`: the curvature of the loss at a model, as a record and figures."""

from __future__ import annotations

from typing import Any

import click

from landscape.commands import options, parsing
from landscape.commands.call import Call, makes_record

OPERATORS = ("hessian", "gauss-newton", "fisher", "empirical-fisher")
METHODS = ("exact", "finite-difference", "both")


@parsing.command("hessian", epilog="For example: landscape hessian digits.npz --top 10 --bottom 5 --density")
@click.option(
    "--method",
    type=parsing.Choice(METHODS),
    default="exact",
    show_default=True,
    help="How products with the matrix are computed: exactly, by finite differences of gradients, or both, compared.",
)
@click.option(
    "--operator",
    type=parsing.Choice(OPERATORS),
    default="hessian",
    show_default=True,
    help="Matrix to analyze: the Hessian, or one of its positive semidefinite approximations.",
)
@click.option(
    "--precondition",
    is_flag=True,
    help="Analyze P^(-1/2) H P^(-1/2), the curvature that Adam sees, with P from the optimizer state in the file.",
)
@click.option(
    "--top",
    type=parsing.Whole(0),
    metavar="K",
    help="Number of largest eigenvalues to find; by default 10, and the 5 smallest.",
)
@click.option(
    "--bottom",
    type=parsing.Whole(0),
    metavar="K",
    help="Number of smallest (most negative) eigenvalues to find.",
)
@click.option(
    "--all", "every", is_flag=True, help="Find all eigenvalues from the dense matrix; for small networks."
)
@click.option(
    "--density", is_flag=True, help="Estimate the density of all eigenvalues (stochastic Lanczos quadrature)."
)
@click.option(
    "--accuracy",
    type=parsing.Number(0, 1, above=True, below=True),
    default=0.05,
    show_default=True,
    help="Resolution of --density, as a fraction of the range of the spectrum.",
)
@click.option(
    "--trace", is_flag=True, help="Estimate the trace and the Frobenius norm, with standard errors."
)
@click.option("--node", metavar="NAME", help="Analyze only the parameters of this node (layer).")
@click.option(
    "--by-node",
    is_flag=True,
    help="Also find the extreme eigenvalues for each node's parameters by themselves.",
)
@options.point
@makes_record("hessian", programs=True)
def command(call: Call, every: bool, **choices: Any) -> int:
    """Compute the curvature of the loss of MODEL at its parameters: eigenvalues, trace, density.

    Writes STEM.npz, and figures beside it. Every number comes with its error: a bound from the residual for
    an eigenvalue, a standard error for an estimate. Exit status 1 if a search did not converge; what was
    found is written all the same.
    """
    from landscape.curvature import analyze_hessian
    from landscape.tables.hessian import hessian_table

    record = call.record(analyze_hessian, all=every, **choices)
    call.end(record, hessian_table)
    if record.status:
        click.echo(f"Error: {record.status}", err=True)
    return 1 if record.status else 0

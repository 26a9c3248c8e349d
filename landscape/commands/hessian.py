"""`landscape hessian`: the curvature of the loss at a model, as a record and figures."""

from __future__ import annotations

from typing import Any

import click

from landscape.commands import options
from landscape.commands.call import Call, makes_record

OPERATORS = ("hessian", "gauss-newton", "fisher", "empirical-fisher")
METHODS = ("exact", "finite-difference", "both")


@click.command("hessian", epilog="For example: landscape hessian digits.npz --top 10 --bottom 5 --density")
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
@makes_record("hessian")
def command(call: Call, every: bool, **choices: Any) -> int:
    """Find the curvature of the loss of MODEL at its parameters: eigenvalues, trace, density.

    Writes STEM.npz, and figures beside it. Every number comes with its error: a bound from the residual for
    an eigenvalue, a standard error for an estimate. Exit status 1 where a search did not converge; what was
    found is written all the same.
    """
    from landscape.curvature import analyze_hessian
    from landscape.tables.hessian import hessian_table

    record = call.record(analyze_hessian, all=every, announce=call.say, **choices)
    call.end(record, hessian_table)
    if record.status:
        click.echo(f"Error: {record.status}", err=True)
    return 1 if record.status else 0

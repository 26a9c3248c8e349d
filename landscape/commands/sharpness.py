"""`landscape sharpness`: how sharp a minimum is, by several measures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from landscape.commands import options, parsing
from landscape.commands.call import Call, makes_record

# The names of `landscape.sharpness.MEASURES`, here so that --help imports nothing.
MEASURES = (
    "lambda_max", "trace", "frobenius", "keskar", "keskar_subspace", "sam", "sam_maximized", "adaptive", "average",
    "adaptive_average", "relative_flatness", "weighted_lambda_max", "fisher_rao", "width",
)  # fmt: skip
NUMBER = parsing.Number(0, above=True)


def radius(name: str, default: float, text: str) -> Any:
    """Make an option that sets one number of the measures."""
    return click.option(name, type=NUMBER, default=default, show_default=True, help=text)


@parsing.command("sharpness", epilog="For example: landscape sharpness digits.npz --rescaling-test")
@click.option(
    "--measure",
    "measures",
    type=parsing.Choice(MEASURES),
    multiple=True,
    metavar="NAME",
    help=f"Measure to compute in place of all; may be given several times. Known are {', '.join(MEASURES)}.",
)
@click.option(
    "--compare",
    type=click.Path(path_type=Path),
    metavar="OTHER.npz",
    help="Also measure this model, and show both.",
)
@click.option(
    "--rescaling-test",
    is_flag=True,
    help="Measure again after rescaling layers and neurons of a ReLU network in ways that leave its outputs unchanged.",
)
@radius(
    "--epsilon", 1e-3, "keskar: half the width of the box around the parameters, in units of |parameter| + 1."
)
@radius("--rho", 0.05, "sam: radius of the ball around the parameters.")
@radius("--adaptive-rho", 0.5, "adaptive: radius of the ball, in changes relative to the parameters.")
@radius("--sigma", 0.01, "average: standard deviation of the noise added to the parameters.")
@radius(
    "--adaptive-sigma", 0.1, "adaptive_average: standard deviation of the noise, relative to the parameters."
)
@radius("--rise", 0.1, "width: rise of the loss at which the width is measured, as a fraction of 1 + loss.")
@options.point
@makes_record("sharpness", programs=True)
def command(
    call: Call,
    compare: Path | None,
    epsilon: float,
    rho: float,
    adaptive_rho: float,
    sigma: float,
    adaptive_sigma: float,
    rise: float,
    **choices: Any,
) -> int:
    """Measure how sharp the loss of MODEL is at its parameters, without weight decay.

    Every measure comes with its error (--json also has its definition) and says whether it depends on how the scale of a ReLU network is
    distributed over layers or neurons: a measure that does is not a property of the function itself. Writes STEM.npz and a figure of
    training and test loss. Exit status 1 if the rescaling test contradicts theory.
    """
    from landscape.sharpness import Options, measure_sharpness
    from landscape.tables.sharpness import sharpness_table, surprises

    numbers = Options(
        epsilon=epsilon,
        rho=rho,
        adaptive_rho=adaptive_rho,
        sigma=sigma,
        adaptive_sigma=adaptive_sigma,
        rise=rise,
    )
    record = call.record(
        measure_sharpness,
        compare=None if compare is None else call.load(compare),
        options=numbers,
        **choices,
    )
    call.end(record, sharpness_table)
    for sentence in surprises(record):
        click.echo(f"Error: {sentence}", err=True)
    return 1 if surprises(record) else 0

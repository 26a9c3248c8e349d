"""`landscape sharpness`: how sharp a minimum is, in every way there is a name for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from landscape.commands import INTERRUPTED, options
from landscape.commands.stem import draw, output_stem, speaker

# The names of `landscape.sharpness.MEASURES`, here so that --help imports nothing.
MEASURES = (
    "lambda_max", "trace", "frobenius", "keskar", "keskar_subspace", "sam", "sam_maximized", "adaptive", "average",
    "adaptive_average", "relative_flatness", "weighted_lambda_max", "fisher_rao", "width",
)  # fmt: skip
NUMBER = click.FloatRange(min=0, min_open=True)


def radius(name: str, default: float, text: str) -> Any:
    """Make an option that sets one number of the measures."""
    return click.option(name, type=NUMBER, default=default, show_default=True, help=text)


@click.command("sharpness", epilog="For example: landscape sharpness digits.npz --rescaling-test")
@options.model
@click.option(
    "--measure",
    "measures",
    type=click.Choice(MEASURES),
    multiple=True,
    metavar="NAME",
    help=f"Only this one; may be given several times. {', '.join(MEASURES)}.",
)
@click.option(
    "--compare", type=click.Path(path_type=Path), metavar="OTHER.npz", help="Measure another model beside it."
)
@click.option(
    "--rescaling-test",
    is_flag=True,
    help="Measure again where layers, and neurons, of a ReLU network are rescaled: the function is the same.",
)
@radius("--epsilon", 1e-3, "Keskar's box.")
@radius("--rho", 0.05, "Radius of SAM's ball.")
@radius("--adaptive-rho", 0.5, "Radius of the ball of changes relative to the weights.")
@radius("--sigma", 0.01, "Standard deviation of the noise.")
@radius("--adaptive-sigma", 0.1, "Standard deviation of the noise relative to the weights.")
@radius("--rise", 0.1, "Where the width is measured: a rise by this part of 1 + loss.")
@options.point
@options.bare_file
@options.record
def command(
    model: Path,
    activation: str | None,
    loss: str | None,
    compare: Path | None,
    output: str | None,
    no_figure: bool,
    figure_format: str,
    as_json: bool,
    quiet: bool,
    epsilon: float,
    rho: float,
    adaptive_rho: float,
    sigma: float,
    adaptive_sigma: float,
    rise: float,
    **choices: Any,
) -> int:
    """Measure how sharp the loss of MODEL is at its parameters, without weight decay.

    Every measure comes with its error, its definition, and whether it depends on how a ReLU network spreads its scale
    over layers or neurons: one that does says nothing of the function. Writes STEM.npz and a figure of training and
    test loss. Exit status 1 where the rescaling test finds another answer than theory.
    """
    from landscape.model import load_model
    from landscape.sharpness import Options, measure_sharpness
    from landscape.tables.sharpness import sharpness_table, surprises

    say = speaker(quiet)
    stem = output_stem(output, model, "sharpness")
    numbers = Options(
        epsilon=epsilon,
        rho=rho,
        adaptive_rho=adaptive_rho,
        sigma=sigma,
        adaptive_sigma=adaptive_sigma,
        rise=rise,
    )
    try:
        record = measure_sharpness(
            load_model(model, activation=activation, loss=loss),
            compare=None if compare is None else load_model(compare, activation=activation, loss=loss),
            options=numbers,
            output=f"{stem}.npz",
            announce=say,
            **choices,
        )
    except KeyboardInterrupt:
        say("interrupted; nothing was written")
        raise click.exceptions.Exit(INTERRUPTED) from None
    files = [Path(f"{stem}.npz")] + ([] if no_figure else draw(record, stem, figure_format))
    say(f"wrote {', '.join(str(file) for file in files)}")
    click.echo(json.dumps(record.summary(files), allow_nan=False) if as_json else sharpness_table(record))
    for sentence in surprises(record):
        click.echo(f"Error: {sentence}", err=True)
    return 1 if surprises(record) else 0

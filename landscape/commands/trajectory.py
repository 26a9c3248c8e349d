"""`landscape trajectory`: the checkpoints of a run on a plane of its landscape, as a record and figures."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from landscape.commands import INTERRUPTED, options
from landscape.commands.progress import progress_bar
from landscape.commands.stem import draw, output_stem, speaker
from landscape.directions.normalize import NORMALIZATIONS
from landscape.errors import InputError

if TYPE_CHECKING:
    from landscape.model import Model
    from landscape.records import Trajectory
    from landscape.scanning import Plan
    from landscape.trajectories import Projection

# Of a fresh run.
CHECKPOINTS = 60


@click.command("trajectory", epilog="For example: landscape trajectory digits.npz --points 31")
@options.model
@click.option(
    "--direction",
    metavar="principal|random|FILE.npz|…",
    default="principal",
    show_default=True,
    help="What spans the plane: the run's principal directions, or any other that scan takes.",
)
@click.option("--points", metavar="N|NxM", default="51", show_default=True, help="Points along the axes.")
@click.option(
    "--span",
    multiple=True,
    metavar="S|A:B",
    help="Range of the axes, once or once an axis; by default the whole path is shown.",
)
@click.option(
    "--normalize",
    type=click.Choice(tuple(NORMALIZATIONS)),
    help="Scale directions to the weights; by default filter for random, else none.",
)
@click.option("--include-bias", is_flag=True, help="Scale biases to their norm in place of leaving them out.")
@click.option(
    "--animate",
    metavar="FILE.gif|FILE.mp4",
    type=click.Path(path_type=Path),
    help="Also write a film: a frame a checkpoint.",
)
@click.option(
    "--optimizer",
    metavar="NAME",
    help="Train a fresh run from MODEL and draw that, in place of its checkpoints.",
)
@click.option(
    "--init", metavar="NAME", help="Of a fresh run: an initialization drawn by --seed: he, xavier, …"
)
@click.option(
    "--learning-rate", type=float, metavar="R", default=0.01, show_default=True, help="Of a fresh run."
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    metavar="N",
    default=32,
    show_default=True,
    help="Of a fresh run.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=2),
    metavar="N",
    default=500,
    show_default=True,
    help="Updates of a fresh run.",
)
@options.data
@options.engine
@options.device
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
    span: tuple[str, ...],
    animate: Path | None,
    optimizer: str | None,
    init: str | None,
    learning_rate: float,
    batch_size: int,
    steps: int,
    **choices: Any,
) -> None:
    """Project the checkpoints of MODEL on a plane, and draw them over the loss there.

    Says which share of the path lies on the plane, how far out of it the checkpoints are, and how their own
    losses differ from what the map shows at their places. Writes STEM.npz, STEM.plane.npz (the scan of the
    plane) and figures.
    """
    from landscape.model import load_model
    from landscape.trajectories import trajectory

    if animate is not None:
        from landscape.plots import require_film

        require_film(animate)
    if init is not None and optimizer is None:
        raise InputError("--init starts a fresh run, which needs --optimizer")

    say = speaker(quiet)
    plans: list[Plan] = []

    def announce(plan: Plan, projection: Projection) -> None:
        plans.append(plan)
        for note in plan.notes:
            say(note)

    stem = output_stem(output, model, "trajectory")
    loaded = load_model(model, activation=activation, loss=loss)
    recipe = {"learning_rate": learning_rate, "batch_size": batch_size, "steps": steps, "init": init}
    try:
        if optimizer is not None:
            loaded = fresh_run(loaded, say, optimizer=optimizer, seed=choices["seed"], **recipe)
        with progress_bar(
            "trajectory", lambda: math.prod(plans[0].shape) if plans else 0, quiet=quiet
        ) as advance:
            record = trajectory(
                loaded,
                span=list(span),
                output=f"{stem}.npz",
                progress=advance,
                announce=announce,
                **choices,
            )
    except KeyboardInterrupt as interruption:
        click.echo(str(interruption) or "interrupted", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    files = [Path(f"{stem}.npz"), Path(f"{stem}.plane.npz")]
    files = [file for file in files if file.exists()] + (
        [] if no_figure else draw(record, stem, figure_format)
    )
    if animate is not None:
        from landscape.plots import save_film

        save_film(record, animate)
        files.append(animate)
    say(f"wrote {', '.join(map(str, files))}")
    click.echo(json.dumps(record.summary(files), allow_nan=False) if as_json else table(record))


def fresh_run(model: Model, say: Callable[[str], None], **recipe: Any) -> Model:
    """Train from the model; a run that diverges is drawn as far as it went."""
    from landscape.training import DivergenceError, train

    try:
        return train(model, checkpoints=CHECKPOINTS, history=2, announce=say, **recipe)
    except DivergenceError as error:
        say(str(error))
        return error.model


def table(record: Trajectory) -> str:
    """Write the summary for people."""
    settings, values, plane = record.settings, record.values[record.main], record.plane_values[record.main]
    shares = " + ".join(f"{share:.2%}" for share in record.captured)
    farthest = int(record.distance.argmax())
    gap = record.summary()["gap"]
    rows = [
        ("trajectory", f"{settings['model_name']}, {record.step.size} checkpoints, {settings['dtype']}"),
        *(
            (f"axis {index}", f"{axis[0]:.4g}:{axis[-1]:.4g} along {label}")
            for index, (axis, label) in enumerate(
                zip(record.scan.axes, settings["directions"], strict=True), start=1
            )
        ),
        ("captured", f"{shares} = {record.captured.sum():.2%} of the variance around θ"),
        ("out of plane", f"at most {record.distance[farthest]:.4g}, at update {record.step[farthest]:,}"),
        ("true loss", f"{values[0]:.6g} at first, {values[-1]:.6g} at last"),
        ("on the plane", f"{plane[0]:.6g} at first, {plane[-1]:.6g} at last"),
    ]
    if gap is not None:
        told = f"update {gap['step']:,}: the map shows {gap['plane']:.4g}, the truth is {gap['true']:.4g}"
        rows.append(("widest gap", told))
    width = max(len(label) for label, _ in rows)
    return "\n".join(f"{label:<{width}}  {text}" for label, text in rows)

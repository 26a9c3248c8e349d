"""`landscape train`: train a network and write it with its history, checkpoints and optimizer's memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from landscape.commands import INTERRUPTED, options
from landscape.commands.progress import progress_bar
from landscape.commands.stem import speaker


@click.command(
    "train",
    epilog="For example: landscape train digits.npz --init he --optimizer adam --learning-rate 0.001 --epochs 20 -o trained.npz",
)
@options.model
@click.option(
    "-o", "target", metavar="OUT.npz", help="Where to write it; by default <model's stem>.train.npz."
)
@click.option(
    "--optimizer",
    default="sgd",
    show_default=True,
    metavar="NAME",
    help="sgd, heavy_ball, nesterov, adagrad, "
    "adagrad_rms, rmsprop, adam, adamw, amsgrad, radam, lion or sam, or PyTorch's names of these.",
)
@click.option(
    "--learning-rate",
    type=float,
    default=0.01,
    show_default=True,
    metavar="X",
    help="At the schedule's height.",
)
@click.option(
    "--momentum",
    type=float,
    metavar="X",
    help="λ, or β₁; by default the optimizer's (0 for sgd and rmsprop).",
)
@click.option("--beta2", type=float, metavar="X", help="Of squares; by default the optimizer's.")
@click.option(
    "--weight-decay",
    type=float,
    metavar="X",
    help="Becomes the model's penalty; acts on θ itself with adamw and lion.",
)
@click.option("--clip", type=float, default=0.0, metavar="X", help="Bound of the gradient's norm; 0 is none.")
@click.option(
    "--schedule",
    default="constant",
    show_default=True,
    metavar="NAME",
    help="constant, step, exponential, inverse_sqrt, cosine, linear, transformer or one_cycle.",
)
@click.option(
    "--warmup",
    type=int,
    default=0,
    metavar="N",
    help="Steps in which the rate rises linearly before the schedule.",
)
@click.option("--schedule-steps", type=int, metavar="N", help="Length of the schedule; by default the run's.")
@click.option("--batch-size", type=int, default=32, show_default=True, metavar="N", help="Examples a step.")
@click.option("--replacement", is_flag=True, help="Draw every batch from all examples, not an epoch's rest.")
@click.option("--steps", type=int, metavar="N", help="Updates; 1000 if neither these nor epochs are given.")
@click.option("--epochs", type=float, metavar="X", help="Passes over the training data in place of steps.")
@click.option(
    "--checkpoints",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    metavar="K",
    help="Parameter vectors to keep.",
)
@click.option(
    "--history",
    type=click.IntRange(2),
    default=50,
    show_default=True,
    metavar="K",
    help="How often whole losses are taken.",
)
@click.option("--init", metavar="NAME", help="Start anew: he, xavier, normal or zero, by the seed.")
@click.option(
    "--architecture", metavar="64-32-10", help="A new network of dense layers; MODEL then holds only data."
)
@options.engine
@options.device
@options.bare_file
@options.fresh
@options.messages
def command(
    model: Path,
    target: str | None,
    architecture: str | None,
    activation: str | None,
    loss: str | None,
    as_json: bool,
    quiet: bool,
    **choices: Any,
) -> None:
    """Train MODEL from its parameters, or from new ones, and write the result with its story.

    Cut short, by Ctrl-C or otherwise, the same command takes up where the file was last saved, and ends with the same bits.
    The same command with more --steps or --epochs goes on from a finished one, unless the schedule depends on the length of the run.
    A training that diverges ends with exit status 1; the file then has the last finite parameters.
    """
    from landscape.locks import locked
    from landscape.overwrite import mapped_files, refuse_overwriting
    from landscape.training import DivergenceError, train

    say = speaker(quiet)
    output = Path(target or f"{model.stem}.train.npz")
    # What stands there is for `train` to refuse, which goes on from what it wrote itself.
    refuse_overwriting(output, inputs=[model], fresh=True)
    start = starting_model(model, architecture, activation, loss, choices)
    refuse_overwriting(output, inputs=mapped_files(start.data.values()), fresh=True)
    choices = {name: value for name, value in choices.items() if value is not None}
    if "steps" not in choices and "epochs" not in choices:
        choices["steps"] = 1000
    total = {"steps": 0}

    def count(advance: Callable[[int, int], None], done: int, steps: int) -> None:
        total["steps"] = steps
        advance(done, steps)

    try:
        with (
            locked([output]),
            progress_bar("training", lambda: total["steps"], quiet=quiet, unit="steps") as advance,
        ):
            done = train(start, output=output, advance=partial(count, advance), announce=say, **choices)
    except KeyboardInterrupt:
        kept = f"the same command goes on from {output}" if output.exists() else "nothing was written"
        say(f"interrupted; {kept}")
        raise click.exceptions.Exit(INTERRUPTED) from None
    except DivergenceError as error:
        say(f"wrote {output}")
        if as_json:
            click.echo(json.dumps(summary(error.model, output, error.step), allow_nan=False))
        raise
    say(f"wrote {output}")
    click.echo(json.dumps(summary(done, output), allow_nan=False) if as_json else table(done))


def starting_model(
    path: Path, architecture: str | None, activation: str | None, loss: str | None, choices: dict[str, Any]
) -> Any:
    """Load the model, or make a new one on the file's data."""
    from landscape.model import load_model
    from landscape.training import new_model

    if architecture is None:
        return load_model(path, activation=activation, loss=loss)
    init = choices["init"] or "he"
    choices["init"] = init
    return new_model(
        path, architecture, activation=activation or "relu", loss=loss, init=init, seed=choices["seed"]
    )


def summary(model: Any, output: Path, diverged: int | None = None) -> dict[str, Any]:
    """Give the numbers of a training as plain Python; null for what is not finite."""
    last = {name: float(series[-1]) for name, series in model.history.items() if name != "step"}
    return {
        "steps": int(model.history["step"][-1]),
        "diverged": diverged,
        **{name: value if abs(value) < float("inf") else None for name, value in last.items()},
        "training": model.training,
        "files": [str(output)],
    }


def table(model: Any) -> str:
    """Write the first and the last row of the history for people."""
    history = model.history
    names = [name for name in history if name != "step"]
    width = max(len(name) for name in names)
    lines = [f"{'step':<{width}}  {history['step'][0]:>12,}  {history['step'][-1]:>12,}"]
    lines += [f"{name:<{width}}  {history[name][0]:>12.6g}  {history[name][-1]:>12.6g}" for name in names]
    return "\n".join([*lines, f"{'device':<{width}}  {model.training.get('device', 'cpu'):>12}"])

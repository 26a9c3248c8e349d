"""`landscape train`: train a network and write it with its history, checkpoints and optimizer's memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from landscape.commands import options, parsing
from landscape.commands.call import written_at
from landscape.commands.progress import interruptible, progress_bar
from landscape.commands.stem import options_in_name, speaker

# A training goes on in the file of a shorter one, and what is kept of it is no other training.
LENGTHS = ("steps", "epochs", "checkpoints", "history")


@parsing.command(
    "train",
    epilog="For example: landscape train digits.npz --init he --optimizer adam --learning-rate 0.001 --epochs 20 -o trained.npz",
)
@options.model
@click.option(
    "-o",
    "--output",
    "target",
    type=parsing.FileName(),
    metavar="OUT.npz",
    help="Where to write the trained model; by default the names of MODEL, of train and of the options that change the result.",
)
@click.option(
    "--optimizer",
    default="sgd",
    show_default=True,
    metavar="NAME",
    help="Optimizer to train with: sgd, heavy_ball, nesterov, adagrad, "
    "adagrad_rms, rmsprop, adam, adamw, amsgrad, radam, lion or sam, or PyTorch's name of one of these.",
)
@options.learning_rate(0.01)
@options.momentum
@options.beta2
@click.option(
    "--weight-decay",
    type=parsing.Number(0),
    metavar="X",
    help="Coefficient λ of the penalty ½λ‖θ‖², in place of the model's; for adamw and lion the decoupled weight decay.",
)
@click.option(
    "--clip",
    type=parsing.Number(0),
    default=0.0,
    metavar="X",
    help="Scale gradients with a norm above X down to norm X; 0 turns this off.",
)
@click.option(
    "--schedule",
    default="constant",
    show_default=True,
    metavar="NAME",
    help="Schedule of the learning rate over the run: constant, step, exponential, inverse_sqrt, cosine, linear, transformer or one_cycle.",
)
@click.option(
    "--warmup",
    type=parsing.Whole(0),
    default=0,
    metavar="N",
    help="Number of updates over which the learning rate rises linearly from zero, before the schedule.",
)
@click.option(
    "--schedule-steps",
    type=parsing.Whole(1),
    metavar="N",
    help="Number of updates that the schedule spans; by default the length of the run.",
)
@options.batch_size()
@click.option(
    "--replacement", is_flag=True, help="Sample batches with replacement instead of shuffling each epoch."
)
@options.steps(least=1, otherwise="; 1000 if neither --steps nor --epochs is given")
@options.epochs(otherwise=", in place of --steps")
@click.option(
    "--checkpoints",
    type=parsing.Whole(0),
    default=20,
    show_default=True,
    metavar="K",
    help="Number of checkpoints to keep in the file, spread evenly over the run.",
)
@click.option(
    "--history",
    type=parsing.Whole(2),
    default=50,
    show_default=True,
    metavar="K",
    help="Number of times that the losses over all data are computed and logged.",
)
@options.init()
@click.option(
    "--architecture",
    metavar="64-32-10",
    help="Train a new network of dense layers of these widths on the data in MODEL.",
)
@options.dtype
@options.one_thread
@options.seed
@options.device
@options.bare_file
@options.fresh
@options.messages
def command(
    model: Path,
    target: Path | None,
    architecture: str | None,
    activation: str | None,
    loss: str | None,
    as_json: bool,
    quiet: bool,
    **choices: Any,
) -> None:
    """Train MODEL from its parameters, or from new ones, and write the result with its log and checkpoints.

    After an interruption the same command continues where the file was last saved, and ends with the same bits.
    The same command with more --steps or --epochs goes on from a finished one, unless the schedule depends on the length of the run.
    A training that diverges ends with exit status 1; the file then has the last finite parameters.
    """
    from landscape.locks import locked
    from landscape.overwrite import mapped_files, refuse_overwriting
    from landscape.training import DivergenceError, train

    say = speaker(quiet)
    named = options_in_name(click.get_current_context(), LENGTHS)
    output = target or Path(f"{model.stem}.train{named}.npz")
    # What stands there is for `train` to refuse, which goes on from what it wrote itself.
    refuse_overwriting(output, inputs=[model], fresh=True)
    start = starting_model(model, architecture, activation, loss, choices)
    refuse_overwriting(output, inputs=mapped_files(start.data.values()), fresh=True)
    choices = {name: value for name, value in choices.items() if value is not None}
    if "steps" not in choices and "epochs" not in choices:
        choices["steps"] = 1000
    before = written_at(output)
    try:
        with (
            locked([output]),
            interruptible(say, quiet=quiet),
            progress_bar("training", quiet=quiet) as progress,
        ):
            done = train(start, output=output, progress=progress, announce=say, **choices)
    except DivergenceError as error:
        say(f"wrote {output}")
        if as_json:
            click.echo(json.dumps(summary(error.model, output, error.step), allow_nan=False))
        raise
    # What was finished already is not written again.
    if written_at(output) != before:
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

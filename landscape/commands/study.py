"""`landscape study`: batch size, learning rate, stability and schedules on one model, as records and figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from landscape.commands import options, parsing
from landscape.commands.call import Call, makes_record
from landscape.errors import InputError

if TYPE_CHECKING:
    from landscape.records import Study

optimizer_option = click.option(
    "--optimizer",
    metavar="NAME",
    default="sgd",
    show_default=True,
    help="Optimizer to train with: a name that train knows, or PyTorch's.",
)
optimizers_option = click.option(
    "--optimizer",
    metavar="NAME,NAME,…",
    default="sgd,adam",
    show_default=True,
    help="Optimizers to try: names that train knows, or PyTorch's.",
)
common = options.together(options.init(), options.engine, options.device, options.workers)
# Curvature is followed in float64.
precise = options.together(options.init(), options.precise_engine, options.device, options.workers)


@click.group("study", cls=parsing.Group)
def command() -> None:
    """Answer a question about training by an experiment on MODEL.

    Each subcommand writes a record, a figure, and sentences that say what was found. A run that diverges is a result too. After an
    interruption the same command continues where it stopped.
    """


@command.command("batch-size", epilog="For example: landscape study batch-size digits.npz --init he")
@click.option(
    "--batch-sizes", metavar="N,N,…", default="16,64,256,1024", show_default=True, help="Batch sizes to try."
)
@optimizer_option
@options.learning_rate(0.1)
@options.epochs(15.0, ", in the comparison for equal epochs")
@options.seeds()
@common
@makes_record("study.batch-size")
def batch_size(call: Call, batch_sizes: str, **choices: Any) -> None:
    """Compare batch sizes for equal epochs and for equal updates: time, losses, sharpness and noise."""
    from landscape.studies import study_batch_size

    sizes = parsing.read_several(batch_sizes, parsing.Whole(1), "--batch-sizes")
    run(call, study_batch_size, batch_sizes=sizes, **choices)


@command.command("learning-rate", epilog="For example: landscape study learning-rate digits.npz --init he")
@optimizers_option
@click.option(
    "--rates", metavar="R,R,…", help="Learning rates to try; by default 1e-4 to 10 by factors of √10."
)
@options.steps(500)
@options.batch_size()
@options.seeds(5)
@common
@makes_record("study.learning-rate")
def learning_rate(call: Call, optimizer: str, rates: str | None, **choices: Any) -> None:
    """Propose a learning rate for each optimizer, with an interval over seeds, and say where and how other rates fail."""
    from landscape.studies import study_learning_rate

    tried: dict[str, Any] = (
        {} if rates is None else {"rates": parsing.read_several(rates, options.RATE, "--rates")}
    )
    run(call, study_learning_rate, optimizers=names_of(optimizer), **tried, **choices)


@command.command(
    "stability", epilog="For example: landscape study stability digits.npz --init he --rates 0.1,0.3"
)
@optimizer_option
@click.option(
    "--rates",
    metavar="R,R,…",
    default="0.05,0.1,0.2",
    show_default=True,
    help="Learning rates to try, one run for each.",
)
@options.momentum
@options.beta2
@options.steps(2000)
@click.option(
    "--looks",
    type=parsing.Whole(3),
    metavar="N",
    default=40,
    show_default=True,
    help="Number of times that the largest curvature is measured along each run.",
)
@options.of_training(
    "--batch-size",
    parsing.Whole(1),
    "N",
    "Examples in each update, for sgd; the curvature of the batches' losses is then measured too. By default all examples.",
)
@precise
@makes_record("study.stability")
def stability(call: Call, rates: str, **choices: Any) -> None:
    """Follow the largest curvature along training, with all examples or batches, and compare it with the stability limit of the learning rate."""
    from landscape.studies import study_stability

    run(call, study_stability, rates=parsing.read_several(rates, options.RATE, "--rates"), **choices)


@command.command(
    "schedule", epilog="For example: landscape study schedule digits.npz --init he --optimizer adam"
)
@click.option(
    "--schedules", metavar="NAME,NAME,…", default="constant,step,inverse_sqrt,cosine,linear", show_default=True,
    help="Schedules to compare: names that train knows.",
)  # fmt: skip
@optimizer_option
@options.learning_rate(0.1)
@click.option(
    "--warmup",
    type=parsing.Whole(1),
    metavar="N",
    help="Number of updates over which the rate rises in the runs with a warm-up; by default a tenth of the run.",
)
@options.steps(500)
@options.batch_size()
@options.seeds()
@common
@makes_record("study.schedule")
def schedule(call: Call, schedules: str, **choices: Any) -> None:
    """Compare schedules at one peak learning rate, each without and with a warm-up."""
    from landscape.studies import study_schedule

    run(call, study_schedule, schedules=names_of(schedules), **choices)


def run(call: Call, study: Callable[..., Study], **choices: Any) -> None:
    """Run a study, write it, and say what was found."""
    call.end(call.record(study, **choices), findings)


def findings(record: Study) -> str:
    """Write what was found, and on what device."""
    return "\n".join([*record.findings, f"computed on {record.settings['device']}, {record.seconds:.2f} s"])


def names_of(text: str) -> list[str]:
    """Read names between commas.

    Raises
    ------
    InputError
        There is none.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise InputError("expected a name, or several between commas, found none")
    return names

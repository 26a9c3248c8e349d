"""`landscape report`: one page on a model, for readers who did not run the experiments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from landscape.commands import options, parsing
from landscape.commands.call import refuse_settled
from landscape.commands.progress import interruptible, progress_bar
from landscape.commands.stem import speaker
from landscape.commands.user_file import objective_and_training, target_of

BUDGETS = ("quick", "standard", "thorough")


@parsing.command("report", epilog="For example: landscape report digits.npz -o report.html --pdf report.pdf")
@options.model
@click.option(
    "-o", "--output", "target", type=parsing.FileName(), metavar="REPORT.html",
    help="Where to write the page; by default MODEL's name with .report.html, in the working directory.",
)  # fmt: skip
@click.option(
    "--pdf", type=parsing.FileName(), metavar="REPORT.pdf", help="Also write the report as a PDF of A4 pages."
)  # fmt: skip
@click.option(
    "--interactive", is_flag=True,
    help="Also write an interactive page of the loss around the network, and link to it.",
)  # fmt: skip
@click.option(
    "--budget", type=parsing.Choice(BUDGETS), default="standard", show_default=True,
    help="Effort of the diagnosis, as in diagnose; quick trains nothing and draws coarser pictures.",
)  # fmt: skip
@click.option(
    "--diagnosis", type=click.Path(path_type=Path), metavar="RECORD.npz",
    help="Record written by diagnose, to use in place of a new diagnosis.",
)  # fmt: skip
@click.option(
    "--fresh",
    is_flag=True,
    help="Start again instead of continuing an interrupted report, and overwrite the file even if it is not a report on this model.",
)
@click.option(
    "--train", metavar="NAME",
    help="With FILE.py:NAME: name of a function (settings, seed, theta) in that file that trains as you do, as in diagnose.",
)  # fmt: skip
@click.option(
    "--constant-loss", type=parsing.Number(0, above=True), metavar="X",
    help="With FILE.py:NAME: loss of the best constant prediction, if it cannot be determined from the data.",
)  # fmt: skip
@options.weights
@options.threads
@options.seed
@options.bare_file
@options.messages
def command(
    model: Path, train: str | None, constant_loss: float | None, weights: Path | None, target: Path | None, pdf: Path | None,
    interactive: bool, budget: str, diagnosis: Path | None, fresh: bool, threads: int | None, seed: int,
    activation: str | None, loss: str | None, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Write a report on MODEL for readers who did not run the experiments: verdict, evidence, loss surface, curvature, sharpness, training path.

    The page is complete in itself: it needs no network connection and no script. Each figure comes with the command
    that computes it again. After an interruption the same command continues where it stopped.
    """
    from landscape.errors import InputError
    from landscape.locks import locked
    from landscape.records import Diagnosis
    from landscape.reporting import write_report
    from landscape.reporting.report import beside_name

    say = speaker(quiet)
    program = target_of(model)
    stem = model.stem if program is None else ".".join(filter(None, (program[0].stem, program[1])))
    output = target or Path(f"{stem}.report.html")
    if not (output.suffix == ".html" and (pdf is None or pdf.suffix == ".pdf")):
        raise InputError(
            f"expected names that end in .html and .pdf, found {output}" + (f" and {pdf}" if pdf else "")
        )
    if program is not None:
        refuse_settled(click.get_current_context())
    loaded, options_of = subject_of(model, train, constant_loss, weights, activation, loss)
    earlier = None if diagnosis is None else Diagnosis.load(diagnosis)
    with (
        locked([output]),
        interruptible(say, quiet=quiet),
        progress_bar("report", quiet=quiet) as progress,
    ):
        report = write_report(
            loaded, output, pdf, budget=budget, diagnosis=earlier, seed=seed, threads=threads, progress=progress,
            announce=say, fresh=fresh, inputs=[diagnosis, weights, *([] if program is None else [program[0]])],
            interactive=interactive, **options_of,
        )  # fmt: skip
    page = beside_name(output) if interactive and "scan" in report.records else None
    files = [str(file) for file in (output, pdf, page) if file is not None]
    say(f"wrote {', '.join(files)}")
    found = report.sections[0]
    if as_json:
        click.echo(
            json.dumps(
                {"verdict": dict(found.rows)["verdict"], "next": found.command or None, "files": files}
            )
        )
    else:
        click.echo(found.lead)


def subject_of(
    model: Path, train: str | None, constant_loss: float | None, weights: Path | None, activation: str | None, loss: str | None
) -> tuple[Any, dict[str, Any]]:  # fmt: skip
    """Load MODEL, or make the objective that FILE.py:NAME stands for, with the keywords that the report takes then.

    Raises
    ------
    InputError
        An option of one beside the other.
    """
    from landscape.errors import InputError
    from landscape.model import load_model

    program = target_of(model)
    if program is None:
        for option, found in (("--train", train), ("--constant-loss", constant_loss), ("--weights", weights)):
            if found is not None:
                raise InputError(f"{option}: is for FILE.py:NAME, and MODEL is a model's file: leave it out")
        return load_model(model, activation=activation, loss=loss, allow_nonfinite=True), {}
    objective, training = objective_and_training(*program, weights, train)
    return objective, {"train": training, "constant_loss": constant_loss, "path": str(model)}

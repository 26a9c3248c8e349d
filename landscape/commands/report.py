"""`landscape report`: one page on a model, for readers who did not run the experiments."""

from __future__ import annotations

import json
from pathlib import Path

import click

from landscape.commands import options, parsing
from landscape.commands.progress import interruptible, progress_bar
from landscape.commands.stem import speaker

BUDGETS = ("quick", "standard", "thorough")


@parsing.command("report", epilog="For example: landscape report digits.npz -o report.html --pdf report.pdf")
@options.model
@click.option(
    "-o", "--output", "target", type=parsing.FileName(), metavar="REPORT.html",
    help="Where to write the page; by default MODEL's name with .report.html, in the working directory.",
)  # fmt: skip
@click.option(
    "--pdf", type=parsing.FileName(), metavar="REPORT.pdf", help="Also write it as a PDF of A4 pages."
)  # fmt: skip
@click.option(
    "--interactive", is_flag=True,
    help="Also write an interactive page of the loss around the network beside the report, and link to it.",
)  # fmt: skip
@click.option(
    "--budget", type=parsing.Choice(BUDGETS), default="standard", show_default=True,
    help="Effort of the diagnosis, as in diagnose; quick trains nothing and draws coarser pictures.",
)  # fmt: skip
@click.option(
    "--diagnosis", type=click.Path(path_type=Path), metavar="RECORD.npz",
    help="A record that diagnose wrote, to be taken in place of a new diagnosis.",
)  # fmt: skip
@click.option(
    "--fresh",
    is_flag=True,
    help="Begin anew where an earlier report was cut short, and replace a file that is there, even if it is no report on this model.",
)
@options.threads
@options.seed
@options.bare_file
@options.messages
def command(
    model: Path, target: Path | None, pdf: Path | None, interactive: bool, budget: str, diagnosis: Path | None, fresh: bool, threads: int | None, seed: int,
    activation: str | None, loss: str | None, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Write a report on MODEL for readers who did not run it: verdict, evidence, loss surface, curvature, sharpness, training path.

    The page holds everything that it shows: it needs no network and no script. Each figure stands with the command
    that computes it again. Cut short, by Ctrl-C or otherwise, the same command goes on with what is not done yet.
    """
    from landscape.errors import InputError
    from landscape.locks import locked
    from landscape.model import load_model
    from landscape.records import Diagnosis
    from landscape.reporting import write_report
    from landscape.reporting.report import beside_name

    say = speaker(quiet)
    output = target or Path(f"{model.stem}.report.html")
    if not (output.suffix == ".html" and (pdf is None or pdf.suffix == ".pdf")):
        raise InputError(
            f"expected names that end in .html and .pdf, found {output}" + (f" and {pdf}" if pdf else "")
        )
    loaded = load_model(model, activation=activation, loss=loss, allow_nonfinite=True)
    earlier = None if diagnosis is None else Diagnosis.load(diagnosis)
    with (
        locked([output]),
        interruptible(say, quiet=quiet),
        progress_bar("report", quiet=quiet) as progress,
    ):
        report = write_report(
            loaded, output, pdf, budget=budget, diagnosis=earlier, seed=seed, threads=threads, progress=progress,
            announce=say, fresh=fresh, inputs=[diagnosis], interactive=interactive,
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

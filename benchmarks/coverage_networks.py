"""How many real networks the importers take: `python benchmarks/coverage_networks.py [small|torchvision|timm|onnx|all] [--only NAME] [--table FILE.md]`.

Needs torch; the sets torchvision and timm need those packages, onnx needs onnx, onnxscript, onnxruntime and torchvision. Each network runs in a fork of
this process that ends after `--limit` seconds. A line for each: name, parameters as PyTorch counts them (of a graph of ONNX's own tests, its initializers),
what became of it, seconds of the import, and what a refusal says. The first ones compile kernels, which on a busy machine may take longer than the limit;
the next run finds them compiled. Small networks and exports that are accepted are compared with PyTorch in float64 at two random θ; each number
of θ is found among the module's by its value. Printed are relative errors of value, gradient and Hessian-vector product. Models with more than
60 M parameters are translated and checked, and not run. "wrong" is one that differs,
"crashed" one for which anything but an `InputError` was raised, "not run" one that could not be made.
At the end counts by set and group, and the reasons of the refusals.
"""

from __future__ import annotations

import fnmatch
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from coverage_outcome import Outcome
    from coverage_sets import Job

NAMES = ("small", "torchvision", "timm", "onnx")
SHOWN = 150


def line_of(job: Job, outcome: Outcome) -> str:
    """Write the outcome of a network in a line."""
    count = "" if outcome.parameters is None else f"{outcome.parameters:,}"
    seconds = "" if outcome.seconds is None else f"{outcome.seconds:.1f} s"
    size = f"θ {outcome.size:,}" if outcome.size not in (None, outcome.parameters) else ""
    errors = "" if outcome.errors is None else " ".join(f"{error:.1e}" for error in outcome.errors)
    rest = ", ".join(part for part in (size, errors, outcome.said[:SHOWN]) if part)
    return f"{job.name:50} {count:>11} {outcome.status:9} {seconds:>7}  {rest}"


def table_of_counts(found: list[tuple[Job, Outcome]], statuses: tuple[str, ...]) -> list[str]:
    """Count the outcomes of the networks, by set and group."""
    lines = [f"| set | group | networks | {' | '.join(statuses)} |", "| --- " * (len(statuses) + 3) + "|"]
    rows: dict[tuple[str, str], Counter[str]] = {}
    for job, outcome in found:
        for group in (job.group, "all"):
            rows.setdefault((job.set, group), Counter())[outcome.status] += 1
    for (name, group), counts in sorted(rows.items(), key=lambda row: (row[0][0], row[0][1] == "all")):
        cells = " | ".join(str(counts[status]) for status in statuses)
        lines.append(f"| {name} | {group} | {counts.total()} | {cells} |")
    return lines


def table_of_reasons(found: list[tuple[Job, Outcome]]) -> list[str]:
    """Count the reasons of refusals and crashes, with the first networks of each."""
    from coverage_outcome import reason

    names: dict[tuple[str, str], list[str]] = {}
    for job, outcome in found:
        if outcome.status != "accepted":
            names.setdefault((outcome.status, reason(outcome.said) or "differs from PyTorch"), []).append(
                job.name
            )
    lines = ["| networks | what became of them | reason | the first ones |", "| --- | --- | --- | --- |"]
    for (status, said), some in sorted(names.items(), key=lambda row: -len(row[1])):
        lines.append(f"| {len(some)} | {status} | {said.replace('|', '/')} | {', '.join(some[:3])} |")
    return lines


def table_of_networks(found: list[tuple[Job, Outcome]]) -> list[str]:
    """A row for each network."""
    lines = ["| set | group | network | P | result | errors | what it says |", "| --- " * 7 + "|"]
    for job, outcome in found:
        errors = "" if outcome.errors is None else ", ".join(f"{error:.1e}" for error in outcome.errors)
        cells = (
            job.set,
            job.group,
            job.name,
            str(outcome.parameters or ""),
            outcome.status,
            errors,
            outcome.said[:SHOWN],
        )
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return lines


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("chosen", metavar="[SET]", type=click.Choice([*NAMES, "all"]), default="small")
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="Only networks of this name, which may have * in it; may be given again.",
)
@click.option(
    "--table",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the tables, with a row for each network, to this file.",
)
@click.option("--limit", default=120.0, show_default=True, help="Seconds after which a network is given up.")
def main(chosen: str, only: tuple[str, ...], table: Path | None, limit: float) -> None:
    """Give the networks of a SET (small by default) to the importers, and count those that are taken."""
    import torch

    torch.set_num_threads(1)
    from coverage_outcome import STATUSES, guarded
    from coverage_sets import SETS

    jobs = [job for name in NAMES if chosen in (name, "all") for job in SETS[name]()]
    if only:
        jobs = [job for job in jobs if any(fnmatch.fnmatch(job.name, pattern) for pattern in only)]
    if not jobs:
        raise click.UsageError(f"no network of the set {chosen} has such a name")
    found: list[tuple[Job, Outcome]] = []
    for job in jobs:
        outcome = guarded(job.work, limit)
        found.append((job, outcome))
        click.echo(line_of(job, outcome))
        if only and outcome.trace:
            click.echo(outcome.trace)
    tables = [*table_of_counts(found, STATUSES), "", *table_of_reasons(found)]
    click.echo("\n" + "\n".join(tables))
    if table:
        table.write_text("\n".join([*tables, "", *table_of_networks(found)]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""`landscape diagnose --log PATH`: what can be suspected from the log of a training alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from landscape.commands import options, parsing

OPTION = "--log"


@parsing.command("diagnose")
@click.option(OPTION, "log", type=click.Path(path_type=Path), metavar="PATH", required=True)
@click.option("--threshold", "changes", multiple=True, metavar="NAME=X")
@options.speech
def command(log: Path, changes: tuple[str, ...], messages: options.Messages) -> None:
    """Say what the log of a training alone lets one suspect."""
    from landscape.commands.diagnose_report import read_changes
    from landscape.diagnosis import diagnose_log
    from landscape.tables.critical import laid_out

    record = diagnose_log(log, thresholds=read_changes(changes))
    if messages.as_json:
        click.echo(json.dumps(record.summary(), allow_nan=False))
    else:
        click.echo(laid_out(list(log_lines(record.report, log))))


def log_lines(report: dict[str, Any], path: Path) -> Iterator[tuple[str, str]]:
    """Give label and text of each line: the verdict, why, what was not looked at, and what would verify it."""
    from landscape.tables.diagnosis import headline

    log = report["log"]
    yield "log", f"{path.name}, {log['form']}: {', '.join(series_words(log))}"
    yield "verdict", headline(report)
    for label, key in (("why", "why"), ("warning", "warnings")):
        for text in report[key]:
            yield label, text
            label = ""
    if len(report["accepted"]) > 1:
        yield "also", ", ".join(report["accepted"][1:])
    if report["advice"]:
        yield "next", report["advice"]
    for label, key in (("not assessed", "not_assessed"), ("to verify", "verify")):
        for text in report[key]:
            yield label, text
            label = ""


def series_words(log: dict[str, Any]) -> list[str]:
    """Say how many values each series has, and up to where."""
    return [
        f"{found['values']:,} of {name.replace('_', ' ')}"
        + (f" to {log['unit'].removesuffix('s')} {found['last_step']:,.12g}" if number == 0 else "")
        for number, (name, found) in enumerate(log["series"].items())
    ]


class WithLog(parsing.Command):
    """The command `diagnose`, which takes a log in place of a model."""

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        """Read the arguments as those of a log if there is one."""
        words = arguments[: arguments.index("--")] if "--" in arguments else arguments
        log = any(word == OPTION or word.startswith(f"{OPTION}=") for word in words)
        asked = {"-h", "--help"} & set(words)
        if not log or asked or context.resilient_parsing:
            return super().parse_args(context, arguments)
        try:
            return command.parse_args(context, arguments)
        except click.NoSuchOption as error:
            context.fail(
                f"{error.option_name}: beside {OPTION} there are --threshold, --json and --quiet: a log has no network to train"
            )

    def invoke(self, context: click.Context) -> Any:
        """Diagnose the log, or the model."""
        if "log" in context.params and command.callback is not None:
            return context.invoke(command.callback, **context.params)
        return super().invoke(context)

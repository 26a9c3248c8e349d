"""Read and check the words and numbers of a command line.

Names that are near one that exists are answered with it. Numbers are finite and of a size that something can be done with.
An option is given once, but those that may be given several times.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from landscape.commands.completion import complete_values
from landscape.commands.help_groups import in_groups
from landscape.errors import did_you_mean

# More of anything that is counted is a typing error, and would not fit into what counts it.
MOST = 10**9
# Characters of a value that a message repeats.
SHOWN = 60


def shown(text: str) -> str:
    """Quote a value in a message, its middle left out where it is long.

    >>> shown("adam"), len(shown("9" * 400))
    ("'adam'", 63)
    """
    half = SHOWN // 2
    return repr(text if len(text) <= SHOWN else f"{text[:half]}…{text[-half:]}")


class Command(click.Command):
    """A command that refuses an option given twice, since it is not known which was meant.

    The Tab key completes its options, and the names that they take.
    """

    def __init__(self, *arguments: Any, **choices: Any) -> None:
        super().__init__(*arguments, **choices)
        complete_values(self)

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        """Read the options, each at most once where it takes one value."""
        if not context.resilient_parsing:
            given = self.make_parser(context).parse_args(args=list(arguments))[2]
            for option in given:
                once = isinstance(option, click.Option) and not (option.multiple or option.is_flag)
                if once and given.count(option) > 1:
                    context.fail(f"Option '{option.opts[-1]}' is given twice: give it once")
        return super().parse_args(context, arguments)

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, under headings where they are many."""
        shown = []
        for one in self.get_params(context):
            row = one.get_help_record(context)
            if row is not None and isinstance(one, click.Option):
                # click's versions name this option's argument differently.
                own = set(one.opts) & set(context.help_option_names)
                shown.append(("help" if own else str(one.name), row))
        for heading, rows in in_groups(shown):
            with formatter.section(heading):
                formatter.write_dl(rows)


class Group(click.Group):
    """A group of commands that answers a mistyped one with the nearest."""

    command_class = Command

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names."""
        name, known = arguments[0], self.list_commands(context)
        if name not in known and not name.startswith("-") and not context.resilient_parsing:
            context.fail(f"No such command {shown(name)}{did_you_mean(name, known)}")
        return super().resolve_command(context, arguments)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each command with its whole first sentence."""
        with formatter.section("Commands"):
            commands = {name: self.get_command(context, name) for name in self.list_commands(context)}
            formatter.write_dl(
                [(name, (one.help or "").split("\n")[0]) for name, one in commands.items() if one]
            )


def command(name: str | None = None, **choices: Any) -> Callable[[Callable[..., Any]], Command]:
    """Make a command, as click does."""
    return click.command(name, cls=Command, **choices)


class Choice(click.Choice):
    """One of several names."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        """Find the name, or answer with the nearest."""
        if value not in self.choices:
            names = ", ".join(self.choices)
            near = did_you_mean(value, self.choices)
            self.fail(f"expected one of {names}, found {shown(str(value))}{near}", parameter, context)
        return value


class Ranged(click.ParamType):
    """A finite number within a range, whose ends are excluded by `above` and `below`."""

    name = "number"
    kind = "number"
    read: Callable[[str], Any] = staticmethod(float)

    def __init__(
        self, least: float | None = None, most: float | None = None, *, above: bool = False, below: bool = False
    ) -> None:  # fmt: skip
        self.least, self.most, self.above, self.below = least, most, above, below

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        """Read the number, or say what was expected."""
        try:
            number = self.read(value)
            if math.isfinite(number) and self.holds(number):
                return number
        except (ValueError, OverflowError):
            pass
        words = f"expected a {self.kind}{self.words()}, found {shown(str(value))}"
        raise click.BadParameter(words, context, parameter)

    def holds(self, number: float) -> bool:
        """Say whether a number lies within the range."""
        over = self.least is None or (number > self.least if self.above else number >= self.least)
        under = self.most is None or (number < self.most if self.below else number <= self.most)
        return over and under

    def words(self) -> str:
        """Say the range in words.

        >>> Number(0, 1, above=True, below=True).words(), Number(0, above=True).words(), Number(0).words(), Number().words()
        (' above 0 and below 1', ' above 0', ' from 0 on', '')
        """
        low = "" if self.least is None else f" {'above' if self.above else 'from'} {self.least}"
        if self.most is None:
            return f"{low} on" if low and not self.above else low
        return f"{low}{' and below' if self.below else ' to'} {self.most}"


class FileName(click.ParamType):
    """The path of a file, or of a `folder`, to write; whether it can be written is checked later."""

    name = "path"

    def __init__(self, *, folder: bool = False) -> None:
        self.folder = folder

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Path:
        """Check that the path names a file or folder, and return it."""
        text = str(value)
        if not text.strip() or (text.endswith("/") and not self.folder):
            words = f"{shown(text)} names no {'folder' if self.folder else 'file'}"
            raise click.BadParameter(words, context, parameter)
        return Path(text)


def read_several(text: str, kind: Ranged, option: str) -> list[Any]:
    """Read numbers between commas.

    >>> read_several("0.1,1e-3", Number(0, above=True), "--rates")
    [0.1, 0.001]

    Raises
    ------
    click.BadParameter
        There is none, or one is no such number.
    """
    try:
        return [kind.convert(part, None, None) for part in text.split(",")]
    except click.BadParameter as error:
        words = f"{error.message}; several stand between commas"
        raise click.BadParameter(words, param_hint=f"'{option}'") from None


class Number(Ranged):
    """A finite number, such as a learning rate."""


class Whole(Ranged):
    """A whole number, such as a count of steps; without another bound, at most `MOST`."""

    name = "integer"
    kind = "whole number"
    read: Callable[[str], Any] = staticmethod(int)

    def __init__(self, least: int, most: int = MOST) -> None:
        super().__init__(least, most)

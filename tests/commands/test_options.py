"""The shared options: one spelling, one default, one meaning in every command."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from landscape.commands import options
from landscape.messages import say
from landscape.scanning.subject import SPLITS


@click.command()
@options.model
@options.bare_file
@options.engine
@options.data
@options.record
def command(**given):
    for name, value in given.items():
        click.echo(f"{name}={value!r}")


def given(*arguments):
    result = CliRunner().invoke(command, ["m.npz", *arguments])
    assert result.exit_code == 0, result.output
    return dict(line.split("=", 1) for line in result.output.splitlines())


def test_the_defaults_are_those_of_the_contract():
    assert given() == {
        "model": "PosixPath('m.npz')",
        "activation": "None",
        "loss": "None",
        "dtype": "'float32'",
        "threads": "None",
        "seed": "0",
        "split": "'both'",
        "examples": "None",
        "output": "None",
        "fresh": "False",
        "no_figure": "False",
        "figure_format": "'png'",
        "as_json": "False",
        "quiet": "False",
    }


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        (["--output", "a/b"], "output", "'a/b'"),
        (["--json"], "as_json", "True"),
        (["--quiet"], "quiet", "True"),
        (["--seed", "7"], "seed", "7"),
        (["--threads", "2"], "threads", "2"),
        (["--dtype", "float64"], "dtype", "'float64'"),
        (["--split", "test"], "split", "'test'"),
        (["--examples", "100"], "examples", "100"),
        (["--fresh"], "fresh", "True"),
        (["--no-figure"], "no_figure", "True"),
        (["--figure-format", "svg"], "figure_format", "'svg'"),
        (["--activation", "tanh"], "activation", "'tanh'"),
        (["--loss", "mse"], "loss", "'mse'"),
    ],
)
def test_every_option_of_the_contract_is_there(arguments, name, value):
    assert given(*arguments)[name] == value


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--dtype", "float16"], options.DTYPES),
        (["--split", "all"], options.SPLITS),
        (["--figure-format", "gif"], options.FIGURE_FORMATS),
        (["--threads", "0"], ("whole number from 1 to",)),
        (["--examples", "0"], ("whole number from 1 to",)),
        (["--seed", "-1"], ("whole number from 0 to",)),
        (["--seed", "many"], ("whole number",)),
    ],
)
def test_an_unknown_value_is_refused_with_those_there_are(arguments, told):
    result = CliRunner().invoke(command, ["m.npz", *arguments])
    assert result.exit_code == 2
    assert all(word in result.output for word in told)


def test_the_splits_of_the_option_are_those_of_the_scan():
    assert set(options.SPLITS) == set(SPLITS)


def test_quiet_silences_what_the_engine_says_too_and_only_for_that_command(capsys):
    @click.command()
    @options.quiet
    def waits(quiet):
        say("one moment")

    for arguments, said in (([], "one moment\n"), (["--quiet"], ""), ([], "one moment\n")):
        waits.main(arguments, standalone_mode=False)
        assert capsys.readouterr().err == said

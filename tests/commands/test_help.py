"""What --help says: every option in a sentence of its own, and an example of every command."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from landscape.commands import COMMANDS, SECTIONS, group
from landscape.commands.help_groups import FEW, GROUPS, OWN
from landscape.commands.options import NORMALIZATIONS
from landscape.directions.normalize import NORMALIZATIONS as TABLE
from tests.commands.test_names import context_of, leaves

# Options of a training, which several commands have.
TRAINED_BY = ("learning_rate", "momentum", "beta2", "batch_size", "steps", "epochs", "seeds", "init")
EVERY = [
    pytest.param(name, command, id=f"{name} {command.name or ''}")
    for name in sorted(COMMANDS)
    for command in leaves(name)
]


@pytest.mark.parametrize(("name", "command"), EVERY)
def test_every_option_is_explained_by_itself(name, command):
    for option in command.params:
        if isinstance(option, click.Option):
            text = option.help or ""
            assert len(text.split()) >= 3, option.opts
            assert text.endswith("."), option.opts
            assert not re.match(r"(Of|At the curvature|As|Likewise|It|Its|See|What)\b", text), option.opts


@pytest.mark.parametrize(("name", "command"), EVERY)
def test_every_command_has_an_example_that_parses(name, command):
    assert command.epilog is not None
    assert command.epilog.startswith("For example: landscape ")
    for line in re.findall(r"landscape ([^&\n,;]+)", command.epilog):
        context_of(shlex.split(line.strip()))


@pytest.mark.parametrize(("name", "command"), EVERY)
def test_a_help_shows_each_option_once_and_many_under_headings(name, command):
    context = click.Context(command, info_name=name, terminal_width=88, max_content_width=88)
    told = command.get_help(context)
    given = [option for option in command.get_params(context) if isinstance(option, click.Option)]
    for option in given:
        name_of = max(option.opts, key=len)
        assert len(re.findall(rf"^  (?:-\w, )?{name_of}(?=[ /\n])", told, re.M)) == 1, name_of
    headings = re.findall(r"^(\w.*):$", told, re.M)
    assert headings == ["Options"] if len(given) <= FEW else len(headings) > 2
    assert set(headings) <= {OWN, *GROUPS}


def test_groups_of_a_help_name_options_that_are_there():
    known = {option.name for case in EVERY for option in case.values[1].params}
    listed = [name for names in GROUPS.values() for name in names]
    assert len(listed) == len(set(listed))
    assert set(listed) - known <= {"help", "workers", "mixed"}


def test_the_parts_of_a_study_are_said_in_whole_sentences():
    told = CliRunner().invoke(group, ["study", "--help"]).output
    assert "..." not in told.replace("[OPTIONS] COMMAND [ARGS]...", "")
    for command in leaves("study"):
        first = " ".join((command.help or "").split("\n")[0].split())
        assert first in " ".join(told.split())


def test_names_that_stand_in_a_help_text_are_those_of_the_tables():
    assert tuple(TABLE) == NORMALIZATIONS


@pytest.mark.parametrize(
    "words", [["--help"], ["-h"], ["study", "-h"], *[[name, "--help"] for name in COMMANDS]]
)
def test_help_is_printed_and_ends_well(words):
    result = CliRunner().invoke(group, words)
    assert result.exit_code == 0
    assert result.output.startswith("Usage: ")


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["scn"], "scan"),
        (["study", "batchsize"], "batch-size"),
        (["demo", "lenett"], "lenet"),
        (["demo", "--fault", "zerostart"], "zero-start"),
        (["figures", "tosy"], "toy_saddle"),
        (["train", "m.npz", "--schedule", "cosin"], "cosine"),
        (["scan", "m.npz", "--normalize", "filtr"], "filter"),
        (["scan", "m.npz", "--direction", "gradiant"], "gradient"),
        (["train", "m.npz", "--init", "hee"], "he"),
        (["sharpness", "m.npz", "--measure", "lambdamax"], "lambda_max"),
        (["hessian", "m.npz", "--operator", "fishr"], "fisher"),
        (["diagnose", "m.npz", "--threshold", "larg=1"], "large"),
        (["train", "m.npz", "--optimizer", "adm"], "adam"),
        (["scan", "m.npz", "--pionts", "3"], "--points"),
        (["scan", "m.npz", "--split", "tests"], "test"),
        (["hessian", "m.npz", "--node", "fc9"], "fc"),
        (["scan", "m.npz", "--activation", "tahn"], "tanh"),
        (["scan", "m.npz", "--loss", "huberr"], "huber"),
        (["scan", "m.npz", "--device", "cdua"], "cuda"),
        (["scan", "m.npz", "--metric", "balancedaccuracy"], "balanced_accuracy"),
        (["plot", "m.npz", "--cmap", "virdis"], "viridis"),
        (["connect", "m.npz", "m.npz", "--curve", "bezir"], "bezier"),
        (["info", "longname.npz"], "long_name.npz"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else None,
)
def test_a_mistyped_word_is_answered_with_the_nearest(words, near, tmp_path, monkeypatch, capsys):
    import numpy as np

    from landscape.commands import main

    monkeypatch.chdir(tmp_path)
    np.savez(
        "m.npz", **{"fc1.weight": np.eye(4, 3), "fc2.weight": np.eye(3)}, x=np.eye(4), y=np.arange(4) % 3
    )
    Path("long_name.npz").write_bytes(b"")
    with pytest.raises(SystemExit) as end:
        main(words)
    told = capsys.readouterr().err
    assert end.value.code == 2
    assert re.search(rf"(?i)did you mean.*'{re.escape(near)}", told), told
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("landscape sc", "scan"),
        ("landscape study le", "learning-rate"),
        ("landscape scan --dtype float3", "float32"),
        ("landscape scan --normalize f", "filter"),
        ("landscape scan --direction pr", "principal"),
        ("landscape scan --activation leak", "leaky_relu"),
        ("landscape scan --loss cross", "cross_entropy"),
        ("landscape train --optimizer adag", "adagrad_rms"),
        ("landscape train --schedule one", "one_cycle"),
        ("landscape train --init x", "xavier"),
        ("landscape race --optimizer sgd,rms", "sgd,rmsprop"),
        ("landscape study schedule --schedules constant,cos", "constant,cosine"),
        ("landscape demo --fault zero", "zero-start"),
        ("landscape figures toy", "toy_saddle"),
        ("landscape sharpness --measure lam", "lambda_max"),
        ("landscape diagnose --threshold lar", "large="),
        ("landscape plot --quantity test_a", "test_accuracy"),
        ("landscape topology --quantity train_l", "train_loss"),
        ("landscape scan --quantity curv", "curvature"),
        ("landscape scan --metric macro", "macro_f1"),
        ("landscape plot --cmap civi", "cividis"),
    ],
)
def test_the_shell_completes_commands_and_choices(words, expected, monkeypatch, capsys):
    from landscape.commands import main

    monkeypatch.setenv("_LANDSCAPE_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    monkeypatch.setattr("sys.argv", ["landscape"])
    with pytest.raises(SystemExit):
        main()
    assert f"plain,{expected}" in capsys.readouterr().out


def test_the_names_that_completion_knows_are_those_of_the_library():
    from dataclasses import fields

    from landscape.commands.completion import DIRECTIONS, METRICS, SCHEDULES, THRESHOLDS
    from landscape.diagnosis.thresholds import Thresholds
    from landscape.directions.sources import SOURCES
    from landscape.formulas.schedules import SCHEDULES as KNOWN
    from landscape.objective.metric_table import OF_DECISIONS, OF_NUMBERS, OF_TWO

    assert set(DIRECTIONS) == set(SOURCES)
    assert set(SCHEDULES) == set(KNOWN)
    assert [one.name for one in fields(Thresholds)] == THRESHOLDS.split()
    assert set(METRICS) == {"top5", *OF_DECISIONS, *OF_TWO, *OF_NUMBERS}


def test_an_option_of_a_training_says_the_same_in_every_command_that_trains():
    """A condition comes before the common text, and the default after it; numbers have the same bounds, except for the least number of updates."""
    said: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for name in ("train", "race", "trajectory", "study"):
        for option in (option for command in leaves(name) for option in command.params):
            if isinstance(option, click.Option) and option.name in TRAINED_BY:
                core = (option.help or "").removeprefix("With --optimizer: ").lower()
                bounds = "" if option.name == "steps" else str(option.type.to_info_dict() | vars(option.type))
                key = option.opts[-1], str(option.metavar)
                said.setdefault(key, set()).add((re.split("[,;.]", core)[0], bounds))
    assert {flag for flag, _ in said} == {f"--{name.replace(chr(95), chr(45))}" for name in TRAINED_BY}
    assert {key: texts for key, texts in said.items() if len(texts) > 1} == {}


def test_the_first_help_shows_every_command_once():
    told = CliRunner().invoke(group, ["--help"]).output
    listed = re.findall(r"^  ([a-z]+)  +\w", told, re.M)
    assert sorted(listed) == sorted(COMMANDS)
    assert sorted(name for names in SECTIONS.values() for name in names) == sorted(COMMANDS)

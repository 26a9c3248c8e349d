"""No option of any command takes an absurd value: one line, exit status 2, nothing written, before any work.

The commands and their options are read from click's own tables, so that a new option is tried as soon as it is there.
"""

from __future__ import annotations

import re
from pathlib import Path

import click
import numpy as np
import pytest

from landscape.commands import COMMANDS, group, main, parsing

HUGE = "9" * 400
# What no number is, whatever it counts or measures.
NO_NUMBERS = ("nan", "inf", "-inf", "", " ", "abc", "0x10", "1e999", "−1", "1,5", "x" * 300, "\udcff", "--")
NO_COUNTS = (*NO_NUMBERS, HUGE, f"-{HUGE}", "-1", "1.5", "1e3", "10**9")
NO_TEXTS = ("", " ", "x" * 300, "\udcff\udcfe", "no such name", "a\nb", "../..", "-")
# Of options that read several numbers, or a number and more, in one word.
WORDS = {
    "points": ("0", "-1", HUGE, "3x", "x3", "3x3x3x3", "nan", "1e3", "", " ", "3.5", "x" * 300, f"{HUGE}x{HUGE}"),
    "span": ("0", "nan", "inf", "1:0", "1:1", ":", "a:b", "", "1:2:3", f"{HUGE}", "0:inf", "x" * 300),
    "learning_rate": ("0", "-1", "nan", "inf", "", ",", "0.1,", "0.1,nan", "x" * 300, HUGE, "0.1,0.2,0.3,0.4,0.5"),
    "rates": ("0", "-1", "nan", "inf", "", ",", "0.1,", "0.1,nan", "x" * 300, HUGE, "0.1,-1"),
    "batch_sizes": ("0", "-1", "nan", "1.5", "", ",", "16,", "x" * 300, HUGE, "16,0"),
    "levels": ("0", "-1", "nan", "1,nan", ",", "", "2,1", "101", HUGE, "x" * 300),
    "changes": ("large", "large=", "large=nan", "=1", "large=x", "larg=1", f"large={'x' * 300}", ""),
    "device": ("", "gpu", "cuda:-1", "cuda:x", f"cuda:{HUGE}", "cpu:0", "x" * 300),
    "architecture": ("", "-", "0", "4-0-3", "4--3", "-1", "4-3-", "x" * 300, f"4-{HUGE}-3", "5-3", "4-2"),
    "direction": ("", " ", "nan", "missing.npz", "x" * 300, "m.npz", "between", "."),
}  # fmt: skip
# Written names; a folder's, an impossible one, one in no folder.
NO_OUTPUTS = ("", " ", "missing/x", "x" * 300, "m.npz/x", "folder/")
NO_INPUTS = ("", "missing.npz", "x" * 300, "folder", "/dev/null", "text.npz")
# What a command needs beside MODEL, and what makes an option mean something.
NEEDED = {"import": ["--data", "data.npz"]}
BESIDE = {
    "learning_rate": {"trajectory": ["--optimizer", "sgd"]},
    "batch_size": {"trajectory": ["--optimizer", "sgd"]},
    "init": {"trajectory": ["--optimizer", "sgd"]},
    "node": {"hessian": ["--top", "1", "--bottom", "0"]},
    "to": {"scan": ["--direction", "between"]},
}


def leaves() -> list[tuple[list[str], click.Command]]:
    """Give every command that takes arguments, with the words that call it."""
    found: list[tuple[list[str], click.Command]] = []
    for name in sorted(COMMANDS):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            found += [([name, part], command.commands[part]) for part in command.commands]
        else:
            assert command is not None
            found.append(([name], command))
    return found


def values_of(option: click.Option) -> tuple[str, ...]:
    """Give what an option must refuse."""
    if isinstance(option.type, parsing.Whole):
        least = option.type.least
        assert least is not None
        return (*NO_COUNTS, str(int(least) - 1))
    if isinstance(option.type, parsing.Number):
        outside = [] if option.type.least is None else [str(option.type.least - 1), f"-{HUGE}"]
        return (*NO_NUMBERS, HUGE, *outside)
    if isinstance(option.type, click.Choice):
        return (*NO_TEXTS, option.type.choices[0].upper(), option.type.choices[0][:-1])
    if option.name in WORDS:
        return WORDS[option.name]
    if option.name == "folder":
        return tuple(name for name in NO_OUTPUTS if not name.endswith("/"))
    if option.name in ("output", "target", "save_directions", "escape", "animate", "pdf"):
        return NO_OUTPUTS
    return NO_INPUTS if isinstance(option.type, click.Path) else NO_TEXTS


CASES = [
    pytest.param(words, option, id=f"{' '.join(words)} {option.opts[-1]}")
    for words, command in leaves()
    for option in command.params
    if isinstance(option, click.Option) and not option.is_flag
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Change to a folder with a model of few parameters, its data, a text file and a folder."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    data = {"x_train": rng.standard_normal((8, 4)), "y_train": np.arange(8) % 3}
    np.savez("m.npz", W1=np.eye(4, 3), b1=np.ones(3), W2=np.eye(3), b2=np.ones(3), **data)
    np.savez("data.npz", **data)
    Path("text.npz").write_text("text")
    Path("net.safetensors").write_bytes(b"")
    Path("folder").mkdir()
    return tmp_path


def call(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as end:
        main(words)
    captured = capsys.readouterr()
    assert captured.out == ""
    return end.value.code, captured.err


def arguments_of(words: list[str]) -> list[str]:
    if words[0] == "demo":
        return []
    if words[0] == "figures":
        return ["decay"]
    return ["net.safetensors" if words[0] == "import" else "m.npz"]


@pytest.mark.parametrize(("words", "option"), CASES)
def test_an_absurd_value_is_refused_before_any_work(words, option, folder, capsys, monkeypatch):
    monkeypatch.setattr("landscape.objective.network.NetworkObjective.values", forbidden)
    before = sorted(path.name for path in folder.iterdir())
    found = []
    for value in values_of(option):
        more = [] if option.name == "data" else NEEDED.get(words[0], [])
        line = [
            *words, *arguments_of(words), *more, *BESIDE.get(option.name, {}).get(words[0], []), f"{option.opts[-1]}={value}",
        ]  # fmt: skip
        status, told = call(line, capsys)
        lines = told.splitlines()
        if not (status == 2 and len(lines) == 1 and lines[0].startswith("Error: ") and len(lines[0]) < 1200):
            found.append((value[:40], status, told[-300:]))
        assert sorted(path.name for path in folder.iterdir()) == before, value
    assert found == []


def forbidden(*_):
    raise AssertionError("the work has begun")


@pytest.mark.parametrize(("words", "option"), [case for case in CASES if not case.values[1].multiple])
def test_an_option_given_twice_is_refused(words, option, folder, capsys):
    flag = option.opts[-1]
    status, told = call([*words, *arguments_of(words), flag, "1", flag, "2"], capsys)
    assert (status, told.count("\n")) == (2, 1)
    assert re.search(r"given twice|expected|Invalid", told)


@pytest.mark.parametrize(("words", "command"), leaves(), ids=lambda part: str(part)[:30])
def test_a_command_without_its_model_or_with_bytes_that_are_no_text_is_refused(
    words, command, folder, capsys
):
    if words[0] not in ("demo", "figures", "warm"):
        assert call(words, capsys)[0] == 2
    status, told = call([*words, "\udcff\udcfe", *NEEDED.get(words[0], [])], capsys)
    assert (status, told.count("\n")) == (2, 1)
    told.encode("utf-8", "backslashreplace")
    assert call([*words, "--\udcff"], capsys)[0] == 2


@pytest.mark.parametrize("word", ["scn", "", " ", "x" * 300, "\udcff", "-", "--halp", "SCAN"])
def test_a_command_that_is_not_there_is_one_line(word, capsys):
    status, told = call([word], capsys)
    assert (status, told.count("\n")) == (2, 1)
    assert len(told) < 400

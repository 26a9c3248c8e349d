"""The names of what is written: plain for the plain command, with a part for each option that changes the result."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path

import click
import pytest

from landscape.commands import COMMANDS, group, main
from landscape.commands.stem import LONGEST, PARTS, UNNAMED, options_in_name, part_of
from landscape.commands.train import LENGTHS
from landscape.model import bundled_path, load_model, save_model
from tests.documents import commands, shell_lines

# Commands whose file names follow from their options.
RECORDING = (
    "connect",
    "critical",
    "diagnose",
    "hessian",
    "race",
    "scan",
    "sharpness",
    "study",
    "train",
    "trajectory",
)
# Commands that write, and how their option is called within.
WRITING = set(COMMANDS) - {"info", "warm"}


def leaves(name: str) -> list[click.Command]:
    """Give a command, or the commands of a group."""
    found = group.get_command(click.Context(group), name)
    assert found is not None
    return list(found.commands.values()) if isinstance(found, click.Group) else [found]


def context_of(words: list[str]) -> click.Context:
    """Parse a command line without running it."""
    command = group.get_command(click.Context(group), words[0])
    assert command is not None
    rest = words[1:]
    if isinstance(command, click.Group):
        command, rest = command.commands[rest[0]], rest[1:]
    return command.make_context(words[0], list(rest))


def named(line: str) -> str:
    words = shlex.split(line)
    return options_in_name(context_of(words), LENGTHS if words[0] == "train" else ())


@pytest.mark.parametrize("name", sorted(WRITING))
def test_what_a_command_writes_is_named_by_o_and_by_output(name):
    for command in leaves(name):
        flags = {flag for option in command.params for flag in option.opts}
        assert {"-o", "--output"} <= flags, command.name


@pytest.mark.parametrize("name", RECORDING)
def test_every_option_of_a_command_that_makes_a_record_is_named_or_changes_nothing(name):
    for command in leaves(name):
        options = {option.name for option in command.params}
        assert options - PARTS.keys() - set(UNNAMED) == set(), command.name
        assert PARTS.keys() & set(UNNAMED) == set()


def test_the_tables_of_names_have_no_option_that_no_command_has():
    known = {option.name for name in COMMANDS for command in leaves(name) for option in command.params}
    assert (PARTS.keys() | set(UNNAMED)) - known == set()


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("scan m.npz", ""),
        ("scan m.npz --points 51 --direction random --split both --seed 0 --dtype float32", ""),
        ("scan m.npz --threads 2 --fresh --quiet --json --no-figure --figure-format pdf", ""),
        ("scan m.npz --direction gradient", ".gradient"),
        ("scan m.npz --dimensions 1", ".1d"),
        ("scan m.npz --dimensions 2", ""),
        ("scan m.npz --examples 200", ".examples200"),
        ("scan m.npz --quantity curvature", ".curvature"),
        ("scan m.npz --span -0.5:2 --points 5x3", ".points5x3.span-0.5to2"),
        ("scan m.npz --points 5x3 --span auto", ".points5x3.span-auto"),
        ("scan m.npz --direction a/b.npz", ".b"),
        ("scan m.npz --direction between --to ../other.npz --dimensions 1", ".1d.between.to-other"),
        ("scan m.npz --device cuda:1", ".cuda1"),
        ("scan m.npz --device cpu", ""),
        ("hessian m.npz --operator fisher --top 3 --trace", ".fisher.top3.trace"),
        ("hessian m.npz --dtype float64", ""),
        ("sharpness m.npz --measure trace --measure adaptive", ".trace-adaptive"),
        ("critical m.npz --no-polish", ".no-polish"),
        ("race m.npz --learning-rate 0.1,0.01", ".rate0.1-0.01"),
        ("race m.npz --tune", ""),
        ("race m.npz --optimizer SGD,Adam", ".sgd-adam"),
        ("race m.npz --optimizer sgdd", ".sgdd"),
        ("race m.npz --no-tune", ".not-tuned"),
        ("critical m.npz --radius 0.5", ".radius0.5"),
        ("study stability m.npz --rates 0.3 --looks 5", ".rates0.3.looks5"),
        ("diagnose m.npz --threshold large=0.2 --target-loss 1", ".target1.large0.2"),
        ("train m.npz --init he --learning-rate 0.5 --steps 7 --epochs 3 --history 9", ".rate0.5.he"),
    ],
)
def test_a_name_has_a_part_for_each_option_that_changes_the_result(line, part):
    assert named(line) == part


def test_the_order_in_which_options_are_typed_changes_no_name():
    assert named("scan m.npz --seed 1 --points 5") == named("scan m.npz --points 5 --seed 1")


@pytest.mark.parametrize("value", ["a/b", "a\\b", "a:b", "..", "/", "a b", "*?<>|", "γ", "\udcff", "x" * 300])
def test_a_part_is_always_a_piece_of_a_file_name(value):
    text = part_of("optimizer", value)
    assert text
    assert not set(text) & set('/\\:*?<>| "')
    assert not text.startswith(".")


def test_a_name_of_many_options_is_cut_and_still_its_own():
    def long(end: str) -> str:
        return named(f"race m.npz --optimizer {','.join(['heavy_ball'] * 20)},{end}")

    assert len(long("sgd")) <= LONGEST + 9
    assert long("sgd") != long("lion")


@pytest.mark.parametrize("words", [line for line in commands() if line[0] in RECORDING], ids=" ".join)
def test_options_of_the_documents_lines_can_be_named(words):
    assert "/" not in named(shlex.join(words))


def written_by(words: list[str]) -> str:
    """Name the record that a line of the documents writes."""
    context = context_of(words)
    given = context.params.get("output") or context.params.get("target")
    if given is not None:
        return f"{str(given).removesuffix('.npz')}.npz"
    stem = Path(str(context.params.get("model"))).stem
    name = " ".join(words[:2]) if words[0] == "study" else words[0]
    return f"{stem}.{name}{named(shlex.join(words))}.npz"


def test_the_documents_lines_typed_in_order_write_files_of_different_names():
    lines = [words for words in commands() if words[0] in RECORDING]
    # A line that stands in two documents is the same computation.
    different = {shlex.join(words): written_by(words) for words in lines}
    assert len(different) > 15
    assert [name for name, count in Counter(different.values()).items() if count > 1] == []


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = load_model(bundled_path("digits"))
    save_model(model, "digits.npz")
    save_model(model.with_theta(model.theta + 0.1), "retrained.npz")
    save_model(model.with_theta(1.1 * model.theta), "other.npz")
    return tmp_path


def run(words: list[str]) -> int:
    with pytest.raises(SystemExit) as end:
        main(words)
    return end.value.code


def smaller(words: list[str]) -> list[str]:
    """Take few points: the option's value where the line has one."""
    if "--points" in words:
        at = words.index("--points") + 1
        return [*words[:at], "x".join("3" for _ in words[at].split("x")), *words[at + 1 :]]
    return [*words, "--points", "3"]


def test_the_scans_of_the_documents_typed_in_order_in_one_folder_all_end_well(folder):
    lines = [shlex.split(line)[1:] for line in shell_lines() if line.startswith("landscape scan digits.npz")]
    lines = [words for words in lines if "--device" not in words]
    assert len(lines) >= 6
    for words in lines:
        assert run([*smaller(words), "--quiet", "--no-figure"]) == 0, words


def test_the_same_command_finds_its_own_record_again(folder, capsys):
    words = ["scan", "digits.npz", "--points", "3", "--direction", "gradient", "--no-figure"]
    assert run(words) == 0
    capsys.readouterr()
    assert run(words) == 0
    assert "digits.scan.points3.gradient.npz was finished already" in capsys.readouterr().err


def test_a_record_under_an_older_name_is_neither_read_as_another_nor_overwritten(folder, capsys):
    old = ["scan", "digits.npz", "--points", "3", "--direction", "gradient", "--no-figure"]
    assert run([*old, "-o", "digits.scan"]) == 0
    before = Path("digits.scan.npz").read_bytes()
    assert run(["scan", "digits.npz", "--no-figure"]) == 2
    assert "other settings" in capsys.readouterr().err
    assert run(old) == 0
    assert Path("digits.scan.npz").read_bytes() == before


def test_figures_are_named_after_their_record(folder):
    assert run(["scan", "digits.npz", "--points", "3", "--seed", "1", "--quiet"]) == 0
    names = {path.name for path in folder.glob("digits.scan*")}
    assert names == {
        f"digits.scan.points3.seed1.{end}"
        for end in ("npz", "contour.png", "contour_test.png", "surface.png")
    }


@pytest.mark.parametrize("output", ["", " ", "folder/"])
@pytest.mark.parametrize("words", [["scan", "digits.npz"], ["train", "digits.npz", "--steps", "1"]])
def test_an_output_that_names_no_file_is_refused(words, output, folder, capsys):
    assert run([*words, "-o", output]) == 2
    assert "names no file" in capsys.readouterr().err

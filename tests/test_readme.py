"""README and the guides are true: their Python runs, their commands run, and their options and lists exist."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

from landscape.commands import COMMANDS, group, main
from landscape.commands.stem import options_in_name, output_stem
from landscape.faults import CASES
from landscape.gallery import FIGURES
from landscape.model import bundled, bundled_path, load_model, save_model
from landscape.ops.table import OPERATIONS
from tests.commands.test_names import context_of
from tests.documents import GUIDES, README, ROOT, TEXT, blocks, commands, installs

MOST_WORDS = 1500
# Small enough to be quick, and still a grid; one measure beside the control.
QUICK = {
    "scan": ["--points", "3"],
    "sharpness": ["--measure", "fisher_rao"],
    "trajectory": ["--points", "3"],
    "race": ["--points", "3", "--seeds", "1", "--dtype", "float64"],
    # The type that the other tests have compiled.
    "train": ["--dtype", "float64"],
    "report": ["--budget", "quick"],
    "diagnose": ["--budget", "quick"],
    # `tests/gallery/` draws each of them.
    "figures": ["--list"],
}


# What a part needs that is no dependency, by its mark: words to know it by, and the packages.
PROGRAM, RECORDING = "train.py:make", "run.npz"
OPTIONAL = {
    "torch": (("import torch", PROGRAM, RECORDING), ("torch",)),
    "sklearn": (("from sklearn",), ("sklearn",)),
    "onnx": ((".onnx",), ("onnx", "onnxruntime")),
}


def marked(part: object, text: str) -> pytest.ParameterSet:
    """Give a part to the test, with the marks of what it needs."""
    marks = [
        getattr(pytest.mark, name)
        for name, (words, _) in OPTIONAL.items()
        if any(word in text for word in words)
    ]
    return pytest.param(part, marks=marks, id=text.split("\n")[0] if part != text else None)


def require(text: str) -> None:
    """Skip where a part needs what is not installed."""
    for words, packages in OPTIONAL.values():
        if any(word in text for word in words):
            for package in packages:
                pytest.importorskip(package)
    if "--device cuda" in text:
        from landscape.objective.devices import gpu_problem

        problem = gpu_problem(0)
        if problem is not None:
            pytest.skip(f"needs a GPU: {problem}")


def options_of(name: str) -> set[str]:
    """Name a command's options."""
    # With the settings of a real call: click keeps the option for help as it is first asked for.
    context = click.Context(group, **group.context_settings)
    command = group.get_command(context, name)
    assert command is not None
    parts = [command, *(command.commands.values() if isinstance(command, click.Group) else ())]
    return {
        flag
        for part in parts
        for parameter in part.get_params(context)
        for flag in (*parameter.opts, *parameter.secondary_opts)
    }


def with_options(words: list[str], more: list[str]) -> list[str]:
    """Put options in the place of those that a line has."""
    kept, skipped = [], False
    given = {word for word in more if word.startswith("--")} - {
        "--measure"
    }  # which may be given several times
    for word in words:
        if skipped:
            skipped = False
        elif word in given:
            skipped = True
        else:
            kept.append(word)
    return [*kept, *more]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Change to a folder with the files that README's commands name."""
    monkeypatch.chdir(tmp_path)
    model = load_model(bundled_path("digits"))
    save_model(model, "digits.npz")
    save_model(model.with_theta(model.theta + 0.1), "retrained.npz")
    save_model(model.with_theta(1.1 * model.theta), "other.npz")
    np.savez(
        "model.npz",
        W1=np.eye(4, 3),
        b1=np.ones(3),
        W2=np.eye(3),
        b2=np.ones(3),
        x=np.eye(4),
        y=np.arange(4) % 3,
    )
    return tmp_path


def write_imports() -> None:
    """Write what the guide imports: data, weights, and a graph where onnx is installed."""
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((3, 4)).astype(np.float32)
    np.savez("data.npz", x_train=rng.standard_normal((8, 4)), y_train=np.arange(8) % 3)
    index = json.dumps({"fc.weight": {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48]}}).encode()
    Path("weights.safetensors").write_bytes(len(index).to_bytes(8, "little") + index + weight.tobytes())
    if find_spec("onnx") is not None:
        import onnx
        from onnx import helper

        node = helper.make_node("Gemm", ["x", "fc.weight"], ["y"], transB=1)
        kind = onnx.TensorProto.FLOAT
        values = [
            helper.make_tensor_value_info(name, kind, ["N", size]) for name, size in (("x", 4), ("y", 3))
        ]
        tensors = [onnx.numpy_helper.from_array(weight, "fc.weight")]
        graph = helper.make_graph([node], "g", values[:1], values[1:], tensors)
        version = [helper.make_opsetid("", 17)]
        onnx.save(helper.make_model(graph, opset_imports=version, ir_version=8), "net.onnx")


def write_program() -> None:
    """Write the program of the guide to PyTorch, a checkpoint of its network, and a run of them."""
    import torch

    (code,) = [block for block in blocks("python") if block.startswith("# train.py")]
    Path("train.py").write_text(code, encoding="utf-8")
    names: dict[str, Any] = {}
    exec(compile(code, "train.py", "exec"), names)
    state = names["make"]()[0].state_dict()
    torch.save(state, "last.pt")
    Path("run").mkdir(exist_ok=True)
    for step in range(3):
        torch.save({name: (step - 1.5) * value**2 for name, value in state.items()}, f"run/{step}.pt")


def write_recording() -> None:
    """Record the training that the first guide begins with."""
    code = next(block for block in blocks("python") if block.startswith("# train_signs.py"))
    exec(compile(code, "train_signs.py", "exec"), {})


def write_model(name: str) -> None:
    """Write the bundled model, or the one with a known fault, that a file is named after."""
    stem = name.removesuffix(".npz")
    fault = ["--fault"] if stem in CASES else []
    if (fault or stem in bundled()) and not Path(name).exists():
        with pytest.raises(SystemExit):
            main(["demo", *fault, stem])


@pytest.mark.parametrize("code", [marked(code, code) for code in blocks("python")])
def test_python_blocks_run(code, tmp_path, monkeypatch):
    require(code)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})


@pytest.mark.parametrize("arguments", [marked(line, " ".join(line)) for line in commands()])
def test_command_lines_run(arguments, folder):
    name, rest = arguments[0], arguments[1:]
    require(" ".join(arguments))
    if name == "import":
        write_imports()
    if rest[:1] == [PROGRAM]:
        write_program()
    if rest[:1] == [RECORDING]:
        write_recording()
    for word in rest[:2]:
        write_model(word)
    if name == "figures":
        assert set(rest[: rest.index("--quick")]) <= set(FIGURES)
    if "-o" in rest:
        # What another line makes is not there yet.
        Path(rest[rest.index("-o") + 1]).unlink(missing_ok=True)
    if name in ("plot", "topology"):
        for model in ("digits", "retrained"):
            with pytest.raises(SystemExit):
                main(
                    ["scan", f"{model}.npz", "--points", "3", "--quiet", "--no-figure", "-o", f"{model}.scan"]
                )
    with pytest.raises(SystemExit) as end:
        main([name, *with_options(rest, QUICK.get(name, []))])
    assert end.value.code == 0


def test_the_story_of_a_fault_is_what_the_commands_print(folder, capsys):
    """Its lines are those of the commands, its numbers up to their last digits, and the command that is followed is the one that was printed."""
    (story,) = re.findall(r"```text\n(\$ landscape demo --fault.*?)```", README, re.DOTALL)
    typed, printed = [line[2:] for line in story.splitlines() if line.startswith("$ ")], ""
    for line in typed:
        if "report" in line:
            continue
        with pytest.raises(SystemExit) as end:
            main([*line.split()[1:], *(["--no-figure"] if "diagnose" in line else [])])
        assert not end.value.code
        printed += capsys.readouterr().out
    number = r"-?\d[\d.,]*(?:e-?\d+)?"
    said = {re.sub(number, "#", line).strip() for line in printed.splitlines()}
    for line in story.splitlines():
        if line.strip() and not line.startswith("$ "):
            assert re.sub(number, "#", line).strip() in said
    assert f"{'':12}{typed[2]}\n" in printed


@pytest.mark.torch
def test_the_diagnosis_of_the_first_guide_is_what_the_command_prints(tmp_path, monkeypatch, capsys):
    """Its lines are those of the command up to their numbers, in both languages, and its remedy is the command that is typed."""
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    write_recording()
    with pytest.raises(SystemExit) as end:
        main(["diagnose", "run.npz", "--no-figure"])
    assert not end.value.code
    number = r"-?\d[\d.,]*(?:e-?\d+)?"
    said = {re.sub(number, "#", line).strip() for line in capsys.readouterr().out.splitlines()}
    for name in ("docs/start/training-loop.md", "docs/zh/start.md"):
        text = GUIDES[name].read_text(encoding="utf-8")
        (story,) = re.findall(r"```text\n(verdict.*?)```", text, re.DOTALL)
        assert {re.sub(number, "#", line).strip() for line in story.splitlines()} <= said
        (remedy,) = [
            line.strip() for line in story.splitlines() if line.strip().startswith("landscape train")
        ]
        assert f"```sh\n{remedy}\n```" in text


def test_readme_counts_the_faults():
    assert f"There are {len(CASES)} such faults" in " ".join(README.split())


def test_the_first_install_leaves_a_record_and_figures():
    first = installs()[0].split(" && ")
    assert first[1:] == [
        ".venv/bin/pip install .",
        ".venv/bin/landscape demo",
        ".venv/bin/landscape scan digits.npz",
    ]


def test_the_first_install_names_the_files_that_a_scan_leaves(folder):
    named = output_stem(None, Path("digits.npz"), "scan", options_in_name(context_of(["scan", "digits.npz"])))
    with pytest.raises(SystemExit):
        main(["scan", "digits.npz", "--points", "3", "--quiet", "-o", Path(named).name])
    left = {path.name for path in folder.glob("digits.scan.*")}
    assert left == set(re.findall(r"`(digits\.scan[\w.]*)`", README))


def test_the_second_install_runs_the_tests_with_the_extra_of_their_own():
    assert installs()[1].split(" && ")[1:] == [
        ".venv/bin/pip install -e '.[test]'",
        ".venv/bin/python -m pytest -n auto --dist loadfile",
    ]
    assert len(installs()) == 2


def test_ci_runs_the_second_install_as_it_stands_here():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    pattern = re.search(r"grep -m1 '(.*)' README\.md", script)
    assert pattern
    assert re.findall(pattern[1], README, re.MULTILINE) == [installs()[1]]


def test_every_option_named_exists():
    known = set().union(*(options_of(name) for name in COMMANDS)) | {"--help", "--version"}
    # Scripts have options of their own.
    ours = re.sub(r"python benchmarks/.*", "", TEXT.replace(installs()[1], ""))
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", ours)) <= known


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_described(name):
    assert f"**`landscape {name}`**" in TEXT


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_of_a_command_is_named(name):
    assert {option for option in options_of(name) if option.startswith("--") and option not in TEXT} == set()


def test_every_op_of_the_format_is_listed_and_runs():
    guide = (ROOT / "docs" / "importing.md").read_text(encoding="utf-8")
    listed = guide[guide.index("## Operations that run") :]
    assert {name for name in OPERATIONS if f"`{name}`" in listed} == set(OPERATIONS)


def test_readme_is_a_page():
    """It is what a stranger reads first; whatever is longer has a page of its own."""
    assert len(README.split()) <= MOST_WORDS


def test_readme_names_every_command():
    assert {name for name in COMMANDS if f"`{name}`" not in README} == set()


@pytest.mark.parametrize("path", GUIDES.values(), ids=GUIDES)
def test_links_lead_to_files(path):
    targets = re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8"))
    assert [target for target in targets if not (path.parent / target).is_file()] == []

"""What a command does by default is what the library's function does by default, for every option."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

import click
import pytest

import landscape
from landscape.commands import COMMANDS
from landscape.sharpness.options import Options
from landscape.training import Recipe

# What is written, and how it is told; and how a bare file, or a program, is understood, which `load_model` and `objective_and_training` do.
WRITING = {
    "output",
    "no_figure",
    "figure_format",
    "as_json",
    "quiet",
    "fresh",
    "activation",
    "loss",
    "weights",
}
# A command: the functions whose parameters its options are, and options that the commands alone have.
FUNCTIONS: dict[str, tuple[tuple[Any, ...], set[str]]] = {
    "align": ((landscape.align,), set()),
    "connect": ((landscape.connect,), set()),
    # Workers compute the starts of a search.
    "critical": ((landscape.analyze_critical,), {"escape", "search", "workers", "mixed"}),
    "diagnose": ((landscape.diagnose,), {"log", "changes", "target"}),
    "hessian": ((landscape.analyze_hessian,), set()),
    "race": ((landscape.race,), set()),
    "report": ((landscape.make_report,), {"target", "pdf", "interactive"}),
    "scan": ((landscape.scan,), {"save_directions"}),
    "sharpness": ((landscape.measure_sharpness, Options), set()),
    "study batch-size": ((landscape.study_batch_size,), set()),
    "study learning-rate": ((landscape.study_learning_rate,), set()),
    "study stability": ((landscape.study_stability,), set()),
    "study schedule": ((landscape.study_schedule,), set()),
    "topology": ((landscape.analyze_topology,), set()),
    "train": ((landscape.train, Recipe), {"architecture", "target"}),
    # A fresh run is drawn whole, so it is shorter than a training by default.
    "trajectory": ((landscape.trajectory, Recipe), {"animate", "init", "optimizer", "steps"}),
}
NO_FUNCTION = {"demo", "figures", "import", "info", "plot", "warm"}
RENAMED = {
    "matching": "method",
    "optimizer": "optimizers",
    "every": "all",
    "no_polish": "polishing",
    "no_orthogonalize": "orthogonalize",
    # Of which the commands make the executor, with `--mixed`.
    "workers": "executor",
    "mixed": "executor",
}
# Options without a default that the command leaves to the function where they are not given.
LEFT_TO_THE_FUNCTION = {("study learning-rate", "rates"), ("train", "steps")}


def commands(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for inner, below in command.commands.items():
            yield f"{name} {inner}", below
    else:
        yield name, command


ALL = dict(
    found
    for name, (module, _) in COMMANDS.items()
    for found in commands(name, importlib.import_module(module).command)
)


def options_of(command: click.Command) -> list[click.Option]:
    return [each for each in command.params if isinstance(each, click.Option) and each.name not in WRITING]


def plain(value: Any) -> str:
    """Return a default as a command line would spell it, empty for an option that is not given."""
    if value is None or value is False or "UNSET" in repr(value):
        return ""
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def parameters_of(functions: tuple[Any, ...]) -> dict[str, Any]:
    pairs = [inspect.signature(function).parameters for function in functions]
    return {name: parameter.default for found in pairs for name, parameter in found.items()}


def test_every_command_is_looked_at():
    assert FUNCTIONS.keys() | NO_FUNCTION == ALL.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_defaults_of_a_command_are_those_of_its_function(name):
    functions, alone = FUNCTIONS[name]
    parameters = parameters_of(functions)
    for option in options_of(ALL[name]):
        if option.name in alone or (name, option.name) in LEFT_TO_THE_FUNCTION:
            continue
        renamed = RENAMED.get(option.name, option.name)
        parameter = option.name if option.name in parameters else renamed
        assert parameter in parameters, f"{name} {option.opts[0]} is no parameter"
        default = parameters[parameter]
        expected = not default if option.name.startswith("no_") else default
        assert plain(option.default) == plain(expected), f"{name} {option.opts[0]}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_a_command_alone_has_is_an_option_of_it(name):
    assert FUNCTIONS[name][1] <= {option.name for option in options_of(ALL[name])} | WRITING


def test_a_device_is_settled_alike_everywhere():
    defaults = {
        name: parameters_of((getattr(landscape, name),)).get("device")
        for name in landscape.NAMES
        if inspect.isfunction(getattr(landscape, name))
    }
    assert set(defaults.values()) == {None, "auto"}

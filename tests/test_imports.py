"""What is loaded when: the package and its help are light, and the heavy libraries wait for the first use."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from landscape.commands import COMMANDS
from tests.processes import python

HEAVY = ("numba", "llvmlite", "scipy", "matplotlib", "torch", "onnx", "onnxruntime", "sklearn")
PACKAGE = Path(__file__).parents[1] / "landscape"
# What a help text does without: libraries, and all of ours but the commands and what they stand on.
EVERYTHING = {*HEAVY, "numpy", "threadpoolctl", "zipfile"} | {
    f"landscape.{path.stem}"
    for path in PACKAGE.iterdir()
    if path.stem not in ("__init__", "commands", "data")
}
# Tables of names that a help text lists.
OWN = {"demo": ("faults",)}


def loaded_after(code: str, wanted: Sequence[str] = HEAVY) -> list[str]:
    """Run code in a fresh interpreter and give the modules, of those wanted, that it left loaded."""
    report = (
        f"import json, sys; print(json.dumps([n for n in {wanted!r} if n in sys.modules]), file=sys.stderr)"
    )
    done = python("-W", "error", "-c", f"{code}\n{report}")
    return json.loads(done.stderr.splitlines()[-1])


def run_command(*arguments: str) -> str:
    """Write code that runs a command line and survives its exit."""
    return (
        "from landscape.commands import main\n"
        f"try:\n    main({list(arguments)!r})\nexcept SystemExit as end:\n    assert not end.code, end.code"
    )


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_after("import landscape") == []


def test_listing_the_public_names_loads_nothing_heavy():
    assert loaded_after("import landscape; dir(landscape); landscape.__all__") == []


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments):
    assert loaded_after(run_command(*arguments)) == []


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_of_a_command_loads_the_commands_and_nothing_else(command):
    found = loaded_after(run_command(command, "--help"), sorted(EVERYTHING))
    assert (
        set(found)
        - {
            f"landscape.{name}"
            for name in ("errors", "messages", "progress", "version", *OWN.get(command, ()))
        }
        == set()
    )


@pytest.mark.parametrize("module", ["landscape.model", "landscape.records", "landscape.files"])
def test_light_modules_load_nothing_heavy(module):
    assert loaded_after(f"import {module}") == []

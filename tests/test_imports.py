"""What is loaded when: the package and its help are light, and the heavy libraries wait for the first use."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from landscape.commands import COMMANDS

HEAVY = ("numba", "llvmlite", "scipy", "matplotlib", "torch", "onnx", "onnxruntime", "sklearn")
REPORT = f"import json, sys; print(json.dumps([n for n in {HEAVY!r} if n in sys.modules]), file=sys.stderr)"


def loaded_after(code: str) -> list[str]:
    """Run code in a fresh interpreter and give the heavy modules that it left loaded."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{code}\n{REPORT}"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
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
def test_help_of_a_command_loads_nothing_heavy(command):
    assert loaded_after(run_command(command, "--help")) == []


@pytest.mark.parametrize("module", ["landscape.model", "landscape.records", "landscape.files"])
def test_light_modules_load_nothing_heavy(module):
    assert loaded_after(f"import {module}") == []

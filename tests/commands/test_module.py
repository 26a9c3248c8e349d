"""`python -m landscape` is the command."""

from __future__ import annotations

import subprocess
import sys

import landscape


def test_the_package_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "landscape", "--version"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == f"landscape {landscape.__version__}\n"

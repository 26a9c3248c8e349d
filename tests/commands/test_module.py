"""`python -m landscape` is the command."""

from __future__ import annotations

import landscape
from tests.processes import python


def test_the_package_runs_as_a_module():
    assert python("-m", "landscape", "--version").stdout == f"landscape {landscape.__version__}\n"

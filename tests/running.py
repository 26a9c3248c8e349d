"""The command `landscape` in the process of the tests."""

from __future__ import annotations

import pytest

from landscape.commands import main


def run(*arguments: object) -> int:
    """Run the command and give its exit status."""
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return int(end.value.code or 0)

"""Python in another process, as a user begins it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

# Kernels are plain Python, those for a GPU too.
PLAIN = {"NUMBA_DISABLE_JIT": "1", "NUMBA_ENABLE_CUDASIM": "1"}


def python(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run Python, which must end well, and give what it printed. How long it may take is said in pyproject.toml."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, done.stderr
    return done


def told_by_plain_python(module: str) -> Any:
    """Run a module of the tests with uncompiled kernels, and read the JSON that it prints."""
    root = Path(__file__).parents[1]
    return json.loads(python("-W", "error", "-m", module, env=os.environ | PLAIN, cwd=root).stdout)

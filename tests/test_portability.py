"""What only POSIX systems have is not needed to import the package, and to write and read files."""

from __future__ import annotations

import pytest

from tests.processes import python

# What Windows lacks of the module `os`, and the modules that it has not.
MISSING = ("getuid", "pathconf", "sysconf", "sched_getaffinity", "fork", "kill", "O_DIRECTORY", "statvfs")
MODULES = ("resource", "fcntl", "pwd", "grp", "termios")

WITHOUT = f"""
import sys, tempfile
from pathlib import Path
import numba, numpy, scipy, matplotlib, click, threadpoolctl, concurrent.futures
import os
for name in {MISSING!r}:
    if hasattr(os, name):
        delattr(os, name)
sys.modules.update(dict.fromkeys({MODULES!r}))
"""


def run(code: str) -> str:
    return python("-W", "error", "-c", code).stdout.strip()


@pytest.mark.parametrize("module", ["landscape.jit", "landscape.commands.scan", "landscape.plots"])
def test_a_module_is_imported_where_posix_is_missing(module):
    run(f"{WITHOUT}\nimport {module}")


def test_every_public_name_is_imported_where_posix_is_missing():
    run(f"{WITHOUT}\nimport landscape\nfor name in landscape.__all__: getattr(landscape, name)")


def test_files_are_written_and_read_where_posix_is_missing(tmp_path):
    code = f"""{WITHOUT}
from landscape.files import read_archive, require_writable, write_archive
from landscape.memory import available_memory
path = Path({str(tmp_path / "kept.npz")!r})
require_writable(path)
write_archive(path, {{"a": numpy.arange(3)}})
print(read_archive(path)["a"].sum(), available_memory() > 0)
"""
    assert run(code) == "3 True"


def test_a_name_that_is_too_long_is_refused_where_the_system_cannot_be_asked(tmp_path):
    code = f"""{WITHOUT}
from landscape.errors import InputError
from landscape.files import require_writable
try:
    require_writable(Path({str(tmp_path)!r}) / ("n" * 300))
except InputError as error:
    print("too long" in str(error))
"""
    assert run(code) == "True"


def test_no_process_is_touched_where_asking_for_it_would_interrupt_it(tmp_path):
    code = f"""{WITHOUT}
import landscape.atomic as atomic
def kill(*_): raise AssertionError("the process was sent a signal")
os.kill = kill
path = Path({str(tmp_path / "kept.npz")!r})
left = path.with_name(atomic._temporary(path).name.replace(f"-{{os.getpid()}}-", "-1-"))
left.touch()
class System:
    name = "nt"
    def __getattr__(self, name): return getattr(os, name)
atomic.os = System()
atomic.write_bytes_atomically(path, b"x")
print(path.read_bytes(), left.exists())
"""
    assert run(code) == "b'x' True"

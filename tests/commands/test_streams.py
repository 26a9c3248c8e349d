"""Where the output goes: a full device, a closed pipe, an encoding without the letters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from landscape.model import save_model
from tests.scanning.examples import small_model

PROGRAM = [sys.executable, "-c", "import sys; from landscape.commands import main; main(sys.argv[1:])"]


@pytest.fixture
def model(tmp_path):
    save_model(small_model(), tmp_path / "m.npz")
    return str(tmp_path / "m.npz")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
@pytest.mark.parametrize("arguments", [["--help"], ["demo", "--list"], ["info"], ["--version"]])
def test_a_full_device_is_one_line_and_status_1(model, arguments):
    arguments = [*arguments, *([model] if arguments == ["info"] else [])]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line == "Error: stdout: No space left on device"


def test_a_pipe_that_was_closed_is_no_matter():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*PROGRAM, "demo", "--list"], stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert done.stderr == ""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "ascii:strict"])
def test_letters_that_the_encoding_lacks_are_replaced(model, encoding):
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    for arguments, status in ((["train", "--help"], 0), (["info", model], 0), (["info", "λ.npz"], 2)):
        done = subprocess.run([*PROGRAM, *arguments], capture_output=True, env=environment, check=False)
        assert done.returncode == status
        assert b"Traceback" not in done.stderr
        assert done.stdout or done.stderr

"""Of two commands with one output the second refuses; a lock dies with its process and leaves nothing that matters."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from landscape.commands import main
from landscape.errors import InputError
from landscape.locks import lock_path, locked
from landscape.model import save_model
from tests.scanning.examples import small_model

HOLDER = """
import sys
from landscape.locks import locked
with locked([sys.argv[1]]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds an output; ended with the test."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "x.npz")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_what_another_holds_is_refused(tmp_path):
    with locked([tmp_path / "x.npz"]):
        with (
            pytest.raises(InputError, match=r"x\.npz: another command is writing it"),
            locked([tmp_path / "x.npz"]),
        ):
            pass
        with locked([tmp_path / "y.npz"]):
            pass
    with locked([tmp_path / "x.npz"]):
        pass
    assert not list(tmp_path.iterdir())


def test_a_link_to_an_output_is_the_same_output(tmp_path):
    (tmp_path / "link.npz").symlink_to("x.npz")
    with locked([tmp_path / "x.npz"]), pytest.raises(InputError), locked([tmp_path / "link.npz"]):
        pass


def test_an_error_and_an_interruption_let_go(tmp_path):
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), locked([tmp_path / "x.npz"]):
            raise error
        with locked([tmp_path / "x.npz"]):
            pass


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_lock_dies_with_its_process(tmp_path, holder, number):
    path = tmp_path / "x.npz"
    with pytest.raises(InputError), locked([path]):
        pass
    os.kill(holder.pid, number)
    holder.wait()
    with locked([path]):
        assert lock_path(path).exists()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("line", ["scan m.npz --output x", "train m.npz -o x.npz --steps 1", "hessian m.npz --output x", "critical m.npz --output x",
                                  "race m.npz --output x", "study stability m.npz --output x", "sharpness m.npz --output x",
                                  "diagnose m.npz --output x", "trajectory m.npz --output x --optimizer sgd"])  # fmt: skip
def test_a_command_whose_output_another_holds_refuses_before_the_work(tmp_path, monkeypatch, capsys, line):
    monkeypatch.chdir(tmp_path)
    save_model(small_model(), tmp_path / "m.npz")
    with locked(["x.npz"]), pytest.raises(SystemExit) as end:
        main(line.split())
    said = capsys.readouterr()
    assert end.value.code == 2
    assert "another command is writing it" in said.err
    assert len(said.err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["m.npz"]


def test_of_many_threads_one_at_a_time_holds_an_output(tmp_path):
    inside, most, refused = [0], [0], [0]

    def work() -> None:
        for _ in range(200):
            try:
                with locked([tmp_path / "x.npz"]):
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                    # Let the other threads go on.
                    time.sleep(0)
                    inside[0] -= 1
            except InputError:
                refused[0] += 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert refused[0] < 800


def test_a_name_too_long_for_its_figures_is_refused_before_the_scan(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    name = "é" * 118 + ".npz"  # 236 bytes and four
    save_model(small_model(), tmp_path / name)
    with pytest.raises(SystemExit) as end:
        main(["scan", name])
    assert end.value.code == 2
    assert "the name is too long" in capsys.readouterr().err
    assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(SystemExit) as end:
        main(["info", name])
    assert not end.value.code

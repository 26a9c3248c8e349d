"""The first Ctrl-C waits for the step to end, the second does not; none falls into a function that is being compiled."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
from llvmlite.binding import ExecutionEngine

from landscape.interrupt import all_back, deferred_interrupt, whole_function
from landscape.jit import kernel
from landscape.model import bundled_path
from landscape.objective.session import share_work


def press():
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_ctrl_c_is_noted_and_the_second_raised():
    with deferred_interrupt() as interruption:
        assert not interruption.requested
        press()
        assert interruption.requested
        with pytest.raises(KeyboardInterrupt):
            press()


def test_afterwards_ctrl_c_is_what_it_was():
    before = signal.getsignal(signal.SIGINT)
    with deferred_interrupt():
        press()
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_are_left_alone():
    found = []

    def work():
        with deferred_interrupt() as interruption:
            found.append(interruption.requested)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]


def test_what_is_held_is_raised_at_the_end_of_the_innermost_block():
    passed = []

    def two_blocks():
        with whole_function():
            with whole_function():
                press()
                press()
                passed.append("the inner one to its end")
            passed.append("the outer one")

    with pytest.raises(KeyboardInterrupt):
        two_blocks()
    assert passed == ["the inner one to its end"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with whole_function():
        passed.append("nothing is left of it")
    assert len(passed) == 2


def test_what_is_held_within_a_step_is_not_put_off_to_its_end():
    reached = []

    def step():
        with whole_function():
            press()
        reached.append("the rest of the step")

    with pytest.raises(KeyboardInterrupt), deferred_interrupt():
        step()
    assert not reached


def test_what_is_held_while_threads_share_a_step_waits_for_the_steps_end():
    reached = []
    with deferred_interrupt() as interruption:
        with all_back():
            press()
            press()
        reached.append("the rest of the step")
        assert interruption.requested
    assert reached
    with pytest.raises(KeyboardInterrupt), all_back():
        press()


def test_a_handler_of_the_callers_is_called_at_the_end():
    called = []
    before = signal.signal(signal.SIGINT, lambda *_: called.append("a signal"))
    try:
        with whole_function():
            with whole_function():
                press()
            called.append("the end")
    finally:
        signal.signal(signal.SIGINT, before)
    assert called == ["the end", "a signal"]


def chain():
    """Three functions, each of which calls the one before."""

    @kernel(cached=False)
    def first(x):
        return 2.0 * x

    @kernel(cached=False)
    def second(x):
        return first(x) + 1.0

    @kernel(cached=False)
    def third(x):
        return second(x) * second(x)

    return first, second, third


def press_within_llvm(monkeypatch, count):
    """Press twice in call number `count` that LLVM makes of Python, where what is raised is printed and swallowed."""
    found, calls = ExecutionEngine._find_module_ptr, []

    def pressing(engine, module):
        calls.append(module)
        if len(calls) == count:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        return found(engine, module)

    monkeypatch.setattr(ExecutionEngine, "_find_module_ptr", pressing)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_ctrl_c_while_a_function_compiles_waits_for_its_end_and_leaves_it_whole(monkeypatch, count):
    *inner, third = chain()
    # What only compiled code calls is compiled as a part of it.
    functions = [*(function.get_call_template.__self__ for function in inner), third]
    press_within_llvm(monkeypatch, count)
    with pytest.raises(KeyboardInterrupt):
        third(3.0)
    compiled = [bool(function.signatures) for function in functions]
    assert compiled == sorted(compiled, reverse=True)
    assert any(compiled)
    assert third(3.0) == 49.0
    assert all(function.signatures for function in functions)


def test_ctrl_c_while_threads_compile_ends_all_of_them_and_the_same_call_then_runs(monkeypatch):
    *_, third = chain()
    results = {}

    def work(worker, workers):
        results[worker] = third(float(worker))

    press_within_llvm(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        share_work(work, 3)
    share_work(work, 3)
    assert results == {0: 1.0, 1: 9.0, 2: 25.0}


@pytest.mark.parametrize("seconds", [0.0, 0.4])
def test_a_command_that_is_interrupted_while_it_compiles_says_so_and_no_more(tmp_path, seconds):
    command = [
        sys.executable,
        "-c",
        "from landscape.commands import main; main()",
        "scan",
        str(bundled_path("digits")),
    ]
    process = subprocess.Popen(
        [*command, "--points", "5", "--no-figure"], cwd=tmp_path, env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cold")},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    heard = process.stderr.readline()
    while "compiling" not in heard:
        heard = process.stderr.readline()
        assert process.poll() is None
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130
    assert out == ""
    assert re.fullmatch(
        r"(landscape: stopping as soon as the running kernel has finished\n)?interrupted; nothing was written\n",
        err,
    )
    assert not list(tmp_path.glob("*.npz"))

"""The first Ctrl-C waits for the step to end, the second does not."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from landscape.interrupt import deferred_interrupt


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

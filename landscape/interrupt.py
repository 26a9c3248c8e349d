"""Delay Ctrl-C until the state is consistent."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from landscape.messages import say


class Interruption:
    """Whether Ctrl-C was pressed."""

    def __init__(self) -> None:
        self.requested = False

    def note(self, number: int, frame: FrameType | None) -> None:
        """Note the first signal; the next one is raised at once."""
        self.requested = True
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def deferred_interrupt() -> Iterator[Interruption]:
    """Note the first Ctrl-C instead of raising it; a second one raises at once.

    Outside the main thread, where Python delivers no signals, nothing is changed.
    """
    interruption = Interruption()
    if not in_main_thread():
        yield interruption
        return
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, interruption.note)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGINT, before)


class Hold:
    """Delays every Ctrl-C while functions are compiled, and while threads share the work.

    Numba and LLVM call Python from within C, where an exception is printed and swallowed, and what was being compiled is then half of a
    function. So the exception is raised at the end of a function, which may be compiled for another one's sake: what is whole by then stays.
    Other threads get no signals; they end their functions with what the main thread noted.
    """

    def __init__(self) -> None:
        self.depth = self.compiling = 0
        self.pressed = False
        self.before: Any = None
        self.forked = True

    def begin(self) -> None:
        """Install our handler before the existing one, if that is Python's and does not ignore the signal."""
        if not in_main_thread():
            return
        if self.depth == 0:
            self.pressed = False
            self.before = signal.getsignal(signal.SIGINT)
            if callable(self.before):
                signal.signal(signal.SIGINT, self.note)
        self.depth += 1

    def note(self, number: int, frame: FrameType | None) -> None:
        """Note a signal, and print once that it was received, if the wait may be long."""
        first, self.pressed = not self.pressed, True
        if first and self.compiling:
            # It may have come in the middle of another message.
            with contextlib.suppress(RuntimeError):
                say("landscape: stopping as soon as the running kernel has finished")

    def end(self, *, compiled: bool, failed: BaseException | None) -> None:
        """Raise what was noted at the end of compiling a function; otherwise pass it to the earlier handler."""
        ends = False
        if in_main_thread():
            self.depth -= 1
            ends = self.depth == 0
            if ends and callable(self.before):
                signal.signal(signal.SIGINT, self.before)
        if not self.pressed:
            return
        if ends:
            self.pressed = False
        if isinstance(failed, KeyboardInterrupt):
            return
        if compiled and raises(self.before):
            raise KeyboardInterrupt
        if ends:
            self.before(signal.SIGINT, None)

    def before_fork(self) -> None:
        """Note which thread forks."""
        self.forked = in_main_thread()

    def after_fork(self) -> None:
        """Reset the delay in a child forked by another thread than the main one, which alone ends a delay that it began."""
        if self.depth and not self.forked:
            self.depth, self.compiling, self.pressed = 0, 0, False
            if callable(self.before):
                signal.signal(signal.SIGINT, self.before)


HOLD = Hold()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=HOLD.before_fork, after_in_child=HOLD.after_fork)


@contextmanager
def whole_function() -> Iterator[None]:
    """Delay Ctrl-C until a function is compiled, and raise it then, even within a step of work that would otherwise be finished first."""
    HOLD.begin()
    HOLD.compiling += 1
    failed = None
    try:
        yield
    except BaseException as error:
        failed = error
        raise
    finally:
        HOLD.compiling -= 1
        HOLD.end(compiled=True, failed=failed)


@contextmanager
def all_back() -> Iterator[None]:
    """Delay Ctrl-C until all threads have returned, then handle it as usual."""
    HOLD.begin()
    failed = None
    try:
        yield
    except BaseException as error:
        failed = error
        raise
    finally:
        HOLD.end(compiled=False, failed=failed)


def raises(handler: Any) -> bool:
    """Say whether a handler leads to KeyboardInterrupt: Python's own, or that of work that stops at its next pause."""
    return handler is signal.default_int_handler or isinstance(
        getattr(handler, "__self__", None), Interruption
    )


def in_main_thread() -> bool:
    """Say whether this is the thread that signals come to."""
    return threading.current_thread() is threading.main_thread()

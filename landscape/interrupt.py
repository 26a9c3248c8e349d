"""Ctrl-C between two steps of the work, and not in the middle of one."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
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
    """Note the first Ctrl-C in place of raising it; a second one raises at once, wherever it falls.

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
    """Holds every Ctrl-C back within a `with`, to raise it at the end of the innermost one.

    Numba and LLVM call Python from within C, where an exception is printed and swallowed, and what was being compiled is then half of a
    function. Blocks may be nested, a function that is compiled for another one's sake within the other's: each ends at a place where nothing
    is half done. Other threads get no signals; they end their blocks with what the main thread noted.
    """

    def __init__(self) -> None:
        self.depth = 0
        self.pressed = False
        self.said = False
        self.before: Any = None
        self.forked = True

    def __enter__(self) -> Hold:
        if in_main_thread():
            if self.depth == 0:
                self.begin()
            self.depth += 1
        return self

    def begin(self) -> None:
        """Put our handler before the one that is there, if that is Python's and not told to ignore."""
        self.pressed = self.said = False
        self.before = signal.getsignal(signal.SIGINT)
        if callable(self.before):
            signal.signal(signal.SIGINT, self.note)

    def note(self, number: int, frame: FrameType | None) -> None:
        """Note a signal, and say once that it was heard."""
        self.pressed = True
        if not self.said:
            self.said = True
            # It may have come in the middle of another message.
            with contextlib.suppress(RuntimeError):
                say("landscape: stopping, as soon as the kernel in work is through")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        main = in_main_thread()
        if main:
            self.depth -= 1
            if self.depth == 0 and callable(self.before):
                signal.signal(signal.SIGINT, self.before)
        if not self.pressed:
            return
        ends = main and self.depth == 0
        if ends:
            self.pressed = False
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            return
        if raises(self.before):
            raise KeyboardInterrupt
        if ends:
            self.before(signal.SIGINT, None)

    def before_fork(self) -> None:
        """Note which thread forks."""
        self.forked = in_main_thread()

    def after_fork(self) -> None:
        """Hold nothing in the child of another thread than the main one, which alone ends what it began."""
        if self.depth and not self.forked:
            self.depth, self.pressed = 0, False
            if callable(self.before):
                signal.signal(signal.SIGINT, self.before)


HOLD = Hold()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=HOLD.before_fork, after_in_child=HOLD.after_fork)


def uninterrupted() -> Hold:
    """Hold Ctrl-C back within a `with`."""
    return HOLD


def raises(handler: Any) -> bool:
    """Say whether a handler leads to KeyboardInterrupt: Python's own, or that of work which is told at its next pause."""
    return handler is signal.default_int_handler or isinstance(
        getattr(handler, "__self__", None), Interruption
    )


def in_main_thread() -> bool:
    """Say whether this is the thread that signals come to."""
    return threading.current_thread() is threading.main_thread()

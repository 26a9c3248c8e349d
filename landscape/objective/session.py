"""Running kernels: threads that share the work, BLAS held to one, one caller at a time, a word when something compiles.

The threads are Python's: kernels release the interpreter's lock and take (worker, workers) first. Numba's `prange` would compile
every kernel twice more and, where no OpenMP is installed, brings a pool that must not be entered twice.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any

from numba.core import event
from threadpoolctl import ThreadpoolController

from landscape.errors import InputError
from landscape.messages import say

# BLAS's number of threads belongs to the process.
LOCK = threading.RLock()


class Inside:
    """Whether a session is open; read and written by the thread that holds the lock."""

    depth = 0


INSIDE = Inside()
# More is a slip of the pen rather than a wish.
MOST_THREADS = 1024


class Announcer(event.Listener):
    """Says once that kernels are being compiled."""

    said = False

    def on_start(self, event: Any) -> None:
        """Say so at the first function."""
        if not Announcer.said:
            Announcer.said = True
            say("landscape: compiling its kernels for this machine, once …")

    def on_end(self, event: Any) -> None:
        """Say nothing."""


ANNOUNCER = Announcer()


@cache
def blas_libraries() -> tuple[Any, ...]:
    """Find the BLAS libraries that are loaded; SciPy's, which the kernels call, must be among them."""
    import scipy.linalg.cython_blas  # noqa: F401

    return tuple(ThreadpoolController().select(user_api="blas").lib_controllers)


@cache
def pool(workers: int) -> ThreadPoolExecutor:
    """Keep threads beside the calling one."""
    return ThreadPoolExecutor(workers, thread_name_prefix="landscape")


def available_cores() -> int:
    """Count the cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def checked_threads(threads: int | None) -> int:
    """Give the number of threads to use; None is one for each core that the process may run on.

    Raises
    ------
    InputError
        Less than one, or far more than any machine has.
    """
    if threads is None:
        return available_cores()
    if not 1 <= threads <= MOST_THREADS:
        raise InputError(f"threads: expected 1 to {MOST_THREADS}, found {threads}")
    return threads


@contextmanager
def session() -> Iterator[None]:
    """Hold BLAS to one thread, and leave it as it was.

    A threaded BLAS inside threads that share the work fights them for the cores: the same 1,000 gradients then took
    twenty times as long.
    """
    with LOCK:
        if INSIDE.depth:
            yield
            return
        INSIDE.depth = 1
        try:
            with alone():
                yield
        finally:
            INSIDE.depth = 0


@contextmanager
def alone() -> Iterator[None]:
    """Do what a session does, for the outermost one; those within need do nothing again."""
    with event.install_listener("numba:compile", ANNOUNCER):
        libraries = [(library, library.num_threads) for library in blas_libraries()]
        threaded = [(library, before) for library, before in libraries if before != 1]
        try:
            for library, _ in threaded:
                library.set_num_threads(1)
            yield
        finally:
            for library, before in threaded:
                library.set_num_threads(before)


def share_work(kernel: Callable[..., None], workers: int, *arguments: Any) -> None:
    """Call kernel(worker, workers, …) for each worker, one of them on the calling thread, and wait for all."""
    if workers == 1:
        kernel(0, 1, *arguments)
        return
    others = [pool(workers - 1).submit(kernel, worker, workers, *arguments) for worker in range(1, workers)]
    try:
        kernel(0, workers, *arguments)
    finally:
        for other in others:
            other.result()

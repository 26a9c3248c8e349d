"""Run kernels: threads share the work, BLAS is limited to one, and one caller runs at a time.

The threads are Python's: kernels release the interpreter's lock and take (worker, workers) first. Numba's `prange` would compile
every kernel twice more and, where no OpenMP is installed, brings a pool that must not be entered twice.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from typing import Any

from numba.core import event
from numba.core.compiler_lock import global_compiler_lock
from threadpoolctl import ThreadpoolController

from landscape.errors import InputError
from landscape.interrupt import all_back
from landscape.messages import say

# Larger values are almost certainly typing errors.
MOST_THREADS = 1024


class Announcer(event.Listener):
    """Announces, once in a process, that kernels are being compiled."""

    def __init__(self) -> None:
        self.said = False

    def on_start(self, event: Any) -> None:
        """Announce the compilation at its first function."""
        self.say("kernels")

    def say(self, what: str) -> None:
        """Say what is compiled, and how to have it done ahead."""
        if not self.said:
            self.said = True
            say(
                f"landscape: compiling {what} for this machine; later runs start at once (`landscape warm` compiles all of them ahead)"
            )

    def on_end(self, event: Any) -> None:
        """Say nothing."""


ANNOUNCER = Announcer()


@cache
def blas_libraries() -> tuple[Any, ...]:
    """Find the BLAS libraries that are loaded; SciPy's, whose eigen-solvers run between kernels, must be among them."""
    import scipy.linalg.cython_blas  # noqa: F401

    return tuple(ThreadpoolController().select(user_api="blas").lib_controllers)


def set_blas_threads(library: Any, count: int) -> None:
    """Set the number of threads of a BLAS library, whichever thread of Python set it before.

    From version 3.8 on threadpoolctl silently ignores all but the first Python thread that sets it, as long as that one lives and does not let go.
    Sessions take turns by a lock of their own.
    """
    release = getattr(library, "clear_controlling_thread", None)
    if release is not None:
        release(force=True)
    library.set_num_threads(count)
    if release is not None:
        release(force=True)


@cache
def pool(workers: int) -> ThreadPoolExecutor:
    """Keep threads beside the calling one."""
    return ThreadPoolExecutor(workers, thread_name_prefix="landscape")


class Neighbours:
    """The number of processes that share this machine's cores for one task, including this one, and whether others need the same kernels now."""

    count = 1
    alike = False


def all_cores() -> int:
    """Count the cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_cores() -> int:
    """Count the cores that this process may run on, or its share of them if other processes work on the same task."""
    return max(1, all_cores() // Neighbours.count)


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


class Session:
    """BLAS held to one thread while the outermost of nested sessions is open; the thread that holds the lock owns it.

    BLAS's number of threads belongs to the process, so there is one session of all threads.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.depth = 0
        self.threaded: list[tuple[Any, int]] = []

    def __enter__(self) -> None:
        self.lock.acquire()
        self.depth += 1
        if self.depth == 1:
            try:
                self.begin()
            except BaseException:
                self.__exit__()
                raise

    def __exit__(self, *_: object) -> None:
        try:
            if self.depth == 1:
                self.end()
        finally:
            self.depth -= 1
            self.lock.release()

    def begin(self) -> None:
        """Announce what compiles from now on, and hold BLAS to one thread."""
        event.register("numba:compile", ANNOUNCER)
        for library in blas_libraries():
            before = library.num_threads
            if before != 1:
                self.threaded.append((library, before))
                set_blas_threads(library, 1)

    def end(self) -> None:
        """Leave BLAS as it was."""
        event.unregister("numba:compile", ANNOUNCER)
        while self.threaded:
            library, before = self.threaded.pop()
            set_blas_threads(library, before)

    @contextmanager
    def left_to_others(self) -> Iterator[None]:
        """Let other threads use the session while its owner waits for them."""
        if not self.lock._is_owned():  # type: ignore[attr-defined]
            yield
            return
        depth, self.depth = self.depth, 0
        self.end()
        held = self.lock._release_save()  # type: ignore[attr-defined]
        try:
            yield
        finally:
            self.lock._acquire_restore(held)  # type: ignore[attr-defined]
            self.begin()
            self.depth = depth

    def begin_anew(self) -> None:
        """Release what another thread held at a fork; a session of the forking thread's own is left as usual."""
        if self.lock._is_owned():  # type: ignore[attr-defined]
            return
        self.lock = threading.RLock()
        if self.depth:
            self.depth = 0
            self.end()


SESSION = Session()


def session() -> Session:
    """Hold BLAS to one thread within a `with`, and leave it as it was.

    The kernels need none. What an analysis does between them, SciPy's eigen-solvers above all, then has the same bits whatever else runs, and no
    threads of BLAS's wait busily on the cores that the kernels' threads share.
    """
    return SESSION


def share_work(kernel: Callable[..., None], workers: int, *arguments: Any) -> None:
    """Call kernel(worker, workers, …) for each worker, one of them on the calling thread, and wait for all.

    Ctrl-C is raised when all are back, or between two functions that they compile.
    """
    if workers == 1:
        # Nobody to wait for: Python looks for Ctrl-C when the kernel is through, and holding it back takes as long as a small network's value.
        kernel(0, 1, *arguments)
        return
    with all_back():
        others = [
            pool(workers - 1).submit(kernel, worker, workers, *arguments) for worker in range(1, workers)
        ]
        try:
            kernel(0, workers, *arguments)
        finally:
            wait(others)
        for other in others:
            other.result()


def begin_anew() -> None:
    """Reset, in a child of `fork`, what only the parent has: its threads, and locks that they held."""
    pool.cache_clear()
    SESSION.begin_anew()


if hasattr(os, "register_at_fork"):
    # A child cannot finish what another thread was compiling, so a fork waits for it.
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )
    os.register_at_fork(after_in_child=begin_anew)

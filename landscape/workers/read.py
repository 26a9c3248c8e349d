"""`--workers`: a number of processes on this machine, or the address of a Dask scheduler."""

from __future__ import annotations

import multiprocessing
import re
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from landscape.errors import InputError
from landscape.memory import available_memory, size_words
from landscape.messages import say
from landscape.objective.session import MOST_THREADS, all_cores
from landscape.workers.crew import Workers

# Seconds in which a scheduler must answer, and in which a first worker must be there.
CONNECT, FIRST_WORKER = 10, 60
# What a process has in memory before it is given any work.
PROCESS_BYTES = 140 * 2**20
ADDRESS = re.compile(r"[a-z]+://\S+")


@contextmanager
def open_workers(
    told: str, *, mixed: bool = False, maker: Callable[[], Any] | None = None
) -> Iterator[Workers]:
    """Begin N processes on this machine, or go to a Dask scheduler; a context that ends with them.

    Parameters
    ----------
    told
        A number of processes, or an address such as "tcp://10.0.0.1:8786" or "tls://…", of which Dask's configuration has the certificates.
    mixed, maker
        As `Workers` takes them.

    Raises
    ------
    InputError
        Neither; more processes than memory holds; no Dask is installed; no scheduler answers there, or it has no workers.

    Examples
    --------
    >>> with open_workers("2") as workers:
    ...     workers.size.count
    2
    """
    if told.isascii() and told.isdigit() and 1 <= int(told) <= MOST_THREADS:
        require_room(int(told))
        pool = LocalPool(int(told))
        try:
            yield Workers(pool.begin(), mixed=mixed, maker=maker, renew=pool.begin)
        finally:
            pool.end()
    elif ADDRESS.fullmatch(told):
        with dask_executor(told) as executor:
            yield Workers(executor, mixed=mixed, maker=maker)
    else:
        raise InputError(
            f"--workers: expected a number of processes from 1 to {MOST_THREADS}, or a scheduler's address such as tcp://10.0.0.1:8786, found {told!r}"
        )


def require_room(count: int) -> None:
    """Say that there are more processes than cores; refuse more than memory holds.

    Raises
    ------
    InputError
        There is too little memory.
    """
    needed, there = count * PROCESS_BYTES, available_memory()
    if needed > there:
        raise InputError(
            f"--workers {count}: {count} processes take at least {size_words(needed)}, and {size_words(there)} of memory are left: "
            f"choose at most {max(1, there // PROCESS_BYTES)}"
        )
    if count > all_cores():
        say(f"landscape: {count} processes share {all_cores()} cores")


class LocalPool:
    """Processes on this machine, begun anew where one of them dies, and ended at once at the end."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.pool: ProcessPoolExecutor | None = None

    def begin(self) -> ProcessPoolExecutor:
        """Begin the processes, in place of those there were."""
        self.end()
        # A fork would have the threads and locks of the middle of a work.
        context = multiprocessing.get_context("spawn")
        self.pool = Undisturbed(self.count, mp_context=context, initializer=leave_interrupts)
        return self.pool

    def end(self) -> None:
        """End the processes, whatever they are doing."""
        if self.pool is None:
            return
        processes = list((getattr(self.pool, "_processes", None) or {}).values())
        self.pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
        self.pool = None


class Undisturbed(ProcessPoolExecutor):
    """A pool whose processes get no Ctrl-C, which a terminal sends to all: not even while they begin."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Give a part to a process; the first call begins them all, which keep what signals are held back now."""
        if not hasattr(signal, "pthread_sigmask"):
            return super().submit(function, *arguments, **named)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(function, *arguments, **named)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_interrupts() -> None:
    """Leave Ctrl-C, which a terminal sends to all processes, to the one that keeps the work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def dask_executor(address: str) -> Iterator[Any]:
    """Connect to a scheduler and wait for its first worker.

    Raises
    ------
    InputError
        No Dask, no answer, no worker.
    """
    try:
        from distributed import Client  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        raise InputError(
            "--workers: an address is a Dask scheduler's, and Dask is not installed: pip install 'numba-landscape[dask]'"
        ) from None
    try:
        client = Client(address, timeout=CONNECT)
    except Exception as error:  # of the network, of TLS, of versions
        reason = (str(error) or type(error).__name__).splitlines()[0]
        if address.startswith("tls:"):
            raise InputError(
                f"--workers {address}: no TLS connection within {CONNECT} s ({reason}): check the address, and the certificates in Dask's settings "
                "distributed.comm.tls (ca-file, client.cert, client.key)"
            ) from None
        raise InputError(
            f"--workers {address}: no scheduler answered within {CONNECT} s ({reason}): check that it runs, and check the address"
        ) from None
    try:
        try:
            client.wait_for_workers(1, timeout=FIRST_WORKER)
        except TimeoutError:
            raise InputError(
                f"--workers {address}: the scheduler has no worker after {FIRST_WORKER} s: start one by: dask worker {address} --nthreads 1"
            ) from None
        yield client.get_executor(retries=2)
    finally:
        client.close()

"""Compile rules and entry points ahead, with several processes that share the cache on the disk.

The compiler holds a lock, so threads would wait for each other. A *piece* is what is compiled by itself: an entry point by its name, or a rule by its
number in the table.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import numba
import numpy as np

from landscape.errors import InputError
from landscape.interrupt import whole_function
from landscape.jit import alone_in_cache
from landscape.kernels.cpu.entries import ENTRIES, compile_entry, entry_is_kept
from landscape.kernels.cpu.rules import TABLE
from landscape.objective.session import ANNOUNCER, Neighbours, all_cores, session
from landscape.progress import Progress, nobody, units

# The dtypes that kernels are compiled for.
DTYPES = ("float32", "float64")
# A process takes about a second to be ready: fewer pieces are compiled sooner by this one alone.
WORTH = 6
# Seconds between two looks at what another worker compiles.
LOOK = 0.1
# How many processes compile; all cores where it is not set.
VARIABLE = "LANDSCAPE_COMPILERS"
Piece = str | int


def checked_dtype(dtype: str) -> np.dtype:
    """Return a dtype that kernels are compiled for.

    Raises
    ------
    InputError
        Another one.
    """
    with suppress(TypeError):
        kind = np.dtype(dtype)
        if str(kind) in DTYPES:
            return kind
    raise InputError(f"dtype: expected {' or '.join(DTYPES)}, found {dtype}")


def compile_together(pieces: Sequence[Piece], dtype: np.dtype) -> None:
    """Compile entry points (names) and rules (numbers of the table) that are not on the disk yet, on all cores.

    Fewer than a handful are left to their first use. Workers of one work that share a folder of kernels compile one at a time, and the others take
    from the disk what the first left there.
    """
    if numba.config.DISABLE_JIT:
        return
    with session():
        while missing := missing_of(pieces, dtype):
            compilers = min(wanted_compilers(), len(missing) // WORTH + 1)
            if compilers == 1 and not Neighbours.alike:
                return
            # Of several processes that begin at once, one has helpers.
            with alone_in_cache("compiling", wait=False) as alone:
                # What another compiled since is there.
                missing = missing_of(pieces, dtype)
                if missing and (alone or not Neighbours.alike):
                    compile_pieces({dtype.name: missing}, compilers if alone else 1, None)
                    return
            # Ctrl-C is heard between two looks.
            with whole_function():
                time.sleep(LOOK)


def missing_of(pieces: Sequence[Piece], dtype: np.dtype) -> list[Piece]:
    """Return the pieces that are not on the disk yet."""
    return distinct([piece for piece in pieces if not is_kept(piece, dtype)])


def compile_ahead(dtypes: Sequence[str] = DTYPES, *, progress: Progress = nobody) -> int:
    """Compile every CPU kernel for the given dtypes, so that no later run has to.

    Parameters
    ----------
    dtypes
        Of "float32" and "float64".
    progress
        Called with the share of the work that is done, and the same in words, such as "7 of 380 kernels".

    Returns
    -------
    How many were compiled; those on the disk already are not compiled again.

    Raises
    ------
    InputError
        Another dtype.
    """
    kinds = [checked_dtype(dtype) for dtype in dtypes]
    if numba.config.DISABLE_JIT:
        return 0
    everything: list[Piece] = [*ENTRIES, *TABLE]
    missing = {kind.name: missing_of(everything, kind) for kind in kinds}
    count = sum(map(len, missing.values()))
    if count:
        told = units(progress, "kernels")
        told(0, count)
        compile_pieces(missing, wanted_compilers(), told)
    return count


def wanted_compilers() -> int:
    """Return how many processes may compile.

    Raises
    ------
    InputError
        The environment's variable is no number.
    """
    told = os.environ.get(VARIABLE, "")
    if told and not (told.isascii() and told.isdigit() and 0 < int(told) < 1000):
        raise InputError(f"{VARIABLE}: expected a number of processes, found {told!r}")
    if getattr(sys, "frozen", False):
        # What it would begin is the program that Python is frozen into.
        return 1
    # Neighbours of the same work wait meanwhile.
    return int(told) if told else all_cores()


def compile_pieces(
    missing: dict[str, list[Piece]], compilers: int, advance: Callable[[int, int], object] | None
) -> None:
    """Compile pieces by dtype in this process and others, each taking the next piece until none is left; Ctrl-C ends all.

    A process that cannot be begun, or that something else ends, leaves its pieces to this one. Entry points come first: they take longest.
    """
    work = [(dtype, piece) for dtype, pieces in missing.items() for piece in pieces]
    work.sort(key=lambda each: not isinstance(each[1], str))
    count, compilers = len(work), max(1, min(compilers, len(work)))
    ANNOUNCER.say(f"{count} kernel{'s' * (count > 1)} on {compilers} core{'s' * (compilers > 1)}")
    lock, done = threading.Lock(), 0

    def told(*_: object) -> None:
        nonlocal done
        with lock:
            done += 1
            if advance is not None:
                advance(done, count)

    with ExitStack() as stack:
        others: list[Helper] = []
        taken = stack.enter_context(tempfile.TemporaryDirectory())
        # A program that Python is embedded in has no interpreter to begin, and a system may allow no more processes.
        with suppress(OSError, TypeError):
            others.extend(stack.enter_context(Helper(taken, work, told)) for _ in range(1, compilers))
        for dtype, piece in work:
            if take(taken, f"{dtype}:{piece}"):
                compile_here([piece], dtype, told)
        for helper in others:
            helper.wait()
        for dtype, piece in work:
            if not is_kept(piece, np.dtype(dtype)):
                compile_here([piece], dtype, told)


def distinct(pieces: Sequence[Piece]) -> list[Piece]:
    """Leave out numbers whose rule also has an earlier number."""
    seen: dict[object, Piece] = {}
    for piece in pieces:
        seen.setdefault(piece if isinstance(piece, str) else TABLE[piece], piece)
    return list(seen.values())


def take(folder: str, name: str) -> bool:
    """Claim a piece of work by making a file of its name; return whether no other process had."""
    try:
        (Path(folder) / name.replace(":", "-")).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


class Helper:
    """A process that compiles unclaimed functions until this process leaves `with`; a thread calls `told` for each one."""

    def __init__(self, taken: str, work: Sequence[tuple[str, Piece]], told: Callable[[str], object]) -> None:
        self.told = told
        # In a session of its own, so that Ctrl-C comes to this process alone, which ends the others.
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-c", CHILD, os.pathsep.join(sys.path), taken, *(f"{dtype}:{piece}" for dtype, piece in work)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
            env=os.environ | {VARIABLE: "1"},
        )  # fmt: skip
        self.reader = threading.Thread(target=self.follow, daemon=True)

    def __enter__(self) -> Helper:
        self.reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.reader.join()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def follow(self) -> None:
        """Read to the end; a line is a piece that is done."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.told(line)

    def wait(self) -> None:
        """Wait until the process has ended, successfully or not."""
        while self.reader.is_alive():
            # Ctrl-C is raised at the end of a block, also in work that would else hear of it at its next pause.
            with whole_function():
                self.reader.join(0.1)


def help_out(taken: str, *named: str) -> None:
    """Compile the unclaimed pieces of dtypes, and print each at once, so that the process ends at the next one if its reader is gone."""
    for name in named:
        dtype, _, piece = name.partition(":")
        if take(taken, name):
            compile_here([piece], dtype, lambda done: print(done, flush=True))


# What a process that helps runs: where modules are found, a folder of what is taken, then dtype:piece each. The folder it is started in is no
# place for modules.
CHILD = (
    f"import os, sys; sys.path[:] = sys.argv[1].split(os.pathsep); from {__name__} import {help_out.__name__}; "
    f"{help_out.__name__}(*sys.argv[2:])"
)


def compile_here(pieces: Sequence[Piece], dtype: str, told: Callable[[object], object]) -> None:
    """Compile pieces in this process, one after another."""
    kind = np.dtype(dtype)
    with session():
        for piece in pieces:
            if piece in ENTRIES:
                compile_entry(str(piece), kind)
            else:
                TABLE[int(piece)].compile(kind)
            told(piece)


def is_kept(piece: Piece, dtype: np.dtype) -> bool:
    """Say whether a piece is on the disk; a number without a rule needs nothing."""
    if isinstance(piece, str):
        return entry_is_kept(piece, dtype)
    return piece not in TABLE or TABLE[piece].is_kept(dtype)

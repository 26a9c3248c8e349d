"""Compiling ahead, on all cores: rules and entry points are independent, and each process that compiles some leaves them on the disk for all.

The compiler holds a lock, so threads would wait for each other.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import numba
import numpy as np

from landscape.errors import ComputationError, InputError
from landscape.kernels.cpu.entries import ENTRIES, compile_entry, entry_is_kept
from landscape.kernels.cpu.rules import TABLE
from landscape.objective.session import ANNOUNCER, available_cores, session

# The dtypes that kernels are compiled for.
DTYPES = ("float32", "float64")
# A process takes about a second to be ready: fewer pieces are compiled sooner by this one alone.
WORTH = 6
# How many processes compile; all cores where it is not set.
VARIABLE = "LANDSCAPE_COMPILERS"
# What a process that helps runs: a dtype and the pieces are its arguments.
CHILD = "import sys; from landscape.objective.compiling import compile_here; compile_here(sys.argv[2:], sys.argv[1], print)"

Piece = str | int


def compile_together(pieces: Sequence[Piece], dtype: np.dtype) -> None:
    """Compile entry points (names) and rules (numbers of the table) that are not on the disk yet, on all cores.

    Fewer than a handful are left to their first use.
    """
    if numba.config.DISABLE_JIT:
        return
    missing = [piece for piece in pieces if not is_kept(piece, dtype)]
    compilers = min(wanted_compilers(), len(missing) // WORTH + 1)
    if compilers > 1:
        compile_pieces({dtype.name: missing}, compilers, None)


def compile_ahead(
    dtypes: Sequence[str] = DTYPES, *, advance: Callable[[int, int], object] | None = None
) -> int:
    """Compile every kernel of the CPU for some dtypes, so that nothing is compiled at a first run.

    Parameters
    ----------
    dtypes
        Of "float32" and "float64".
    advance
        Called with the numbers of kernels done and in all.

    Returns
    -------
    How many were compiled; those on the disk already are not compiled again.

    Raises
    ------
    InputError
        Another dtype.
    ComputationError
        A process that compiled was ended by something else.
    """
    for dtype in dtypes:
        if dtype not in DTYPES:
            raise InputError(f"dtype: expected {' or '.join(DTYPES)}, found {dtype}")
    if numba.config.DISABLE_JIT:
        return 0
    everything: list[Piece] = [*ENTRIES, *TABLE]
    missing = {
        dtype: [piece for piece in everything if not is_kept(piece, np.dtype(dtype))] for dtype in dtypes
    }
    count = sum(map(len, missing.values()))
    if count:
        compile_pieces(missing, wanted_compilers(), advance)
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
    return int(told) if told else available_cores()


def compile_pieces(
    missing: dict[str, list[Piece]], compilers: int, advance: Callable[[int, int], object] | None
) -> None:
    """Compile pieces by dtype: other processes their share, and this one its own meanwhile; Ctrl-C ends all.

    Raises
    ------
    ComputationError
        A process that compiled was ended by something else.
    """
    count = sum(map(len, missing.values()))
    ANNOUNCER.say(f"{count} kernels on {compilers} core{'s' * (compilers > 1)}")
    shares = [(dtype, pieces[k::compilers]) for dtype, pieces in missing.items() for k in range(compilers)]
    own = [share for number, share in enumerate(shares) if number % compilers == 0]
    done = 0

    def told(*_: object) -> None:
        nonlocal done
        done += 1
        if advance is not None:
            advance(done, count)

    with ExitStack() as stack:
        others = [
            stack.enter_context(Helper(dtype, pieces))
            for number, (dtype, pieces) in enumerate(shares)
            if number % compilers and pieces
        ]
        for dtype, pieces in own:
            compile_here(pieces, dtype, told)
        for helper in others:
            helper.follow(told)


class Helper:
    """A process that compiles pieces, and ends with this one's `with`."""

    def __init__(self, dtype: str, pieces: Sequence[Piece]) -> None:
        paths = os.pathsep.join(path for path in sys.path if path)
        # In a session of its own, so that Ctrl-C comes to this process alone, which ends the others.
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, dtype, *map(str, pieces)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
            env=os.environ | {"PYTHONPATH": paths, VARIABLE: "1"},
        )  # fmt: skip

    def __enter__(self) -> Helper:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def follow(self, told: Callable[[str], object]) -> None:
        """Wait for its end; a line is a piece that is done.

        Raises
        ------
        ComputationError
            It did not come to its end.
        """
        assert self.process.stdout is not None
        for line in self.process.stdout:
            told(line)
        if self.process.wait() != 0:
            raise ComputationError(
                f"a process that compiled kernels ended with status {self.process.returncode}: set {VARIABLE}=1 to compile in one process"
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

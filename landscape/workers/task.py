"""A part of the work on a worker: compare the machines, load what all parts share, and compute."""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from landscape.errors import ComputationError, InputError
from landscape.objective.session import Neighbours
from landscape.workers.identity import Identity, differences, identity, named
from landscape.workers.parcel import NotHereError, Parcel, opened

# The parts of one work that this process was given: one at a time, each with all threads.
ALONE = threading.Lock()
# Why a part was not done.
REFUSED, FAILED, NOT_HERE = "refused", "failed", "not here"


@dataclass(frozen=True)
class Task:
    """What is sent with every part: the address of what all parts share, and what the process that asks computes with.

    `neighbours` is how many workers share a machine, `torch_threads` how many threads PyTorch has where it is in use, since its bits depend on them.
    """

    parcel: Parcel
    asks: Identity
    mixed: bool = False
    neighbours: int = 1
    torch_threads: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What a worker made of a part: a value, or why there is none.

    `seconds` is the time of the work itself, `worker` and `kind` name the process and what it computes with.
    """

    value: Any
    seconds: float
    worker: str
    kind: str
    fault: str = ""
    words: str = ""


def perform(task: Task, piece: Any, content: bytes | None = None) -> Outcome:
    """Do a part of the work; faults that have a sentence of their own come back as one."""
    worker = f"{platform.node()}:{os.getpid()}"
    here = identity()
    told = differences(task.asks, here, mixed=task.mixed)
    if told:
        return Outcome(None, 0.0, worker, "", REFUSED, told)
    kind = named(here, task.asks)
    with ALONE, among_neighbours(task):
        try:
            shared = opened(task.parcel, content)
            begun = time.perf_counter()
            value = shared.do(piece)
        except NotHereError:
            return Outcome(None, 0.0, worker, kind, NOT_HERE)
        except InputError as error:
            return Outcome(None, 0.0, worker, kind, REFUSED, str(error))
        except (ComputationError, OSError, MemoryError) as error:
            words = str(error) or "out of memory"
            return Outcome(None, 0.0, worker, kind, FAILED, words)
        return Outcome(value, time.perf_counter() - begun, worker, kind)


@contextmanager
def among_neighbours(task: Task) -> Iterator[None]:
    """Share the cores of the machine and its compiled kernels, and have as many threads of PyTorch as the process that asks."""
    before = Neighbours.count, Neighbours.alike
    Neighbours.count, Neighbours.alike = task.neighbours, True
    torch = sys.modules.get("torch")
    if task.torch_threads is not None:
        import torch  # type: ignore[import-not-found, no-redef, unused-ignore]
    threads = None if torch is None or task.torch_threads is None else torch.get_num_threads()
    if torch is not None and threads is not None and threads != task.torch_threads:
        torch.set_num_threads(task.torch_threads)
    try:
        yield
    finally:
        Neighbours.count, Neighbours.alike = before
        if torch is not None and threads is not None:
            torch.set_num_threads(threads)

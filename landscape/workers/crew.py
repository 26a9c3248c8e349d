"""Send parts of a work to an executor, and receive their results in any order."""

from __future__ import annotations

import queue
import shutil
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Future
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from landscape.errors import ComputationError, WorkerError
from landscape.objective.protocol import HasValue
from landscape.objective.session import session
from landscape.workers.identity import identity
from landscape.workers.parcel import Parcel, Shared, packed
from landscape.workers.pickles import Anew
from landscape.workers.refusals import is_without_package, refusal, without_package
from landscape.workers.same import same
from landscape.workers.size import Size, size_of
from landscape.workers.task import FAILED, NOT_HERE, REFUSED, Outcome, Task, perform

# Seconds between two looks at Ctrl-C.
POLL = 0.2
# Seconds between two counts of the workers.
COUNT = 5.0
# How often a part is given out before the work is given up.
TRIES = 3
# Parts in the hands of each worker: one that is done and one that waits.
AHEAD = 2
# A part that takes so many times the longest yet is given to another worker too.
LONG = 10.0


class Executor(Protocol):
    """What takes work: `submit` of `concurrent.futures`, as process pools, loky, `mpi4py.futures` and `Client.get_executor` of Dask have it."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        """Have function(*arguments) called elsewhere."""


def nothing() -> None:
    """Do nothing between two results."""


class Workers:
    """An executor, with the rules by which its workers are used.

    The results are those of one machine, bit for bit. Each worker reports its CPU and its versions, and one that
    differs from this process is refused.

    Parameters
    ----------
    executor
        Anything with `submit` of `concurrent.futures`.
    mixed
        Accept workers with another kind of CPU, or other versions of NumPy, SciPy, Numba and BLAS; last digits may then differ, and records name
        all kinds.
    maker
        A function without arguments that makes the objective on each worker, so that no pickle is sent. It must be
        the same objective.
    renew
        A function that returns a new executor after the old one broke.
    patience
        Seconds without any result after which late parts are given to other workers too.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> import numpy as np
    >>> from landscape import CallableObjective, scan
    >>> bowl = CallableObjective(np.linalg.norm, size=2)
    >>> with ThreadPoolExecutor(1) as executor:
    ...     record = scan(bowl, center=np.zeros(2), direction=np.eye(2), points=3, executor=Workers(executor))
    >>> record.values["train_loss"][1].tolist()
    [1.0, 0.0, 1.0]
    """

    def __init__(
        self,
        executor: Executor,
        *,
        mixed: bool = False,
        maker: Callable[[], Any] | None = None,
        renew: Callable[[], Executor] | None = None,
        patience: float = 60.0,
    ) -> None:
        self.executor, self.mixed, self.maker, self.renew, self.patience = (
            executor, mixed, maker, renew, patience,
        )  # fmt: skip
        self.generation = 0
        # What the workers that answered compute with, in the order in which they did.
        self.kinds: list[str] = []
        self._folder: Path | None = None

    @property
    def size(self) -> Size:
        """How many workers there are now, and how many on one machine."""
        return size_of(self.executor)

    @property
    def folder(self) -> Path:
        """Where parcels lie, until this object goes: in the working directory, which a cluster shares, if workers may be on other machines."""
        if self._folder is None:
            place = None if self.size.local else "."
            try:
                made = tempfile.mkdtemp(prefix=".landscape-workers-", dir=place)
            except OSError:
                made = tempfile.mkdtemp(prefix="landscape-workers-")
            self._folder = Path(made).resolve()
            weakref.finalize(self, shutil.rmtree, made, ignore_errors=True)
        return self._folder

    def results(
        self,
        shared: Shared,
        pieces: Iterable[Any],
        pause: Callable[[], object] = nothing,
        *,
        objective: HasValue | None = None,
        measures: bool = False,
    ) -> Iterator[tuple[Any, Outcome]]:
        """Give each part with what a worker made of it, in the order in which they are done.

        Each worker has one in hand and one that waits, and pieces are asked for when they are given out. What is out at an error or Ctrl-C is cancelled.

        Parameters
        ----------
        shared
            What all parts share, with the method that does one.
        pieces
            The parts, small.
        pause
            Called between results, and several times a second.
        objective
            The user's objective in what is shared, which `maker` makes anew.
        measures
            Give each machine one part at first, where the others are cut by the time that these take.

        Raises
        ------
        WorkerError
            A worker that cannot do it: of another kind or version, without the package.
        ComputationError
            A part was lost with its worker again and again, failed, or came out differently on two workers.
        InputError
            What is shared cannot be pickled.
        """
        anew = None if self.maker is None or objective is None else Anew.of(self.maker, objective)
        try:
            parcel, content = packed(shared, self.folder, anew)
        except OSError as error:
            raise ComputationError(
                f"{self.folder}: could not be written: {error.strerror or error}"
            ) from None
        yield from Round(self, parcel, content, pause, measures).run(iter(pieces))

    def begin_again(self, generation: int, error: BaseException) -> None:
        """Take a new executor in place of one that broke, once for all parts that were lost with it."""
        if generation < self.generation:
            return
        if self.renew is None:
            raise ComputationError(
                f"a worker process died, and the executor with it ({error}): start a new executor and "
                "run the same again, which computes the missing parts"
            ) from None
        self.executor = self.renew()
        self.generation += 1


class Round:
    """The parts of one work on their way."""

    def __init__(
        self, workers: Workers, parcel: Parcel, content: bytes, pause: Callable[[], object], measures: bool
    ) -> None:
        self.workers, self.content, self.pause, self.measures = workers, content, pause, measures
        self.size, self.counted = workers.size, time.monotonic()
        torch = sys.modules.get("torch")
        self.task = Task(
            parcel, identity(), workers.mixed, self.size.on_one_machine,
            None if torch is None else torch.get_num_threads(),
        )  # fmt: skip
        self.back: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self.out: dict[Future[Any], tuple[int, int]] = {}
        self.pieces: dict[int, Any] = {}
        self.tries: dict[int, int] = {}
        # Results of parts that were given out more than once: the same may come again.
        self.twice: dict[int, Outcome] = {}
        self.done, self.longest, self.heard = 0, 0.0, time.monotonic()
        self.bytes: Any = None
        # By machine the part with which the bytes are on their way, and those that wait for it.
        self.sending: dict[str, tuple[int, list[int]]] = {}

    def run(self, pieces: Iterator[Any]) -> Iterator[tuple[Any, Outcome]]:
        """Go through the parts."""
        number, ended = 0, False
        try:
            while True:
                while not ended and len(self.pieces) < self.wanted():
                    try:
                        piece = next(pieces)
                    except StopIteration:
                        ended = True
                        break
                    self.pieces[number] = piece
                    self.give(number)
                    number += 1
                if ended and not self.pieces:
                    return
                found = self.take()
                if found is not None:
                    yield found
        finally:
            for future in self.out:
                future.cancel()

    def wanted(self) -> int:
        """Say how many parts should be out, by the workers that there are now: some may have joined or left."""
        if time.monotonic() - self.counted > COUNT:
            self.size, self.counted = self.workers.size, time.monotonic()
            self.task = replace(self.task, neighbours=self.size.on_one_machine)
        machines = max(1, self.size.count // self.size.on_one_machine)
        return machines if self.measures and not self.done else AHEAD * self.size.count

    def give(self, number: int, content: Any = None) -> None:
        """Give a part to the executor."""
        workers = self.workers
        self.tries[number] = self.tries.get(number, 0) + 1
        more = () if content is None else (content,)
        try:
            future = workers.executor.submit(perform, self.task, self.pieces[number], *more)
        except BrokenExecutor as error:
            workers.begin_again(workers.generation, error)
            future = workers.executor.submit(perform, self.task, self.pieces[number], *more)
        self.out[future] = number, workers.generation
        future.add_done_callback(self.back.put)

    def take(self) -> tuple[Any, Outcome] | None:
        """Wait a moment for a result."""
        self.pause()
        try:
            # Workers may be threads of this process.
            with session().left_to_others():
                future = self.back.get(timeout=POLL)
        except queue.Empty:
            self.look_after()
            return None
        number, generation = self.out.pop(future)
        self.heard = time.monotonic()
        for host in [host for host, (sent, _) in self.sending.items() if sent == number]:
            for waiting in self.sending.pop(host)[1]:
                self.give(waiting)
        outcome = self.outcome_of(future, number, generation)
        if outcome is None:
            return None
        if number not in self.pieces:
            self.compare(number, outcome)
            return None
        if self.tries[number] > 1:
            self.twice[number] = outcome
        if outcome.kind not in self.workers.kinds:
            self.workers.kinds.append(outcome.kind)
        self.done, self.longest = self.done + 1, max(self.longest, outcome.seconds)
        return self.pieces.pop(number), outcome

    def outcome_of(self, future: Future[Any], number: int, generation: int) -> Outcome | None:
        """Read what came back; a part that was lost is given out again."""
        try:
            outcome = future.result()
        except ImportError as error:
            raise without_package(error) from None
        except (CancelledError, BrokenExecutor) as error:
            if isinstance(error, BrokenExecutor):
                self.workers.begin_again(generation, error)
            self.again(number, error)
            return None
        except Exception as error:
            # Dask's word for a part whose workers died, known by name so that Dask is not imported.
            if type(error).__name__ in ("KilledWorker", "FutureCancelledError"):
                self.again(number, error)
                return None
            if is_without_package(error):
                raise without_package(error) from None
            raise
        if outcome.fault == NOT_HERE:
            self.send(number, outcome.worker.rpartition(":")[0])
            return None
        if outcome.fault == REFUSED:
            raise WorkerError(refusal(outcome))
        if outcome.fault == FAILED:
            raise ComputationError(
                f"worker {outcome.worker}: {outcome.words}; finished parts are kept, and the same command continues"
            )
        return outcome

    def again(self, number: int, error: BaseException) -> None:
        """Give a part out again that was lost with its worker.

        Raises
        ------
        ComputationError
            It was lost too often.
        """
        if number not in self.pieces:
            return
        if self.tries[number] >= TRIES:
            raise ComputationError(
                f"a part of the work was lost {TRIES} times, each time with its worker ({type(error).__name__}): check that each machine has enough "
                "memory for its workers; finished parts are kept, and the same command continues"
            )
        self.give(number)

    def look_after(self) -> None:
        """Give what has been out for very long to other workers too: the first result is taken, a second one must be the same."""
        patience = max(self.workers.patience * (1 if self.done else LONG), LONG * self.longest)
        if time.monotonic() - self.heard > patience:
            self.heard = time.monotonic()
            for number in self.pieces:
                if self.tries[number] < TRIES:
                    self.give(number)

    def compare(self, number: int, outcome: Outcome) -> None:
        """See that a part that was done twice came out the same.

        Raises
        ------
        ComputationError
            It did not.
        """
        first = self.twice.get(number)
        if first is not None and not self.workers.mixed and not same(first.value, outcome.value):
            raise ComputationError(
                f"workers {first.worker} and {outcome.worker} gave different numbers for the same part: one of the machines, or a library on it, is at fault"
            )

    def send(self, number: int, host: str) -> None:
        """Give a part with what is shared, which its worker does not see; what others of that machine do meanwhile waits, and then they find a copy."""
        self.tries[number] -= 1
        if host in self.sending and getattr(self.workers.executor, "_client", None) is None:
            self.sending[host][1].append(number)
        else:
            self.sending[host] = number, []
            self.give(number, self.bytes_to_send())

    def bytes_to_send(self) -> Any:
        """What is shared, for workers that do not see its file; Dask sends it to each worker once."""
        if self.bytes is None:
            client = getattr(self.workers.executor, "_client", None)
            self.bytes = (
                self.content if client is None else client.scatter(self.content, broadcast=True, hash=False)
            )
        return self.bytes


def as_workers(executor: Executor | Workers | None) -> Workers | None:
    """Take an executor as workers that must be like this process; what is that already stays.

    >>> as_workers(None) is None
    True
    """
    return executor if executor is None or isinstance(executor, Workers) else Workers(executor)

"""`Recorder`: record a user's training loop as a model file with its log and checkpoints."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from landscape.errors import InputError
from landscape.files import require_writable
from landscape.memory import size_words
from landscape.messages import say
from landscape.model import Model
from landscape.model.header import TRAINING
from landscape.model.opaque import Opaque
from landscape.model.recording import read_recording
from landscape.ops.values import read_mapping
from landscape.recording.files import Files, needed_bytes, remove_folder, require_space
from landscape.recording.marks import Marks
from landscape.recording.resume import earlier, folder_beside, take_up
from landscape.recording.series import Series
from landscape.recording.start import start_of, with_recording, write

# What can go wrong with a copy or a write in the middle of somebody's training, which goes on without us.
PROBLEMS = (OSError, RuntimeError, KeyError, AttributeError, InputError)


class Recorder:
    """Record a training: its log, a bounded number of checkpoints, and the optimizer's settings and state, in one model file.

    The module is imported at once, as by `from_torch`, so that a refusal comes before the training. A module that
    cannot be imported is recorded as an opaque model (names, shapes, checkpoints and log), and a message says so. The
    file exists from the start and can be loaded whenever the process ends. Until `close`, its checkpoints and log are
    in the folder `PATH.recording` beside it.

    Parameters
    ----------
    path
        The model file to write.
    module, loss, data
        As in `from_torch`. In place of a module: a tree of arrays (mappings and lists of parameters), or a function
        that returns one.
    optimizer
        The `torch.optim` optimizer, of which settings, learning rate and state are read.
    keep
        At most 2 · keep checkpoints are kept, evenly spaced, including the first and the last. If there are more, every
        other one is dropped, and the distance between them doubles.
    name
        The model's name; by default the class's.
    training
        Settings of the training that the optimizer does not have, such as `{"batch_size": 32}`, as under `training` in
        a model file.
    fresh, resume
        Replace an existing file, or continue its log and checkpoints. A number for `resume` says from which update, if
        the loop returned to an earlier state.
    announce
        Called with messages; by default they are printed on stderr.

    Raises
    ------
    InputError
        Something that cannot be recorded, a disk without enough space, or a file that exists already.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> path = tempfile.mkdtemp() + "/run.npz"
    >>> weights = {"w": np.zeros(2)}
    >>> recorder = Recorder(path, weights, None, None, announce=lambda sentence: None)
    >>> for step in range(3):
    ...     weights["w"] += 1
    ...     recorder.step(loss=1 / (1 + step))
    >>> recorder.close().checkpoints.tolist()
    [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]
    """

    def __init__(
        self,
        path: str | Path,
        module: Any,
        loss: Any,
        data: Any,
        optimizer: Any = None,
        keep: int = 64,
        *,
        name: str | None = None,
        training: Mapping[str, Any] | None = None,
        fresh: bool = False,
        resume: bool | int = False,
        announce: Callable[[str], None] = say,
    ) -> None:
        self.path, self.announce = Path(path), announce
        self.result: Model | Opaque | None = None
        self._count, self._next = 0, 1
        self._rate: Any = None
        self._groups: Any = None
        self._params: Any = None
        self._files: Any = None
        self._off = not is_first_process()
        self._marks = Marks(1)
        if self._off:
            return
        if isinstance(keep, bool) or not isinstance(keep, int) or keep < 1:
            raise InputError(f"keep: expected a whole number from 1, found {keep!r}")
        require_writable(self.path)
        before = earlier(self.path, fresh=fresh, resume=resume)
        told = read_mapping(dict(training or {}), TRAINING, "key of training")
        self._start = start_of(module, loss, data, optimizer, name)
        self._start.held.training.update(told)
        self._groups = None if self._start.optimizer is None else self._start.optimizer.param_groups
        self._marks = Marks(keep)
        self._begin(2 * keep, before, None if isinstance(resume, bool) else resume)

    def _begin(self, places: int, before: Model | Opaque | None, last: int | None) -> None:
        """Make the files, continue from what an earlier run left, and report what is recorded."""
        start = self._start
        size, buffers = start.source.size, start.source.buffer_size
        beside = start.held.theta.nbytes + sum(a.nbytes for a in getattr(start.held, "data", {}).values())
        require_space(self.path, needed_bytes(places, size, buffers, beside), places)
        folder, old = folder_beside(self.path)
        self._files = Files(folder, places, size, buffers)
        self._series = Series(self._files.name, self._files.log, self.announce)
        try:
            if before is not None:
                self._count = take_up(before, start.held, self._marks, self._files, self._series, last)
            self._mark()
            write(start.held, self.path, {"recording": folder.name})
        except BaseException:
            self._files.close()
            self._files.remove()
            raise
        remove_folder(old)
        self._next = self._marks.next_after(self._count)
        self.announce(told(self.path, start.held, places, size))

    @property
    def updates(self) -> int:
        """The number of updates recorded so far."""
        return self._count

    @property
    def checkpoint_steps(self) -> list[int]:
        """The updates at which checkpoints are kept now."""
        return sorted(self._marks.held)

    def step(self, loss: Any = None, *, params: Any = None, updated: bool = True, **series: Any) -> None:
        """Record one update after the optimizer's step, and keep a checkpoint if one is due.

        Parameters
        ----------
        loss
            The loss of the batch: a number or a tensor of one, whose graph is not kept.
        params
            The parameters after the update, in a loop that makes new ones (JAX).
        updated
            False if the optimizer skipped the update, as with a gradient scaler after an overflow. The step is then not
            counted.
        **series
            Other numbers of this update: `gradient_norm`, `accuracy`, `learning_rate`, or any name.

        Raises
        ------
        InputError
            A first value that is no number, or a recorder that is closed.
        """
        if self._off or not updated:
            self._require_open()
            return
        self._count = count = self._count + 1
        add = self._series.add
        if loss is not None:
            add(count, "loss", loss)
        if series:
            for name, value in series.items():
                add(count, name, value)
        if self._groups is not None:
            rate = self._groups[0].get("lr")
            # A rate that is a tensor is looked at only where a checkpoint waits for the device anyway.
            if rate is not self._rate and (rate.__class__ is float or count >= self._next):
                self._rate = rate
                add(count, "learning_rate", rate)
        if params is not None:
            self._params = params
        if count >= self._next:
            self._mark()

    def log(self, **series: Any) -> None:
        """Log numbers of the training at the last update, without counting another update.

        Raises
        ------
        InputError
            A first value that is no number, or a recorder that is closed.
        """
        self._note(series, evaluation=False)

    def evaluate(self, **series: Any) -> None:
        """Log the results of an evaluation at the last update, where `loss` and `accuracy` are those of validation data.

        Raises
        ------
        InputError
            A first value that is no number, or a recorder that is closed.
        """
        self._note(series, evaluation=True)

    def _note(self, series: Mapping[str, Any], evaluation: bool) -> None:
        if self._off:
            self._require_open()
            return
        for name, value in series.items():
            self._series.add(self._count, name, value, evaluation=evaluation)

    def close(self) -> Model | Opaque | None:
        """Write log, checkpoints and current parameters into the file, end the recording, and return the model.

        A second call returns the same model. If there are several processes, only the first one returns a model.

        Raises
        ------
        ComputationError
            The file could not be written; the file and the folder beside it stay as they were.
        """
        if self._files is not None:
            self._guarded(self._flush)
            self._files.close()
            folder, source = self._files.folder, self._start.source
            found = read_recording(folder, source.size, source.buffer_size)
            self.result = with_recording(self._start.now(self._params), found)
            write(self.result, self.path, {})
            self._files.remove()
            self._files, self._off = None, True
        return self.result

    def _flush(self) -> None:
        """Write the pending part of the log, and the last checkpoint."""
        self._series.flush()
        place = self._marks.last(self._count)
        if place is not None:
            self._files.put(place, self._count, *self._start.source.read(self._params))

    def _mark(self) -> None:
        """Keep the current parameters, if this update is to be kept."""
        step = self._count
        if self._marks.due(step):
            place, dropped = self._marks.take(step)

            def copy() -> None:
                self._files.drop(dropped)
                if place is not None:
                    self._start.source.read(self._params, self._files.room(place))
                    self._files.filled(place, step)

            self._guarded(copy)
        self._next = self._marks.next_after(step)

    def _guarded(self, work: Callable[[], None]) -> None:
        """Run something that may fail; after a failure the training continues without a recorder, with one message."""
        try:
            work()
        except PROBLEMS as error:
            if self._count == 0:
                raise
            self._off = True
            self.announce(f"{self.path}: the recording ends at update {self._count:,}: {error}")

    def _require_open(self) -> None:
        if self.result is not None:
            raise InputError(f"{self.path}: the recorder is closed")

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def told(path: Path, held: Model | Opaque, places: int, size: int) -> str:
    """Say what is recorded, and of a network that could not be imported why, and what will be possible."""
    kept = f"up to {places} checkpoints of {size:,} parameters, {size_words(4 * places * size)}"
    if isinstance(held, Model):
        return f"recording to {path}: {kept}"
    return (
        f"recording to {path} as an opaque model: {kept}; the network could not be imported ({held.why}), so its log can be diagnosed "
        "(landscape diagnose --log) and its checkpoints used with a landscape.TorchObjective, or another that runs it, and nothing else"
    )


def is_first_process() -> bool:
    """Say whether this is the process that writes, where several train one network."""
    torch = sys.modules.get("torch")
    distributed = getattr(torch, "distributed", None)
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return True
    return int(distributed.get_rank()) == 0

"""An executor for tests that shuffles, drops, repeats, loses and raises, in this process."""

from __future__ import annotations

import pickle
import threading
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor

import numpy as np

NEVER = "never"


class Crooked:
    """Does what it is given one after the other on a thread, in an order of its own; what goes out and comes back is pickled, as between processes.

    `fault` gives for the number of a part in the order of giving an error, NEVER for a future that is never done, or None; `changed` what becomes of
    what came out.
    """

    def __init__(self, seed=0, *, fault=lambda number: None, workers=3, changed=lambda outcome: outcome):
        self.rng, self.fault, self.changed, self._max_workers = (
            np.random.default_rng(seed), fault, changed, workers,
        )  # fmt: skip
        self.waiting, self.sizes, self.lock = [], [], threading.Lock()
        self.thread = ThreadPoolExecutor(1)

    @property
    def given(self):
        return len(self.sizes)

    def submit(self, function, *arguments):
        future, content = Future(), pickle.dumps((function, arguments))
        with self.lock:
            self.waiting.append((len(self.sizes), future, content))
            self.sizes.append(len(content))
        self.thread.submit(self.work)
        return future

    def chosen(self):
        """Choose the next one of those that wait."""
        return self.rng.integers(len(self.waiting))

    def work(self):
        with self.lock:
            number, future, content = self.waiting.pop(self.chosen())
        error = self.fault(number)
        if error is NEVER or not future.set_running_or_notify_cancel():
            return
        if error is not None:
            future.set_exception(error)
            return
        function, arguments = pickle.loads(content)
        try:
            future.set_result(self.changed(pickle.loads(pickle.dumps(function(*arguments)))))
        except Exception as raised:
            future.set_exception(raised)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.thread.shutdown()


def lost(*numbers, kind=CancelledError):
    """Lose the parts with these numbers."""
    return lambda number: kind("lost") if number in numbers else None


def after(count, error):
    """Have as many parts done, whichever come first, and fail at all others."""
    done = iter(range(count))
    return lambda number: error if next(done, None) is None else None

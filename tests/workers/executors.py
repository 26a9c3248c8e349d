"""Executors for tests: what shuffles, drops, repeats, loses and raises, in this process."""

from __future__ import annotations

import pickle
from concurrent.futures import BrokenExecutor, CancelledError, Future

import numpy as np


class Crooked:
    """Does what it is given in a shuffled order, a few at a time; `fault(number)` may give an error for the number of a part that is given, or "never".

    What goes out and comes back is pickled, as between processes.
    """

    def __init__(self, seed=0, *, fault=lambda number: None, workers=3, changed=lambda outcome: outcome):
        self.rng, self.fault, self.changed = np.random.default_rng(seed), fault, changed
        self._max_workers = workers
        self.waiting, self.given, self.done, self.sent = [], 0, 0, 0

    def submit(self, function, *arguments):
        future = Future()
        number, self.given = self.given, self.given + 1
        content = pickle.dumps((function, arguments))
        self.sent = max(self.sent, len(content))
        self.waiting.append((number, future, content))
        # The first is done at once, since nobody gives more before it is back.
        if number == 0 or len(self.waiting) >= self._max_workers:
            self.work()
        return future

    def work(self):
        order = self.rng.permutation(len(self.waiting))
        waiting, self.waiting = [self.waiting[place] for place in order], []
        for number, future, content in waiting:
            error = self.fault(number)
            if error == "never":
                continue
            if error is not None:
                future.set_exception(error)
                continue
            function, arguments = pickle.loads(content)
            found = pickle.loads(pickle.dumps(function(*arguments)))
            self.done += 1
            future.set_result(self.changed(found) if self.changed else found)

    def idle(self, *_):
        """Do what waits, as time passes."""
        if self.waiting:
            self.work()


def lost(*numbers, kind=CancelledError):
    """Lose the parts that are given under these numbers."""
    return lambda number: kind("lost") if number in numbers else None


def broken(*numbers):
    """Break at these."""
    return lost(*numbers, kind=BrokenExecutor)

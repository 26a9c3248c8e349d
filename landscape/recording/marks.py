"""At which updates checkpoints are kept, if the number of updates is not known in advance."""

from __future__ import annotations


class Marks:
    """The rule that keeps every 2^j-th update: when there are too many, every other one is dropped, and j grows by one.

    Of the 2·keep places one stays free for the last update, so that the first and the last are always among them.

    >>> marks = Marks(2)
    >>> for step in range(9):
    ...     if marks.due(step):
    ...         place, dropped = marks.take(step)
    >>> sorted(marks.held), marks.stride
    ([0, 4, 8], 4)
    """

    def __init__(self, keep: int) -> None:
        self.stride = 1
        self.held: dict[int, int] = {}
        self.free = list(range(2 * keep))

    def due(self, step: int) -> bool:
        """Say whether an update is to be kept, which `take` may still revoke when it makes room."""
        return step % self.stride == 0 and step not in self.held

    def take(self, step: int) -> tuple[int | None, list[int]]:
        """Give the slot of an update (None if it is not to be kept after all) and the slots that became free."""
        dropped: list[int] = []
        while len(self.free) < 2 and step % self.stride == 0:
            self.stride *= 2
            gone = [self.held.pop(old) for old in list(self.held) if old % self.stride]
            dropped, self.free = dropped + gone, self.free + gone
        return (self._put(step) if step % self.stride == 0 else None), dropped

    def last(self, step: int) -> int | None:
        """Give the slot of the last update, None if it is kept already."""
        return None if step in self.held else self._put(step)

    def _put(self, step: int) -> int:
        self.held[step] = self.free.pop()
        return self.held[step]

    def next_after(self, step: int) -> int:
        """The first update after one that is due."""
        return (step // self.stride + 1) * self.stride

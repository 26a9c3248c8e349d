"""The shape of a block of threads, and the constants that kernels are compiled with.

A block is `rows` × `columns` threads and works on tiles of `columns`·`across` examples. In a product each thread has a register tile of up to
`tallest` × `across` results. What the constants below say is replaced when kernels are made for a shape (`template.py`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import float32, from_dtype


class Shape(NamedTuple):
    """A block of threads: `rows` × `columns`, and the register tile of a thread: up to `tallest` × `across`.

    `depth` is how many terms of a product are staged in shared memory at a time, `slot` how many tiles are summed before they become part of a result.
    """

    rows: int = 16
    columns: int = 8
    across: int = 4
    tallest: int = 8
    depth: int = 8
    slot: int = 8

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return self.rows * self.columns

    @property
    def width(self) -> int:
        """Examples of a tile."""
        return self.columns * self.across

    def constants(self, dtype: np.dtype) -> dict[str, object]:
        """Give what kernels of this shape and dtype are compiled with, by the names below."""
        return {
            "ROWS": self.rows,
            "COLUMNS": self.columns,
            "THREADS": self.threads,
            "WIDTH": self.width,
            "ACROSS": self.width,
            "DEPTH": self.depth,
            "SLOT": self.slot,
            "LEFT_STRIDE": self.left_stride,
            "LEFT_SIZE": self.depth * self.left_stride,
            "RIGHT_STRIDE": self.right_stride,
            "STAGE": self.stage,
            "TOTALS": 6 * self.width,
            "REAL": dtype.type,
            "KIND": from_dtype(dtype),
        }

    @property
    def left_stride(self) -> int:
        """Numbers from one staged column of the left factor to the next; four more, so that a warp's writes meet different banks."""
        return self.tallest * self.rows + 4

    @property
    def right_stride(self) -> int:
        """Numbers from one staged row of the right factor to the next."""
        return self.width + 4

    @property
    def stage(self) -> int:
        """Numbers of both staged factors, which lie first in a block's dynamic shared memory."""
        return self.depth * (self.left_stride + self.right_stride)

    def stage_bytes(self, dtype: np.dtype) -> int:
        """Bytes of the staged factors."""
        return dtype.itemsize * self.stage

    @property
    def static_bytes(self) -> int:
        """Shared memory of a block beside the dynamic: float64 sums of losses, of norms, and a few scales."""
        return 8 * (6 * self.width + self.threads) + 128


def eased(
    shape: Shape, dtype: np.dtype, *, training: bool = False, wide: bool = False, general: bool = False
) -> Shape:
    """Give the shape with register tiles half as tall where other things need the registers.

    Those are an optimizer's state beside float64, the rules of the ops beyond the dense ones in trainings and in float64, and those of the general ones.

    Examples
    --------
    >>> double = np.dtype(np.float64)
    >>> [eased(NARROW, double, **more).tallest for more in ({}, {"training": True}, {"wide": True})]
    [8, 4, 2]
    """
    if dtype.itemsize == 8:
        return shape._replace(tallest=min(shape.tallest, 2 if wide else 4 if training else shape.tallest))
    return shape._replace(tallest=min(shape.tallest, 4)) if general or (wide and training) else shape


# Shared memory of a block that every device has and Numba can address.
SHARED_BYTES = 48 * 1024
# From tiles that share their weights with many examples to those that fit beside a larger workspace.
WIDE, MIDDLE, NARROW = Shape(16, 16, 8), Shape(16, 16, 4), Shape(16, 8, 4)
# A few threads with work of their own: the simulator runs each as a thread of Python.
TINY = Shape(rows=2, columns=1, across=4, tallest=2, depth=3, slot=2)

ROWS, COLUMNS, THREADS, WIDTH = NARROW.rows, NARROW.columns, NARROW.threads, NARROW.width
ACROSS, DEPTH, SLOT, TOTALS = NARROW.width, NARROW.depth, NARROW.slot, 6 * NARROW.width
LEFT_STRIDE, RIGHT_STRIDE = NARROW.left_stride, NARROW.right_stride
LEFT_SIZE, STAGE = NARROW.depth * NARROW.left_stride, NARROW.stage
REAL, KIND = np.float32, float32

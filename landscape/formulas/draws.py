"""The random choices of a training as numbers of the counter-based generator: its streams, and a whole number below another."""

from __future__ import annotations

import numpy as np

from landscape import streams
from landscape.formulas.random import SHIFT
from landscape.jit import kernel

# Numbers that kernels count epochs and dropout's rows from.
EPOCHS, DRAWS, MASKS = streams.EPOCHS[0], streams.DRAWS[0], streams.MASKS[0]
TO_UNIT, DROPPED_BITS = 2.0**-52, np.uint64(12)
WORD = 2.0**-32


@kernel
def below(high, low, count):
    """Turn 64 random bits into a whole number from 0 to count − 1."""
    word = (high << SHIFT) | low
    return np.int64(((word >> DROPPED_BITS) + 0.5) * TO_UNIT * count)

"""The random choices of a training as numbers of the counter-based generator: its streams, and a whole number below another."""

from __future__ import annotations

import numpy as np

from landscape.formulas.random import SHIFT
from landscape.jit import kernel

# Streams of the generator; directions and subsets of the data use lower ones. Epochs and dropout's rows are counted from these.
EPOCHS, DRAWS, MASKS = 2**33, 2**34, 2**35
TO_UNIT, DROPPED_BITS = 2.0**-52, np.uint64(12)
WORD = 2.0**-32


@kernel
def below(high, low, count):
    """Turn 64 random bits into a whole number from 0 to count − 1."""
    word = (high << SHIFT) | low
    return np.int64(((word >> DROPPED_BITS) + 0.5) * TO_UNIT * count)

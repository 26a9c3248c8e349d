"""Counter-based random numbers: a value is a function of (seed, stream, position) and of nothing else.

The generator is Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). There is no
state, so any part of a stream can be drawn by itself, in any order, on any worker.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# An array of words or a single one.
Words = Any

LOW = np.uint64(0xFFFFFFFF)
SHIFT = np.uint64(32)
MULTIPLIER_0 = np.uint64(0xD2511F53)
MULTIPLIER_1 = np.uint64(0xCD9E8D57)
WEYL_0 = np.uint64(0x9E3779B9)
WEYL_1 = np.uint64(0xBB67AE85)
ROUNDS = 10


def philox(block: Words, stream: Words, seed: Words) -> tuple[Words, Words, Words, Words]:
    """Encrypt a 128-bit counter (block, stream) under the 64-bit key `seed` to four 32-bit words.

    All products are 32 by 32 bits, so nothing overflows in 64. Works on arrays and on scalars.

    Examples
    --------
    >>> zero = np.uint64(0)
    >>> [f"{int(word):08x}" for word in philox(zero, zero, zero)]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    c0, c1, c2, c3 = block & LOW, block >> SHIFT, stream & LOW, stream >> SHIFT
    k0, k1 = seed & LOW, seed >> SHIFT
    for _ in range(ROUNDS):
        left, right = MULTIPLIER_0 * c0, MULTIPLIER_1 * c2
        c0, c1, c2, c3 = (right >> SHIFT) ^ c1 ^ k0, right & LOW, (left >> SHIFT) ^ c3 ^ k1, left & LOW
        k0, k1 = (k0 + WEYL_0) & LOW, (k1 + WEYL_1) & LOW
    return c0, c1, c2, c3


def words(seed: int, stream: int, start: int, count: int) -> tuple[Words, Words, int]:
    """Draw the 64-bit pairs that cover positions start … start + count − 1 of a stream, two positions a block."""
    first, last = start // 2, (start + count + 1) // 2
    block = np.arange(first, last, dtype=np.uint64)
    w0, w1, w2, w3 = philox(block, np.uint64(stream), np.uint64(seed % 2**64))
    return (w0 << SHIFT) | w1, (w2 << SHIFT) | w3, start - 2 * first


def fraction(word: Words) -> NDArray[np.float64]:
    """Turn 64-bit words into numbers strictly between 0 and 1, by their upper 52 bits."""
    return ((word >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def uniform(seed: int, stream: int, start: int, count: int) -> NDArray[np.float64]:
    """Draw `count` numbers, uniform on (0, 1), from position `start` of a stream.

    Examples
    --------
    >>> bool(np.all(uniform(7, 1, 3, 4) == uniform(7, 1, 0, 9)[3:7]))
    True
    """
    even, odd, offset = words(seed, stream, start, count)
    pairs = np.stack([even, odd], axis=1).reshape(-1)[offset : offset + count]
    return fraction(pairs)


def normal(seed: int, stream: int, start: int, count: int) -> NDArray[np.float64]:
    """Draw `count` standard normal numbers from position `start` of a stream, by Box and Muller's transformation.

    Examples
    --------
    >>> bool(np.all(normal(7, 1, 3, 4) == normal(7, 1, 0, 9)[3:7]))
    True
    """
    even, odd, offset = words(seed, stream, start, count)
    angle = 2.0 * np.pi * fraction(odd)
    radius = np.sqrt(-2.0 * np.log(fraction(even)))
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)
    return pairs[offset : offset + count]


def permutation(seed: int, stream: int, count: int) -> NDArray[np.int64]:
    """Shuffle 0 … count − 1 by sorting 64-bit keys; equal keys keep their order.

    Examples
    --------
    >>> sorted(permutation(3, 0, 5).tolist())
    [0, 1, 2, 3, 4]
    """
    even, odd, _ = words(seed, stream, 0, count)
    keys = np.stack([even, odd], axis=1).reshape(-1)[:count]
    return np.argsort(keys, kind="stable")

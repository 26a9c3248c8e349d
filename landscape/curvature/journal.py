"""A journal of the products with a matrix, from which interrupted work continues with the same bits.

All that is done with products is a function of them, so that work which begins anew with the same products reaches the same bits:
Lanczos, deflation, traces, a dense matrix's columns. Only the products are saved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from landscape.curvature.operators import SymmetricOperator, Whole
from landscape.errors import ComputationError, InputError
from landscape.records.keeper import Keeper

Array = NDArray[np.float64]
Arrays = dict[str, NDArray]

# Beyond this the products that follow are not kept, and a resume computes them again.
KEPT_BYTES = 512 * 2**20


class Journal:
    """The products of one analysis in their order, and a dense Hessian in the making.

    Parameters
    ----------
    keeper
        What saves; it is told of a pause between two blocks of products.
    earlier
        What a save of the same work left, or nothing.
    """

    def __init__(self, keeper: Keeper, earlier: Arrays | None = None) -> None:
        earlier = earlier or {}
        self.keeper = keeper
        self.digests: list[bytes] = [
            bytes(row) for row in earlier.get("digests", np.zeros((0, 32), np.uint8))
        ]
        self.products: list[Array] = list(earlier.get("products", np.zeros((0, 0))))
        self.half: Array | None = earlier.get("half")
        self.reached = int(earlier.get("reached", 0))
        self.place = 0
        self.bytes = sum(row.nbytes for row in self.products)
        self.full = False

    @property
    def before(self) -> int:
        """How many products, or passes of a dense matrix, an earlier run left; to be called before the work."""
        return len(self.products) + self.reached

    def of(self, operator: SymmetricOperator) -> SymmetricOperator:
        """Give the same matrix with products that are stored, or read if they were stored before."""
        whole = operator.whole
        return SymmetricOperator(
            operator.size,
            lambda rows: self.rows(operator, rows),
            operator.epsilon,
            None
            if whole is None
            else replace(whole, parts=lambda half, first: self.parts(whole, half, first)),
        )

    def rows(self, operator: SymmetricOperator, vectors: Array) -> Array:
        """Multiply each row, or read the product that was stored for it.

        Raises
        ------
        InputError
            What was saved belongs to other vectors: another machine's arithmetic, or another version of a library.
        KeyboardInterrupt
            Ctrl-C was pressed; all so far was saved.
        """
        known = max(0, min(len(vectors), len(self.products) - self.place)) if not self.full else 0
        digests = [hashlib.sha256(row.tobytes()).digest() for row in vectors]
        if digests[:known] != self.digests[self.place : self.place + known]:
            raise InputError(
                "the unfinished analysis at the output multiplied other vectors than this one does (another machine, or "
                "another version of a library): give --fresh to start again"
            )
        result = np.empty(vectors.shape)
        result[:known] = np.reshape(self.products[self.place : self.place + known], (known, vectors.shape[1]))
        if known < len(vectors):
            result[known:] = self.multiplied(operator, vectors[known:])
            self.keep(digests[known:], result[known:])
        self.place += len(vectors)
        if known < len(vectors):
            self.keeper.pause()
        return result

    def multiplied(self, operator: SymmetricOperator, vectors: Array) -> Array:
        """Multiply rows; if the data can no longer be read, the products stored so far remain."""
        try:
            return operator.rows(vectors)
        except ComputationError:
            self.keeper.save(now=True)
            raise

    def keep(self, digests: list[bytes], products: Array) -> None:
        """Store products, until they are too many; those stored have no gaps."""
        self.full = self.full or self.bytes + products.nbytes > KEPT_BYTES
        if not self.full:
            self.digests += digests
            self.products += [row.copy() for row in products]
            self.bytes += products.nbytes

    def parts(self, whole: Whole, half: Array, first: int) -> Iterator[int]:
        """Add up a dense Hessian, continuing from what was stored."""
        if self.half is not None and self.half.shape == half.shape:
            half[...] = self.half
            first = self.reached
        for reached in whole.parts(half, first):
            if half.nbytes <= KEPT_BYTES:
                self.half, self.reached = half, reached
            self.keeper.pause()
            yield reached

    def arrays(self) -> Arrays:
        """Give all that a resume needs."""
        found: Arrays = {}
        if self.products:
            found["products"] = np.array(self.products)
            found["digests"] = np.array([np.frombuffer(digest, np.uint8) for digest in self.digests])
        if self.half is not None:
            found |= {"half": self.half.copy(), "reached": np.asarray(np.int64(self.reached))}
        return found

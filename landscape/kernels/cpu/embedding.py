"""`embedding`: each token's vector is the row of the weight that its id names; linear in the weight."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.program import Column

WEIGHT, GROUPS, OUT = int(Column.WEIGHT), int(Column.GROUPS), int(Column.OUT)


@kernel
def embedding_value(row, vector, ids, y):
    """Set y [T·D, B] to the rows of `vector`'s weight that ids [T, B], whole numbers in the data's dtype, name."""
    wide = row[OUT]
    for t in range(row[GROUPS]):
        for j in range(ids.shape[1]):
            start = row[WEIGHT] + int(ids[t, j]) * wide
            for k in range(wide):
                y[t * wide + k, j] = vector[start + k]


@kernel
def embedding_gradient(row, ids, d, gradient):
    """Add an adjoint d to the gradients of the rows that were read."""
    wide = row[OUT]
    for t in range(row[GROUPS]):
        for j in range(ids.shape[1]):
            start = row[WEIGHT] + int(ids[t, j]) * wide
            for k in range(wide):
                gradient[start + k] += d[t * wide + k, j]

"""The point from which directions start, with its tensors, gradient and checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError
from landscape.objective.about import About

if TYPE_CHECKING:
    from landscape.model import Model

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Tensor:
    """A piece of θ: its place, its shape, and whether its rows are filters (not so in biases and norms)."""

    name: str
    start: int
    stop: int
    shape: tuple[int, ...]
    has_filters: bool

    def rows(self, vector: Array) -> Array:
        """View the piece of `vector` [P] as its filters, [shape[0], rest]; without filters as one row."""
        piece = vector[self.start : self.stop]
        return piece.reshape(self.shape[0], -1) if self.has_filters else piece.reshape(1, -1)


@dataclass(frozen=True)
class Origin:
    """The point θ [P] that directions leave from.

    `tensors` is None for a plain function of θ. `gradient` is the objective's, where it has one. `eigenvectors` gives
    as many of the Hessian's extreme ones as are asked for, [count, P], with their eigenvalues.
    """

    theta: Array
    tensors: tuple[Tensor, ...] | None = None
    checkpoints: NDArray[Any] | None = None
    gradient: Callable[[Array], NDArray[Any]] | None = None
    eigenvectors: Callable[[int], tuple[Array, Array]] | None = None

    @property
    def size(self) -> int:
        """The number of parameters P."""
        return self.theta.size

    def require_tensors(self, use: str) -> tuple[Tensor, ...]:
        """Return the tensors.

        Raises
        ------
        InputError
            θ is not cut into tensors.
        """
        if self.tensors is None:
            raise InputError(
                f"{use} needs to know the tensors that θ is made of, and this is a plain function of θ: "
                "pass shapes=[…] (the tensors' shapes, in θ's order), or normalize='none'"
            )
        return self.tensors


def model_tensors(model: Model) -> tuple[Tensor, ...]:
    """Cut a model's θ into its tensors; those of norm layers have no filters, whatever their shape."""
    norms = {node.name for node in model.nodes if node.traits.normalizes}
    return tuple(
        Tensor(
            name=slot.name,
            start=slot.start,
            stop=slot.stop,
            shape=slot.shape,
            has_filters=len(slot.shape) >= 2 and slot.node not in norms,
        )
        for slot in model.layout
    )


def told_tensors(told: About) -> tuple[Tensor, ...]:
    """Cut θ into the tensors that an objective describes."""
    return tuple(
        Tensor(piece.name, piece.start, piece.stop, piece.shape, piece.has_filters) for piece in told.pieces
    )


def shaped_tensors(shapes: Sequence[Sequence[int]], size: int) -> tuple[Tensor, ...]:
    """Cut a θ of `size` parameters into tensors of these shapes, in order.

    Raises
    ------
    InputError
        The shapes do not add up to `size`.

    Examples
    --------
    >>> [(tensor.start, tensor.stop, tensor.has_filters) for tensor in shaped_tensors([(2, 3), (2,)], 8)]
    [(0, 6, True), (6, 8, False)]
    """
    stops = np.cumsum([int(np.prod(shape, dtype=np.int64)) for shape in shapes], dtype=np.int64)
    total = int(stops[-1]) if len(stops) else 0
    if total != size:
        raise InputError(
            f"the shapes hold {total} parameters, expected {size}: give one shape for every tensor of θ"
        )
    return tuple(
        Tensor(
            str(index), int(stop - np.prod(shape, dtype=np.int64)), int(stop), tuple(shape), len(shape) >= 2
        )
        for index, (shape, stop) in enumerate(zip(shapes, stops, strict=True))
    )

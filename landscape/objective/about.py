"""What an objective can tell beside its values: its name, its parameters, its tensors and its splits."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.errors import InputError
from landscape.objective.kinds import Wrapper
from landscape.objective.protocol import HasSweep, HasValue

if TYPE_CHECKING:
    from landscape.objective.complete import Completed
    from landscape.objective.endings import Ending, Units

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Piece:
    """A tensor of θ: its name, the layer that it belongs to, its place, its shape, and whether its rows are filters."""

    name: str
    group: str
    start: int
    stop: int
    shape: tuple[int, ...]
    has_filters: bool


@dataclass(frozen=True)
class PointsOfRun:
    """The points of a run [K, P], the updates before each [K], and the buffers [K, B] of each; None for what is not known."""

    thetas: Array
    steps: NDArray[np.int64] | None = None
    buffers: Array | None = None


class Examples(Protocol):
    """What a diagnosis needs to know about the examples of a split besides their mean loss."""

    def count(self) -> int:
        """The number of examples."""

    def measured(self, theta: ArrayLike, buffers: Array | None = None, /) -> tuple[float, float | None]:
        """Give the loss without penalty, and the accuracy if there is one, at θ with these buffers."""

    def single(self, theta: ArrayLike, /) -> tuple[Array, Array | None] | None:
        """Give the loss [N] of each example at θ, and whether it is right, 1 or 0; None if that is not known."""

    def constant(self) -> float:
        """Give the least loss of an output that is the same for every input, NaN where it is not known."""

    def chance(self) -> float:
        """Give the accuracy of guessing, NaN where nothing is right or wrong."""

    def ending(self, theta: ArrayLike, /) -> Ending:
        """Give the op that makes the output at θ, and the range of all outputs."""

    def loss_of_chosen(self, choose: Callable[[NDArray, tuple[int, ...]], Array], /) -> float:
        """Give the mean loss of outputs that a function computes, batch by batch, from the targets and the outputs' shape."""

    def units(self, theta: ArrayLike, /) -> Units | None:
        """Give the ranges of the units of all activations over the examples at θ, None if they are not known."""


@dataclass(frozen=True)
class About:
    """What an objective says about itself, so that its records can be named and resumed, and have its layers.

    `theta` is where it stands. `splits` are the objectives of each part of the data, by name, of which `split` is this one. `bare` is the
    same without weight decay, `decay` [P] or None. `model` hashes all that makes the function but θ, `data` the examples.
    `read_run` makes the points of a run of what the objective takes for one, such as the checkpoints of its framework. For a diagnosis
    `examples` looks at the examples of each split, `of` gives the point and the same of another network, or None for what is none, and `kept`
    has the user's code run without its changing the network; `identify` hashes a function of the user's with what it reads around it;
    `copied` copies the numbers of the network that a training ended with, and `write` writes them as a checkpoint. `matrices` gives the
    products, at θ, of matrices that stand in for the Hessian with rows.
    """

    name: str
    loss: str
    dtype: str
    device: str
    theta: Array
    pieces: tuple[Piece, ...]
    splits: Mapping[str, HasSweep]
    split: str
    bare: HasSweep
    decay: Array | None
    model: str
    data: str
    settings: Mapping[str, Any]
    read_run: Callable[[Any], PointsOfRun]
    notes: tuple[str, ...] = ()
    examples: Mapping[str, Examples] = field(default_factory=dict)
    of: Callable[[Any], tuple[Array, Mapping[str, Examples]] | None] = lambda found: None
    kept: Callable[[], AbstractContextManager[None]] = nullcontext
    identify: Callable[[Any], str] = lambda function: ""
    copied: Callable[[Any], Any] = lambda found: found
    write: Callable[[Any, Path], None] | None = None
    matrices: Mapping[str, Callable[[Array, Array], Array]] = field(default_factory=dict)

    def at_split(self, split: str) -> HasSweep:
        """Return the objective of a part of the data; one of test data alone has no other.

        Raises
        ------
        InputError
            There is no such part.
        """
        if split == "train" and self.split == "test":
            return self.splits[self.split]
        if split not in self.splits:
            raise InputError(
                f"the objective has no {split} data, it has {', '.join(self.splits)}: give {split}=… where it is made, or choose another split"
            )
        return self.splits[split]

    def fingerprint(self, theta: Array) -> str:
        """Hash the function and a point."""
        whole = hashlib.sha256(self.model.encode())
        whole.update(np.asarray(theta, "<f8").tobytes())
        return whole.hexdigest()

    def groups(self) -> dict[str, NDArray[np.int64]]:
        """Give the indices into θ of each layer, in θ's order."""
        found: dict[str, list[NDArray[np.int64]]] = {}
        for piece in self.pieces:
            found.setdefault(piece.group, []).append(np.arange(piece.start, piece.stop))
        return {name: np.concatenate(parts) for name, parts in found.items()}

    def told(self) -> dict[str, Any]:
        """Lay out what a record of any kind says of it."""
        return {
            "model_name": self.name,
            "loss": self.loss,
            "dtype": self.dtype,
            "device": self.device,
            **self.settings,
        }


def about(objective: HasValue | Completed) -> About | None:
    """Return what an objective tells of itself, None for one that tells nothing.

    >>> from landscape.objective import CallableObjective
    >>> about(CallableObjective(lambda theta: 0.0, size=1)) is None
    True
    """
    inner = objective.objective if isinstance(objective, Wrapper) else objective
    found = getattr(inner, "about", None)
    return found if isinstance(found, About) else None

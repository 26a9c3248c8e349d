"""A module's loss as a function of its parameters: values, gradients and products, each by a pass over the batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.errors import InputError
from landscape.messages import say
from landscape.objective import Completed, Evaluation, complete
from landscape.objective.functions import checked
from landscape.torch_objective.data import Batches
from landscape.torch_objective.gauss_newton import gauss_newton
from landscape.torch_objective.host import Host
from landscape.torch_objective.losses import Step
from landscape.torch_objective.many import LEAST, Measure, many_points
from landscape.torch_objective.second import reason_against
from landscape.torch_objective.statistics import recompute
from landscape.torch_objective.sums import loss_and_gradient, mean_losses, products
from landscape.torch_objective.sweep import TorchSweep
from landscape.torch_objective.trial import few

Array = NDArray[np.float64]

# Points that a step of a sweep evaluates at most, and the parameters times examples from which on it evaluates one: below that, lending
# the module takes longer than the evaluation.
MOST_POINTS, SMALL = 64, 5_000_000
SECOND = ("hvp", "hvps")
FIRST = ("gradient", "gradients", "value_and_gradient")


class TorchFunction:
    """What a host, a step and batches make as a function of θ [P]: NumPy's float64, with the penalty of a weight decay.

    `make` makes the step for another host, `loss` is what the user gave, None for a loss of batches, and `statistics` are the batches that running
    statistics are averaged over, None where they stay as they are.
    """

    host: Host
    make: Callable[[Host], Step]
    step: Step
    loss: Any
    batches: Batches
    statistics: Batches | None
    weight_decay: float

    @property
    def size(self) -> int:
        """The length P of θ."""
        return self.host.size

    @property
    def dtype(self) -> np.dtype:
        """The type of the arithmetic, apart from sums over batches, which are in float64."""
        return np.dtype(str(self.host.dtype).removeprefix("torch."))

    @property
    def device(self) -> str:
        """The device of the evaluation, as PyTorch names it."""
        return str(self.host.device)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters in θ, in their order."""
        return tuple(piece.name for piece in self.host.pieces)

    @property
    def without_derivatives(self) -> str:
        """The reason why there are no derivatives, or "" if there are."""
        if self.statistics is None:
            return ""
        return (
            "a loss with recomputed statistics has values, no gradients and no Hessian-vector products: "
            "leave recompute_statistics=True out"
        )

    @cached_property
    def doubt(self) -> str:
        """Why products with the Hessian are differences of gradients; "" where the gradient is differentiated itself.

        It is found out once, on a few examples, and said where there is something to say.
        """
        with self.host.lent():
            batch = few(self.host.torch, self.batches.beginning(), any_batch=self.step.by == "batch_loss")
        found = reason_against(self.host, self.make, batch)
        if found:
            say(f"landscape: Hessian-vector products are central differences of gradients, since {found}")
        return found

    @cached_property
    def differences(self) -> Completed:
        """The same objective with differences of gradients for products, whose step is chosen once."""
        return complete(self)

    @property
    def missing(self) -> frozenset[str]:
        """The methods that `complete` has to supply."""
        if self.without_derivatives:
            return frozenset((*FIRST, *SECOND))
        return frozenset(SECOND if self.doubt else ())

    def penalty(self, theta: Array) -> float:
        """Return the penalty ½ λ ‖θ‖²."""
        return 0.5 * self.weight_decay * float(theta @ theta) if self.weight_decay else 0.0

    @contextmanager
    def at(self, theta: ArrayLike) -> Iterator[Array]:
        """Set the module to θ within a `with` block."""
        point = checked(theta, self.size)
        with self.host.lent():
            self.host.place(self.host.as_wide(point))
            yield point

    def measure(self) -> list[float]:
        """Return the loss and each metric at the current parameters."""
        if self.statistics is not None and self.host.buffers is None:
            recompute(self.host, self.step, self.statistics)
        return mean_losses(self.host, self.step, self.batches)

    def value(self, theta: ArrayLike) -> float:
        """Evaluate loss plus penalty at θ."""
        with self.at(theta) as point:
            return self.measure()[0] + self.penalty(point)

    def values(self, thetas: ArrayLike, buffers: ArrayLike | None = None) -> Array:
        """Evaluate loss plus penalty at each row of thetas [K, P], returning [K].

        `buffers` [K, B], one row for each θ, replace those of the module.
        """
        rows = np.atleast_2d(np.asarray(thetas, np.float64))
        if buffers is None:
            with self.host.lent():
                return np.array([self.value(row) for row in rows])
        found = []
        for row, own in zip(rows, np.asarray(buffers, np.float64), strict=True):
            self.host.buffers = own
            try:
                found.append(self.value(row))
            finally:
                self.host.buffers = None
        return np.array(found)

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, Array]:
        """Return value and gradient at θ from one pass.

        Raises
        ------
        InputError
            Statistics are recomputed, so there are no derivatives.
        """
        self.require_derivatives()
        with self.at(theta) as point:
            loss, gradient = loss_and_gradient(self.host, self.step, self.batches)
        if self.weight_decay:
            gradient += self.weight_decay * point
        return loss + self.penalty(point), gradient

    def gradient(self, theta: ArrayLike) -> Array:
        """Return the gradient of loss plus penalty at θ, float64 [P]."""
        return self.value_and_gradient(theta)[1]

    def gradients(self, thetas: ArrayLike) -> Array:
        """Return the gradients at each row of thetas [K, P], as [K, P]."""
        return np.stack([self.gradient(row) for row in np.atleast_2d(np.asarray(thetas, np.float64))])

    def hvp(self, theta: ArrayLike, vector: ArrayLike) -> Array:
        """Return the Hessian of loss plus penalty at θ times a vector, float64 [P]."""
        return np.asarray(self.hvps(theta, np.asarray(vector, np.float64)[None])[0])

    def hvps(self, theta: ArrayLike, vectors: ArrayLike) -> Array:
        """Return the Hessian at θ times each row of vectors [K, P], from one graph for each batch.

        They are exact, but where `doubt` says that they are differences of gradients.
        """
        self.require_derivatives()
        rows = np.array([checked(row, self.size) for row in np.atleast_2d(np.asarray(vectors, np.float64))])
        if self.doubt:
            return self.differences.hvps(theta, rows)
        with self.at(theta):
            found = products(self.host, self.step, self.batches, rows)
        return found + self.weight_decay * rows if self.weight_decay else found

    def gauss_newton(self, theta: ArrayLike, vectors: ArrayLike) -> Array:
        """Return the Gauss–Newton matrix at θ, plus the penalty's Hessian, times each row of vectors [K, P].

        Raises
        ------
        InputError
            The loss is one of batches, the outputs are no tensor, or there are no derivatives.
        """
        self.require_derivatives()
        rows = np.array([checked(row, self.size) for row in np.atleast_2d(np.asarray(vectors, np.float64))])
        with self.at(theta):
            found = gauss_newton(self.host, self.step, self.loss, self.batches, rows)
        return found + self.weight_decay * rows if self.weight_decay else found

    def evaluate(self, theta: ArrayLike) -> Evaluation:
        """Evaluate the loss without penalty, accuracy and other metrics if there are any, and the penalty at θ."""
        with self.at(theta) as point:
            loss, *metrics = self.measure()
            others = dict(zip(self.step.metrics, metrics, strict=True))
            found = others.pop("accuracy", None)
        errors = dict.fromkeys(others, 0.0)
        return Evaluation(
            loss, 0.0, found, None if found is None else 0.0, self.penalty(point), others, errors
        )

    def metrics(self, theta: ArrayLike) -> dict[str, float]:
        """Return each metric at θ by name."""
        with self.at(theta):
            return dict(zip(self.step.metrics, self.measure()[1:], strict=True))

    def sweep(self, center: ArrayLike, directions: ArrayLike, axes: tuple[Array, ...]) -> TorchSweep:
        """Prepare the evaluation of the loss (without penalty) on the grid center + Σ αᵢ directions[i], αᵢ from axes[i]."""
        names = ("loss", *self.step.metrics)
        length = max(1, min(MOST_POINTS, SMALL // (self.size * self.batches.examples)))
        many = self.many if length >= LEAST and self.statistics is None else None
        return TorchSweep(self.host, self.measure, names, center, directions, axes, length, many)

    @cached_property
    def many(self) -> Measure | None:
        """What evaluates a small network at many points at once; None where that cannot be, which is tried once."""
        return many_points(self.host, self.step, self.batches)

    def require_derivatives(self) -> None:
        """Raise an error if there are no derivatives.

        Raises
        ------
        InputError
            Statistics are recomputed.
        """
        if self.without_derivatives:
            raise InputError(self.without_derivatives)

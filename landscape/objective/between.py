"""A network's loss on the way to another model with other frozen parameters and buffers.

Running statistics belong to the θ that they were averaged at. On the line from one model to another they move as the
parameters do, so that both ends have the losses that the models themselves have.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.model import Model
from landscape.objective.network import NetworkObjective
from landscape.objective.points import PointwiseObjective

Array = NDArray[np.float64]


class BetweenObjective(PointwiseObjective):
    """A network's loss over a split, with constants between those of a model and of another.

    At θ they are c + t (c′ − c), where t is how far θ lies along the line from the model's parameters (0) to the other's (1).
    `options` are those of `NetworkObjective`.

    Raises
    ------
    InputError
        What `NetworkObjective` refuses.
    """

    def __init__(self, model: Model, split: str, *, other: Model, **options: Any) -> None:
        super().__init__(model, split, **options)
        self.theta = np.asarray(model.theta, np.float64)
        self.line = np.asarray(other.theta, np.float64) - self.theta
        self.constants = np.asarray(model.constants, np.float64)
        self.difference = np.asarray(other.constants, np.float64) - self.constants
        self.positive = positive_part(model, other)
        # Scaled, since the square of a very long line overflows.
        self.scaled = self.line / (np.abs(self.line).max() or 1.0)

    def along(self, theta: ArrayLike) -> float:
        """Give the coordinate of θ along the line."""
        squares = float(self.scaled @ self.line)
        return float(self.scaled @ (np.asarray(theta, np.float64) - self.theta)) / squares if squares else 0.0

    def constants_at(self, theta: ArrayLike) -> Array:
        """Give the constants at θ, on the line between the two models'."""
        return self.constants + self.along(theta) * self.difference

    def gradient(self, theta: ArrayLike) -> Array:
        """Give the gradient at θ, with the constants held as they are there."""
        return self.at(theta).gradient(theta)

    def hvps(self, theta: ArrayLike, vectors: ArrayLike) -> Array:
        """Give the products of the Hessian at θ with each row of vectors [K, P], with the constants held as they are there."""
        return self.at(theta).hvps(theta, vectors)

    def at(self, theta: ArrayLike) -> NetworkObjective:
        """Give the objective whose constants are those at θ everywhere, which has derivatives."""
        return self.objective.with_constants(self.constants_at(theta))


class PlaneObjective(BetweenObjective):
    """A network's loss over a split, with constants that move over the plane through a model and two others as the parameters do.

    At θ = A + p (B − A) + q (C − A), and off the plane at the nearest such point, they are c_A + p (c_B − c_A) + q (c_C − c_A).
    The other parameters are those of `BetweenObjective`.

    Raises
    ------
    InputError
        What `NetworkObjective` refuses.
    """

    def __init__(self, model: Model, split: str, *, other: Model, third: Model, **options: Any) -> None:
        super().__init__(model, split, other=other, **options)
        self.differences = np.stack(
            [self.difference, np.asarray(third.constants, np.float64) - self.constants]
        )
        lines = np.stack([self.line, np.asarray(third.theta, np.float64) - self.theta])
        self.inverse = np.linalg.solve(lines @ lines.T, lines)

    def constants_at(self, theta: ArrayLike) -> Array:
        """Give the constants at θ, on the plane through the three models'."""
        shares = self.inverse @ (np.asarray(theta, np.float64) - self.theta)
        return self.constants + shares @ self.differences


def carries(model: Model, other: Model) -> bool:
    """Whether two models differ in constants that can be carried along: as many, of the same shapes, not the same."""
    shapes = [[slot.shape for slot in one.constant_layout] for one in (model, other)]
    return shapes[0] == shapes[1] and not np.array_equal(model.constants, other.constants)


def positive_part(model: Model, other: Model) -> tuple[float, float]:
    """Give the interval of the line from one model to the other in which no running variance is negative."""
    low, high = -np.inf, np.inf
    for slot in model.constant_layout:
        if slot.name.endswith(".running_var"):
            here, there = (one.constants[slot.start : slot.stop] for one in (model, other))
            falls, rises = there < here, there > here
            with np.errstate(divide="ignore", over="ignore"):
                high = min(high, float(np.min(here[falls] / (here - there)[falls], initial=np.inf)))
                low = max(low, float(np.max(-here[rises] / (there - here)[rises], initial=-np.inf)))
    return low, high

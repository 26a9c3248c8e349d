"""The subject of the measures: a loss without its penalty, at a point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.curvature import SymmetricOperator, hessian_operator
from landscape.curvature.point import function_point, model_point, require_finite_loss
from landscape.directions import Origin, Tensor, model_tensors, shaped_tensors, told_tensors
from landscape.model import Model
from landscape.objective import Completed, HasValue, as_network, complete
from landscape.objective.about import about
from landscape.objective.fisher import fisher_products

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Subject:
    """A loss at θ [P]; `tensors` cut θ into weights and biases where that is known.

    `model` and `data` are hashes, `settings` what can change a number.
    """

    objective: Completed
    theta: Array
    tensors: tuple[Tensor, ...] | None
    model: str
    data: str
    settings: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def loss(self) -> float:
        """The loss at θ."""
        return self.objective.value(self.theta)

    @cached_property
    def hessian(self) -> SymmetricOperator:
        """The Hessian at θ."""
        return hessian_operator(self.objective, self.theta)

    @property
    def origin(self) -> Origin:
        """θ as directions start from it."""
        return Origin(self.theta, self.tensors)

    @property
    def has_weights(self) -> bool:
        """Whether there are filters, not all of them zero, that directions are scaled to."""
        return any(t.has_filters and self.theta[t.start : t.stop].any() for t in self.tensors or ())

    @cached_property
    def rounding(self) -> float:
        """The rounding of a difference of two losses: a few units in the last place of the loss."""
        return 8 * self.objective.epsilon * abs(self.loss)

    def values(self, moves: Array) -> Array:
        """Give the losses at θ + each row of moves [K, P]."""
        return self.objective.values(self.theta + moves)

    def value_and_gradient(self, move: Array) -> tuple[float, Array]:
        """Give loss and gradient at θ + move, from one pass where the objective can."""
        return self.objective.value_and_gradient(self.theta + move)

    @property
    def empirical_fisher(self) -> Callable[[Array], Array] | None:
        """Give the products of the empirical Fisher matrix with rows, for subjects that have examples."""
        network = as_network(self.objective)
        if network is None:
            return None
        return lambda rows: fisher_products(network, self.theta, rows, matrix="empirical-fisher")


def model_subject(model: Model, **options: Any) -> Subject:
    """Take a model at its own parameters, without weight decay: that is not a property of the minimum.

    Raises
    ------
    InputError
        As `model_point`.
    """
    bare = replace(model, weight_decay=0.0)
    point = model_point(bare, **options)
    require_finite_loss(point)
    return Subject(
        objective=complete(point.objective),
        theta=point.theta,
        tensors=model_tensors(model),
        model=model.fingerprint(),
        data=model.data_fingerprint(),
        settings=point.settings,
    )


def function_subject(objective: HasValue, theta: ArrayLike, shapes: Any = None) -> Subject:
    """Take a function of θ; `shapes` cut θ into tensors.

    Raises
    ------
    InputError
        As `function_point`, or shapes that do not add up.
    """
    told = about(objective)
    point = function_point(objective if told is None else told.bare, theta)
    tensors = None if told is None else told_tensors(told)
    if shapes is not None:
        tensors = shaped_tensors(shapes, point.theta.size)
    return Subject(complete(point.objective), point.theta, tensors, point.model, point.data, point.settings)

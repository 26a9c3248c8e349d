"""Options of losses: weights of classes and of elements, smoothing, the label that is ignored, a loss's own numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.ops import values
from landscape.ops.operation import Shape

IGNORED = -100
Nested = float | tuple[Any, ...]


@dataclass(frozen=True)
class LossOptions:
    """The options of a loss; None and the default numbers mean that an option was not given.

    `class_weights` has a weight for each class, `element_weights` and `pos_weight` a number or lists that go with an example's output
    as NumPy broadcasts them. `ignored` is the class id that does not count.
    """

    class_weights: tuple[float, ...] | None = None
    label_smoothing: float = 0.0
    ignored: int = IGNORED
    pos_weight: Nested | None = None
    element_weights: Nested | None = None
    margin: float = 1.0
    exponent: int = 1
    gamma: float = 2.0
    alpha: float | None = None
    eps: float = 1e-8

    def given(self) -> dict[str, Any]:
        """Give those that are not the defaults, as a header has them."""
        pairs = ((field.name, getattr(self, field.name), field.default) for field in fields(self))
        return {name: _listed(value) for name, value, default in pairs if value != default}


def _listed(value: Any) -> Any:
    return [_listed(part) for part in value] if isinstance(value, tuple) else value


def _weight(value: Any) -> float:
    return float(values.number(0.0)(value))


def _nested(value: Any) -> Nested:
    """Read a number from 0, or lists of such."""
    if isinstance(value, (list, tuple)):
        if not value:
            raise values.refuse("a number from 0, or lists of such", value)
        return tuple(_nested(part) for part in value)
    return _weight(value)


def _class_weights(value: Any) -> tuple[float, ...]:
    if not isinstance(value, (list, tuple)) or not value:
        raise values.refuse("a list with a number from 0 for each class", value)
    found = tuple(_weight(part) for part in value)
    if not any(found):
        raise values.refuse("weights of which one is above 0", value)
    return found


READERS: dict[str, values.Reader] = {
    "class_weights": _class_weights,
    "label_smoothing": values.fraction,
    "ignored": values.signed,
    "pos_weight": _nested,
    "element_weights": _nested,
    "margin": values.number(),
    "exponent": lambda value: values.integer(1, 2)(value),
    "gamma": values.number(0.0),
    "alpha": values.fraction,
    "eps": values.number(0.0),
}
# The losses that take each.
OF_LOSSES: dict[str, tuple[str, ...]] = {
    "class_weights": ("cross_entropy", "multi_margin"),
    "label_smoothing": ("cross_entropy",),
    "ignored": ("cross_entropy",),
    "pos_weight": ("binary_cross_entropy",),
    "element_weights": ("binary_cross_entropy", "mse", "mae", "huber", "poisson", "poisson_rate", "hinge_embedding", "focal"),
    "margin": ("hinge_embedding", "multi_margin"),
    "exponent": ("multi_margin",),
    "gamma": ("focal",),
    "alpha": ("focal",),
    "eps": ("poisson_rate",),
}  # fmt: skip


def read_options(loss: str, given: Mapping[str, Any]) -> LossOptions:
    """Make a loss's options of a header's values, which are read already.

    >>> read_options("cross_entropy", {"label_smoothing": 0.1}).given()
    {'label_smoothing': 0.1}

    Raises
    ------
    InputError
        An option that the loss does not take.
    """
    options = LossOptions(**given)
    for name in options.given():
        if loss not in OF_LOSSES[name]:
            raise InputError(
                f"header: {name}: the loss {loss} takes none; expected one of {', '.join(OF_LOSSES[name])}"
            )
    return options


def require_fitting(options: LossOptions, output: Shape, classes: int) -> None:
    """Refuse weights that do not go with the output.

    Raises
    ------
    InputError
        The message says how many there should be.
    """
    weights = options.class_weights
    if weights is not None and len(weights) != classes:
        raise InputError(
            f"header: class_weights: expected {classes} numbers, one a class, found {len(weights)}"
        )
    for name in ("pos_weight", "element_weights"):
        given = getattr(options, name)
        if given is not None:
            spread(name, given, output)


def spread(name: str, given: Nested, output: Shape) -> np.ndarray:
    """Give numbers in the shape of an example's output.

    Raises
    ------
    InputError
        They have another shape.
    """
    try:
        array = np.asarray(given, np.float64)
        return np.broadcast_to(array.reshape(()) if array.size == 1 else array, output)
    except ValueError:
        raise InputError(
            f"header: {name}: expected numbers that go with an output {list(output)}, found {values_shape(given)}"
        ) from None


def values_shape(given: Nested) -> str:
    """Say the shape of nested lists.

    >>> values_shape(((1.0, 2.0),)), values_shape(((1.0,), 2.0))
    ('[1, 2]', 'lists of several lengths')
    """
    try:
        return str(list(np.asarray(given, np.float64).shape))
    except ValueError:
        return "lists of several lengths"


# The one number that a loss's formulas read; Huber's stands in the header as `delta`.
CONSTANTS: dict[str, Callable[[LossOptions], float]] = {
    "hinge_embedding": lambda options: options.margin,
    "multi_margin": lambda options: options.margin,
    "focal": lambda options: options.gamma,
    "poisson_rate": lambda options: options.eps,
}


def constant_of(loss: str, delta: float, options: LossOptions) -> float:
    """Give the one number that a loss's formulas read."""
    return CONSTANTS[loss](options) if loss in CONSTANTS else delta

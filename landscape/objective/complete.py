"""Add finite differences to any function of θ for the derivatives that it lacks."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.errors import InputError
from landscape.objective.evaluation import Evaluation
from landscape.objective.finite_difference import FiniteDifference
from landscape.objective.functions import checked, function_sweep, number
from landscape.objective.kinds import Wrapper, as_network
from landscape.objective.protocol import HasValue, Sweep
from landscape.objective.value_gradient import GradientOfValues

Array = NDArray[np.float64]

METHODS = (
    "values", "gradient", "gradients", "value_and_gradient", "hvp", "hvps", "evaluate", "sweep"
)  # fmt: skip


def complete(objective: HasValue) -> Completed:
    """Return an objective with every method that the analyses need, computing missing ones by finite differences.

    Missing values at many points are computed one by one, gradients as differences of values (Richardson extrapolation
    of order 6), and products with the Hessian likewise as differences of gradients. A complete objective is returned as
    it is.

    Parameters
    ----------
    objective
        An object with at least `value(theta)` and `size`. Any other method of `Objective` is used if it exists.

    Raises
    ------
    InputError
        No value or no size, or later a method that returns a wrong shape.

    Examples
    --------
    >>> class Bowl:
    ...     size = 2
    ...     def value(self, theta):
    ...         return float(theta @ [[1.0, 0.5], [0.5, 3.0]] @ theta)
    >>> bowl = complete(Bowl())
    >>> bowl.gradient([1.0, 0.0]).round(9).tolist(), bowl.hvp([0.0, 0.0], [1.0, 0.0]).round(6).tolist()
    ([2.0, 1.0], [2.0, 1.0])
    >>> bowl.exact_gradient, bowl.exact, all(error < 1e-6 for error in bowl.errors.values())
    (False, False, True)
    """
    return objective if isinstance(objective, Completed) else Completed(objective)


class Completed(Wrapper):
    """An objective with all its derivatives, as `complete` makes it.

    `exact_gradient` and `exact` say whether gradients, and products with the Hessian, are the objective's own; `errors` what
    those that are not may be off by. Steps of differences are chosen where they are first needed, and kept.

    Parameters
    ----------
    objective
        Any with a value and a size.
    seed
        Of the vectors on which steps are chosen.
    """

    def __init__(self, objective: HasValue, seed: int = 0) -> None:
        self.size, self.dtype = size_of(objective), dtype_of(objective)
        self.objective, self.seed = objective, seed
        self.own = {name: method for name in METHODS if (method := own_method(objective, name)) is not None}
        # Differences are made where they are first needed: they know this object, and a circle would keep a network's memory.
        self.by_values: GradientOfValues | None = None
        self.last: FiniteDifference | None = None
        # Points nearby want the same step.
        self.gradient_step: float | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Completed, (self.objective, self.seed)

    def anew(self, seed: int) -> Completed:
        """Return the same objective with another seed and without stored steps, so that an analysis depends on its arguments only."""
        return Completed(self.objective, seed)

    @property
    def exact_gradient(self) -> bool:
        """Whether gradients are the objective's own."""
        return not self.own.keys().isdisjoint(("gradient", "gradients", "value_and_gradient"))

    @property
    def exact(self) -> bool:
        """Whether products with the Hessian are the objective's own."""
        return not self.own.keys().isdisjoint(("hvp", "hvps"))

    @property
    def steps(self) -> tuple[float | None, float | None]:
        """The steps of differences that were chosen, of values and of gradients, None for one that was not yet."""
        return (None if self.by_values is None else self.by_values.step), self.gradient_step

    @steps.setter
    def steps(self, chosen: tuple[float | None, float | None]) -> None:
        """Take steps that were chosen before."""
        self.by_values = GradientOfValues(self.values, self.epsilon)
        self.by_values.step, self.gradient_step = chosen

    @property
    def errors(self) -> dict[str, float]:
        """The measured errors of derivatives by differences, where they were last taken.

        NaN stands for one that was not taken yet, and those that are exact are left out.
        `gradient` is the length of the gradient's error, `hvp` that of a product with a unit vector.
        """
        found = {}
        if not self.exact_gradient:
            found["gradient"] = np.nan if self.by_values is None else self.by_values.error
        if not self.exact:
            found["hvp"] = np.nan if self.last is None else self.last.seen.spread
        return found

    @property
    def gradient_error(self) -> float:
        """The length of the last gradient's error: 0 where gradients are exact."""
        return self.errors.get("gradient", 0.0)

    @property
    def epsilon(self) -> float:
        """The unit of rounding of the objective's arithmetic."""
        return float(np.finfo(self.dtype).eps)

    def value(self, theta: ArrayLike) -> float:
        """Evaluate at θ."""
        return number(self.objective.value(np.asarray(theta, np.float64)))

    def values(self, thetas: ArrayLike) -> Array:
        """Evaluate at each row of thetas [K, P], giving [K]."""
        rows = np.atleast_2d(np.asarray(thetas, np.float64))
        if "values" not in self.own:
            return np.array([self.value(row) for row in rows])
        return shaped(self.own["values"](rows), (len(rows),), "values(thetas)")

    def gradient(self, theta: ArrayLike) -> Array:
        """Return the gradient at θ, [P]."""
        point = np.asarray(theta, np.float64)
        if "gradient" in self.own:
            return shaped(self.own["gradient"](point), (self.size,), "gradient(theta)")
        if "gradients" in self.own:
            return np.asarray(self.gradients(point[None])[0])
        if "value_and_gradient" in self.own:
            return self.value_and_gradient(point)[1]
        self.require_derivatives()
        if self.by_values is None:
            self.by_values = GradientOfValues(self.values, self.epsilon)
        return self.by_values.at(checked(point, self.size))

    def gradients(self, thetas: ArrayLike) -> Array:
        """Return the gradients at each row of thetas [K, P], as [K, P]."""
        rows = np.atleast_2d(np.asarray(thetas, np.float64))
        if "gradients" not in self.own:
            return np.stack([self.gradient(row) for row in rows])
        return shaped(self.own["gradients"](rows), (len(rows), self.size), "gradients(thetas)")

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, Array]:
        """Give value and gradient at θ, from one pass where the objective can."""
        if "value_and_gradient" not in self.own:
            return self.value(theta), self.gradient(theta)
        value, gradient = self.own["value_and_gradient"](np.asarray(theta, np.float64))
        return number(value), shaped(gradient, (self.size,), "value_and_gradient(theta)")

    def hvp(self, theta: ArrayLike, vector: ArrayLike) -> Array:
        """Return the Hessian at θ times a vector, [P]."""
        return np.asarray(self.hvps(theta, np.asarray(vector, np.float64)[None])[0])

    def hvps(self, theta: ArrayLike, vectors: ArrayLike) -> Array:
        """Return the Hessian at θ times each row of vectors [K, P], as [K, P]."""
        return self.hvps_at(theta)(np.atleast_2d(np.asarray(vectors, np.float64)))

    def hvps_at(self, theta: ArrayLike) -> Callable[[Array], Array]:
        """Return the function vectors → `hvps(theta, vectors)`, prepared for many calls at one θ."""
        point = np.asarray(theta, np.float64)
        network = as_network(self, point)
        if network is not None:
            return network.hvps_at(point)
        if "hvps" in self.own:
            many = self.own["hvps"]
            return lambda rows: shaped(many(point, rows), (len(rows), self.size), "hvps(theta, vectors)")
        if "hvp" in self.own:
            one = self.own["hvp"]
            return lambda rows: np.stack([shaped(one(point, v), (self.size,), "hvp(theta, v)") for v in rows])
        return self.difference_at(point).products

    def difference_at(self, theta: ArrayLike) -> FiniteDifference:
        """Give the Hessian at θ as differences of gradients, with the step that was chosen at the first θ."""
        self.require_derivatives()
        self.last = FiniteDifference(self, theta, order="richardson", step=self.gradient_step, seed=self.seed)
        self.gradient_step = self.last.step
        return self.last

    def evaluate(self, theta: ArrayLike) -> Evaluation:
        """Give loss, accuracy and penalty at θ."""
        if "evaluate" in self.own:
            found: Evaluation = self.own["evaluate"](np.asarray(theta, np.float64))
            return found
        return Evaluation(self.value(theta), 0.0, None, None, 0.0)

    def sweep(self, center: ArrayLike, directions: ArrayLike, axes: tuple[Array, ...]) -> Sweep:
        """Prepare the grid center + Σ αᵢ directions[i] with αᵢ from axes[i]."""
        if "sweep" in self.own:
            own: Sweep = self.own["sweep"](center, directions, axes)
            return own
        return function_sweep(self.values, self.size, center, directions, axes)

    def require_derivatives(self) -> None:
        """Refuse an objective that says that it has no derivatives, not even by finite differences.

        Raises
        ------
        InputError
            Its own `without_derivatives` says why.
        """
        reason = getattr(self.objective, "without_derivatives", "")
        if reason:
            raise InputError(reason)


def own_method(objective: HasValue, name: str) -> Callable[..., Any] | None:
    """Give a method that an objective has itself, None for one that is not there or that it names as missing."""
    found = getattr(objective, name, None)
    return found if callable(found) and name not in getattr(objective, "missing", ()) else None


def size_of(objective: HasValue) -> int:
    """Read the number of parameters of what should be an objective.

    Raises
    ------
    InputError
        It has no value, or no size that is a positive whole number.
    """
    name = type(objective).__name__
    lacking = [
        part
        for part, there in (("value", own_method(objective, "value")), ("size", hasattr(objective, "size")))
        if not there
    ]
    if lacking:
        found = name if len(lacking) == 2 else f"{name} without {lacking[0]}"
        raise InputError(
            "expected a model (load_model reads a file), or an objective with value(theta) and size, such as "
            f"CallableObjective(function, size=…), found {found}"
        )
    if not isinstance(objective.size, Integral) or objective.size < 1:
        raise InputError(
            f"{name}.size: expected a positive whole number, the length of θ, found {objective.size!r}: set it to theta.size"
        )
    return int(objective.size)


def dtype_of(objective: HasValue) -> np.dtype:
    """Read the type of an objective's arithmetic, float64 where it says nothing.

    Raises
    ------
    InputError
        It is none of floating-point numbers.
    """
    given = getattr(objective, "dtype", np.float64)
    try:
        dtype = np.dtype(given)
    except TypeError:
        dtype = np.dtype(object)
    if dtype.kind != "f":
        raise InputError(
            f"{type(objective).__name__}.dtype: expected float64 or float32, found {given!r}: leave it out for float64"
        )
    return dtype


def shaped(found: Any, shape: tuple[int, ...], name: str) -> Array:
    """Check the shape of what a method of an objective returned, and convert it.

    Raises
    ------
    InputError
        It has another shape.

    Examples
    --------
    >>> shaped([1.0], (2,), "gradient(theta)")
    Traceback (most recent call last):
    landscape.errors.InputError: gradient(theta): expected shape [2], found shape [1]: return one number for each parameter
    """
    result = np.asarray(found, np.float64)
    if result.shape != shape:
        wanted = "one number for each row" if name.startswith("values") else "one number for each parameter"
        raise InputError(
            f"{name}: expected shape {list(shape)}, found shape {list(result.shape)}: return {wanted}"
        )
    return result

"""Objectives that are not networks: a compiled function of θ, or any Python callables."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.errors import InputError
from landscape.objective.evaluation import Evaluation
from landscape.objective.protocol import HasValue
from landscape.objective.rows import Rows
from landscape.objective.session import checked_threads, session, share_work

Array = NDArray[np.float64]
Function = Callable[[Array], float]

# Points in one step of a sweep.
RUN = 256


class FunctionSweep(Rows):
    """A grid of points of a function of θ, in runs of points; `state` holds the values, then the steps done."""

    names: tuple[str, ...] = ("loss",)

    def __init__(
        self,
        values: Callable[[Array], Array],
        center: Array,
        directions: Array,
        axes: tuple[Array, ...],
        run: int,
    ) -> None:
        if len(directions) != len(axes):
            raise InputError(f"expected an axis for each of {len(directions)} directions, found {len(axes)}")
        self.values, self.center, self.directions, self.axes, self.length = (
            values,
            center,
            directions,
            axes,
            run,
        )
        self.points = math.prod(len(axis) for axis in axes)
        self.steps = math.ceil(self.points / run)
        self.state = np.zeros(self.points + 1)

    @property
    def grain(self) -> int:
        """The points of a run, which are evaluated together."""
        return self.length

    def run(self, step: int) -> None:
        """Evaluate one run of points."""
        rows = np.arange(step * self.length, min(self.points, (step + 1) * self.length))
        places = np.unravel_index(rows, [len(axis) for axis in self.axes])
        coordinates = np.stack([axis[place] for axis, place in zip(self.axes, places, strict=True)], axis=1)
        self.state[rows] = self.values(self.center + coordinates @ self.directions)
        self.state[-1] = step + 1

    def point_done(self) -> NDArray[np.bool_]:
        """Say which points are done."""
        return np.asarray(np.arange(self.points) < self.state[-1] * self.length)

    def finish(self) -> dict[str, Array]:
        """Give the losses; points that are not done are NaN."""
        return {"loss": np.where(self.point_done(), self.state[:-1], np.nan)}


def function_sweep(
    values: Callable[[Array], Array],
    size: int,
    center: ArrayLike,
    directions: ArrayLike,
    axes: tuple[Array, ...],
    run: int = 1,
) -> FunctionSweep:
    """Prepare the grid center + Σ αᵢ directions[i] of a function of θ [size], `run` points in a step.

    Raises
    ------
    InputError
        A vector of another length, or another number of axes than of directions.
    """
    rows = np.array([checked(row, size) for row in np.atleast_2d(np.asarray(directions))])
    return FunctionSweep(values, checked(center, size), rows, axes, run)


class CallableObjective:
    """Any Python functions of θ as an objective, so that a PyTorch or JAX model can be analysed unchanged.

    Parameters
    ----------
    value
        Function from θ [P] to a number.
    gradient
        Function from θ to the gradient [P]; optional.
    hvp
        Function from (θ, v) to the Hessian at θ times v, [P]; optional.
    size
        P.

    Raises
    ------
    InputError
        A derivative that was not given is needed (`landscape.complete` adds finite differences), or a function returns
        a wrong shape.

    Examples
    --------
    >>> bowl = CallableObjective(lambda theta: float(theta @ theta), gradient=lambda theta: 2 * theta, size=2)
    >>> bowl.value([1.0, 2.0]), bowl.gradient([1.0, 2.0]).tolist()
    (5.0, [2.0, 4.0])
    """

    dtype = np.dtype(np.float64)

    def __init__(
        self,
        value: Function,
        gradient: Callable[[Array], ArrayLike] | None = None,
        hvp: Callable[[Array, Array], ArrayLike] | None = None,
        *,
        size: int,
    ) -> None:
        self._value, self._gradient, self._hvp, self.size = value, gradient, hvp, size

    @property
    def missing(self) -> frozenset[str]:
        """The methods for which no function was given."""
        given = {("gradient", "gradients"): self._gradient, ("hvp", "hvps"): self._hvp}
        return frozenset(name for names, function in given.items() if function is None for name in names)

    def value(self, theta: ArrayLike) -> float:
        """Evaluate at θ."""
        return number(self._value(checked(theta, self.size)))

    def values(self, thetas: ArrayLike) -> Array:
        """Evaluate at each row of thetas [K, P]."""
        return np.array([self.value(theta) for theta in np.atleast_2d(np.asarray(thetas))])

    def gradient(self, theta: ArrayLike) -> Array:
        """Return the gradient at θ."""
        if self._gradient is None:
            raise InputError(
                "the objective has no gradient: give gradient=…, or take landscape.complete(objective), which makes it of differences"
            )
        return checked(self._gradient(checked(theta, self.size)), self.size)

    def gradients(self, thetas: ArrayLike) -> Array:
        """Return the gradients at each row of thetas [K, P]."""
        return np.stack([self.gradient(theta) for theta in np.atleast_2d(np.asarray(thetas))])

    def hvp(self, theta: ArrayLike, vector: ArrayLike) -> Array:
        """Return the Hessian at θ times a vector."""
        if self._hvp is None:
            raise InputError(
                "the objective has no hvp: give hvp=…, or take landscape.complete(objective), which makes it of differences"
            )
        return checked(self._hvp(checked(theta, self.size), checked(vector, self.size)), self.size)

    def hvps(self, theta: ArrayLike, vectors: ArrayLike) -> Array:
        """Return the Hessian at θ times each row of vectors [K, P]."""
        return np.stack([self.hvp(theta, vector) for vector in np.atleast_2d(np.asarray(vectors))])

    def evaluate(self, theta: ArrayLike) -> Evaluation:
        """Return the value as an `Evaluation`."""
        return Evaluation(self.value(theta), 0.0, None, None, 0.0)

    def sweep(self, center: ArrayLike, directions: ArrayLike, axes: tuple[Array, ...]) -> FunctionSweep:
        """Prepare the evaluation on the grid center + Σ αᵢ directions[i]."""
        return function_sweep(self.values, self.size, center, directions, axes, 1)


class CompiledObjective(CallableObjective):
    """A function of θ compiled by Numba, evaluated at many points in parallel.

    Derivatives are given or missing as in `CallableObjective`.

    Examples
    --------
    >>> @numba.njit
    ... def toy(theta):
    ...     return (1.0 - theta[0] * theta[1]) ** 2
    >>> CompiledObjective(toy, size=2).values([[0.0, 0.0], [1.0, 1.0]]).tolist()
    [1.0, 0.0]
    """

    def __init__(
        self,
        function: Any,
        size: int,
        gradient: Callable[[Array], ArrayLike] | None = None,
        hvp: Callable[[Array, Array], ArrayLike] | None = None,
        *,
        threads: int | None = None,
    ) -> None:
        if not isinstance(function, numba.core.dispatcher.Dispatcher):
            raise InputError(
                "expected a function under @numba.njit; for a plain one there is CallableObjective"
            )
        super().__init__(function, gradient, hvp, size=size)
        self.threads = checked_threads(threads)
        self._many = compiled_loop(function)

    def values(self, thetas: ArrayLike) -> Array:
        """Evaluate at each row of thetas [K, P], in parallel."""
        rows = np.ascontiguousarray(np.atleast_2d(np.asarray(thetas, np.float64)))
        if rows.shape[1] != self.size:
            raise InputError(f"expected vectors of {self.size} parameters, found shape {list(rows.shape)}")
        out = np.empty(len(rows))
        with session():
            share_work(self._many, self.threads, rows, out)
        return out

    def sweep(self, center: ArrayLike, directions: ArrayLike, axes: tuple[Array, ...]) -> FunctionSweep:
        """Prepare the evaluation on the grid center + Σ αᵢ directions[i]."""
        return function_sweep(self.values, self.size, center, directions, axes, RUN)


def compiled_loop(function: Any) -> Any:
    """Compile a worker's loop over one user's function; each function has its own, kept for this process."""

    @numba.njit(nogil=True)
    def many(worker: int, workers: int, thetas: Array, out: Array) -> None:
        count = thetas.shape[0]
        for k in range(count * worker // workers, count * (worker + 1) // workers):
            out[k] = function(thetas[k])

    return many


def checked(vector: ArrayLike, size: int) -> Array:
    """Read a vector of a size.

    Raises
    ------
    InputError
        It has another shape.
    """
    result = np.asarray(vector, np.float64)
    if result.shape != (size,):
        raise InputError(f"expected a vector of {size} parameters, found shape {list(result.shape)}")
    return result


def number(found: Any) -> float:
    """Read what a function gave for its value.

    Raises
    ------
    InputError
        It is no single number.

    Examples
    --------
    >>> number(np.array([2.0]))
    2.0
    """
    if isinstance(found, np.ndarray) and found.size == 1:
        found = found.item()
    try:
        return float(found)
    except (TypeError, ValueError, RuntimeError):
        # Frameworks convert their own numbers, and refuse what is none in their own ways.
        shape = np.shape(found)
        shown = f"shape {list(shape)}" if shape else f"a {type(found).__name__}"
        raise InputError(f"value(theta): expected a number, found {shown}: return float(loss)") from None


def checked_point(objective: HasValue, theta: ArrayLike) -> Array:
    """Read θ [P] for an objective.

    Raises
    ------
    InputError
        Another length, none at all, or a value that is not finite.
    """
    point = np.array(theta, np.float64)
    if point.ndim != 1 or point.size == 0 or point.size != objective.size:
        raise InputError(f"theta: expected {objective.size} parameters, found shape {list(point.shape)}")
    if not np.isfinite(point).all():
        first = int(np.argmax(~np.isfinite(point)))
        raise InputError(f"theta: expected finite numbers, found {point[first]} at [{first}]")
    return point

"""Matrices given by their products with vectors: the Hessian, its blocks, and the preconditioned Hessian."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.linalg import LinearOperator

from landscape.errors import ComputationError, InputError, did_you_mean
from landscape.model import Model
from landscape.objective import NetworkObjective, complete, require_network
from landscape.objective.about import about
from landscape.objective.finite_difference import FiniteDifference
from landscape.objective.fisher import STAND_INS, fisher_products
from landscape.objective.functions import checked_point
from landscape.objective.kinds import as_network
from landscape.objective.protocol import HasValue
from landscape.objective.whole import WholeHessian, is_dense
from landscape.progress import counted_products

Array = NDArray[np.float64]
Products = Callable[[Array], Array]

DOUBLE = float(np.finfo(np.float64).eps)
MATRICES = ("hessian", *STAND_INS)
NOT_FINITE = (
    "a product of the Hessian is not finite at this point: expected finite second derivatives; "
    "try another point, or --dtype float64 if this was float32"
)


@dataclass(frozen=True)
class Whole:
    """How to compute a dense matrix [n, n] at once, with less work than its products with all unit vectors.

    `parts` (half, first) adds to half [n, n], from pass `first` of `passes` on, and gives the pass reached after each part; `finish` makes the
    matrix of what all have added.
    """

    passes: int
    parts: Callable[[Array, int], Iterator[int]]
    finish: Callable[[Array], Array]


class SymmetricOperator(LinearOperator):
    """A symmetric matrix A [n, n] given by its products with many vectors at once; SciPy's solvers take it.

    Parameters
    ----------
    size
        n.
    products
        Rows [K, n] to the rows A v, [K, n].
    epsilon
        The unit of rounding of the arithmetic behind the products.
    whole
        How the dense matrix is had at once, where there is such a way.
    spread
        Gives how far products with unit vectors were seen to be off, where they are differences.

    Examples
    --------
    >>> twice = SymmetricOperator(3, lambda rows: 2.0 * rows)
    >>> (twice @ np.ones(3)).tolist(), twice.count
    ([2.0, 2.0, 2.0], 1)
    """

    def __init__(
        self,
        size: int,
        products: Products,
        epsilon: float = DOUBLE,
        whole: Whole | None = None,
        spread: Callable[[], float] = lambda: 0.0,
    ) -> None:
        super().__init__(np.dtype(np.float64), (size, size))
        self._products = products
        self.whole = whole
        self.epsilon = epsilon
        self.count = 0
        self._spread = spread

    @property
    def spread(self) -> float:
        """The largest error of products with unit vectors measured so far, 0 for exact ones."""
        return self._spread()

    def without_spread(self) -> SymmetricOperator:
        """Give the same matrix with a spread of 0, for callers that count its spread elsewhere."""
        return SymmetricOperator(self.size, self.rows, self.epsilon, self.whole)

    @property
    def size(self) -> int:
        """The number n of rows."""
        return int(self.shape[0])

    def rounding(self, norm: float) -> float:
        r"""Estimate how far rounding moves eigenvalues of a matrix of a norm: $\epsilon\sqrt{n}\,\|A\|$.

        Each product sums n terms whose roundings have no common sign, so they grow as a random walk does. By Weyl no
        eigenvalue moves by more than the norm of what A is off by. The asymmetry that is measured is one half of that
        error only; the other half is symmetric and cannot be seen.
        """
        return self.epsilon * float(np.sqrt(self.size)) * norm

    def rows(self, vectors: ArrayLike) -> Array:
        """Multiply each row of vectors [K, n]; `count` grows by K.

        Raises
        ------
        ComputationError
            A product is not finite: the function has no second derivatives here, or they overflow.
        """
        given = np.atleast_2d(np.asarray(vectors, np.float64))
        self.count += len(given)
        with counted_products(len(given)):
            result = self._products(given)
        if not np.isfinite(result).all():
            raise ComputationError(NOT_FINITE)
        return result

    def _matvec(self, vector: Array) -> Array:
        return np.asarray(self.rows(np.reshape(vector, (1, -1)))[0])

    def _matmat(self, columns: Array) -> Array:
        return self.rows(np.ascontiguousarray(columns.T)).T

    def _adjoint(self) -> SymmetricOperator:
        return self

    def _transpose(self) -> SymmetricOperator:
        return self


def hessian_operator(objective: HasValue, theta: ArrayLike) -> SymmetricOperator:
    r"""Give the Hessian $\nabla^2 L(\theta)$ by its products: exact ones where the objective has them, else differences.

    Parameters
    ----------
    objective
        Any; `landscape.complete` says what is taken by differences, and the operator's `spread` how far those were seen to be off.
    theta
        The point, [P].

    Raises
    ------
    InputError
        The point is not finite, or has another length.

    Examples
    --------
    >>> from landscape.objective import CallableObjective
    >>> bowl = CallableObjective(lambda x: float(x @ x), hvp=lambda x, v: 2 * v, size=2)
    >>> hessian_operator(bowl, [0.0, 0.0]).rows(np.eye(2)).tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """
    whole = complete(objective)
    point = checked_point(whole, theta)
    network = as_network(whole, point)
    if network is not None:
        return SymmetricOperator(
            point.size, network.hvps_at(point), whole.epsilon, whole_hessian(network, point)
        )
    if whole.exact:
        return SymmetricOperator(point.size, whole.hvps_at(point), whole.epsilon)
    return difference_operator(whole.difference_at(point))


def difference_operator(difference: FiniteDifference) -> SymmetricOperator:
    """Give the Hessian by differences of gradients, which is symmetric up to its `spread` only."""
    return SymmetricOperator(
        difference.theta.size, difference.products, spread=lambda: difference.seen.spread
    )


def whole_hessian(network: NetworkObjective, point: Array) -> Whole | None:
    """Give the way to compute the dense Hessian at once, if the network has one."""
    if not is_dense(network):
        return None
    found = WholeHessian(network, point)
    return Whole(found.passes, found.parts, found.finish)


def matrix_operator(objective: HasValue, theta: ArrayLike, matrix: str) -> SymmetricOperator:
    """Give the Hessian at θ, or an approximation such as Gauss–Newton, by its products.

    Parameters
    ----------
    objective
        For a stand-in a network's.
    theta
        The point, [P].
    matrix
        One of `MATRICES`; what each is says `landscape.objective.fisher.fisher_products`.

    Raises
    ------
    InputError
        An unknown matrix, or a stand-in for a function of θ that has no outputs.
    """
    if matrix not in MATRICES:
        raise InputError(
            f"unknown operator '{matrix}': choose {', '.join(MATRICES)}{did_you_mean(matrix, MATRICES)}"
        )
    if matrix == "hessian":
        return hessian_operator(objective, theta)
    told = about(objective)
    if told is not None and matrix in told.matrices:
        whole, products = complete(objective), told.matrices[matrix]
        at = checked_point(whole, theta)
        return SymmetricOperator(at.size, lambda rows: products(at, rows), whole.epsilon)
    network = require_network(objective, matrix, "the outputs", "give a model, or use the Hessian")
    point = checked_point(network, theta)
    return SymmetricOperator(
        point.size,
        lambda rows: fisher_products(network, point, rows, matrix=matrix),
        complete(network).epsilon,
    )


def submatrix(operator: SymmetricOperator, indices: ArrayLike) -> SymmetricOperator:
    """Give the principal submatrix of some rows and columns: A restricted to their parameters.

    Raises
    ------
    InputError
        No indices, or one that is not there.

    Examples
    --------
    >>> matrix = np.diag([1.0, 2.0, 3.0])
    >>> part = submatrix(SymmetricOperator(3, lambda rows: rows @ matrix), [0, 2])
    >>> part.rows(np.eye(2)).tolist()
    [[1.0, 0.0], [0.0, 3.0]]
    """
    chosen = np.asarray(indices, np.int64)
    if chosen.size == 0 or chosen.min() < 0 or chosen.max() >= operator.size:
        raise InputError(f"expected indices of 0 to {operator.size - 1}, at least one")

    def products(rows: Array) -> Array:
        full = np.zeros((len(rows), operator.size))
        full[:, chosen] = rows
        return operator.rows(full)[:, chosen]

    return SymmetricOperator(chosen.size, products, operator.epsilon, spread=lambda: operator.spread)


def parameter_nodes(model: Model) -> dict[str, NDArray[np.int64]]:
    """Give the indices into θ of each node that has trainable parameters, in the model's order."""
    found: dict[str, list[NDArray[np.int64]]] = {}
    for slot in model.layout:
        found.setdefault(slot.node, []).append(np.arange(slot.start, slot.stop))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def node_indices(model: Model, name: str) -> NDArray[np.int64]:
    """Give the indices into θ of one node's parameters.

    Raises
    ------
    InputError
        There is no such node, or it has no trainable parameters; the message lists those that have.
    """
    nodes = parameter_nodes(model)
    if name not in nodes:
        there = any(node.name == name for node in model.nodes)
        reason = "has no trainable parameters of its own" if there else "is not in the model"
        raise InputError(f"node '{name}' {reason}: choose {', '.join(nodes)}")
    return nodes[name]


def congruence(operator: SymmetricOperator, diagonal: ArrayLike) -> SymmetricOperator:
    """Give D A D for a diagonal matrix D, given as its diagonal [n].

    Examples
    --------
    >>> ones = SymmetricOperator(2, lambda rows: rows @ np.ones((2, 2)))
    >>> congruence(ones, [2.0, 3.0]).rows(np.eye(2)).tolist()
    [[4.0, 6.0], [6.0, 9.0]]
    """
    factors, whole = np.asarray(diagonal, np.float64), operator.whole
    if whole is not None:
        finish = whole.finish
        whole = replace(whole, finish=lambda half: factors[:, None] * finish(half) * factors)
    return SymmetricOperator(
        operator.size,
        lambda rows: factors * operator.rows(factors * rows),
        operator.epsilon,
        whole,
        lambda: operator.spread and operator.spread * float(np.max(factors**2)),
    )


def preconditioned(operator: SymmetricOperator, preconditioner: ArrayLike) -> SymmetricOperator:
    r"""Give $P^{-1/2} A P^{-1/2}$ for a diagonal preconditioner, given as its diagonal [n].

    Its largest eigenvalue is what an optimizer with steps $-\eta P^{-1} g$ compares with 2/η.

    Raises
    ------
    InputError
        The diagonal has another length or an element that is not positive.

    Examples
    --------
    >>> bowl = SymmetricOperator(2, lambda rows: rows * [4.0, 9.0])
    >>> preconditioned(bowl, [4.0, 3.0]).rows(np.eye(2)).diagonal().round(12).tolist()
    [1.0, 3.0]
    """
    diagonal = np.asarray(preconditioner, np.float64)
    if diagonal.shape != (operator.size,) or not np.all((diagonal > 0) & np.isfinite(diagonal)):
        raise InputError(
            f"preconditioner: expected {operator.size} positive numbers, found shape {list(diagonal.shape)}"
        )
    return congruence(operator, 1.0 / np.sqrt(diagonal))


def adam_preconditioner(
    second_moment: ArrayLike,
    step: int,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Array:
    r"""Give the diagonal that Adam divides by after `step` steps.

    $$P = (1-\beta_1^t)\Bigl(\sqrt{v_t/(1-\beta_2^t)} + \epsilon\Bigr)$$

    Raises
    ------
    InputError
        Fewer than one step, or a second moment that is negative.

    References
    ----------
    Cohen et al., "Adaptive gradient methods at the edge of stability" (arXiv 2207.14484), section 2.

    Examples
    --------
    >>> adam_preconditioner([0.001], 1, epsilon=0.0).round(12).tolist()
    [0.1]
    """
    moment = np.asarray(second_moment, np.float64)
    if step < 1 or not np.all(moment >= 0):
        raise InputError("expected at least one step of Adam and a second moment that is nowhere negative")
    return np.asarray((1 - beta1**step) * (np.sqrt(moment / (1 - beta2**step)) + epsilon))

"""What follows from gradient and Hessian at one point: decrement, flatness, inertia, and the interval of the index."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import ldl
from scipy.sparse.linalg import minres

from landscape.curvature import (
    SymmetricOperator,
    dense_eigenpairs,
    eigenpairs,
    frobenius,
    hessian_matrix,
    hessian_operator,
)
from landscape.curvature.krylov import lanczos
from landscape.errors import ComputationError
from landscape.objective import Completed

Array = NDArray[np.float64]

# δ of the Newton decrement: a part of the largest eigenvalue, or this where that is 0.
DAMPING, DAMPING_AT_ZERO = 1e-6, 1e-12
# Of a Hessian that is known by products only.
KRYLOV_STEPS, MINRES_STEPS = 100, 200
TOP, BOTTOM = 4, 8


@dataclass(frozen=True)
class Local:
    """A point with its gradient and what is known of its Hessian.

    `eigenvalues` [k] ascend, with `vectors` [k, P] and `errors`; `matrix` is the Hessian, None where it is
    known by products only, and then the eigenvalues are those at the two ends. `tolerance` is the error of
    the Hessian: no eigenvalue is off by more, beside its own residual. `floor` is the size below which a curvature changes the loss by
    nothing, so that its sign means nothing. `newton` is the step −H⁺g; `steps`
    [k, P], where the Hessian is not known, are that step and such as solve for it less far.
    """

    theta: Array
    loss: float
    gradient: Array
    matrix: Array | None
    eigenvalues: Array
    vectors: Array
    errors: Array
    tolerance: float
    newton: Array
    decrement: float
    flatness: float
    status: str = ""
    steps: Array | None = None
    floor: float = 0.0

    @property
    def dense(self) -> bool:
        """Whether all eigenvalues are known."""
        return self.matrix is not None

    @property
    def gradient_norm(self) -> float:
        """‖g‖."""
        return float(np.linalg.norm(self.gradient))

    @property
    def bounds(self) -> Array:
        """The error bound of each eigenvalue: the larger of the Hessian's error and its own residual."""
        return np.maximum(self.tolerance, self.errors)

    @property
    def zero(self) -> float:
        """What counts as zero apart from the residuals: the larger of the Hessian's error and the floor."""
        return max(self.tolerance, self.floor)

    @property
    def limits(self) -> Array:
        """The sizes up to which eigenvalues count as zero: the larger of their errors and the floor."""
        return np.maximum(self.floor, self.bounds)

    @property
    def inertia(self) -> tuple[int, int, int]:
        """Count the eigenvalues above, at and below zero, among those that are known."""
        above = int(np.sum(self.eigenvalues > self.limits))
        below = int(np.sum(self.eigenvalues < -self.limits))
        return above, len(self.eigenvalues) - above - below, below

    @property
    def null_space(self) -> Array:
        """Give the eigenvectors [n0, P] whose eigenvalues count as zero."""
        return self.vectors[np.abs(self.eigenvalues) <= self.limits]

    def index_interval(self) -> tuple[int, int | None]:
        """Bracket the number of negative eigenvalues: n₋(H + δI) to n₋(H − δI), by LDLᵀ; [found, None] without H."""
        if self.matrix is None:
            return self.inertia[2], None
        shift = self.zero * np.eye(len(self.matrix))
        low, high = (negative_count(self.matrix + sign * shift) for sign in (1, -1))
        return min(low, high), max(low, high)

    def widened(self, error: float) -> Local:
        """Give the same point with a larger error of the Hessian."""
        return replace(self, tolerance=max(self.tolerance, error))


def negative_count(matrix: Array) -> int:
    """Count negative eigenvalues by Sylvester's law: those of the blocks of D in LDLᵀ.

    >>> negative_count(np.array([[0.0, -2.0], [-2.0, 0.0]]))
    1
    """
    blocks = ldl(matrix, check_finite=False)[1]
    diagonal, side = np.diag(blocks), np.diag(blocks, -1)
    count, i = 0, 0
    while i < len(diagonal):
        if i + 1 < len(diagonal) and side[i] != 0:
            count += int(np.sum(np.linalg.eigvalsh(blocks[i : i + 2, i : i + 2]) < 0))
            i += 2
        else:
            count += int(diagonal[i] < 0)
            i += 1
    return count


def look(derivatives: Completed, theta: Array, *, scale: float, dense: bool, ends: bool = True) -> Local:
    """Compute gradient, eigenvalues and decrement at one point; `scale` is the unit of losses.

    Without `dense` and `ends` no eigenvalue is looked for, which polishing does not need.

    Raises
    ------
    ComputationError
        Numbers that overflow, or products that are not finite.
    """
    loss = derivatives.value(theta)
    if not np.isfinite(loss):
        raise ComputationError(f"the loss is {loss} at this point")
    gradient = derivatives.gradient(theta)
    way = look_at_matrix if dense else look_by_products if ends else look_along_gradient
    with np.errstate(over="ignore", invalid="ignore"):
        local = way(derivatives, theta, loss, gradient, scale)
        known = (local.loss, local.gradient_norm, local.decrement, local.flatness, local.tolerance)
    if not np.isfinite(known).all():
        raise ComputationError(
            "the squares of the loss's derivatives are too large for float64: try a smaller loss_scale, or smaller parameters"
        )
    return local


def look_at_matrix(derivatives: Completed, theta: Array, loss: float, gradient: Array, scale: float) -> Local:
    """Use the whole Hessian: all eigenvalues, exact decrement."""
    matrix = hessian_matrix(derivatives, theta)
    pairs = dense_eigenpairs(matrix)
    norm = float(np.abs(pairs.values).max())
    rounding = matrix.asymmetry + theta.size * derivatives.epsilon * norm
    along = pairs.vectors @ gradient
    damping = damping_of(norm)
    with np.errstate(over="ignore"):
        decrement = 0.5 * float(np.sum(along**2 / (np.abs(pairs.values) + damping))) / scale
    kept = np.abs(pairs.values) > max(rounding, damping)
    newton = -(along[kept] / pairs.values[kept]) @ pairs.vectors[kept]
    flatness = relative_residual(
        matrix.matrix @ newton, newton, gradient, float(np.linalg.norm(matrix.matrix))
    )
    return Local(
        theta, loss, gradient, matrix.matrix, pairs.values, pairs.vectors, pairs.errors, rounding, newton,
        decrement, flatness,
    )  # fmt: skip


def damping_of(norm: float) -> float:
    """Give δ of the decrement for a Hessian of a norm."""
    return DAMPING * norm if norm > 0 else DAMPING_AT_ZERO


def look_by_products(
    derivatives: Completed, theta: Array, loss: float, gradient: Array, scale: float
) -> Local:
    """Use products only: the extreme eigenvalues, and the part of the decrement that lies in a Krylov space."""
    light = look_along_gradient(derivatives, theta, loss, gradient, scale)
    operator = hessian_operator(derivatives, theta)
    bottom = min(BOTTOM, (theta.size + 1) // 2)
    # The spread of differences is in the tolerance, so not in the eigenvalues' own errors too.
    bare = operator.without_spread()
    pairs = eigenpairs(bare, top=min(TOP, theta.size - bottom), bottom=bottom, seed=derivatives.seed)
    rounding = theta.size * derivatives.epsilon * float(np.abs(pairs.values).max()) + operator.spread
    whole = frobenius(operator, seed=derivatives.seed).value
    return replace(
        light,
        eigenvalues=pairs.values,
        vectors=pairs.vectors,
        errors=pairs.errors,
        tolerance=rounding,
        flatness=relative_residual(operator.rows(light.newton)[0], light.newton, gradient, whole),
        status=pairs.status,
    )


def look_along_gradient(
    derivatives: Completed, theta: Array, loss: float, gradient: Array, scale: float
) -> Local:
    """Use the Krylov space of the gradient alone: its part of the decrement and Newton's steps, no eigenvalues."""
    operator = hessian_operator(derivatives, theta)
    length = float(np.linalg.norm(gradient))
    decrement, steps = 0.0, np.zeros((1, theta.size))
    if length > 0:
        measure = lanczos(operator, gradient[None] / length, KRYLOV_STEPS)
        damping = damping_of(float(np.abs(measure.nodes).max()))
        decrement = (
            0.5 * length**2 * float(np.sum(measure.weights / (np.abs(measure.nodes) + damping))) / scale
        )
        steps = residual_steps(operator, gradient)[::-1]
    none = np.zeros(0)
    return Local(
        theta, loss, gradient, None, none, np.zeros((0, theta.size)), none, 0.0, steps[0], decrement, 0.0,
        steps=steps,
    )  # fmt: skip


def residual_steps(operator: SymmetricOperator, gradient: Array) -> Array:
    """Give steps [k, P] with decreasing ‖Hp + g‖: the iterates 1, 2, 4, … and the last of MINRES."""
    kept: list[Array] = []
    count = 0

    def keep(iterate: Array) -> None:
        nonlocal count
        count += 1
        if count & (count - 1) == 0:
            kept.append(np.array(iterate))

    last = minres(operator, -gradient, maxiter=MINRES_STEPS, rtol=1e-12, callback=keep)[0]
    return np.array([*kept, last])


def relative_residual(image: Array, step: Array, gradient: Array, norm: float) -> float:
    """Give ‖Hp + g‖/(‖H‖‖p‖ + ‖g‖): near 1 if the gradient lies in the null space of H, 0 if g is 0.

    References
    ----------
    Frye et al., "Critical point-finding methods reveal gradient-flat regions of deep network losses",
    Neural Computation 33 (2021), with the Frobenius norm.
    """
    length = float(np.linalg.norm(gradient))
    if length == 0:
        return 0.0
    return float(np.linalg.norm(image + gradient)) / (norm * float(np.linalg.norm(step)) + length)

r"""Products with approximations of a network's Hessian: Gauss–Newton, Fisher, empirical Fisher."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.errors import InputError, did_you_mean
from landscape.model import Model
from landscape.objective.engine import Matrix
from landscape.objective.network import NetworkObjective
from landscape.objective.targets import weighs_examples

Array = NDArray[np.float64]

STAND_INS = ("gauss-newton", "fisher", "empirical-fisher")
# Where the loss is smooth its curvature does not depend on the target: it is the Fisher matrix of the outputs.
SMOOTH = ("cross_entropy", "kl_divergence", "binary_cross_entropy", "mse", "poisson")
# Where it is not, the mean of the squared slope is a number.
KINKED = ("mae", "huber")


def fisher_products(
    objective: NetworkObjective, theta: ArrayLike, vectors: ArrayLike, *, matrix: str = "gauss-newton"
) -> Array:
    r"""Give the products of a matrix at θ with each row of vectors [K, P], float64 [K, P].

    With N examples, outputs z, their derivative J in θ, and a loss that is the mean of the $\ell_i$:

    $$G = \frac1N \sum_i J_i^\top \frac{\partial^2 \ell_i}{\partial z^2} J_i, \qquad
      \hat F = \frac1N \sum_i \nabla \ell_i \nabla \ell_i^\top$$

    `gauss-newton` is G plus the penalty's Hessian, `empirical-fisher` is F̂. `fisher` takes, in place of the
    loss's curvature, its mean under the likelihood exp(−loss): for cross-entropies and squares the same as G without the
    penalty, for `mae` and `huber` (whose curvature is 0 in places) a constant.

    Raises
    ------
    InputError
        There is no such matrix; the loss is no likelihood, or one whose Fisher matrix is not computed.

    References
    ----------
    Martens, "New insights and perspectives on the natural gradient method" (arXiv 1412.1193); Kunstner, Balles and
    Hennig on the empirical Fisher (arXiv 1905.12558).

    Examples
    --------
    >>> from landscape.model import build_model
    >>> x, y = np.array([[1.0], [2.0]]), np.array([[1.0], [4.0]])
    >>> model = build_model(layers=[(np.array([[1.0]]), np.array([0.0]))], loss="mse", x_train=x, y_train=y)
    >>> line = NetworkObjective(model)
    >>> fisher_products(line, [1.0, 0.0], np.eye(2)).tolist()
    [[5.0, 3.0], [3.0, 2.0]]
    >>> fisher_products(line, [1.0, 0.0], np.eye(2), matrix="empirical-fisher").tolist()
    [[32.0, 16.0], [16.0, 8.0]]
    """
    if matrix not in STAND_INS:
        raise InputError(
            f"unknown matrix '{matrix}': choose {', '.join(STAND_INS)}{did_you_mean(matrix, STAND_INS)}"
        )
    kind = Matrix("curvature")
    if matrix == "fisher" and objective.model.loss not in SMOOTH:
        require_constant(objective.model)
        kind = Matrix("constant", mean_curvature(objective.model.loss, objective.model.delta))
    elif matrix == "empirical-fisher":
        kind = Matrix("outer")
    found = objective.products(kind, theta)(vectors)
    if matrix == "gauss-newton":
        return found + objective.decayed(vectors)
    if matrix == "empirical-fisher":
        counts = objective.counts
        total = counts.total or math.nan  # the mean over no target is no number
        return found * (objective.model.loss_scale * counts.examples / total)
    return found


def require_constant(model: Model) -> None:
    """Refuse a loss whose Fisher matrix with respect to the outputs is not constant.

    Raises
    ------
    InputError
        The message names the loss.
    """
    weighted = model.loss_options.element_weights is not None or weighs_examples(model)
    if model.loss not in KINKED or weighted:
        weights = " with weights" if model.loss in KINKED else ""
        raise InputError(
            f"matrix 'fisher': there is none for the loss {model.loss}{weights}; expected gauss-newton or empirical-fisher"
        )


def mean_curvature(loss: str, delta: float) -> float:
    r"""Give $E[\ell'(r)^2]$ of residuals r with the density $\propto e^{-\ell(r)}$, for `mae` and `huber`.

    For Huber's loss the squared slope's mean is the curvature's, P(|r| ≤ δ).

    Examples
    --------
    >>> mean_curvature("mae", 1.0), round(mean_curvature("huber", 8.0), 9)
    (1.0, 1.0)
    """
    if loss == "mae":
        return 1.0
    inside = math.sqrt(2 * math.pi) * math.erf(delta / math.sqrt(2))
    return inside / (inside + 2 * math.exp(-delta * delta / 2) / delta)

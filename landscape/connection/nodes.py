"""The nodes of a curve that is fitted: losses there, and the gradient of their mean with respect to each bend."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from landscape.objective import NetworkObjective
from landscape.objective.combined import combined

Array = NDArray[np.float64]
# Values [K] and gradients [K, P] at θ [K, P].
Evaluate = Callable[[Array], tuple[Array, Array]]
# Values at the nodes [K] and a gradient for each bend, for bends [bends, P].
Nodes = Callable[[Array], tuple[Array, Array]]


def nodes_of_any(evaluate: Evaluate, basis: Array, weights: Array, ends: Array) -> Nodes:
    r"""Give the function of the bends that evaluates every node by itself.

    Parameters
    ----------
    evaluate
        Values and gradients at some θ.
    basis
        The coefficients of the curve's points at each node, [K, bends + 2].
    weights
        The nodes' weights $\omega_k$ in the mean along the curve, [K].
    ends
        The curve's first and last point, [2, P].

    Returns
    -------
    The function from bends [bends, P] to values [K] and the gradients of $\sum_k \omega_k L(\theta_k)$, [bends, P].

    Examples
    --------
    >>> nodes = nodes_of_any(lambda rows: (np.sum(rows**2, axis=1), 2 * rows), np.array([[0.25, 0.5, 0.25]]), np.ones(1), np.zeros((2, 1)))
    >>> values, gradients = nodes(np.array([[2.0]]))
    >>> values.tolist(), gradients.tolist()
    ([1.0], [[1.0]])
    """
    pulls = pulls_of(basis, weights)

    def at(bends: Array) -> tuple[Array, Array]:
        values, gradients = evaluate(thetas_of(basis, bends, ends))
        return values, np.asarray(pulls.T @ gradients)

    return at


def nodes_of_network(
    objective: NetworkObjective, basis: Array, weights: Array, ends: Array, constants: Array | None
) -> Nodes | None:
    """Give the same of a network's loss with weight decay, with what the nodes share computed once; None where they share nothing.

    `constants` [K, C], one row for each node, replace those of the model.
    """
    shared = combined(objective, ends)
    if shared is None:
        return None
    pulls = pulls_of(basis, weights)
    # The points that move come first.
    coefficients = np.concatenate([basis[:, 1:-1], basis[:, [0, -1]]], axis=1)

    def at(bends: Array) -> tuple[Array, Array]:
        thetas = thetas_of(basis, bends, ends)
        sums, gradients = shared.gradients(
            objective.complete(bends), objective.complete(thetas, constants), coefficients, pulls
        )
        values = objective.losses(sums) + objective.penalties(thetas)
        return values, objective.finished(gradients) + pulls.T @ objective.decayed(thetas)

    return at


def pulls_of(basis: Array, weights: Array) -> Array:
    """Give what the gradient at each node is multiplied by for each bend, [K, bends]."""
    return np.asarray(basis[:, 1:-1] * weights[:, None])


def thetas_of(basis: Array, bends: Array, ends: Array) -> Array:
    """Give the nodes, [K, P]; none is an end, so that these are the curve's places to the last bit."""
    return np.asarray(basis @ np.concatenate([ends[:1], bends, ends[1:]]))

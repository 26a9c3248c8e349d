"""Fit the inner points of a curve to minimize the mean loss along it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize

from landscape.connection.curves import Curve, along, nodes_of, started
from landscape.connection.ends import Ends
from landscape.connection.network_ends import NetworkEnds
from landscape.connection.nodes import Nodes, nodes_of_any, nodes_of_network
from landscape.directions.random import gaussian
from landscape.errors import ComputationError
from landscape.objective import NetworkObjective
from landscape.objective.recomputed import in_batches
from landscape.records import Piece

Array = NDArray[np.float64]

# Nodes in each piece of a curve, steps of L-BFGS, and how many of them are kept together.
NODES, STEPS, ROUND = 8, 300, 25
# How far bends start from the line: by symmetry the line itself may be a stationary point.
KICK = 1e-2
# Examples times parameters from which on minibatches are used.
MUCH = 2e8
# Minibatches: examples in each, passes over the data, the rate and momentum.
BATCH, EPOCHS, RATE, MOMENTUM = 128, 20, 0.05, 0.9
# Minibatches take places t in this step, which spreads them evenly.
GOLDEN = 0.6180339887498949


def kick_of(ends: Ends, i: int, j: int, count: int, seed: int) -> Array:
    """Draw random moves [count, P] whose length is a hundredth of the distance between the ends."""
    return KICK * ends.distance(i, j) / np.sqrt(ends.size) * gaussian(ends.size, count, seed)


def fitted(
    ends: Ends, curve: Curve, i: int, j: int, *, seed: int, minibatches: bool, recomputed: bool, piece: Piece,
    progress: Callable[[int, int], object],
) -> Array:  # fmt: skip
    """Fit the bends, from where an earlier process left them; the points of the curve [bends + 2, P].

    Raises
    ------
    ComputationError
        The loss along the curve is not finite.
    """
    state = piece.state
    if state is None:
        points = started(ends.thetas[i], ends.thetas[j], curve.bends, kick_of(ends, i, j, curve.bends, seed))
        state = {"points": points, "velocity": np.zeros_like(points), "done": np.array(0), "ended": np.array(0)}  # fmt: skip
    work = by_minibatches if minibatches and isinstance(ends, NetworkEnds) else by_quadrature
    return work(ends, curve, i, j, dict(state), recomputed, piece, progress)


def by_quadrature(
    ends: Ends, curve: Curve, i: int, j: int, state: dict[str, Array], recomputed: bool, piece: Piece,
    progress: Callable[[int, int], object],
) -> Array:  # fmt: skip
    r"""Minimize $\sum_k \omega_k L(\varphi(t_k))$ over Gauss–Legendre nodes by L-BFGS, in rounds that can be taken up.

    It ends before the minimum where no node lies above the chord of the ends' losses: the ends are connected then, and what more there is to gain is
    found far away, where the curve is trained further than its ends.
    """
    t, weights = nodes_of(curve, NODES)
    basis = curve.weights(t)
    constants = ends.constants_between(i, j, t)
    wanted = basis, weights, i, j
    nodes = batched_nodes(ends, *wanted) if recomputed else ends.nodes(*wanted, constants)
    given = None if ends.constants is None else ends.constants[[i, j]]
    first, last = ends.values(ends.thetas[[i, j]], given)
    chord, seen = (1.0 - t) * first + t * last, np.full(len(t), np.inf)
    points = state["points"]
    shape = points[1:-1].shape

    def mean(flat: Array) -> tuple[float, Array]:
        values, gradients = nodes(flat.reshape(shape))
        seen[:] = values
        return float(weights @ values), gradients.ravel()

    def below(intermediate_result: OptimizeResult) -> None:
        # The last evaluation need not be the step that was taken; its mean is, where it is the same.
        if intermediate_result.fun == float(weights @ seen) and np.all(seen < chord):
            raise StopIteration

    while not state["ended"]:
        done = int(state["done"])
        found = minimize(
            mean,
            state["points"][1:-1].ravel(),
            jac=True,
            method="L-BFGS-B",
            callback=below,
            options={"maxiter": ROUND, "maxcor": 20, "ftol": 1e-13, "gtol": 1e-10},
        )
        if not np.isfinite(found.fun):
            raise ComputationError("the loss along the curve is not finite: there is no curve to fit")
        moved = np.concatenate([points[:1], found.x.reshape(shape), points[-1:]])
        ended = found.nit < ROUND or done + ROUND >= STEPS
        state = state | {"points": moved, "done": np.array(done + found.nit), "ended": np.array(int(ended))}
        kept = dict(state)
        piece.keep(lambda kept=kept: kept, now=True)  # type: ignore[misc]
        progress(int(state["done"]), STEPS)
    return state["points"]


def batched_nodes(ends: Ends, basis: Array, weights: Array, i: int, j: int) -> Nodes:
    """Give what evaluates a curve's nodes with the statistics of each batch, as training does."""
    assert isinstance(ends, NetworkEnds)
    options = {name: ends.options[name] for name in ("dtype", "threads")}
    objective = NetworkObjective(in_batches(ends.models[0]), "train", **options)
    given = basis, weights, ends.thetas[[i, j]]
    shared = nodes_of_network(objective, *given, None)
    return nodes_of_any(objective.values_and_gradients, *given) if shared is None else shared


def by_minibatches(
    ends: Ends, curve: Curve, i: int, j: int, state: dict[str, Array], recomputed: bool, piece: Piece,
    progress: Callable[[int, int], object],
) -> Array:  # fmt: skip
    """Take a step of gradient descent with momentum at one place of the curve for each minibatch.

    The rate is constant for half of the steps, falls to a hundredth until nine tenths, and stays.

    References
    ----------
    Garipov et al., Loss Surfaces, Mode Connectivity, and Fast Ensembling of DNNs, NeurIPS 2018.
    """
    from dataclasses import replace

    assert isinstance(ends, NetworkEnds)
    model = in_batches(ends.models[0]) if recomputed else ends.models[0]
    whole = model.examples("train")
    count = max(1, whole // BATCH)
    options = {name: ends.options[name] for name in ("dtype", "threads")}
    kinds = ("x_train", "y_train", "sample_weight_train")
    parts = [
        NetworkObjective(
            replace(
                model,
                data={
                    key: np.asarray(array)[number::count] for key, array in model.data.items() if key in kinds
                },
            ),
            "train",
            **options,
        )
        for number in range(count)
    ]
    steps, points, velocity = EPOCHS * count, np.array(state["points"]), np.array(state["velocity"])
    for step in range(int(state["done"]), steps):
        t = np.array([(0.5 + step * GOLDEN) % 1.0])
        theta, part, share = along(curve, points, t), parts[step % count], step / steps
        constants = None if recomputed else ends.constants_between(i, j, t)
        sums, gradients = part.engine.gradients(part.complete(theta, constants))
        gradient = part.finished(gradients)[0] + part.decayed(theta)[0]
        rate = RATE * (1.0 if share < 0.5 else max(0.01, 1.0 - 0.99 * (share - 0.5) / 0.4))
        velocity[1:-1] = MOMENTUM * velocity[1:-1] + curve.weights(t)[0, 1:-1, None] * gradient
        points[1:-1] -= rate * velocity[1:-1]
        if not np.isfinite(sums).all() or not np.isfinite(points).all():
            raise ComputationError(
                "fitting the curve by minibatches diverged: there is no curve to show; fewer bends may do"
            )
        now = {"points": points, "velocity": velocity, "done": np.array(step + 1), "ended": np.array(0)}
        piece.keep(lambda now=now: now)  # type: ignore[misc]
        if step % 10 == 9:
            progress(step + 1, steps)
    return points

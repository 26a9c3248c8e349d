"""Put the units of one network in the order of another's, and check that its outputs stay the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.alignment.activations import match_activations
from landscape.alignment.groups import Order, Symmetry, symmetry_of
from landscape.alignment.matching import match_weights
from landscape.alignment.pairs import named, require_pair
from landscape.errors import ComputationError, InputError, did_you_mean
from landscape.model import Model
from landscape.model.required import require_model
from landscape.objective import NetworkObjective

METHODS = ("weights", "activations")
# Up to so many units, so many starts.
STARTS = ((500, 10), (1200, 2), (float("inf"), 1))
# Outputs of a network and of its permuted self may differ by so much, of the larger of 1 and the largest output.
TOLERANCE = 1e-12
# Examples on which the outputs are compared at most.
COMPARED = 10_000


@dataclass(frozen=True)
class Alignment:
    """The other network with its units in the first one's order, and how that order was found.

    `orders` has for each group of `symmetry` the unit that comes to each place, and its sign. `agreement` is the largest difference between the
    outputs of the network and of its permuted self. `distance` is the length of B − A before and after.
    """

    model: Model
    symmetry: Symmetry
    orders: tuple[Order, ...]
    method: str
    agreement: float
    distance: tuple[float, float]
    sweeps: tuple[int, ...]

    @property
    def moved(self) -> int:
        """How many units have another position, or another sign, than before."""
        return sum(
            int(np.count_nonzero((order.places != np.arange(len(order.places))) | (order.signs < 0)))
            for order in self.orders
        )

    def told(self) -> dict[str, Any]:
        """Lay it out as plain JSON."""
        return {
            "method": self.method,
            "agreement": self.agreement,
            "distance_before": self.distance[0],
            "distance_after": self.distance[1],
            "groups": len(self.symmetry.groups),
            "units": self.symmetry.units,
            "moved": self.moved,
            "signed_groups": sum(group.odd for group in self.symmetry.groups),
            "starts": len(self.sweeps),
            "sweeps": list(self.sweeps),
            "stays": dict(self.symmetry.stays),
        }

    def permutations(self) -> dict[str, NDArray[np.int32]]:
        """Give for each group and position 1 + the unit that moves there, negative if its sign is flipped."""
        found: dict[str, NDArray[np.int32]] = {}
        for group, order in zip(self.symmetry.groups, self.orders, strict=True):
            name = group.name
            while name in found:
                name += "+"
            found[name] = ((order.places + 1) * order.signs).astype(np.int32)
        return found


def align(
    model: Model, other: Model, *, method: str = "weights", starts: int | None = None, seed: int = 0, threads: int | None = None,
    device: str = "auto", progress: Callable[[int], object] = lambda done: None,
) -> Alignment:  # fmt: skip
    r"""Permute the hidden units of a network to match another network's, without changing its function.

    Which units may change places is derived from the graph (`symmetry_of`). Matching by weights maximizes $\sum \langle
    A, \pi B \rangle$ over all parameters. If the activation of a group is odd (tanh, none), its units may also change
    their sign. The outputs before and after are compared, and a difference above 1e-12 of their size is an error.

    Parameters
    ----------
    model
        The network A, which stays as it is.
    other
        The network B, with the same graph and the same data.
    method
        "weights", or "activations", which chooses the order in which activations on the training data correlate most.
    starts, seed
        Number of orders from which the matching by weights starts: the given order, the order by sizes of weights, and
        random ones drawn by the seed. By default 10 for up to 500 units, 2 for up to 1,200, and 1 above, where a start
        takes a second.
    threads, device
        As in `NetworkObjective`.
    progress
        Called with the number of finished starts.

    Raises
    ------
    InputError
        Different graphs, losses or data, equal parameters, or an unknown method.
    ComputationError
        The outputs differ, so the derived symmetry is wrong.

    Examples
    --------
    >>> import numpy as np
    >>> from dataclasses import replace
    >>> from landscape.model import build_model
    >>> def network(w, b, v):
    ...     return build_model(layers=[(np.array([w]), np.array(b)), (np.array(v)[:, None], np.zeros(1))], activation="tanh", loss="mse",
    ...                        x_train=np.ones((2, 1)), y_train=np.zeros((2, 1)))
    >>> one, two = network([1.0, 2.0], [0.5, 0.0], [1.0, -1.0]), network([-2.0, 1.0], [0.0, 0.5], [1.0, 1.0])
    >>> found = align(one, two)
    >>> found.model.theta.tolist() == one.theta.tolist(), found.agreement < 1e-15, found.permutations()
    (True, True, {'dense1': array([ 2, -1], dtype=int32)})

    References
    ----------
    Ainsworth, Hayase and Srinivasa, Git Re-Basin, ICLR 2023.
    """
    require_model(model, "align")
    require_model(other, "align")
    if method not in METHODS:
        raise InputError(
            f"unknown method '{method}': choose {', '.join(METHODS)}{did_you_mean(method, METHODS)}"
        )
    if starts is not None and starts < 1:
        raise InputError(f"starts: expected at least 1, found {starts}")
    other = require_pair(model, other, (named(model, 1), named(other, 2)))
    symmetry = symmetry_of(model)
    options: dict[str, Any] = {"threads": threads, "device": device}
    sweeps: tuple[int, ...] = ()
    if method == "activations":
        orders = match_activations(model, other, symmetry, **options)
    else:
        match = match_weights(
            dict(model.parameters), dict(other.parameters), symmetry.groups, seed=seed, progress=progress,
            starts=usual_starts(symmetry.units) if starts is None else starts,
        )  # fmt: skip
        orders, sweeps = match.orders, match.sweeps
    turned = symmetry.applied(other, orders)
    before, after = (float(np.linalg.norm(one.theta - model.theta)) for one in (other, turned))
    return Alignment(
        turned, symmetry, orders, method, agreement_of(other, turned, **options), (before, after), sweeps
    )


def usual_starts(units: int) -> int:
    """Give how many orders to start from, fewer for networks whose search takes long.

    >>> usual_starts(64), usual_starts(1536)
    (10, 1)
    """
    return next(starts for most, starts in STARTS if units <= most)


def agreement_of(model: Model, turned: Model, **options: Any) -> float:
    """Give the largest difference between the outputs of a network and of its permuted self.

    Raises
    ------
    ComputationError
        It is larger than rounding.
    """
    split = model.splits[0]
    few = COMPARED if model.examples(split) > COMPARED else None
    found = [
        NetworkObjective(one, split, examples=few, **options).outputs(one.theta) for one in (model, turned)
    ]
    size = max(1.0, float(np.max(np.abs(found[0]), initial=0.0)))
    difference = float(np.max(np.abs(found[0] - found[1]), initial=0.0))
    if not difference <= TOLERANCE * size:
        raise ComputationError(
            f"the permuted network's outputs differ by {difference:.2g} (expected at most {TOLERANCE * size:.2g}), so it is another function: "
            "this is a fault of the program, please report the graph"
        )
    return difference

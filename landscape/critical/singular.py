"""Critical points without clearly negative eigenvalues: minima, plateaus, and undetermined ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from landscape.critical.escape import rounding_of
from landscape.critical.frame import Frame
from landscape.critical.higher import MOST_NULL, Higher, decide, follow
from landscape.critical.invariance import INACTIVE, Invariances, invariances, unexplained
from landscape.critical.local import Local
from landscape.objective import Completed, as_network

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Finding:
    """A kind and its reason, with the evidence, and a point of lower loss [P] if one was met."""

    kind: str
    reason: str
    invariances: Invariances | None = None
    higher: Higher | None = None
    lower: Array | None = None


def minimum_or_singular(derivatives: Completed, local: Local, frame: Frame) -> Finding:
    """Judge a critical point none of whose eigenvalues is certainly negative."""
    above, zero, _ = local.inertia
    if zero == 0 and above:
        which = "all" if local.dense else "the lowest of the eigenvalues, looked for twice, and so all"
        return Finding("minimum", f"{which} eigenvalues are positive beyond {local.zero:.1g}")
    at_bound = frame.lower_bound is not None and local.loss - frame.lower_bound <= frame.zero_change
    bottom = Finding(
        "degenerate minimum", f"the loss {local.loss:.2g} is at its lower bound, and H is singular"
    )
    if not local.dense:
        return bottom if at_bound else too_large(local)
    found = invariances_at(derivatives, local)
    left = unexplained(local.null_space, found.basis(inactive=True))
    if len(left) == 0:
        return explained(found, local)
    if at_bound:
        return replace(bottom, invariances=found)
    if len(left) > MOST_NULL:
        return replace(too_many(local, len(left)), invariances=found)
    return replace(by_higher(derivatives, local, left, found, frame), invariances=found)


def invariances_at(derivatives: Completed, local: Local) -> Invariances:
    """Give the invariances of a network whose whole Hessian is known; of a function, or a larger network, none are known."""
    network = as_network(derivatives)
    if network is not None and local.dense:
        return invariances(network, local.theta)
    return Invariances(np.zeros((0, local.theta.size)), (), ())


def too_large(local: Local) -> Finding:
    """Say that zeros of a large Hessian cannot be counted."""
    return Finding(
        "undetermined",
        f"eigenvalues are zero within {local.zero:.1g}, and the Hessian is too large to count them",
    )


def too_many(local: Local, left: int) -> Finding:
    """Say that a null space is too large for higher derivatives."""
    return Finding(
        "undetermined",
        f"{local.inertia[1]} eigenvalues are zero within {local.zero:.1g}, {left} of them for no reason in "
        f"the graph: more than the {MOST_NULL} whose third and fourth derivatives are looked into",
    )


def explained(found: Invariances, local: Local) -> Finding:
    """Decide the kind of a point all of whose null vectors are invariances of the network."""
    null = local.null_space
    inactive = len(unexplained(null, found.basis(inactive=False))) > 0
    reasons = [
        reason
        for reason in dict.fromkeys(found.reasons)
        if (inactive or reason not in INACTIVE) and found.touches(reason, null)
    ]
    return Finding(
        "plateau" if inactive else "degenerate minimum",
        f"all {len(null)} null vectors of H keep the loss constant ({', '.join(reasons)}), and H is positive across them",
        found,
    )


def by_higher(derivatives: Completed, local: Local, left: Array, found: Invariances, frame: Frame) -> Finding:
    """Apply the criterion of third and fourth derivatives to null vectors [r, P] that nothing else explains."""
    kept = local.eigenvalues > local.limits
    inverse = (local.vectors[kept].T / local.eigenvalues[kept]) @ local.vectors[kept]
    higher = decide(derivatives, local.theta, local.gradient, left, inverse, local.tolerance)
    if higher.decision == -1:
        return falls(derivatives, local, higher, frame)
    if higher.decision == 1:
        inactive = len(unexplained(local.null_space, found.basis(inactive=False))) > len(left)
        return Finding(
            "plateau" if inactive else "degenerate minimum",
            f"third derivatives vanish on {len(left)} null vectors of H, and f₄ − 3 f₃ᵀH⁺f₃ is at least "
            f"{higher.fourth:.3g} there",
            higher=higher,
        )
    return Finding(
        "undetermined",
        f"H is singular ({len(left)} null vectors), and f₄ − 3 f₃ᵀH⁺f₃ is not proven positive on them: "
        f"lowest met {higher.fourth_lowest:.2g}, proven {higher.fourth:.2g}, error {higher.fourth_error:.1g}",
        higher=higher,
    )


def falls(derivatives: Completed, local: Local, higher: Higher, frame: Frame) -> Finding:
    """Describe a singular point where a higher derivative predicts a falling loss, with a lower point if one is found."""
    value, point = follow(derivatives, local.theta, higher)
    sign = f"f₄ − 3 f₃ᵀH⁺f₃ is {higher.fourth_lowest:.3g} for"
    if higher.third > higher.third_error:
        sign = f"the third derivative is {higher.third:.3g} along"
    reason = f"no minimum, though no eigenvalue is negative beyond the error: {sign} a null vector"
    if value < local.loss - max(frame.zero_change, rounding_of(derivatives, local.loss)):
        reason += f", and along a curve from it the loss falls by {local.loss - value:.3g}"
        return Finding("undetermined", reason, higher=higher, lower=point)
    return Finding("undetermined", reason, higher=higher)

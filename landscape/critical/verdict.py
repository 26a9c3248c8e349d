"""The rules that decide what kind of point it is, in their order, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from landscape.critical.escape import Escape, escape_along, rounding_of
from landscape.critical.frame import ZERO, Frame, values_at
from landscape.critical.kinks import SIDES, Kinks, look_for_kinks
from landscape.critical.local import Local
from landscape.critical.polish import CRITICAL
from landscape.critical.singular import Finding, invariances_at, minimum_or_singular
from landscape.curvature import hessian_matrix
from landscape.objective import Completed

Array = NDArray[np.float64]

# Below this Newton decrement a point that is not critical is near to one.
NEAR_CRITICAL = 1e-6
# Gradient-flat from here on (Frye et al. 2021).
FLAT = 0.9
# The Hessian may change by so many times what it does over so many remaining Newton steps: a zero of the
# gradient up to the fourth order is reached by so many.
NEWTON_STEPS, SAFETY = 4.0, 2.0


@dataclass(frozen=True)
class Verdict:
    """The verdict on a point with its evidence: kind, reason, derivatives, and interval of the index."""

    finding: Finding
    local: Local
    interval: tuple[int, int | None]
    kinks: Kinks
    escape: Escape | None

    @property
    def lower(self) -> Array | None:
        """A point [P] of lower loss that was met, if any."""
        if self.finding.lower is not None or self.escape is None or not self.escape.best:
            return self.finding.lower
        return self.local.theta + self.escape.best * self.local.vectors[0]


def judge(derivatives: Completed, local: Local, frame: Frame) -> Verdict:
    """Decide what kind of point it is, by the rules in their order."""
    critical = local.decrement <= CRITICAL
    if critical and local.dense:
        local = local.widened(changed_hessian(derivatives, local))
    local = replace(local, floor=frame.zero_curvature)
    escape = way_down(derivatives, local, frame)
    kinks = look_for_kinks(derivatives, local.theta, reached_points(local, escape))
    if critical and is_flat(derivatives, local, frame):
        finding = flat_to_rounding(derivatives, local, frame)
    elif kinks.on:
        finding = at_kink(kinks, local)
    elif not critical:
        finding = not_critical(local, kinks, frame)
    elif kinks.bent:
        reason = f"the second derivatives jump across this point{named(kinks)}, so no Hessian decides"
        finding = Finding("undetermined", reason)
    elif escape is not None:
        finding = with_negative(local, escape)
    else:
        finding = minimum_or_singular(derivatives, local, frame)
    return Verdict(finding, local, local.index_interval(), kinks, escape)


def is_flat(derivatives: Completed, local: Local, frame: Frame) -> bool:
    """Say whether the loss is constant within the radius, or at an infimum that it only approaches."""
    if frame.infimum is not None and local.loss - frame.infimum <= frame.zero_change:
        return True
    above, _, below = local.inertia
    if above or below:
        return False
    values = values_at(derivatives, local.theta, frame.radius, derivatives.seed)
    allowed = max(frame.zero_change, rounding_of(derivatives, local.loss))
    return bool(len(values)) and float(np.abs(values - local.loss).max()) <= allowed


def flat_to_rounding(derivatives: Completed, local: Local, frame: Frame) -> Finding:
    """Make the verdict on a point around which the loss is constant to rounding."""
    part = f"{ZERO:g} of its {frame.scale_is} ({frame.scale:.4g})"
    reason = f"within {frame.radius:.3g} the loss changes by less than {part}"
    if frame.infimum is not None and local.loss - frame.infimum <= frame.zero_change:
        reason = f"the loss is {local.loss:.2g}, zero but for less than {part}"
        if local.loss > frame.infimum:
            reason += ", and it has no minimum: it comes ever nearer to 0"
    found = invariances_at(derivatives, local)
    if found.inactive:
        reason += f"; {len(found.inactive)} units do not answer to any example (dead or saturated)"
    return Finding("flat to rounding", reason, invariances=found)


def changed_hessian(derivatives: Completed, local: Local) -> float:
    """Measure how much H may still change on the way to the critical point, and at a rounding of θ."""
    signs = np.where(np.arange(local.theta.size) % 2 == 0, 1.0, -1.0)
    step = NEWTON_STEPS * local.newton + derivatives.epsilon * np.abs(local.theta) * signs
    moved = hessian_matrix(derivatives, local.theta + step).matrix
    assert local.matrix is not None
    return local.tolerance + SAFETY * float(np.linalg.norm(moved - local.matrix))


def way_down(derivatives: Completed, local: Local, frame: Frame) -> Escape | None:
    """Step along the lowest eigenvector, where its eigenvalue is certainly negative."""
    if not local.eigenvalues[0] + local.limits[0] < 0:
        return None
    value = float(local.eigenvalues[0])
    return escape_along(
        derivatives, local.theta, local.loss, local.vectors[0], value, least=frame.zero_change
    )


def reached_points(local: Local, escape: Escape | None) -> Array:
    """Give the points [k, P] on the way to which kinks matter: that of Newton's step and that of the escape."""
    points = [local.theta + local.newton, local.theta - local.newton]
    if escape is not None and escape.best:
        points.append(local.theta + escape.best * local.vectors[0])
    return np.array(points)


def not_critical(local: Local, kinks: Kinks, frame: Frame) -> Finding:
    """Say by what number the point is not critical."""
    bound = "" if local.dense else "at least "
    text = (
        f"a Newton step would remove {bound}{share(local.decrement)} the loss's {frame.scale_is} ({frame.scale:.4g}), "
        f"where {CRITICAL:g} is the limit for a critical point"
    )
    if local.flatness > FLAT:
        text = (
            f"gradient-flat: the gradient, of length {local.gradient_norm:.3g}, lies in the null space of H ({local.flatness:.2f}), "
            "where no Newton step reduces it"
        )
    if kinks.units:
        text += f"; {len(kinks.units)} units switch on or off (a kink) within that step or a step along the escape direction"
    return Finding("near-critical" if local.decrement < NEAR_CRITICAL else "not critical", text)


def share(part: float) -> str:
    """Write a share as a percentage, or as a number if it is tiny or above 1.

    >>> share(0.0132), share(2.5e-9), share(10.79)
    ('1.3 % of', '2.5e-09 of', '11 times')
    """
    if part >= 0.995:
        return f"{part:.2g} times"
    return f"{100 * part:.2g} % of" if part >= 1e-4 else f"{part:.2g} of"


def with_negative(local: Local, escape: Escape) -> Finding:
    """Make the verdict on a critical point with an eigenvalue below zero by more than its error."""
    above, zero, below = local.inertia
    lowest = f"the smallest eigenvalue {local.eigenvalues[0]:.4g} ± {local.bounds[0]:.1g} is negative"
    if not escape.best:
        return Finding(
            "undetermined",
            f"{lowest}, but no step along its eigenvector lowered the loss by more than rounding",
        )
    told = f"{lowest}, and a step of {abs(escape.best):.3g} along its eigenvector changed the loss by {escape.gain:.3g}"
    if above:
        return Finding("saddle", told)
    if zero == 0 and local.dense:
        return Finding("maximum", f"all {below} eigenvalues are negative beyond the error")
    rest = f"{zero} eigenvalues are zero within the error, " if local.dense else ""
    return Finding(
        "undetermined",
        f"no minimum, since {told}; {rest}none is known to be positive: a degenerate maximum or a saddle",
    )


def named(kinks: Kinks) -> str:
    """Name the first units of a kink, in brackets."""
    units = ", ".join(f"{unit.node} unit {unit.unit}" for unit in kinks.units[:3])
    return f" (kink of {units})" if units else ""


def at_kink(kinks: Kinks, local: Local) -> Finding:
    """Make the verdict on a point where derivatives jump: by one-sided slopes, or undetermined."""
    where = "the gradient jumps across this point" + named(kinks)
    if kinks.direction is not None:
        step = SIDES[0] * max(1.0, float(np.linalg.norm(local.theta)))
        reason = f"{where}, and to one side the loss falls with the slope {kinks.slope:.3g}"
        return Finding("not critical", reason, lower=local.theta + step * kinks.direction)
    if kinks.all_rise:
        return Finding("minimum", f"{where}, and the loss rises to both sides")
    return Finding(
        "undetermined", f"{where}: it has no Hessian here, and no one-sided step that was tried decides"
    )

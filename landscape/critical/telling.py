"""A verdict on a point in words and as plain JSON for the record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.critical.escape import Escape
from landscape.critical.frame import Frame
from landscape.critical.local import Local
from landscape.critical.polish import CRITICAL, Polished
from landscape.critical.verdict import FLAT, Verdict

Array = NDArray[np.float64]


def escape_fields(line: Escape) -> dict[str, Array]:
    """Give the escape as fields of the record."""
    return {"escape_step": line.steps, "escape_predicted": line.predicted, "escape_actual": line.actual}


@dataclass(frozen=True)
class Nearby:
    """The critical point that polishing found within the radius, or the point where it ended."""

    polished: Polished
    frame: Frame

    @property
    def critical(self) -> bool:
        """Whether it is a critical point."""
        return self.polished.local.decrement <= CRITICAL

    @property
    def moved(self) -> bool:
        """Whether it is a critical point that is not the one given."""
        return self.critical and self.polished.distance > 0

    @property
    def where(self) -> str:
        """The radius with what it was made of."""
        return f"{self.frame.radius:.3g} ({self.frame.radius_is})"

    def sentence(self, given: Local) -> str:
        """Say what was found, with the numbers before and after."""
        found, local = self.polished, self.polished.local
        change = (
            f"Newton decrement {given.decrement:.1e} → {local.decrement:.1e}, loss {given.loss:.6g} → {local.loss:.6g}, "
            f"in {found.steps} steps"
        )
        if self.critical:
            return f"a critical point was found at a distance of {found.distance:.3g}, within {self.where}: {change}"
        flat = ", and the gradient is in the null space of H there" if local.flatness > FLAT else ""
        return (
            f"no critical point was found within {self.where}: the search ended at a distance of {found.distance:.3g}, since "
            f"{found.reason}{flat}: {change}"
        )


def told(verdict: Verdict, given: Verdict, nearby: Nearby | None, frame: Frame) -> dict[str, Any]:
    """Give the verdict as plain JSON, beginning with the point as given."""
    local, reason = verdict.local, verdict.finding.reason
    if nearby is not None and not nearby.critical:
        reason += f". No critical point near it: none was found within {nearby.where}"
    low, high = verdict.interval
    found = verdict.finding.invariances
    return {
        "given": {
            "kind": given.finding.kind,
            "reason": given.finding.reason,
            "loss": given.local.loss,
            "gradient_norm": given.local.gradient_norm,
            "newton_decrement": given.local.decrement,
        },
        "kind": verdict.finding.kind,
        "reason": reason,
        "index": local.inertia[2],
        "index_interval": [low, high],
        "inertia": list(local.inertia) if local.dense else [None, None, local.inertia[2]],
        "tolerance": local.tolerance,
        "loss": local.loss,
        "gradient_norm": local.gradient_norm,
        "newton_decrement": local.decrement,
        "newton_decrement_is_lower_bound": not local.dense,
        "flatness": local.flatness,
        "scale": frame.scale,
        "radius": frame.radius,
        "zero_curvature": frame.zero_curvature,
        "escape": escape_told(verdict.escape),
        "polish": None if nearby is None else polish_told(nearby, given),
        "kinks": [
            {"node": unit.node, "unit": unit.unit, "examples": unit.examples} for unit in verdict.kinks.units
        ],
        "at_kink": verdict.kinks.on,
        "inactive_units": [] if found is None else [list(unit) for unit in found.inactive],
        "higher": higher_told(verdict),
    }


def escape_told(line: Escape | None) -> dict[str, Any] | None:
    """Describe the step that lowers the loss most along the lowest eigenvector; empty if none does."""
    if line is None or not line.best:
        return None
    return {
        "eigenvalue": line.eigenvalue,
        "predicted": 0.5 * line.eigenvalue * line.best**2,
        "actual": line.gain,
        "step": line.best,
    }


def polish_told(nearby: Nearby, given: Verdict) -> dict[str, Any]:
    """Describe what polishing found near the point as given."""
    return {
        "steps": nearby.polished.steps,
        "newton_steps": nearby.polished.newton_steps,
        "distance": nearby.polished.distance,
        "loss": nearby.polished.local.loss,
        "newton_decrement": nearby.polished.local.decrement,
        "found": nearby.critical,
        "used": nearby.moved,
        "sentence": nearby.sentence(given.local),
    }


def higher_told(verdict: Verdict) -> dict[str, Any] | None:
    """Describe the third and fourth derivatives; empty if second derivatives decided."""
    higher = verdict.finding.higher
    if higher is None:
        return None
    return {
        "third": higher.third,
        "third_error": higher.third_error,
        "fourth_proven": higher.fourth,
        "fourth_lowest": higher.fourth_lowest,
        "fourth_error": higher.fourth_error,
    }

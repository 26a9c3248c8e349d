"""A verdict in words and plain JSON, as the record has it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.critical.escape import Escape
from landscape.critical.local import Local
from landscape.critical.polish import CRITICAL, Polished
from landscape.critical.verdict import Verdict

Array = NDArray[np.float64]


def escape_fields(line: Escape) -> dict[str, Array]:
    """Lay the escape out as the record has it."""
    return {"escape_step": line.steps, "escape_predicted": line.predicted, "escape_actual": line.actual}


def status_of(verdict: Verdict, polished: Polished | None, near: bool) -> str:
    """Say in a sentence that polishing reached no critical point, if it was asked for and did not."""
    if polished is None or verdict.finding.kind not in ("not critical", "near-critical") or verdict.kinks.on:
        return ""
    if not near:
        return (
            f"polishing left the neighbourhood of the point: {polished.distance:.3g} away the loss is {polished.local.loss:.6g}, so "
            "the point given is judged; train it further, or give --no-polish."
        )
    return (
        f"polishing ended at a relative Newton decrement of {verdict.local.decrement:.2g} after {polished.steps} steps, since {polished.reason}: "
        f"no critical point ({CRITICAL:g}) was reached."
    )


def told(
    verdict: Verdict, given: Local, polished: Polished | None, scale: float, near: bool
) -> dict[str, Any]:
    """Lay the verdict out as plain JSON."""
    local, line = verdict.local, verdict.escape
    escape = None
    if line is not None and line.best:
        escape = {
            "eigenvalue": line.eigenvalue,
            "predicted": 0.5 * line.eigenvalue * line.best**2,
            "actual": line.gain,
            "step": line.best,
        }
    low, high = verdict.interval
    found, higher = verdict.finding.invariances, verdict.finding.higher
    return {
        "kind": verdict.finding.kind,
        "reason": verdict.finding.reason,
        "index": local.inertia[2],
        "index_interval": [low, high],
        "inertia": list(local.inertia) if local.dense else [None, None, local.inertia[2]],
        "tolerance": local.tolerance,
        "loss": local.loss,
        "gradient_norm": local.gradient_norm,
        "newton_decrement": local.decrement,
        "newton_decrement_is_lower_bound": not local.dense,
        "flatness": local.flatness,
        "scale": scale,
        "escape": escape,
        "given": {
            "loss": given.loss,
            "gradient_norm": given.gradient_norm,
            "newton_decrement": given.decrement,
        },
        "polish": None if polished is None else {
            "steps": polished.steps,
            "newton_steps": polished.newton_steps,
            "distance": polished.distance,
            "loss": polished.local.loss,
            "newton_decrement": polished.local.decrement,
            "used": near,
        },
        "kinks": [
            {"node": unit.node, "unit": unit.unit, "examples": unit.examples} for unit in verdict.kinks.units
        ],
        "at_kink": verdict.kinks.on,
        "inactive_units": [] if found is None else [list(unit) for unit in found.inactive],
        "higher": None if higher is None else {
            "third": higher.third,
            "third_error": higher.third_error,
            "fourth_proven": higher.fourth,
            "fourth_lowest": higher.fourth_lowest,
            "fourth_error": higher.fourth_error,
        },
    }  # fmt: skip

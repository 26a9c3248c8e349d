"""Facts about the user's own objective that need no training: its loss, the range of its output, and its parameters."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.diagnosis.curvature import Curvature, curvature_at, escape_from
from landscape.diagnosis.evidence import Evidence
from landscape.diagnosis.own_range import examine_range
from landscape.diagnosis.own_session import Own
from landscape.diagnosis.state import State, counted_dead, most_dead, stability
from landscape.diagnosis.vetoes import Veto
from landscape.errors import InputError
from landscape.objective import complete
from landscape.objective.about import About
from landscape.objective.blame import first_line
from landscape.objective.endings import Ending, Units

Array = NDArray[np.float64]

CONSTANT = "give constant_loss=…, the loss of the best prediction that looks at no input, such as the entropy of the targets"


def facts(own: Own, target: float | None, kept: dict[str, Any]) -> Evidence:
    """Return what needs no training: the loss, the best constant predictor's, and the parameters where the loss is large."""
    info, limits = own.info, own.limits
    split = info.examples["train"]
    loss, _ = split.measured(info.theta)
    constant = own.constant if math.isfinite(own.constant) else split.constant()
    if not math.isfinite(constant):
        raise InputError(f"diagnose: the best constant predictor of this loss could not be found: {CONSTANT}")
    own.constant = constant
    evidence = Evidence(
        loss=loss, constant=constant, limits=limits, target=target, held=own.held, optimizer=""
    )
    if not math.isfinite(loss):
        reason = f"the training loss is {loss}"
        return replace(
            evidence,
            vetoes=(
                Veto(
                    "exploding", reason, math.nan, 0.0, "go back to a finite checkpoint, with a smaller rate"
                ),
            ),
        )
    if not constant > 0:
        reason = "all training targets are the same: the best constant predictor's loss is 0"
        return replace(
            evidence, vetoes=(Veto("no-signal", reason, constant, 0.0, "check how the targets were made"),)
        )
    veto = examine_range(own, loss)
    if veto is not None:
        return replace(evidence, vetoes=(veto,))
    if evidence.is_small:
        return evidence
    own.announce("examining the units and the curvature")
    return replace(evidence, state=state_of(own, kept))


def state_of(own: Own, kept: dict[str, Any]) -> State:
    """Look at the units and the gradient, and at the Hessian where the network is small enough."""
    theta, constant, units = own.info.theta, own.constant, dead_units(own)
    try:
        derivatives = complete(own.info.bare)
        gradient = np.asarray(derivatives.gradient(theta))
        local = curvature_at(own.info.bare, gradient, constant, own.limits, theta)
        own.escaped = escape_from(own.info.bare, local, constant, own.limits)
    except InputError as error:
        own.not_assessed.append(f"gradient and curvature: {error}")
        return State(**units)
    if not math.isfinite(local.decrement):
        own.not_assessed.append("curvature: too many parameters, or products that are not finite")
    if own.escaped is not None:
        kept |= own.escaped.series()
    return replace(seen(own, gradient, local), **units)


def dead_units(own: Own) -> dict[str, Any]:
    """Give the largest share of an activation's units that do the same for all inputs, and how many outputs do behind a last activation."""
    try:
        found = own.info.examples["train"].units(own.info.theta)
    except (
        RuntimeError,
        NotImplementedError,
        TypeError,
    ) as error:  # of a module that PyTorch cannot be watched in
        own.not_assessed.append(f"dead units: {first_line(error)}")
        return {}
    if found is None:
        own.not_assessed.append(
            "dead units: no activation that can die was seen (ReLU, sigmoid, tanh, …), or not the same for all batches"
        )
        return {}
    found = with_end(found, own.ending)
    dead, layer = most_dead(found.hidden)
    return {"dead": dead, "dead_layer": layer, **({} if found.last is None else counted_dead(found.last))}


def with_end(found: Units, ending: Ending | None) -> Units:
    """Take the last activation out of the hidden ones where it makes the output, which may be a copy of what it gave; as a part of the loss it is none."""
    if ending is None or ending.reason:
        return found
    made = found.hidden[-1] if found.last is None and found.hidden else found.last
    if made is not None and made.op == ending.tail:
        return Units(tuple(unit for unit in found.hidden if unit is not made))
    if made is not None and made.op == ending.op:
        return Units(tuple(unit for unit in found.hidden if unit is not made), made)
    return found


def seen(own: Own, gradient: Array, local: Curvature) -> State:
    """Lay out what the parameters show."""
    escape = 0.0 if own.escaped is None else -float(own.escaped.actual.min()) / own.constant
    largest = stability(own.training.recipe, local.largest) if own.training.known else math.nan
    return State(
        gradient_ratio=gradient_ratio(own.info, gradient), gradient_norm=float(np.linalg.norm(gradient)), decrement=local.decrement,
        eigenvalue_min=local.least, eigenvalue_error=local.error, eigenvalue_max=local.largest, escape=escape, stability=largest,
        condition=local.condition, spread=local.spread,
    )  # fmt: skip


def gradient_ratio(info: About, gradient: Array) -> float:
    """Give the root mean square gradient of the first tensor of weights over the last one's; NaN for one tensor, or none that moves."""
    sizes = [
        float(np.sqrt(np.mean(gradient[p.start : p.stop] ** 2))) for p in info.pieces if len(p.shape) >= 2
    ]
    return sizes[0] / sizes[-1] if len(sizes) > 1 and sizes[-1] > 0 else math.nan

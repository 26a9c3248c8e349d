"""The units in which a point is judged: the scale of the losses, their lower bound, and the radius of "nearby".

A change of the loss below 1e-12 of the scale counts as none, and so does a curvature λ for which ½|λ|r² is below it: over the radius r
such an eigenvalue changes nothing, and its sign is the rounding's.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.curvature.point import Point
from landscape.errors import InputError
from landscape.model import Model
from landscape.model.initialization import usual_norm
from landscape.objective import Completed, NetworkLike, as_network, complete
from landscape.objective.constant import constant_loss
from landscape.objective.probes import unit_rows
from landscape.objective.targets import has_soft_targets

Array = NDArray[np.float64]

# The radius: this part of the larger of ‖θ‖ and the norm of a usual start.
NEAR = 0.1
# The start's norm of a function whose parameters have no usual start.
USUAL = 1.0
# Changes of the loss below this part of its scale are none.
ZERO = 1e-12
# Random points at the radius, on either side, where a function's range is looked for.
PROBES = 8
# Losses that reach 0, and those that come ever nearer to it; others have no lower bound.
REACHES_ZERO = ("mse", "mae", "huber", "multi_margin")
NEARS_ZERO = ("cross_entropy", "binary_cross_entropy", "focal")


@dataclass(frozen=True)
class Frame:
    """The scale of losses with its name, a lower bound that is reached, one that is only approached, and the radius of "nearby".

    `lower_bound` and `infimum` are None where they are not known. `radius_is` says what the radius was made of; `usual` is the norm
    that it is taken of where ‖θ‖ is smaller, None where the radius was given.
    """

    scale: float
    scale_is: str
    lower_bound: float | None
    infimum: float | None
    radius: float
    radius_is: str
    usual: float | None

    @property
    def zero_change(self) -> float:
        """The change of the loss that counts as zero."""
        return ZERO * self.scale

    @property
    def zero_curvature(self) -> float:
        """The curvature that counts as zero."""
        return min(2.0 * self.zero_change / self.radius / self.radius, sys.float_info.max)

    def at(self, theta: Array) -> Frame:
        """Return the frame of another point, with its own radius."""
        if self.usual is None:
            return self
        radius, radius_is = radius_of(theta, self.usual)
        return replace(self, radius=radius, radius_is=radius_is)

    def settings(self) -> dict[str, Any]:
        """Return what a record keeps among its settings."""
        return {"scale": self.scale, "lower_bound": self.lower_bound, "radius": self.radius}


def frame_of(
    point: Point,
    *,
    scale: float | None = None,
    lower_bound: float | None = None,
    radius: float | None = None,
    seed: int = 0,
) -> Frame:
    """Make the frame of a point, choosing what is not given.

    Raises
    ------
    InputError
        A scale or a radius that is no positive number, a bound that is none.
    """
    for name, value in (("scale", scale), ("radius", radius)):
        if value is not None and not (is_number(value) and value > 0):
            raise InputError(f"{name}: expected a positive number, found {value}")
    if lower_bound is not None and not is_number(lower_bound):
        raise InputError(f"lower_bound: expected a finite number, found {lower_bound}")
    network, infimum, usual = as_network(point.objective), None, USUAL
    if network is not None:
        usual = usual_norm(network.model) or USUAL
        infimum, reached = bounds_of(network)
        lower_bound = reached if lower_bound is None else lower_bound
    if radius is None:
        found, radius_is = radius_of(point.theta, usual)
    else:
        found, radius_is = float(radius), "as was asked for"
    chosen, scale_is = (float(scale), "scale") if scale is not None else scale_of(point, found, seed)
    return Frame(chosen, scale_is, lower_bound, infimum, found, radius_is, usual if radius is None else None)


def bounds_of(network: NetworkLike) -> tuple[float | None, float | None]:
    """Return the lower bound that a network's loss only approaches, and the one that it reaches; None for an unknown one."""
    if network.model.loss_scale <= 0 or np.any(network.decay < 0):
        return None, None
    loss = network.model.loss
    if loss in NEARS_ZERO and not has_sure_targets(network.model):
        return None, None
    return 0.0 if loss in NEARS_ZERO else None, 0.0 if loss in REACHES_ZERO else None


def has_sure_targets(model: Model) -> bool:
    """Say whether every training target is one class with certainty; only then does the loss approach 0."""
    if model.loss_options.label_smoothing > 0 or has_soft_targets(model):
        return False
    targets = np.asarray(model.data["y_train"])
    return model.loss == "cross_entropy" or bool(np.all((targets == 0) | (targets == 1)))


def is_number(value: Any) -> bool:
    """Say whether something is a finite real number."""
    return isinstance(value, Real) and math.isfinite(value)


def radius_of(theta: Array, usual: float) -> tuple[float, str]:
    """Return a tenth of the larger of ‖θ‖ and the usual start's norm, and in words which it is."""
    norm = float(np.linalg.norm(theta))
    less = "1, since ‖θ‖ is smaller" if usual == USUAL else f"the norm of a usual initialization, {usual:.3g}"
    told = f"‖θ‖ = {norm:.3g}" if norm >= usual else less
    return NEAR * max(norm, usual), f"a tenth of {told}"


def scale_of(point: Point, radius: float, seed: int) -> tuple[float, str]:
    """Return what losses are measured by, and what it is called.

    Of a network it is the range of its losses, from 0 to the best constant predictor's; where that is 0, and for functions,
    the larger of the loss's size and of what it changes by at the radius.
    """
    objective = complete(point.objective)
    network = as_network(objective)
    if network is not None:
        found = constant_loss(network)
        if found > 0:
            return found, "range"
    values = values_at(objective, point.theta, radius, seed)
    here = objective.value(point.theta)
    found = max(abs(here), float(np.ptp(np.append(values, here))))
    return (found if np.isfinite(found) and found > 0 else 1.0), "scale"


def values_at(objective: Completed, theta: Array, radius: float, seed: int) -> Array:
    """Evaluate at random points of the sphere around θ; what is not finite is left out."""
    units = radius * unit_rows(seed, streams.RANGE[0], PROBES, theta.size)
    with np.errstate(over="ignore", invalid="ignore"):
        values = objective.values(np.concatenate([theta + units, theta - units]))
    return values[np.isfinite(values)]

"""A critical point from what is given to a record: polish, look, judge."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.critical.derivatives import Derivatives
from landscape.critical.local import Local, look
from landscape.critical.planes import planes
from landscape.critical.polish import Polished, polish
from landscape.critical.telling import escape_fields, status_of, told
from landscape.critical.verdict import judge
from landscape.curvature.analysis import point_of
from landscape.curvature.point import Point, require_finite_loss
from landscape.errors import ComputationError, InputError
from landscape.model import Model
from landscape.objective import NetworkObjective
from landscape.objective.constant import constant_loss
from landscape.objective.session import session
from landscape.records import Critical
from landscape.records.earlier import earlier_record
from landscape.version import current_version

Array = NDArray[np.float64]

# Up to so many parameters the whole Hessian is taken: once for the verdict, in every step for polishing.
MOST_DENSE, MOST_DENSE_STEPS = 3000, 600
# Polishing that changes a network's loss by more than this part of the scale went to another point.
NEARBY = 0.05
# Losses that are nowhere negative; the others have no lower bound that is reached.
REACHES_ZERO = ("mse", "mae", "huber")


@dataclass(frozen=True)
class Frame:
    """What losses at a point are measured by: a scale, and the bound that they cannot go below, if it is known."""

    scale: float
    lower_bound: float | None


def analyze_critical(
    subject: Model | Any,
    theta: ArrayLike | None = None,
    *,
    polishing: bool = True,
    reach: float = 1.0,
    scale: float | None = None,
    lower_bound: float | None = None,
    split: str = "train",
    dtype: str = "float64",
    examples: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    device: str = "auto",
    surfaces: bool = True,
    output: str | Path | None = None,
    fresh: bool = False,
    announce: Callable[[str], None] | None = None,
) -> Critical:
    r"""Say what kind of critical point a model's parameters, or an objective's θ, are at, with the evidence.

    A point is critical by its relative Newton decrement, $\tfrac12 g^\top (|H| + \delta I)^{-1} g$ over `scale`, of 1e-12
    at most. It is a saddle where the least eigenvalue is negative beyond its error and a step along its eigenvector
    did lower the loss; a minimum where all eigenvalues are positive beyond the error. Where H is singular, invariances of the
    network's graph, the loss's lower bound, or third and fourth derivatives decide, or nothing does.

    Parameters
    ----------
    subject
        A model, or any objective; gradients and products that it lacks are taken as differences.
    theta
        The point [P], for an objective.
    polishing
        Go to the critical point nearby first, by steps that lower the gradient; see `landscape.critical.polish`.
    reach
        How far polishing may go, relative to max(1, ‖θ‖).
    scale
        What losses are measured by: by default the loss of the best constant predictor of a model, else 1.
    lower_bound
        A number that the function nowhere goes below, if one is known; 0 for models under mse, mae and huber.
    split, dtype, examples, seed, threads, device
        As `NetworkObjective` takes them.
    surfaces
        Also evaluate the loss on two planes, for the figures.
    output, fresh
        Where to save; a record of the same settings that is there is returned unless `fresh`.
    announce
        Called with sentences on what is done.

    Raises
    ------
    InputError
        Whatever cannot be asked of this subject; the message says what can.
    ComputationError
        Products that are not finite, or a file that cannot be written.

    References
    ----------
    Frye et al., Neural Computation 33 (2021), on gradient-flat points.

    Examples
    --------
    >>> from landscape.objective import CallableObjective
    >>> toy = CallableObjective(lambda w: (1 - w[0] * w[1]) ** 2, size=2)
    >>> found = analyze_critical(toy, [0.0, 0.0]).verdict
    >>> found["kind"], found["index"], round(found["escape"]["actual"], 6)
    ('saddle', 1, -1.0)
    """
    begun = time.perf_counter()
    say = announce or (lambda sentence: None)
    point = point_of(
        subject, theta, split=split, dtype=dtype, threads=threads, examples=examples, seed=seed, device=device
    )
    frame = frame_of(point, scale, lower_bound)
    settings = {
        **point.settings, "polish": polishing, "reach": checked_reach(reach), "scale": frame.scale,
        "lower_bound": frame.lower_bound, "surfaces": surfaces, "seed": seed, "parameters": point.theta.size,
        "errors": {"eigenvalues": "bound: rounding, asymmetry, change over the remaining Newton step, residual"},
    }  # fmt: skip
    path = None if output is None else Path(output)
    earlier = earlier_record(
        Critical, path, model=point.model, data=point.data, settings=settings, fresh=fresh
    )
    if earlier is not None:
        return earlier
    require_finite_loss(point)
    with session():
        fields = work(point, frame, polishing, reach, surfaces, seed, say)
    if not all(np.isfinite(value) for value in fields["verdict"].values() if isinstance(value, float)):
        raise ComputationError(
            "the point cannot be judged: squares of its gradient or curvature overflow; try a smaller scale of the loss"
        )
    record = Critical(
        model=point.model, data=point.data, settings=settings, version=current_version(),
        seconds=time.perf_counter() - begun, **fields,
    )  # fmt: skip
    if path is not None:
        record.save(path)
    return record


def checked_reach(reach: float) -> float:
    """Refuse a reach that is no length."""
    if not (np.isfinite(reach) and reach >= 0):
        raise InputError(f"reach: expected a length from 0, relative to max(1, ‖θ‖), found {reach}")
    return float(reach)


def frame_of(point: Point, scale: float | None, lower_bound: float | None) -> Frame:
    """Choose what losses are measured by."""
    objective = point.objective
    if isinstance(objective, NetworkObjective):
        found = constant_loss(objective)
        scale = found if scale is None and found > 0 else scale
        positive = objective.model.loss_scale > 0 and not np.any(objective.decay < 0)
        if lower_bound is None and objective.model.loss in REACHES_ZERO and positive:
            lower_bound = 0.0
    if scale is not None and not (np.isfinite(scale) and scale > 0):
        raise InputError(f"scale: expected a positive number, found {scale}")
    return Frame(1.0 if scale is None else float(scale), lower_bound)


def work(
    point: Point,
    frame: Frame,
    polishing: bool,
    reach: float,
    surfaces: bool,
    seed: int,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Polish, look and judge; the fields of the record."""
    derivatives = Derivatives(point.objective, seed)
    size = point.theta.size
    dense = size <= MOST_DENSE
    say(f"looking at the point, {size:,} parameters" + (", by the whole Hessian" if dense else ""))
    given = look(derivatives, point.theta, scale=frame.scale, dense=dense)
    polished: Polished | None = None
    here, near = given, True
    if polishing:
        polished, here, near = polished_point(derivatives, point, given, frame, reach, dense, say)
    say("judging")
    verdict = judge(derivatives, here, scale=frame.scale, lower_bound=frame.lower_bound, near=near)
    status = status_of(verdict, polished, near)
    local = verdict.local
    line = verdict.escape
    return {
        "theta": local.theta,
        "gradient": local.gradient,
        "eigenvalues": local.eigenvalues,
        "errors": local.bounds,
        "verdict": told(verdict, given, polished, frame.scale, near),
        **({} if line is None else escape_fields(line)),
        **({} if verdict.lower is None else {"escape_theta": verdict.lower}),
        "planes": planes(derivatives, local, line, frame.scale) if surfaces else {},
        "status": " ".join(part for part in (status, local.status) if part),
    }


def polished_point(
    derivatives: Derivatives,
    point: Point,
    given: Local,
    frame: Frame,
    reach: float,
    dense: bool,
    say: Callable[[str], None],
) -> tuple[Polished, Local, bool]:
    """Polish; give also the point to judge, and whether it is near the one given."""
    steps_dense = point.theta.size <= MOST_DENSE_STEPS
    length = reach * max(1.0, float(np.linalg.norm(point.theta)))
    begin = given
    if given.dense and not steps_dense:
        begin = look(derivatives, point.theta, scale=frame.scale, dense=False, ends=False)

    def progress(step: int, local: Local) -> None:
        if step and step % 10 == 0:
            say(
                f"polishing, step {step}: ‖g‖ {local.gradient_norm:.2e}, Newton decrement {local.decrement:.1e}"
            )

    polished = polish(
        derivatives, begin, scale=frame.scale, dense=steps_dense, reach=length, progress=progress
    )
    network = isinstance(point.objective, NetworkObjective)
    near = not network or abs(polished.local.loss - given.loss) <= NEARBY * frame.scale
    say(
        f"polished in {polished.steps} steps, {polished.distance:.3g} away: "
        f"Newton decrement {given.decrement:.1e} → {polished.local.decrement:.1e}, loss {given.loss:.6g} → {polished.local.loss:.6g}"
    )
    if not near:
        return polished, given, False
    if steps_dense:
        return polished, polished.local, True
    return polished, look(derivatives, polished.local.theta, scale=frame.scale, dense=dense), True

"""A critical point from what is given to a record: polish, look, judge."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from landscape.critical.frame import Frame, frame_of
from landscape.critical.local import Local, look
from landscape.critical.planes import planes
from landscape.critical.polish import polish
from landscape.critical.telling import Nearby, escape_fields, told
from landscape.critical.verdict import judge
from landscape.curvature.analysis import point_of
from landscape.curvature.point import Point, require_finite_loss
from landscape.errors import ComputationError
from landscape.model import Model
from landscape.objective import Completed, HasValue, complete
from landscape.objective.session import session
from landscape.records import Critical
from landscape.records.earlier import earlier_record
from landscape.version import current_version

# Up to so many parameters the whole Hessian is taken: once for the verdict, in every step for polishing.
MOST_DENSE, MOST_DENSE_STEPS = 3000, 600


def analyze_critical(
    subject: Model | HasValue,
    theta: ArrayLike | None = None,
    *,
    polishing: bool = True,
    radius: float | None = None,
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
        Look for a critical point nearby too, by steps that lower the gradient; see `landscape.critical.polish`. The point
        as given is judged first, whatever is found.
    radius
        How far away is still nearby, as a length: by default a tenth of the larger of ‖θ‖ and the norm to expect of a usual
        start (`usual_norm`); of a function, which has no usual start, a tenth of max(1, ‖θ‖). Curvatures λ with
        ½|λ|·radius² below 1e-12 of the scale count as zero.
    scale
        What losses are measured by. By default, of a model, the loss of the best constant predictor, which is the range of its
        losses from 0. Where that is 0, and of a function, the larger of the loss's size and its change over the radius.
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
    frame = frame_of(point, scale=scale, lower_bound=lower_bound, radius=radius, seed=seed)
    settings = {
        **point.settings, **frame.settings(), "polish": polishing, "surfaces": surfaces, "seed": seed,
        "parameters": point.theta.size,
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
        fields = work(point, frame, polishing, surfaces, seed, say)
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


def work(
    point: Point, frame: Frame, polishing: bool, surfaces: bool, seed: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Judge the point as it is, look for a critical point nearby, and judge that; the fields of the record."""
    derivatives = complete(point.objective).anew(seed)
    size = point.theta.size
    dense = size <= MOST_DENSE
    say(f"looking at the point, {size:,} parameters" + (", by the whole Hessian" if dense else ""))
    begin = look(derivatives, point.theta, scale=frame.scale, dense=dense)
    given = judge(derivatives, begin, frame)
    say(f"{given.finding.kind}: {given.finding.reason}")
    verdict, nearby = given, None
    if polishing:
        nearby = polished_nearby(derivatives, point, begin, frame, say)
        if nearby.moved:
            verdict = judge(derivatives, looked_at(derivatives, nearby.polished.local, frame, dense), frame)
    local, line = verdict.local, verdict.escape
    return {
        "theta": local.theta,
        "gradient": local.gradient,
        "eigenvalues": local.eigenvalues,
        "errors": local.bounds,
        "verdict": told(verdict, given, nearby, frame),
        **({} if line is None else escape_fields(line)),
        **({} if verdict.lower is None else {"escape_theta": verdict.lower}),
        "planes": planes(derivatives, local, line, frame.scale) if surfaces else {},
        "status": local.status,
    }


def looked_at(derivatives: Completed, local: Local, frame: Frame, dense: bool) -> Local:
    """Add the eigenvalues to a point that was polished without them."""
    if local.dense:
        return local
    return look(derivatives, local.theta, scale=frame.scale, dense=dense)


def polished_nearby(
    derivatives: Completed, point: Point, given: Local, frame: Frame, say: Callable[[str], None]
) -> Nearby:
    """Look for a critical point within the radius."""
    dense = point.theta.size <= MOST_DENSE_STEPS
    begin = given
    if given.dense and not dense:
        begin = look(derivatives, point.theta, scale=frame.scale, dense=False, ends=False)

    def progress(step: int, local: Local) -> None:
        if step and step % 10 == 0:
            say(
                f"polishing, step {step}: ‖g‖ {local.gradient_norm:.2e}, Newton decrement {local.decrement:.1e}"
            )

    nearby = Nearby(
        polish(derivatives, begin, scale=frame.scale, dense=dense, reach=frame.radius, progress=progress),
        frame,
    )
    say(nearby.sentence(given))
    return nearby

"""`analyze_critical`: judge the given point, search for a critical point nearby, and make the record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.critical.frame import Frame, frame_of
from landscape.critical.kept import once
from landscape.critical.local import BOTTOM, KRYLOV_STEPS, MINRES_STEPS, TOP, Local, look
from landscape.critical.planes import planes
from landscape.critical.polish import STEPS, polish
from landscape.critical.telling import Nearby, escape_fields, told
from landscape.critical.verdict import judge
from landscape.curvature import hessian_operator
from landscape.curvature.analysis import point_of
from landscape.curvature.expected import of_all, of_ends, of_trace
from landscape.curvature.point import Point, require_finite_loss
from landscape.errors import ComputationError
from landscape.model import Model
from landscape.objective import Completed, HasValue, complete
from landscape.objective.session import session
from landscape.progress import (
    Announce,
    Parts,
    Progress,
    counting,
    counting_toward,
    expected,
    nobody,
    silent,
)
from landscape.records import Critical, Pieces
from landscape.records.keeping import Fields, Key, Wanted, produce

# Up to so many parameters the whole Hessian is taken: once for the verdict, in every step for polishing.
MOST_DENSE, MOST_DENSE_STEPS = 3000, 600
# Products of a step of polishing without the Hessian.
STEP = KRYLOV_STEPS + MINRES_STEPS


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
    progress: Progress = nobody,
    announce: Announce = silent,
) -> Critical:
    r"""Say what kind of critical point a model's parameters, or an objective's θ, are at, with the evidence.

    A point is critical if its relative Newton decrement, $\tfrac12 g^\top (|H| + \delta I)^{-1} g$ divided by `scale`,
    is at most 1e-12. It is a saddle if the smallest eigenvalue is negative beyond its error and a step along its
    eigenvector lowered the loss. It is a minimum if all eigenvalues are positive beyond their errors. If H is singular,
    invariances of the network's graph, the lower bound of the loss, or third and fourth derivatives decide; if they
    cannot, the kind is undetermined.

    Parameters
    ----------
    subject
        A model, or any objective; missing gradients and products are replaced by finite differences.
    theta
        The point [P], for an objective.
    polishing
        Also search for a critical point nearby, by steps that lower the gradient (`landscape.critical.polish`). The
        point as given is judged first in any case.
    radius
        Largest distance that counts as nearby. By default it is a tenth of the larger of ‖θ‖ and the expected norm of a
        usual initialization (`usual_norm`), and for a function, which has none, a tenth of max(1, ‖θ‖). Curvatures λ
        with ½|λ|·radius² below 1e-12 of the scale count as zero.
    scale
        The unit in which losses are measured. By default, for a model, it is the loss of the best constant predictor,
        which is the range of its losses from 0. If that is 0, and for a function, it is the larger of the loss's size and the
        change of the loss over the radius.
    lower_bound
        A lower bound of the function, if one is known; 0 for models with mse, mae and huber.
    split, dtype, examples, seed, threads, device
        As in `NetworkObjective`.
    surfaces
        Also evaluate the loss on two planes, for the figures.
    output, fresh
        The file to save to. A finished record of the same settings that is there is returned, unless `fresh`. An
        unfinished one is continued.
    progress, announce
        Called with the share of the work that is done, and the same in words, such as "polishing, step 12 of at most
        80", and with messages.

    Raises
    ------
    InputError
        Something that cannot be computed of this subject; the message says what can.
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
    point = point_of(
        subject, theta, split=split, dtype=dtype, threads=threads, examples=examples, seed=seed, device=device
    )
    frame = frame_of(point, scale=scale, lower_bound=lower_bound, radius=radius, seed=seed)
    settings = {
        **point.settings, **frame.settings(), "polish": polishing, "surfaces": surfaces, "seed": seed,
        "parameters": point.theta.size,
        "errors": {"eigenvalues": "bound: rounding, asymmetry, change over the remaining Newton step, residual"},
    }  # fmt: skip
    key = Key(point.model, point.data, settings)

    def fields(pieces: Pieces) -> Fields:
        require_finite_loss(point)
        with session():
            found = work(point, frame, polishing, surfaces, seed, pieces)
        if not all(np.isfinite(value) for value in found["verdict"].values() if isinstance(value, float)):
            raise ComputationError(
                "the point cannot be judged: squares of its gradient or curvature overflow; try a smaller scale of the loss"
            )
        return found

    path = None if output is None else Path(output)
    return produce(Wanted(Critical, key, path, fresh, progress, announce), fields)


def work(
    point: Point, frame: Frame, polishing: bool, surfaces: bool, seed: int, pieces: Pieces
) -> dict[str, Any]:
    """Judge the point as it is, look for a critical point nearby, and judge that; the fields of the record."""
    derivatives = complete(point.objective).anew(seed)
    size, scale = point.theta.size, frame.scale
    dense = size <= MOST_DENSE
    parts, about = parts_of(polishing, surfaces, pieces.progress), about_look(derivatives, point.theta, dense)
    words = f"judging the point as given, {size:,} parameters" + (", with the whole Hessian" if dense else "")
    pieces.progress(taken_up_at(pieces, parts_of(polishing, surfaces, nobody)), words)
    pieces.announce(words)
    with counting_toward(parts["point"], about):
        begin = once(
            pieces, "given", lambda: look(derivatives, point.theta, scale=scale, dense=dense), dense=dense
        )
        given = judge(derivatives, begin, frame)
    pieces.announce(f"{given.finding.kind}: {given.finding.reason}")
    verdict, nearby = given, None
    if polishing:
        nearby = polished_nearby(derivatives, point, begin, frame, pieces, parts["polishing"])
        if nearby.moved:
            polished = nearby.polished.local
            with counting_toward(parts["verdict"], about):
                there = once(
                    pieces, "nearby", lambda: looked_at(derivatives, polished, frame, dense), dense=dense
                )
                verdict = judge(derivatives, there, frame)
    parts["planes"](0.0, "two planes through the point")
    local, line = verdict.local, verdict.escape
    drawn = pieces.once("planes", lambda: planes(derivatives, local, line, scale)) if surfaces else {}
    parts["planes"](1.0, "two planes through the point")
    return {
        "theta": local.theta,
        "gradient": local.gradient,
        "eigenvalues": local.eigenvalues,
        "errors": local.bounds,
        "verdict": told(verdict, given, nearby, frame),
        **({} if line is None else escape_fields(line)),
        **({} if verdict.lower is None else {"escape_theta": verdict.lower}),
        "planes": drawn,
        "status": local.status,
    }


def looked_at(derivatives: Completed, local: Local, frame: Frame, dense: bool) -> Local:
    """Add the eigenvalues to a point that was polished without them."""
    if local.dense:
        return local
    return look(derivatives, local.theta, scale=frame.scale, dense=dense)


def polished_nearby(
    derivatives: Completed, point: Point, given: Local, frame: Frame, pieces: Pieces, progress: Progress
) -> Nearby:
    """Look for a critical point within the radius."""
    dense = point.theta.size <= MOST_DENSE_STEPS
    begin = given
    if given.dense and not dense:
        begin = look(derivatives, point.theta, scale=frame.scale, dense=False, ends=False)
    at = 0

    def told(products: int) -> None:
        share = (at + (0.0 if dense else expected(products % STEP, STEP))) / STEPS
        progress(share, f"polishing, step {at + 1} of at most {STEPS}")

    def stepped(step: int, local: Local) -> None:
        nonlocal at
        at = step
        if step and step % 10 == 0:
            pieces.announce(
                f"polishing, step {step}: ‖g‖ {local.gradient_norm:.2e}, Newton decrement {local.decrement:.1e}"
            )
        told(0)

    with counting(told):
        found = polish(
            derivatives, begin, scale=frame.scale, dense=dense, reach=frame.radius, progress=stepped,
            piece=pieces.piece("polishing"),
        )  # fmt: skip
    nearby = Nearby(found, frame)
    pieces.announce(nearby.sentence(given))
    return nearby


def taken_up_at(pieces: Pieces, parts: Parts) -> float:
    """Return the approximate share of the work that an earlier run did."""
    shares = [0.0]
    parts.progress = lambda share, words: shares.append(share)
    there = pieces.pieces
    if "given" in there:
        parts["point"](1.0, "")
    if "polishing" in there:
        parts["polishing"](float(there["polishing"]["counts"][0]) / STEPS, "")
    if "nearby" in there:
        parts["verdict"](1.0, "")
    return max(shares)


def parts_of(polishing: bool, surfaces: bool, progress: Progress) -> Parts:
    """Give the parts of the work, weighted by about the time that they take."""
    weights = {"point": 3.0} | ({"polishing": 5.0, "verdict": 3.0} if polishing else {})
    return Parts(progress, weights | {"planes": 1.0 if surfaces else 0.01})


def about_look(derivatives: Completed, theta: NDArray, dense: bool) -> float:
    """Estimate the number of Hessian–vector products that analysing and judging a point takes."""
    if not derivatives.exact:
        return float(2 * theta.size)
    operator = hessian_operator(derivatives.objective, theta)
    if dense:
        return 2.0 * of_all(operator)
    return KRYLOV_STEPS + MINRES_STEPS + of_ends(operator, TOP, BOTTOM) + of_trace(theta.size)

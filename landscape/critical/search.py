"""The search for critical points of a network, from many starts: the atlas of loss against index.

A start is a random θ, led down for a number of steps by Newton's method with the eigenvalues' absolute values (so that
negative curvature is followed, not climbed), a number that differs from start to start; from there polishing
goes to a critical point of whatever index, however far away: the search is for the network's critical points, not for those near a point.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape import streams
from landscape.critical.analysis import MOST_DENSE_STEPS
from landscape.critical.frame import Frame, frame_of, is_number
from landscape.critical.kinks import jumps
from landscape.critical.local import look
from landscape.critical.polish import CRITICAL, Polished, polish, step_down
from landscape.critical.verdict import FLAT, changed_hessian
from landscape.curvature.analysis import point_of
from landscape.curvature.point import Point, require_finite_loss
from landscape.errors import ComputationError, InputError
from landscape.model import Model
from landscape.objective import Completed, HasValue, complete
from landscape.objective.probes import gaussian_rows
from landscape.objective.session import session
from landscape.progress import Announce, Progress, counted, nobody, silent
from landscape.records import Atlas
from landscape.records.atlas import FLAGS, NUMBERS
from landscape.records.keeping import Fields, Inside, Key, Wanted, produce_inside
from landscape.workers import Executor, Workers, as_workers

Array = NDArray[np.float64]

# Steps down before polishing, in turn from start to start.
DESCENTS = (0, 3, 10, 30, 100)
POLISHING_STEPS = 200
BIAS = 0.1


def search_critical(
    subject: Model | HasValue,
    starts: int,
    theta: ArrayLike | None = None,
    *,
    spread: float = 1.0,
    split: str = "train",
    dtype: str = "float64",
    examples: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    device: str = "auto",
    output: str | Path | None = None,
    fresh: bool = False,
    executor: Executor | Workers | None = None,
    progress: Progress = nobody,
    announce: Announce = silent,
) -> Atlas:
    """Find critical points from a number of starts.

    The starts of a model are drawn anew, a layer's weights with variance 1/inputs; those of an objective around
    `theta`. With `output` the record is saved as it goes, and an unfinished one of the same settings is taken up.

    Parameters
    ----------
    subject
        A model, or any objective; missing gradients and products are replaced by finite differences.
    starts
        How many.
    theta
        The middle [P] of the starts, for an objective.
    spread
        The starts' standard deviation, as a multiple of the usual one (of 1, for an objective).
    split, dtype, examples, seed, threads, device
        As `NetworkObjective` takes them; `seed` also draws the starts.
    output, fresh
        Where to save, and whether to begin anew.
    executor
        An executor with the method `submit` of `concurrent.futures`, whose workers compute starts, or `Workers`, which
        contains one.
    progress, announce
        Called with the share of the work that is done, and the same in words, such as "7 of 50 starts"; and with a
        sentence a start.

    Raises
    ------
    InputError
        Fewer than one start, or more parameters than the whole Hessian is taken for.

    Examples
    --------
    >>> from landscape.objective import CallableObjective
    >>> toy = CallableObjective(lambda w: float((w[0]**2 - 1) ** 2 + w[1]**2),
    ...     lambda w: np.array([4 * w[0] * (w[0]**2 - 1), 2 * w[1]]), size=2)
    >>> found = search_critical(toy, 8, [0.0, 0.0])
    >>> sorted(set(found.inertia[found.critical, 2].astype(int).tolist()))
    [0, 1]
    """
    point = point_of(
        subject, theta, split=split, dtype=dtype, threads=threads, examples=examples, seed=seed, device=device
    )
    size = point.theta.size
    if not isinstance(starts, Integral) or starts < 1:
        raise InputError(
            f"--search: expected a whole number of starts, at least 1, found {starts}: there is nothing to search from"
        )
    if size > MOST_DENSE_STEPS:
        raise InputError(
            f"--search takes the whole Hessian in every step, of up to {MOST_DENSE_STEPS} parameters, found {size:,}: "
            "search a smaller network, or judge points one by one without --search"
        )
    if not (is_number(spread) and spread > 0):
        raise InputError(f"spread: expected a positive number, found {spread}")
    require_finite_loss(point)
    # A function's range is looked for where the starts are.
    wide = None if isinstance(subject, Model) else spread * float(np.sqrt(size))
    frame = frame_of(point, radius=wide, seed=seed)
    settings = {
        **point.settings, "starts": starts, "spread": float(spread), "scale": frame.scale, "seed": seed,
        "parameters": size,
    }  # fmt: skip
    key = Key(point.model, point.data, settings)

    def work(keeper: Inside[Atlas]) -> Fields:
        arrays = empty(starts, size) if keeper.earlier is None else arrays_of(keeper.earlier)
        keeper.state = lambda: {**arrays, "status": ""} if arrays["done"].any() else None
        keeper.progress(float(np.mean(arrays["done"])), counted(np.sum(arrays["done"]), starts, "starts"))
        left = [int(number) for number in np.flatnonzero(~arrays["done"])]
        searches = Searches(point, subject, spread, seed, frame)
        for number, found in found_by(searches, left, as_workers(executor), keeper):
            # The mark comes last: a row that is half-written by Ctrl-C is computed again.
            for name, value in sorted(found.items(), key=lambda item: item[0] == "done"):
                arrays[name][number] = value
            keeper.save()
            keeper.progress(float(np.mean(arrays["done"])), counted(np.sum(arrays["done"]), starts, "starts"))
            announce(sentence(number, starts, found))
        missed = bool(np.all(arrays["done"]) and not np.any(arrays["critical"]))
        status = f"none of {starts} starts reached a critical point: try more starts." if missed else ""
        return {**arrays, "status": status}

    path = None if output is None else Path(output)
    return produce_inside(Wanted(Atlas, key, path, fresh, progress, announce), work)


@dataclass(frozen=True)
class Searches:
    """What all starts share."""

    point: Point
    subject: Model | HasValue
    spread: float
    seed: int
    frame: Frame

    @property
    def own(self) -> HasValue | None:
        """The objective that is searched, None where it is made of a model."""
        return None if isinstance(self.subject, Model) else self.subject

    def do(self, number: int) -> dict[str, Any]:
        """Search from the start with this number, and return its row."""
        with session():
            # Each start has its own, as a search that was cut and taken up would.
            derivatives = complete(self.point.objective).anew(self.seed)
            begin = start_of(self.point, self.subject, number, self.spread, self.seed)
            return run(derivatives, begin, number, self.frame)


def found_by(
    searches: Searches, numbers: list[int], workers: Workers | None, keeper: Inside[Atlas]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Search from starts, by workers in any order, or in this process one after the other."""
    if workers is None:
        for number in numbers:
            yield number, searches.do(number)
        return
    for number, outcome in workers.results(searches, numbers, objective=searches.own):
        keeper.computed_on(outcome.kind)
        yield number, outcome.value


def arrays_of(earlier: Atlas) -> dict[str, NDArray[Any]]:
    """Copy what an unfinished search has found."""
    return {name: np.array(array) for name, array in earlier.arrays().items() if name != "status"}


def empty(starts: int, size: int) -> dict[str, NDArray[Any]]:
    """Give the arrays of a search that has not begun."""
    numbers = {name: np.full((starts, *more), np.nan) for name, more in NUMBERS.items()}
    return {"theta": np.zeros((starts, size)), **numbers, **{name: np.zeros(starts, bool) for name in FLAGS}}


def start_of(point: Point, subject: Model | HasValue, number: int, spread: float, seed: int) -> Array:
    """Draw the start of a number, which depends on the seed and the number alone."""
    draws = gaussian_rows(seed, streams.ATLAS[0], 1, point.theta.size, first=number)[0]
    if not isinstance(subject, Model):
        return np.asarray(point.theta + spread * draws)
    theta = np.array(point.theta)
    for slot in subject.layout:
        part = slice(slot.start, slot.stop)
        if len(slot.shape) > 1:
            theta[part] = spread * draws[part] / np.sqrt(np.prod(slot.shape[1:]))
        elif slot.parameter == "bias":
            theta[part] = spread * BIAS * draws[part]
    return theta


def run(derivatives: Completed, theta: Array, number: int, frame: Frame) -> dict[str, Any]:
    """Descend, polish and count negative eigenvalues from one start; a row of NaN if something on the way is not finite."""
    try:
        return found_from(derivatives, theta, number, frame)
    except ComputationError:
        return {"theta": theta, "done": True, "critical": False, "flat": False, "kink": False}


def found_from(derivatives: Completed, theta: Array, number: int, frame: Frame) -> dict[str, Any]:
    """Descend, polish and count negative eigenvalues from a start whose derivatives are finite."""
    scale = frame.scale
    local = look(derivatives, theta, scale=scale, dense=True)
    descents = DESCENTS[number % len(DESCENTS)]
    taken = 0
    for _ in range(descents):
        lower = step_down(derivatives, local)
        if lower is None:
            break
        local = look(derivatives, lower, scale=scale, dense=True)
        taken += 1
    polished = polish(derivatives, local, scale=scale, dense=True, reach=np.inf, steps=POLISHING_STEPS)
    return row_of(derivatives, polished, taken, frame.at(polished.local.theta))


def row_of(derivatives: Completed, polished: Polished, descents: int, frame: Frame) -> dict[str, Any]:
    """Make the row of a search from the point at which it ended."""
    local = replace(polished.local, floor=frame.zero_curvature)
    critical = local.decrement <= CRITICAL and bool(np.isfinite(local.loss))
    if critical:
        local = local.widened(changed_hessian(derivatives, local))
    kink = critical and jumps(derivatives, local.theta)
    return {
        "theta": local.theta,
        "loss": local.loss,
        "gradient_norm": local.gradient_norm,
        "newton_decrement": local.decrement,
        "flatness": local.flatness,
        "tolerance": local.zero,
        "inertia": local.inertia,
        "index_interval": local.index_interval(),
        "positive": int(np.sum(local.eigenvalues > 0)),
        "steps": descents + polished.steps,
        "done": True,
        "critical": critical and not kink,
        "flat": not critical and local.flatness > FLAT,
        "kink": kink,
    }


def sentence(number: int, starts: int, found: dict[str, Any]) -> str:
    """Say where one start ended."""
    if "loss" not in found:
        return f"start {number + 1} of {starts}: its loss or derivatives are not finite"
    where = f"start {number + 1} of {starts}: loss {found['loss']:.6g}, "
    if found["critical"]:
        above, zero, below = found["inertia"]
        return where + f"critical, {below} negative, {zero} zero, {above} positive"
    if found["kink"]:
        return where + "on a kink"
    if found["flat"]:
        return where + f"gradient-flat ({found['flatness']:.2f})"
    return where + f"not critical (Newton decrement {found['newton_decrement']:.1g})"

"""`connect`: barriers between minima on lines, curves and bands, with and without alignment."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.connection.band import require_memory
from landscape.connection.barrier import finite_or_none
from landscape.connection.curves import CURVES
from landscape.connection.ends import Ends
from landscape.connection.function_ends import FunctionEnds
from landscape.connection.network_ends import NetworkEnds
from landscape.connection.pair import Between, Choices, PairSteps
from landscape.connection.saddles import minimax, tree_of
from landscape.connection.subjects import ends_of
from landscape.errors import InputError, did_you_mean
from landscape.files import require_writable
from landscape.model import Model
from landscape.objective import HasValue
from landscape.objective.session import session
from landscape.progress import Announce, Progress, nobody, part, silent
from landscape.records import Connection, Pieces
from landscape.records.keeping import Fields, Key, Wanted, produce
from landscape.workers import Executor, Workers, as_workers, fill

Array = NDArray[np.float64]

# Points along a line.
LINE = 25
FITS = ("auto", "full", "batches")
# Most points of a band and of a curve.
MOST_PIVOTS, MOST_BENDS = 2000, 100


def connect(
    subjects: Sequence[Model | str | Path] | Model | HasValue,
    *,
    points: Sequence[ArrayLike] | None = None,
    curve: str | Sequence[str] = (),
    bends: int = 1,
    fitting: str = "auto",
    repair: bool = False,
    band: bool = False,
    pivots: int = 7,
    align: bool = False,
    matching: str = "weights",
    starts: int | None = None,
    recompute_statistics: bool = False,
    alphas: int = LINE,
    examples: int | None = None,
    seed: int = 0,
    dtype: str = "float64",
    threads: int | None = None,
    device: str = "auto",
    output: str | Path | None = None,
    fresh: bool = False,
    executor: Executor | Workers | None = None,
    progress: Progress = nobody,
    announce: Announce = silent,
) -> Connection:
    r"""Measure how high the loss rises between minima: on the straight line, on curves, and over the lowest pass.

    The barrier is $\max_\alpha L(\theta_\alpha) - (1-\alpha) L(A) - \alpha L(B)$ on the line $\theta_\alpha =
    (1-\alpha)A + \alpha B$, its maximum refined, with the standard error of that difference over examples. Two minima
    are "connected" if the barrier plus twice its error is below a fiftieth of the range of losses. There is a "barrier"
    if it exceeds that by twice its error. Otherwise the answer is "not resolved".

    Parameters
    ----------
    subjects
        Models with the same graph and the same data, or their files; or one objective.
    points
        For an objective: two or more points [P]. For a `TorchObjective`: checkpoints; if there is only one, it is
        compared with the objective's own parameters.
    curve
        "bezier", "polychain" or both: curves whose `bends` are moved to minimize the mean loss along them.
    bends
        Number of points between the ends that shape a curve.
    fitting
        "full" (the mean at Gauss–Legendre nodes over all examples, by L-BFGS), "batches" (gradient descent with
        momentum, with one position and one minibatch in each step), or "auto", which is full if examples times
        parameters are below 2e8.
    repair
        Also evaluate the line with the means and deviations of hidden units set to values between those of the ends
        (REPAIR). For batch normalization the statistics are recomputed. These are other functions, so the result has
        its own name.
    band
        Also find a low path with a nudged elastic band, and the saddle at its highest point, certified by
        `analyze_critical`.
    pivots
        Number of points of the band at the start, including the ends. More are inserted where it cuts corners.
    align
        Also evaluate the line to the other model with its units in the order of the first one's.
    matching, starts
        How units are matched, and from how many starts, as in `landscape.align`.
    recompute_statistics
        Recompute the statistics of batch normalization at every point of curves. On the line they are interpolated.
    alphas
        Number of points along the line, before the maximum is refined.
    examples, seed, dtype, threads, device
        As in `NetworkObjective`. The seed also draws the displacements by which curves and bands start off the line.
    output, fresh
        The file to save to. A finished record of the same settings that is there is returned, unless `fresh`. An
        unfinished one is continued.
    executor
        An executor with the method `submit` of `concurrent.futures`, whose workers compute lines, curves and bands, or
        `Workers`, which contains one.
    progress, announce
        Called with the share of the work that is done, and the same in words, and with messages.

    Raises
    ------
    InputError
        Models with different graphs or data, the same model twice, or an impossible choice; the message says which.
    ComputationError
        A band that collapsed, or losses along a curve that are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from landscape.objective import CallableObjective
    >>> ring = CallableObjective(lambda w: (w @ w - 1) ** 2, gradient=lambda w: 4 * (w @ w - 1) * w, size=2)
    >>> found = connect(ring, points=[[-1.0, 0.0], [1.0, 0.0]], curve="bezier").highest
    >>> found["connected"], found["barrier"]["value"], round(found["curves"]["bezier"]["barrier"]["value"], 4)
    ('barrier', 1.0, 0.0494)

    References
    ----------
    Entezari et al., ICLR 2022 (the barrier); Garipov et al., NeurIPS 2018 (curves); Draxler et al., ICML 2018 (bands).
    """
    choices = Choices(
        checked_curves(curve), bends, fitting, repair, band, pivots, align, matching, starts, recompute_statistics, alphas, seed
    )  # fmt: skip
    require_choices(choices)
    path = None if output is None else Path(output)
    if path is not None:
        require_writable(path)
    many = list(subjects) if isinstance(subjects, list | tuple) else [subjects]
    ends = ends_of(many, points=points, examples=examples, seed=seed, dtype=dtype, threads=threads, device=device)  # fmt: skip
    require_possible(ends, choices)
    chosen = {
        name: list(value) if isinstance(value, tuple) else value for name, value in vars(choices).items()
    }
    settings = {**ends.settings, **chosen, "names": list(ends.names), "parameters": ends.size}
    key = Key(ends.model, ends.data, settings)
    return produce(
        Wanted(Connection, key, path, fresh, progress, announce),
        lambda pieces: work(ends, choices, pieces, as_workers(executor)),
    )


def checked_curves(curve: str | Sequence[str]) -> tuple[str, ...]:
    """Read which curves are asked for.

    Raises
    ------
    InputError
        One is not known.
    """
    names = (curve,) if isinstance(curve, str) else tuple(dict.fromkeys(curve))
    for name in names:
        if name not in CURVES:
            raise InputError(
                f"unknown curve '{name}': choose {', '.join(CURVES)}{did_you_mean(name, CURVES)}"
            )
    return names


def require_choices(choices: Choices) -> None:
    """Refuse numbers that nothing can be done with.

    Raises
    ------
    InputError
        The message names the choice.
    """
    for name, least, most in (("bends", 1, MOST_BENDS), ("pivots", 3, MOST_PIVOTS), ("count", 3, 100_001)):
        value = getattr(choices, name)
        if not least <= value <= most:
            words = "alphas" if name == "count" else name
            raise InputError(f"{words}: expected a whole number from {least} to {most}, found {value}")
    if choices.fit not in FITS:
        raise InputError(f"unknown fitting '{choices.fit}': choose {', '.join(FITS)}{did_you_mean(choices.fit, FITS)}")  # fmt: skip


def require_possible(ends: Ends, choices: Choices) -> None:
    """Refuse what these ends cannot be asked for, before any work.

    Raises
    ------
    InputError
        What only networks have, of a function; statistics that there are not; more points than memory holds.
    """
    asked = {"align": choices.align, "repair": choices.repair, "recompute_statistics": choices.recompute_statistics}  # fmt: skip
    for name, there in asked.items():
        if there and not isinstance(ends, NetworkEnds):
            raise InputError(f"{name}: needs the graph of models, and this is a function of θ: leave it out")
    if choices.band:
        require_memory(choices.pivots, ends.size)
    if choices.recompute_statistics and isinstance(ends, NetworkEnds):
        ends.statistics  # noqa: B018


def work(ends: Ends, choices: Choices, pieces: Pieces, workers: Workers | None) -> Fields:
    """Do all pairs, one after the other, or what workers leave of them; the fields of the record."""
    pairs = PairSteps(ends, choices)
    left = [name for name in pairs.names() if name not in pieces.pieces]
    own = ends.whole if isinstance(ends, FunctionEnds) else None
    fill(pieces, workers, pairs, left, pieces.progress, "ways", own)
    with session():
        return all_pairs(ends, choices, pieces)


def all_pairs(ends: Ends, choices: Choices, pieces: Pieces) -> Fields:
    """Do all pairs."""
    pairs = list(combinations(range(ends.count), 2))
    found: list[dict[str, Any]] = []
    series: dict[str, Array] = {}
    for number, (i, j) in enumerate(pairs):
        share = part(pieces.progress, number / len(pairs), (number + 1) / len(pairs))
        pair, arrays = Between(ends, i, j, choices, pieces, share).everything()
        found.append(pair)
        series |= arrays
    report: dict[str, Any] = {"ends": told_ends(ends), "pairs": found}
    if choices.band and ends.count > 2:
        heights = {(pair["from"], pair["to"]): band_height(pair) for pair in found}
        tree = tree_of(ends.count, heights)
        report["tree"] = [{"from": a, "to": b, "height": height} for a, b, height in tree]
        lowest = minimax(ends.count, tree)
        for pair in found:
            # By way of others the way may be lower than the pair's own band.
            pair["lowest"] = float(lowest[pair["from"], pair["to"]])
    return {"theta": ends.thetas, "names": ends.names, "report": report, "series": series}


def band_height(pair: dict[str, Any]) -> float:
    """Give the height of the pass that a pair's band found: the certified saddle's, else the band's own highest loss."""
    saddle = pair["saddle"]
    return float(saddle["height"] if saddle["certified"] else saddle["highest"])


def told_ends(ends: Ends) -> list[dict[str, Any]]:
    """Say what each end has by itself."""
    found = []
    # What heights of passes are compared with: they have the weight decay.
    values = ends.values(ends.thetas, ends.constants)
    for number, name in enumerate(ends.names):
        entry: dict[str, Any] = {"name": name, "value": finite_or_none(float(values[number]))}
        for split, columns in ends.own(number).items():
            for quantity in ("loss", "accuracy"):
                if quantity in columns:
                    value = float(columns[quantity][0])
                    entry[f"{split}_{quantity}"] = finite_or_none(value)
        found.append(entry)
    return found

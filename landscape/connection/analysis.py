"""The library's function for what lies between minima: lines, curves, bands, with and without alignment."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.alignment import align as align_models
from landscape.connection import fit
from landscape.connection.band import places_of, relax, require_memory
from landscape.connection.barrier import Points, Profile, evaluate, refined, told
from landscape.connection.climbing import MOST_DENSE, climb, follow, highest
from landscape.connection.curves import CURVES, along, lengths, started
from landscape.connection.ends import Ends, NetworkEnds, between, ends_of, require_own_losses
from landscape.connection.repair import Repair
from landscape.connection.saddles import minimax, saddle_of, tree_of
from landscape.curvature import analyze_hessian
from landscape.errors import ComputationError, InputError, did_you_mean
from landscape.files import require_writable
from landscape.model import Model
from landscape.objective import HasValue, complete
from landscape.objective.session import session
from landscape.progress import Announce, Progress, nobody, part, silent
from landscape.records import Connection, Pieces
from landscape.records.keeping import Fields, Key, Wanted, produce

Array = NDArray[np.float64]
Told = tuple[dict[str, Any], dict[str, Array]]

# Points along a line, and along a curve.
LINE, CURVE = 25, 61
# Starts of an alignment that are told of where their number was left to it.
MOST_STARTS = 10
FITS = ("auto", "full", "batches")
# Most points of a band and of a curve.
MOST_PIVOTS, MOST_BENDS = 2000, 100
# How far the top of a band may move while it climbs, of the distance between the ends.
REACH = 0.2


@dataclass(frozen=True)
class Choices:
    """What is asked for beside the line."""

    curves: tuple[str, ...]
    bends: int
    fit: str
    repair: bool
    band: bool
    pivots: int
    align: bool
    matching: str
    starts: int | None
    recompute_statistics: bool
    count: int
    seed: int


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
    progress: Progress = nobody,
    announce: Announce = silent,
) -> Connection:
    r"""Say whether minima lie in one valley: how high the loss rises on the line between them, on curves, and over the lowest pass.

    The barrier is $\max_\alpha L(\theta_\alpha) - (1-\alpha) L(A) - \alpha L(B)$ on the line $\theta_\alpha = (1-\alpha)A + \alpha B$, its maximum
    refined, with the standard error of that difference over examples. Two are "connected" where the barrier and twice its error stay below a fiftieth of
    the range of losses, there is a "barrier" where it exceeds that by twice its error, and otherwise it is "not resolved".

    Parameters
    ----------
    subjects
        Models of one graph on the same data, or their files; or one objective.
    points
        Of an objective: two points [P] or more; of a `TorchObjective` checkpoints, beside the point at which it stands where one alone is given.
    curve
        "bezier", "polychain" or both: curves whose `bends` are moved so that the mean loss along them is least.
    bends
        Points between the ends that a curve bends at.
    fitting
        "full" (the mean at Gauss–Legendre nodes over all examples, by L-BFGS), "batches" (gradient descent with momentum, a place and a minibatch a step),
        or "auto": full where examples times parameters are below 2e8.
    repair
        Also the line with the means and deviations of hidden units set between the ends' own (REPAIR); of batch normalization the
        statistics are recomputed. It is a curve of its own, since it is another family of functions.
    band
        Also the lowest way over which a nudged elastic band slides, and the saddle at its top, certified by `analyze_critical`.
    pivots
        Points of the band at the start, ends included; more are inserted where it cuts corners.
    align
        Also the line to the other model with its units in the order of the first one's.
    matching, starts
        How units are matched, and from how many orders, as `landscape.align` takes them.
    recompute_statistics
        Take batch normalization's statistics anew at every point of curves; the line keeps statistics that move from end to end.
    alphas
        Points along the line, before the maximum is refined.
    examples, seed, dtype, threads, device
        As `NetworkObjective` takes them; the seed also draws the kicks by which curves and bands leave the line.
    output, fresh
        Where to save; a record of the same settings that is there is returned unless `fresh`. What is done of an unfinished one stands
        beside it, and is taken up.
    progress, announce
        Called with the share that is done and the same in words; and with sentences.

    Raises
    ------
    InputError
        Models of other graphs or data, one model twice, or a choice that is impossible here; the message says which.
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
        Wanted(Connection, key, path, fresh, progress, announce), lambda pieces: work(ends, choices, pieces)
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


def work(ends: Ends, choices: Choices, pieces: Pieces) -> Fields:
    """Do all pairs, one after the other; the fields of the record."""
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
    for number, name in enumerate(ends.names):
        entry: dict[str, Any] = {"name": name}
        for split, columns in ends.own(number).items():
            for quantity in ("loss", "accuracy"):
                if quantity in columns:
                    value = float(columns[quantity][0])
                    entry[f"{split}_{quantity}"] = value if np.isfinite(value) else None
        found.append(entry)
    return found


class Between:
    """Two ends, and all that is asked for between them."""

    def __init__(
        self, ends: Ends, i: int, j: int, choices: Choices, pieces: Pieces, progress: Progress
    ) -> None:
        self.ends, self.i, self.j, self.choices, self.pieces = ends, i, j, choices, pieces
        self.name, self.progress = f"{i}-{j}", progress
        self.scale = ends.range_of(i, j)
        self.steps = ["linear", *choices.curves]
        self.steps += ["repair"] * choices.repair + ["band"] * choices.band + ["aligned"] * choices.align

    def everything(self) -> Told:
        """Do what is asked for; what the report says of the pair, and its arrays."""
        pair, series = self.once("linear", lambda: self.walked(self.ends, "linear", self.line(self.ends)))
        pair = {"from": self.i, "to": self.j, "distance": self.ends.distance(self.i, self.j), "scale": self.scale, **pair}  # fmt: skip
        pair["curves"] = {}
        for name in self.choices.curves:
            pair["curves"][name], arrays = self.once(name, lambda name=name: self.curved(name))  # type: ignore[misc]
            series |= arrays
        if self.choices.repair:
            pair["curves"]["repair"], arrays = self.once("repair", lambda: self.repaired(self.ends, "repair"))
            series |= arrays
        if self.choices.band:
            told_band, arrays = self.once("band", self.banded)
            pair["saddle"], pair["curves"]["band"] = told_band.pop("saddle"), told_band
            series |= arrays
        if self.choices.align:
            pair["aligned"], arrays = self.once("aligned", self.aligned)
            series |= arrays
        return pair, series

    def once(self, step: str, do: Callable[[], Told]) -> Told:
        """Give a part that is done, or do it and keep it."""
        place = self.steps.index(step)
        self.progress(place / len(self.steps), f"{step}, {' to '.join(self.ends.names[k] for k in (self.i, self.j))}")  # fmt: skip

        def kept() -> dict[str, np.ndarray]:
            report, arrays = do()
            return {"report": np.array(json.dumps(report, allow_nan=False)), **arrays}

        found = dict(self.pieces.once(f"{self.name}.{step}", kept))
        return json.loads(str(found.pop("report")[()])), found

    def part(self, step: str) -> Callable[[int, int], object]:
        """Give what a step is told how far it is by."""
        place = self.steps.index(step)
        own = part(self.progress, place / len(self.steps), (place + 1) / len(self.steps))
        return lambda done, whole: own(done / whole, f"{step}, {done:,} of {whole:,}")

    def line(self, ends: Ends) -> Points:
        """Give the points of the line."""
        i, j = self.i, self.j
        return lambda t: (between(ends.thetas[i], ends.thetas[j], t), ends.constants_between(i, j, t))

    def walked(
        self, ends: Ends, name: str, points: Points, t: Array | None = None, *, own: bool = True, more: dict[str, Array] | None = None,
    ) -> Told:  # fmt: skip
        """Evaluate a path, refine its maximum, and see to it that its ends are the models themselves."""
        grid = np.linspace(0.0, 1.0, self.choices.count if t is None else CURVE) if t is None else t
        profile = refined(ends, points, evaluate(ends, points, grid))
        if own:
            for place, number in ((0, self.i), (-1, self.j)):
                require_own_losses(profile.columns, ends.own(number), place, ends.names[number])
        report = told(ends, points, profile, self.scale)
        return report, self.laid_out(name, profile) | {
            f"path.{self.name}.{name}.{key}": array for key, array in (more or {}).items()
        }

    def laid_out(self, name: str, profile: Profile) -> dict[str, Array]:
        """Name the arrays of a path."""
        found = {f"path.{self.name}.{name}.t": profile.t}
        for split, columns in profile.columns.items():
            for quantity in ("loss", "accuracy"):
                if quantity in columns:
                    found[f"path.{self.name}.{name}.{split}_{quantity}"] = columns[quantity]
        return found

    def constants(self, thetas: Array, t: Array, *, recomputed: bool) -> Array | None:
        """Give the constants at points of a path: on the way from end to end, or with statistics taken anew at each."""
        if recomputed and isinstance(self.ends, NetworkEnds):
            return np.stack([self.ends.statistics.at(theta) for theta in thetas])
        return self.ends.constants_between(self.i, self.j, t)

    def curved(self, name: str) -> Told:
        """Fit a curve and evaluate it."""
        curve, choices = CURVES[name](self.choices.bends), self.choices
        much = isinstance(self.ends, NetworkEnds) and self.ends.models[0].examples("train") * self.ends.size > fit.MUCH  # fmt: skip
        points = fit.fitted(
            self.ends, curve, self.i, self.j, seed=choices.seed, minibatches=choices.fit == "batches" or (choices.fit == "auto" and much),
            recomputed=choices.recompute_statistics, piece=self.pieces.piece(f"{self.name}.{name}.fit"), progress=self.part(name),
        )  # fmt: skip

        def places(t: Array) -> tuple[Array, Array | None]:
            thetas = along(curve, points, t)
            return thetas, self.constants(thetas, t, recomputed=choices.recompute_statistics)

        grid = np.linspace(0.0, 1.0, CURVE)
        report, arrays = self.walked(
            self.ends, name, places, grid, own=not choices.recompute_statistics, more={"points": points}
        )
        rows = along(curve, points, np.linspace(0.0, 1.0, 16 * CURVE))
        losses = arrays[f"path.{self.name}.{name}.{self.ends.splits[0]}_loss"]
        report |= self.shape_of(rows, points[1:-1]) | self.of_loss(losses, arrays[f"path.{self.name}.{name}.t"], curve, points)  # fmt: skip
        if choices.recompute_statistics:
            report["ends_recomputed"] = [float(losses[0]), float(losses[-1])]
        return report, arrays

    def of_loss(self, losses: Array, t: Array, curve: Any, points: Array) -> dict[str, Any]:
        """Give least, highest and mean loss, and the mean by length."""
        pieces = lengths(along(curve, points, t))
        middle = 0.5 * (losses[1:] + losses[:-1])
        found = {
            "least": losses.min(), "highest": losses.max(), "mean": np.trapezoid(losses, t), "mean_by_length": middle @ pieces / pieces.sum(),
        }  # fmt: skip
        return {name: float(value) if np.isfinite(value) else None for name, value in found.items()}

    def shape_of(self, rows: Array, bends: Array) -> dict[str, Any]:
        """Say how long a path is by the distance between its ends, and how far its points lie from the line between them."""
        line = self.ends.thetas[self.j] - self.ends.thetas[self.i]
        offset = bends - self.ends.thetas[self.i]
        aside = offset - (offset @ line / (line @ line))[:, None] * line
        return {
            "length": float(lengths(rows).sum() / np.linalg.norm(line)),
            "away": float(np.linalg.norm(aside, axis=1).max()),
        }

    def repaired(self, ends: Ends, name: str) -> Told:
        """Walk along the line with the statistics of hidden units set right."""
        assert isinstance(ends, NetworkEnds)
        line = self.line(ends)
        normalizes = any(node.traits.batch_statistics for node in ends.models[0].nodes)
        repair = None if normalizes else Repair(ends, self.i, self.j)

        def places(t: Array) -> tuple[Array, Array | None]:
            thetas, constants = line(t)
            if repair is None:
                inner = (t > 0) & (t < 1)
                rows = np.array(constants)
                for k in np.flatnonzero(inner):
                    rows[k] = ends.statistics.at(thetas[k])
                return thetas, rows
            rows = np.stack(
                [
                    repair.at(theta, None if constants is None else constants[k], float(t[k]))
                    for k, theta in enumerate(thetas)
                ]
            )
            return rows, constants

        return self.walked(ends, name, places)

    def aligned(self) -> Told:
        """Put the second model's units in the first one's order, and walk along the line again."""
        ends = self.ends
        assert isinstance(ends, NetworkEnds)
        found = align_models(
            ends.models[self.i], ends.models[self.j], method=self.choices.matching, starts=self.choices.starts, seed=self.choices.seed,
            threads=ends.options["threads"], progress=lambda done: self.part("aligned")(done, max(done, self.choices.starts or MOST_STARTS)),
        )  # fmt: skip
        moved = ends.with_end(self.j, found.model)
        # Sums over units in another order differ in their last bits.
        report, arrays = self.walked(moved, "aligned", self.line(moved))
        report |= found.told()
        if self.choices.repair:
            report["repair"], more = self.repaired(moved, "aligned_repair")
            arrays |= more
        for group, order in found.permutations().items():
            arrays[f"permutation.{self.name}.{group}"] = order.astype(np.float64)
        return report, arrays

    def banded(self) -> Told:
        """Let a band slide down, let its top climb, and judge that point."""
        ends, i, j, choices = self.ends, self.i, self.j, self.choices
        piece = self.pieces.piece(f"{self.name}.band.points")
        state = piece.state
        if state is None:
            # Kicked aside as a curve is: by symmetry the line itself may be a way that no force leads from.
            aside = fit.kick_of(ends, i, j, 1, choices.seed)
            bulge = np.sin(np.pi * np.linspace(0.0, 1.0, choices.pivots))[1:-1, None] * aside
            points = started(ends.thetas[i], ends.thetas[j], choices.pivots - 2, bulge)
            state = {"points": points, "done": np.array(0), "taken": np.array(0)}
        given = None if ends.constants is None else ends.constants[[i, j]]

        def sloped(thetas: Array, t: Array) -> tuple[Array, Array]:
            return ends.values_and_gradients(thetas, ends.constants_between(i, j, t))

        def valued(thetas: Array, t: Array) -> Array:
            return ends.values(thetas, ends.constants_between(i, j, t))

        def keep(points: Array, done: int, taken: int) -> None:
            now = {"points": points, "done": np.array(done), "taken": np.array(taken)}
            piece.keep(lambda: now, now=True)

        band = relax(
            sloped, valued, state["points"], ends.values(ends.thetas[[i, j]], given), done=int(state["done"]),
            before=int(state["taken"]), most=max(choices.pivots, 60), keep=keep, progress=self.part("band"),
        )  # fmt: skip
        theta, tangent, place = highest(valued, band)

        def chain(t: Array) -> tuple[Array, Array | None]:
            return at_places(band.points, t), ends.constants_between(i, j, t)

        inner = np.linspace(0.0, 1.0, 5)[:-1]
        grid = (band.places[:-1, None] + inner * np.diff(band.places)[:, None]).reshape(-1)
        grid = np.unique(np.concatenate([grid, [1.0]]))
        report, arrays = self.walked(ends, "band", chain, grid, more={"points": band.points})
        report |= self.shape_of(band.points, band.points[1:-1]) | {"pivots": len(band.points), "gradients": band.gradients}  # fmt: skip
        constants = ends.constants_between(i, j, np.array([place]))
        report["saddle"], more = self.saddle(
            None if constants is None else constants[0], sloped, theta, tangent, place, float(np.max(valued(theta[None], np.array([place])))),
        )  # fmt: skip
        return report, arrays | more

    def saddle(
        self, constants: Array | None, sloped: Callable[[Array, Array], tuple[Array, Array]], theta: Array, tangent: Array, place: float,
        top: float,
    ) -> Told:  # fmt: skip
        """Climb from the highest point of the band, and judge where that ends."""
        ends = self.ends
        if place in (0.0, 1.0):
            number = self.i if place == 0.0 else self.j
            reason = f"the band's highest point is {ends.names[number]} itself, so there is no pass between the two"
            return {"height": top, "above": 0.0, "error": 0.0, "index": None, "certified": False, "reason": reason, "highest": top}, {}  # fmt: skip
        reach = REACH * ends.distance(self.i, self.j)
        point = climb(sloped, theta, tangent, place, reach)
        if ends.size <= MOST_DENSE:
            point = follow(complete(ends.objective(constants)), point, tangent, reach)
        try:
            found, record = saddle_of(ends, self.i, self.j, point, constants, self.scale, self.choices.seed)
        except (InputError, ComputationError) as error:
            reason = f"the point could not be judged: {error}"
            return {"height": top, "above": None, "error": None, "index": None, "certified": False, "reason": reason, "highest": top}, {}  # fmt: skip
        arrays = {f"saddle.{self.name}.theta": np.asarray(record.theta)}
        if found["certified"]:
            arrays[f"saddle.{self.name}.eigenvector"] = lowest_direction(ends, record.theta, constants)
        return {**found, "highest": top}, arrays


def lowest_direction(ends: Ends, theta: Array, constants: Array | None) -> Array:
    """Give the eigenvector of the least eigenvalue at a point, [P], its largest element above zero."""
    record = analyze_hessian(complete(ends.objective(constants)), theta, top=0, bottom=1)
    vector = np.array(record.eigenvectors[0])
    return vector if vector[np.argmax(np.abs(vector))] > 0 else -vector


def at_places(points: Array, t: Array) -> Array:
    """Give the points of a chain [N, P] at shares t [K] of its length, [K, P]."""
    places = places_of(points)
    left = np.clip(np.searchsorted(places, t, side="right") - 1, 0, len(points) - 2)
    share = (t - places[left]) / (places[left + 1] - places[left])
    rows = points[left] + share[:, None] * (points[left + 1] - points[left])
    rows[t == 0.0], rows[t == 1.0] = points[0], points[-1]
    return np.asarray(rows)

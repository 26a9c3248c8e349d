"""All that is computed for one pair of minima: line, curves, band, and the aligned line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.alignment import align as align_models
from landscape.connection import fit
from landscape.connection.band import at_places, relax
from landscape.connection.barrier import Points, Profile, evaluate, refined, told
from landscape.connection.climbing import climb, follow, highest
from landscape.connection.curves import CURVES, along, lengths, lengths_between, started
from landscape.connection.ends import Ends, between, require_own_losses
from landscape.connection.network_ends import NetworkEnds
from landscape.connection.repair import Repair
from landscape.connection.saddles import saddle_of
from landscape.connection.sides import sides_of
from landscape.curvature import analyze_hessian
from landscape.errors import ComputationError, InputError
from landscape.objective import Completed, complete
from landscape.objective.session import session
from landscape.progress import Progress, nobody, part
from landscape.records import Pieces

Array = NDArray[np.float64]
Told = tuple[dict[str, Any], dict[str, Array]]

# Points along a curve.
CURVE = 61
# Starts of an alignment that are told of where their number was left to it.
MOST_STARTS = 10
# How far the top of a band may move while it climbs along gradients, and along eigenvectors, of the distance between the ends: a band of few points stays
# above the way, and its saddle may lie far below.
REACH, FURTHER = 0.2, 1.0
# Losses on the way down may lie above the saddle's by its rounding.
ROUNDING = 1e-12


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

    @property
    def steps(self) -> list[str]:
        """The parts of the work on a pair, in their order."""
        more = {"repair": self.repair, "band": self.band, "aligned": self.align}
        return ["linear", *self.curves, *(name for name, asked in more.items() if asked)]


@dataclass(frozen=True)
class PairSteps:
    """The parts of the work on all pairs, each by its name."""

    ends: Ends
    choices: Choices

    def names(self) -> list[str]:
        """Name all parts, as they are kept."""
        pairs = combinations(range(self.ends.count), 2)
        return [f"{i}-{j}.{step}" for i, j in pairs for step in self.choices.steps]

    def do(self, asked: tuple[str, Any]) -> dict[str, np.ndarray]:
        """Do one part on a worker."""
        name, _ = asked
        pair, _, step = name.partition(".")
        i, j = map(int, pair.split("-"))
        with session(), Pieces(None, model="", data="", settings={}) as pieces:
            return Between(self.ends, i, j, self.choices, pieces, nobody).kept(step)


class Between:
    """Two ends, and all that is asked for between them."""

    def __init__(
        self, ends: Ends, i: int, j: int, choices: Choices, pieces: Pieces, progress: Progress
    ) -> None:
        self.ends, self.i, self.j, self.choices, self.pieces = ends, i, j, choices, pieces
        self.name, self.progress = f"{i}-{j}", progress
        self.scale = ends.range_of(i, j)
        self.steps = choices.steps

    def everything(self) -> Told:
        """Do what is asked for; what the report says of the pair, and its arrays."""
        pair, series = self.once("linear")
        pair = {"from": self.i, "to": self.j, "distance": self.ends.distance(self.i, self.j), "scale": self.scale, **pair}  # fmt: skip
        pair["curves"] = {}
        for step in self.steps[1:]:
            found, arrays = self.once(step)
            if step == "band":
                pair["saddle"] = found.pop("saddle")
            if step == "aligned":
                pair["aligned"] = found
            else:
                pair["curves"][step] = found
            series |= arrays
        return pair, series

    def once(self, step: str) -> Told:
        """Give a part that is done, or do it and keep it."""
        place = self.steps.index(step)
        self.progress(place / len(self.steps), f"{step}, {' to '.join(self.ends.names[k] for k in (self.i, self.j))}")  # fmt: skip
        found = dict(self.pieces.once(f"{self.name}.{step}", lambda: self.kept(step)))
        return json.loads(str(found.pop("report")[()])), found

    def kept(self, step: str) -> dict[str, np.ndarray]:
        """Do a part, and lay it out as arrays."""
        report, arrays = self.make(step)
        return {"report": np.array(json.dumps(report, allow_nan=False)), **arrays}

    def make(self, step: str) -> Told:
        """Do a part: the line, a curve, or what was chosen beside them."""
        if step == "linear":
            return self.walked(self.ends, step, self.line(self.ends))
        if step == "repair":
            return self.repaired(self.ends, step)
        return self.banded() if step == "band" else self.aligned() if step == "aligned" else self.curved(step)

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
        """Give the constants at points of a path: on the way from end to end, or with statistics recomputed at each."""
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
        losses = arrays[f"path.{self.name}.{name}.{self.ends.splits[0]}_loss"]
        pieces = lengths_between(curve, points, np.linspace(0.0, 1.0, 16 * CURVE))
        report |= self.shape_of(pieces, points[1:-1]) | self.of_loss(losses, arrays[f"path.{self.name}.{name}.t"], curve, points)  # fmt: skip
        if choices.recompute_statistics:
            report["ends_recomputed"] = [float(losses[0]), float(losses[-1])]
        return report, arrays

    def of_loss(self, losses: Array, t: Array, curve: Any, points: Array) -> dict[str, Any]:
        """Give least, highest and mean loss, and the mean by length."""
        pieces = lengths_between(curve, points, t)
        middle = 0.5 * (losses[1:] + losses[:-1])
        found = {
            "least": losses.min(), "highest": losses.max(), "mean": np.trapezoid(losses, t), "mean_by_length": middle @ pieces / pieces.sum(),
        }  # fmt: skip
        return {name: float(value) if np.isfinite(value) else None for name, value in found.items()}

    def shape_of(self, pieces: Array, bends: Array) -> dict[str, Any]:
        """Say how long a path of pieces [n] is by the distance between its ends, and how far its points lie from the line between them."""
        line = self.ends.thetas[self.j] - self.ends.thetas[self.i]
        offset = bends - self.ends.thetas[self.i]
        aside = offset - (offset @ line / (line @ line))[:, None] * line
        return {
            "length": float(pieces.sum() / np.linalg.norm(line)),
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
        report |= self.shape_of(lengths(band.points), band.points[1:-1]) | {"pivots": len(band.points), "gradients": band.gradients}  # fmt: skip
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
        apart = ends.distance(self.i, self.j)
        objective = complete(ends.objective(constants))
        try:
            point = climb(sloped, theta, tangent, place, REACH * apart)
            given = None if ends.constants is None else ends.constants[[self.i, self.j]]
            floor = float(ends.values(ends.thetas[[self.i, self.j]], given).max())
            point = follow(objective, point, tangent, FURTHER * apart, floor)
            found, record = saddle_of(ends, self.i, self.j, point, constants, self.scale, self.choices.seed)
        except (InputError, ComputationError) as error:
            reason = f"the point could not be judged: {error}"
            return {"height": top, "above": None, "error": None, "index": None, "certified": False, "reason": reason, "highest": top}, {}  # fmt: skip
        arrays = {f"saddle.{self.name}.theta": np.asarray(record.theta)}
        if found["certified"]:
            vector = lowest_direction(objective, record.theta)
            arrays[f"saddle.{self.name}.eigenvector"] = vector
            found |= self.both_sides(objective, record.theta, vector)
        return {**found, "highest": top}, arrays

    def both_sides(self, objective: Completed, saddle: Array, vector: Array) -> dict[str, Any]:
        """Say which minima both ways down from the saddle come to, and whether that joins the two over it and nothing higher."""
        turned = self.turned if isinstance(self.ends, NetworkEnds) else None
        sides = sides_of(objective, saddle, vector, self.ends.thetas[[self.i, self.j]], turned)
        top = float(objective.value(saddle))
        over = all(side["highest"] <= top + ROUNDING * abs(top) for side in sides)
        joins = over and {None if side["reordered"] else side["to"] for side in sides} == {0, 1}
        told = [side | {"to": None if side["to"] is None else (self.i, self.j)[side["to"]]} for side in sides]
        return {"sides": told, "joins": joins}

    def turned(self, one: Array, other: Array) -> Array:
        """Give the second of two points with the network's units in the order in which it is most like the first."""
        assert isinstance(self.ends, NetworkEnds)
        model = self.ends.models[self.i]
        if np.array_equal(one, other):
            return other
        models = (model.with_theta(one), model.with_theta(other))
        return np.array(align_models(*models, seed=self.choices.seed, threads=self.ends.options["threads"]).model.theta)  # fmt: skip


def lowest_direction(objective: Completed, theta: Array) -> Array:
    """Give the eigenvector of the smallest eigenvalue at a point, [P], its largest element above zero."""
    record = analyze_hessian(objective, theta, top=0, bottom=1)
    vector = np.array(record.eigenvectors[0])
    return vector if vector[np.argmax(np.abs(vector))] > 0 else -vector

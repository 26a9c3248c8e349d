"""The minima that are connected: their parameters, their own losses, and what evaluates points between them."""

from __future__ import annotations

import copy
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.alignment.pairs import named, require_pair
from landscape.critical.frame import scale_of
from landscape.curvature.point import function_point
from landscape.errors import ComputationError, InputError
from landscape.model import Model, load_model
from landscape.objective import Completed, HasValue, NetworkObjective, complete
from landscape.objective.about import About, about
from landscape.objective.constant import constant_loss
from landscape.objective.devices import recorded_device, settle_device
from landscape.objective.examples import score_outputs
from landscape.objective.functions import checked_point
from landscape.objective.recomputed import RunningStatistics, needs_statistics
from landscape.objective.targets import weights_of

Array = NDArray[np.float64]
Columns = dict[str, Array]

SPLITS = ("train", "test")
# Of the range of losses, what counts as no barrier.
TOLERATED = 0.02
# How far the mean of single examples' losses may be from the loss, for rounding of float32.
MEAN_OF_EXAMPLES = 1e-5


@dataclass(frozen=True)
class Examples:
    """The loss [N] of each example, whether it is right [N] (None if nothing is), and the weight of each [N]."""

    loss: Array
    hit: Array | None
    weight: Array


class Ends(ABC):
    """M minima of one function: θ [M, P], names, and values at any θ with the constants that belong there.

    `scale` is the range of losses by which a barrier is small: of a network from the better end to the best constant predictor.
    """

    names: tuple[str, ...]
    thetas: Array
    constants: Array | None
    splits: tuple[str, ...]
    model: str
    data: str
    settings: dict[str, Any]
    exact: bool

    @property
    def count(self) -> int:
        """M, how many minima there are."""
        return len(self.thetas)

    @property
    def size(self) -> int:
        """The length P of θ."""
        return int(self.thetas.shape[1])

    @abstractmethod
    def columns(self, split: str, thetas: Array, constants: Array | None) -> Columns:
        """Give loss, and accuracy if there is one, at each row, without weight decay."""

    @abstractmethod
    def values(self, thetas: Array, constants: Array | None) -> Array:
        """Give training losses with weight decay [K]."""

    @abstractmethod
    def values_and_gradients(self, thetas: Array, constants: Array | None) -> tuple[Array, Array]:
        """Give training losses with weight decay [K], and their gradients [K, P]."""

    @abstractmethod
    def examples(self, split: str, theta: Array, constants: Array | None) -> Examples | None:
        """Give what each example has at θ, None if that is not known."""

    @abstractmethod
    def objective(self, constants: Array | None) -> HasValue:
        """Give the training objective with constants [C], for an analysis of one point."""

    @abstractmethod
    def range_of(self, i: int, j: int) -> float:
        """Give the range of losses by which a barrier between two ends is small."""

    @abstractmethod
    def own(self, number: int) -> dict[str, Columns]:
        """Give what each end has by itself, by split."""

    def constants_between(self, i: int, j: int, t: Array) -> Array | None:
        """Give the constants on the line from one end's to another's, [K, C]."""
        return None if self.constants is None else between(self.constants[i], self.constants[j], t)

    def distance(self, i: int, j: int) -> float:
        """Give ‖θⱼ − θᵢ‖."""
        return float(np.linalg.norm(self.thetas[j] - self.thetas[i]))


def between(one: Array, other: Array, t: Array) -> Array:
    """Give (1 − t)·one + t·other for each t, [K, P]; at 0 and 1 the ends themselves, to the last bit.

    >>> between(np.array([0.1]), np.array([0.7]), np.array([0.0, 0.5, 1.0])).tolist()
    [[0.1], [0.39999999999999997], [0.7]]
    """
    rows = (1.0 - t)[:, None] * one + t[:, None] * other
    rows[t == 0.0], rows[t == 1.0] = one, other
    return rows


class NetworkEnds(Ends):
    """Models of one graph on the same data.

    Raises
    ------
    InputError
        Fewer than two, other graphs, data or losses, or the same parameters.
    """

    def __init__(
        self, models: Sequence[Model], *, examples: int | None, seed: int, dtype: str, threads: int | None, device: str,
        names: tuple[str, ...] | None = None,
    ) -> None:  # fmt: skip
        first = models[0]
        self.names = tuple(named(model, number + 1) for number, model in enumerate(models)) if names is None else names  # fmt: skip
        ours = [first]
        for number, model in enumerate(models[1:], start=1):
            for earlier, known in enumerate(ours):
                found = require_pair(known, model, (self.names[earlier], self.names[number]))
            ours.append(found)
        if first.size == 0:
            raise InputError("the models have no trainable parameters, so there is nothing between them")
        self.models = tuple(ours)
        self.thetas = np.stack([model.theta for model in ours])
        if not np.all(np.isfinite(self.thetas)):
            raise InputError("a model's parameters hold NaN or infinity: `landscape info` says where")
        self.constants = np.stack([model.constants for model in ours])
        self.splits = tuple(split for split in SPLITS if split in first.splits)
        device = settle_device(device, first)
        subset = {name: examples for name in self.splits if examples is not None and examples < first.examples(name)}  # fmt: skip
        self.options: dict[str, Any] = {"dtype": dtype, "threads": threads, "device": device, "seed": seed}
        self.subset = subset
        # By the model, which `models` keeps as long as this.
        self.owned: dict[int, dict[str, Columns]] = {}
        self.objectives = {
            split: NetworkObjective(first, split, examples=subset.get(split), **self.options)
            for split in self.splits
        }
        digest = hashlib.sha256("".join(model.fingerprint() for model in ours).encode())
        self.model, self.data, self.exact = digest.hexdigest(), first.data_fingerprint(), False
        self.settings = {
            "model_name": first.name, "loss": first.loss, "loss_scale": first.loss_scale, "dtype": dtype,
            "device": recorded_device(device), "splits": list(self.splits), "examples": subset or None, "seed": seed,
        }  # fmt: skip

    @cached_property
    def statistics(self) -> RunningStatistics:
        """What recomputes batch normalization's statistics at a θ.

        Raises
        ------
        InputError
            The network has none; or frozen parameters that differ from end to end.
        """
        if not needs_statistics(self.models[0]):
            raise InputError(
                "--recompute-statistics: needs batch normalization in mode 'running', which the models do not have throughout"
            )
        frozen = [np.concatenate([np.ravel(a) for a in m.frozen_parameters.values()] or [np.zeros(0)]) for m in self.models]  # fmt: skip
        if any(not np.array_equal(frozen[0], other) for other in frozen[1:]):
            raise InputError(
                "--recompute-statistics: the models' frozen parameters differ, so it is not defined which ones hold between them: leave the option out"
            )
        return RunningStatistics(self.models[0], dtype=self.options["dtype"], threads=self.options["threads"])

    def columns(self, split: str, thetas: Array, constants: Array | None) -> Columns:
        """Give loss, and accuracy if there is one, at each row, without weight decay."""
        objective = self.objectives[split]
        return objective.columns(objective.engine.sums(objective.complete(thetas, constants)))

    def with_end(self, number: int, model: Model) -> NetworkEnds:
        """Give the same ends but one, such as a model with its units in another order."""
        found = copy.copy(self)
        models = list(self.models)
        models[number] = model
        found.models, found.thetas, found.constants = (
            tuple(models),
            self.thetas.copy(),
            np.array(self.constants),
        )
        found.thetas[number], found.constants[number], found.owned = model.theta, model.constants, {}
        return found

    def values(self, thetas: Array, constants: Array | None) -> Array:
        """Give training losses with weight decay [K]."""
        return self.objectives["train"].values(thetas, constants)

    def values_and_gradients(self, thetas: Array, constants: Array | None) -> tuple[Array, Array]:
        """Give training losses with weight decay [K], and their gradients [K, P]."""
        objective = self.objectives["train"]
        sums, gradients = objective.engine.gradients(objective.complete(thetas, constants))
        values = objective.losses(sums) + objective.penalties(thetas)
        return values, objective.finished(gradients) + objective.decayed(thetas)

    def examples(self, split: str, theta: Array, constants: Array | None) -> Examples | None:
        """Give what each example has at θ."""
        objective = self.objectives[split]
        there = objective if constants is None else objective.with_constants(constants)
        outputs, sample = np.asarray(there.outputs(theta), np.float64), objective.sample
        loss, hit = score_outputs(objective.model, outputs, sample.targets())
        weights = weights_of(objective.model, split)
        chosen = np.ones(len(loss)) if weights is None else sample.take(weights, np.arange(len(loss)))
        return Examples(loss, hit, np.asarray(chosen, np.float64))

    def objective(self, constants: Array | None) -> HasValue:
        """Give the training objective with constants [C]."""
        found = self.objectives["train"]
        return found if constants is None else found.with_constants(constants)

    def range_of(self, i: int, j: int) -> float:
        """Give how far the better end lies below the best constant predictor; where it does not, that predictor's loss."""
        worst = constant_loss(self.objectives["train"])
        rows = None if self.constants is None else self.constants[[i, j]]
        best = float(np.min(self.columns("train", self.thetas[[i, j]], rows)["loss"]))
        found = worst - best if worst > best else abs(worst)
        return found if found > 0 else 1.0

    def own(self, number: int) -> dict[str, Columns]:
        """Evaluate a model by itself, with its own buffers, as its file alone would be."""
        model = self.models[number]
        known = self.owned.get(id(model))
        if known is None:
            known = {}
            for split in self.splits:
                alone = NetworkObjective(model, split, examples=self.subset.get(split), **self.options)
                known[split] = alone.columns(alone.engine.sums(alone.complete(model.theta)))
            self.owned[id(model)] = known
        return known


class FunctionEnds(Ends):
    """Points of any objective.

    Raises
    ------
    InputError
        Fewer than two points, of another length, not finite, or the same.
    """

    def __init__(self, objective: HasValue, points: Sequence[Any], *, seed: int) -> None:
        self.whole: Completed = complete(objective).anew(seed)
        told: About | None = about(self.whole)
        rows, names = [], []
        for number, point in enumerate(points):
            if told is not None and not isinstance(point, np.ndarray | list | tuple):
                rows.append(told.read_run([point]).thetas[0])
                names.append(
                    Path(point).name if isinstance(point, str | Path) else f"checkpoint {number + 1}"
                )
            else:
                rows.append(checked_point(self.whole, np.asarray(point, np.float64)))
                names.append(f"point {number + 1}")
        if told is not None and len(rows) == 1:
            rows.insert(0, np.asarray(told.theta, np.float64))
            names.insert(0, told.name)
        self.thetas, self.names, self.constants, self.told = np.stack(rows), tuple(names), None, told
        for number in range(1, len(rows)):
            for earlier in range(number):
                if np.array_equal(rows[number], rows[earlier]):
                    raise InputError(
                        f"{names[number]}: has the parameters of {names[earlier]}, so there is nothing between them: give two different points"
                    )
        self.splits = ("train",) if told is None else tuple(name for name in SPLITS if name in told.splits)
        if not self.splits:
            raise InputError("the objective has neither training nor test data")
        point = function_point(self.whole, self.thetas[0])
        digest = hashlib.sha256(self.thetas.astype("<f8").tobytes() + point.model.encode())
        self.model, self.data, self.exact = digest.hexdigest(), point.data, told is None
        self.settings = {
            **{name: value for name, value in point.settings.items() if name not in ("layout", "split")},
            "splits": list(self.splits), "seed": seed,
        }  # fmt: skip
        self.point = point

    def columns(self, split: str, thetas: Array, constants: Array | None) -> Columns:
        """Give loss, and accuracy if there is one, at each row."""
        if self.told is None:
            return {"loss": self.whole.values(thetas)}
        objective = complete(self.told.splits[split])
        found = [objective.evaluate(theta) for theta in thetas]
        columns = {"loss": np.array([one.loss for one in found])}
        if all(one.accuracy is not None for one in found):
            columns["accuracy"] = np.array([float(one.accuracy or 0.0) for one in found])
        return columns

    def values(self, thetas: Array, constants: Array | None) -> Array:
        """Give values [K]."""
        return self.whole.values(thetas)

    def values_and_gradients(self, thetas: Array, constants: Array | None) -> tuple[Array, Array]:
        """Give values [K] and gradients [K, P]."""
        found = [self.whole.value_and_gradient(theta) for theta in thetas]
        return np.array([value for value, _ in found]), np.stack([gradient for _, gradient in found])

    def examples(self, split: str, theta: Array, constants: Array | None) -> Examples | None:
        """Give what each example has at θ, where the objective tells it and the loss is their plain mean, as it is not with weights of classes."""
        known = None if self.told is None else self.told.examples.get(split)
        found = None if known is None else known.single(theta)
        if found is None or self.told is None:
            return None
        loss, hit = found
        whole = float(complete(self.told.splits[split]).evaluate(theta).loss)
        if abs(float(np.mean(loss)) - whole) > MEAN_OF_EXAMPLES * max(1.0, abs(whole)):
            return None
        return Examples(loss, hit, np.ones(len(loss)))

    def objective(self, constants: Array | None) -> HasValue:
        """Give the objective."""
        return self.whole

    def range_of(self, i: int, j: int) -> float:
        """Give the larger of the function's size at an end and of what it changes by around it, half way to the other end."""
        return scale_of(replace(self.point, theta=self.thetas[i]), 0.5 * self.distance(i, j), 0)[0]

    def own(self, number: int) -> dict[str, Columns]:
        """Evaluate a point by itself."""
        return {split: self.columns(split, self.thetas[number][None], None) for split in self.splits}


def require_own_losses(
    found: Mapping[str, Columns], own: Mapping[str, Columns], place: int, name: str
) -> None:
    """Refuse a path whose end is not the model itself.

    Raises
    ------
    ComputationError
        A loss or an accuracy differs in any bit.
    """
    for split, columns in own.items():
        for quantity, values in columns.items():
            if (
                quantity in found[split]
                and found[split][quantity][place] != values[0]
                and not np.isnan(values[0])
            ):
                raise ComputationError(
                    f"the path's {split} {quantity} at {name} is {found[split][quantity][place]!r}, and its own is {values[0]!r}: "
                    "this is a fault of the program, please report it"
                )  # fmt: skip


def ends_of(
    subjects: Sequence[Any], *, points: Sequence[ArrayLike] | None, examples: int | None, seed: int, dtype: str,
    threads: int | None, device: str,
) -> Ends:  # fmt: skip
    """Take models, their files, or one objective and its points.

    Raises
    ------
    InputError
        Fewer than two ends, or what cannot be compared.
    """
    if len(subjects) == 1 and not isinstance(subjects[0], Model | str | Path):
        if examples is not None or device not in ("cpu", "auto"):
            raise InputError(
                "an objective has its own data: choose examples and device where it is made, and leave them out here"
            )
        given = [] if points is None else list(points)
        if len(given) + (about(complete(subjects[0])) is not None) < 2:
            raise InputError("connect of an objective needs points=[…], at least two points [P] of it")
        return FunctionEnds(subjects[0], given, seed=seed)
    if points is not None:
        raise InputError("points are those of an objective: models have their own parameters")
    if len(subjects) < 2:
        raise InputError("expected at least two models to connect, found one")
    loaded = [load_model(one) if isinstance(one, str | Path) else one for one in subjects]
    for one in loaded:
        if not isinstance(one, Model):
            raise InputError(
                f"expected models, or one objective with points=[…], found a {type(one).__name__} among several"
            )
    return NetworkEnds(loaded, examples=examples, seed=seed, dtype=dtype, threads=threads, device=device)

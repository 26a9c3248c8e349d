"""Points of any objective as minima."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.connection.ends import SPLITS, Columns, Ends, Examples
from landscape.critical.frame import scale_of
from landscape.curvature.point import function_point
from landscape.errors import InputError
from landscape.objective import Completed, HasValue, complete
from landscape.objective.about import About, about
from landscape.objective.functions import checked_point

Array = NDArray[np.float64]

# How far the mean of single examples' losses may be from the loss, for rounding of float32.
MEAN_OF_EXAMPLES = 1e-5


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

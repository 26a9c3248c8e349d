"""Models of one graph as minima: a network's losses, gradients and examples between them."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.alignment.pairs import named, require_pair
from landscape.connection.ends import SPLITS, Columns, Ends, Examples
from landscape.connection.nodes import Nodes, nodes_of_network
from landscape.errors import InputError
from landscape.model import Model
from landscape.objective import HasValue, NetworkObjective
from landscape.objective.constant import constant_loss
from landscape.objective.devices import recorded_device, settle_device
from landscape.objective.examples import score_outputs
from landscape.objective.recomputed import RunningStatistics, needs_statistics
from landscape.objective.targets import weights_of

Array = NDArray[np.float64]


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
        # Of the ends themselves, which every path begins and ends with, by number.
        self.owned: dict[int, dict[str, Columns]] = {}
        self.scored: dict[tuple[int, str], Examples] = {}
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

    def losses(self, split: str, thetas: Array, constants: Array | None) -> Array:
        """Give the loss alone at each row [K], with the bits that `columns` gives."""
        objective = self.objectives[split]
        return objective.losses(objective.engine.sums(objective.complete(thetas, constants)))

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
        found.thetas[number], found.constants[number] = model.theta, model.constants
        found.owned = {key: one for key, one in self.owned.items() if key != number}
        found.scored = {key: one for key, one in self.scored.items() if key[0] != number}
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

    def nodes(self, basis: Array, weights: Array, i: int, j: int, constants: Array | None) -> Nodes:
        """Give what evaluates the nodes of a curve, with what they share computed once."""
        found = nodes_of_network(self.objectives["train"], basis, weights, self.thetas[[i, j]], constants)
        return super().nodes(basis, weights, i, j, constants) if found is None else found

    def number_of(self, theta: Array, constants: Array) -> int | None:
        """Give the number of the end that θ and constants are, None where they are no end's."""
        for number, model in enumerate(self.models):
            if np.array_equal(theta, self.thetas[number]) and np.array_equal(constants, model.constants):
                return number
        return None

    def examples(self, split: str, theta: Array, constants: Array | None) -> Examples:
        """Give what each example has at θ; an end is scored once."""
        number = None if constants is None else self.number_of(theta, constants)
        if number is None:
            return self.scores(split, theta, constants)
        if (number, split) not in self.scored:
            self.scored[number, split] = self.scores(split, theta, constants)
        return self.scored[number, split]

    def scores(self, split: str, theta: Array, constants: Array | None) -> Examples:
        """Score each example at θ."""
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
        best = min(float(self.own(number)["train"]["loss"][0]) for number in (i, j))
        found = worst - best if worst > best else abs(worst)
        return found if found > 0 else 1.0

    def own(self, number: int) -> dict[str, Columns]:
        """Evaluate a model by itself, with its own buffers, as its file alone would be."""
        if number not in self.owned:
            model = self.models[number]
            self.owned[number] = {
                split: self.columns(split, model.theta[None], model.constants[None]) for split in self.splits
            }
        return self.owned[number]

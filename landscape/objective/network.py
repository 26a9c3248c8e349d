"""A model's loss as a function of θ: what an engine sums over examples, as means, with weight decay and accuracy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.errors import InputError
from landscape.model import Model
from landscape.model.required import require_model
from landscape.objective.by_device import make_engine
from landscape.objective.compiling import checked_dtype
from landscape.objective.cpu_network import CpuNetwork
from landscape.objective.devices import CPU, settle_device
from landscape.objective.engine import HESSIAN, Engine, Grid, Matrix, Setting
from landscape.objective.evaluation import HAS_ACCURACY, Counts, Evaluation, ratio, ratio_error
from landscape.objective.metric_sweep import MetricSweep
from landscape.objective.metrics import Metrics
from landscape.objective.sample import Sample
from landscape.objective.session import checked_threads
from landscape.objective.sweep import NetworkSweep

Array = NDArray[np.float64]
Products = Callable[[ArrayLike], Array]


class NetworkObjective:
    """The loss of a model over a split (or a seeded subset of it) as a function of θ.

    Parameters
    ----------
    model
        The model, of which graph, constants and data are used, but not θ.
    split
        "train", "validation" or "test".
    dtype
        "float32" or "float64"; sums over examples are in float64 either way.
    threads
        Number of threads; None for all cores. Results have the same bits for any number.
    examples, seed
        Size of a random subset of the examples, drawn by the seed; None for all.
    device
        "cpu", "cuda" or "cuda:N", or "auto", which is the CPU.
    engine
        A function `Setting` → `Engine` that makes the engine; by default the device's.
    metrics
        Metrics to compute beside the loss in evaluations and sweeps: names such as `top5`, `mean_iou` or `r2`,
        depending on the loss. They take another forward pass at each point.

    Raises
    ------
    InputError
        A missing split, a metric that does not fit the loss, an op that the engine does not run, a wrong dtype or
        number, or a missing device.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> x, y = np.array([[1.0], [2.0]]), np.array([[1.0], [4.0]])
    >>> model = build_model(layers=[(np.array([[1.0]]), np.array([0.0]))], loss="mse", x_train=x, y_train=y)
    >>> objective = NetworkObjective(model)
    >>> objective.value([1.0, 0.0]), objective.gradient([1.0, 0.0]).tolist()
    (2.0, [-4.0, -2.0])
    >>> objective.hvp([1.0, 0.0], [1.0, 0.0]).tolist()
    [5.0, 3.0]
    """

    def __init__(
        self,
        model: Model,
        split: str = "train",
        *,
        dtype: str = "float64",
        threads: int | None = None,
        examples: int | None = None,
        seed: int = 0,
        device: str = CPU,
        engine: Callable[[Setting], Engine] = make_engine,
        metrics: str | Sequence[str] = (),
    ) -> None:
        self.model, self.split, self.dtype = model, split, checked_dtype(dtype)
        self.threads = checked_threads(threads)
        self.given = {
            "dtype": dtype, "threads": threads, "examples": examples, "seed": seed, "device": device, "engine": engine,
            "metrics": metrics,
        }  # fmt: skip
        self.sample = Sample(model, split, examples, seed)
        self.metrics = Metrics(self.sample, metrics)
        self.decay = model.decay_vector()
        self.decays = bool(self.decay.any())
        chosen = settle_device(device, model)
        self.engine = engine(Setting(model, self.sample, self.dtype, self.threads, chosen))

    def __reduce__(self) -> tuple[Any, ...]:
        # An engine holds addresses of machine code: another process makes its own.
        return made_anew, (self.model, self.split, self.given, self.__dict__.get("constants"))

    @property
    def device(self) -> str:
        """The device that computes, "cpu" or "cuda:N"."""
        return self.engine.device

    @property
    def on_cpu(self) -> CpuNetwork:
        """The network for the kernels of the CPU, for what only they compute.

        Raises
        ------
        InputError
            The engine computes without them.
        """
        network = self.engine.on_cpu
        if network is None:
            raise InputError(
                f"this needs the kernels of the CPU, which the engine of '{self.device}' does without"
            )
        return network

    @property
    def counts(self) -> Counts:
        """The numbers of examples and of targets in the sums."""
        return self.sample.counts

    def with_constants(self, constants: ArrayLike) -> NetworkObjective:
        """Return the same objective with other frozen parameters and buffers, flat [C].

        Both share one engine.
        """
        there = object.__new__(type(self))
        there.__dict__ |= self.__dict__
        there.constants = np.asarray(constants).astype(self.dtype)
        return there

    @property
    def size(self) -> int:
        """The length P of θ."""
        return self.model.size

    @cached_property
    def constants(self) -> NDArray:
        """Frozen parameters and buffers, which follow θ in the engine's vectors."""
        return self.model.constants.astype(self.dtype)

    def complete(self, thetas: ArrayLike, constants: ArrayLike | None = None) -> NDArray:
        """Return [θ, constants] for each θ, [K, P + C] in the dtype of the arithmetic.

        Raises
        ------
        InputError
            Rows that are not as long as θ.
        """
        rows = np.asarray(thetas)
        rows = rows[None] if rows.ndim == 1 else rows
        if rows.ndim != 2 or rows.shape[1] != self.size:
            raise InputError(
                f"expected vectors of {self.size} parameters, found shape {list(np.shape(thetas))}"
            )
        result = np.empty((len(rows), self.size + self.constants.size), self.dtype)
        if rows.dtype == self.dtype:
            result[:, : self.size] = rows
        else:
            with np.errstate(over="ignore"):
                result[:, : self.size] = rows
        if self.constants.size:
            result[:, self.size :] = self.constants if constants is None else constants
        return result

    def penalties(self, thetas: ArrayLike) -> Array:
        """Return the penalty ½ Σ weight_decay·θ² of each row."""
        rows = np.atleast_2d(np.asarray(thetas, np.float64))
        if not self.decays:
            return np.zeros(len(rows))
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(0.5 * np.sum(self.decayed(rows) * rows, axis=1, where=self.decay != 0))

    def decayed(self, vectors: ArrayLike) -> Array:
        """Return weight_decay·v for each row: the penalty's gradient at v, and its Hessian times v."""
        rows = np.atleast_2d(np.asarray(vectors, np.float64))
        # Not 0·∞ where nothing decays.
        return np.multiply(self.decay, rows, out=np.zeros(rows.shape), where=self.decay != 0)

    def losses(self, sums: Array) -> Array:
        """Turn sums into losses, without the penalty."""
        return ratio(sums, self.counts) * self.model.loss_scale

    def values(self, thetas: ArrayLike, constants: ArrayLike | None = None) -> Array:
        """Evaluate loss plus penalty at each row of thetas [K, P], returning float64 [K].

        `constants` [K, C], one row for each θ, replace those of the model.
        """
        sums = self.engine.sums(self.complete(thetas, constants))
        return self.losses(sums) + self.penalties(thetas)

    def value(self, theta: ArrayLike) -> float:
        """Evaluate loss plus penalty at θ."""
        return float(self.values(np.asarray(theta)[None])[0])

    def columns(self, sums: Array) -> dict[str, Array]:
        """Turn sums [K, 6] into loss and accuracy, with standard errors where the data are a subset."""
        counts, scale = self.counts, abs(self.model.loss_scale)
        result = {"loss": self.losses(sums)}
        if self.model.loss in HAS_ACCURACY:
            result["accuracy"] = ratio(sums[..., 3:], counts)
        if counts.examples < counts.population:
            result |= {"loss.error": ratio_error(sums, counts) * scale}
            if self.model.loss in HAS_ACCURACY:
                result["accuracy.error"] = ratio_error(sums[..., 3:], counts)
        return result

    def evaluate(self, theta: ArrayLike) -> Evaluation:
        """Evaluate loss (without penalty), accuracy, the chosen metrics, their standard errors, and the penalty at θ."""
        return self.evaluation(self.engine.sums(self.complete(theta))[0], theta, self.measure(theta))

    def measure(self, theta: ArrayLike, constants: ArrayLike | None = None) -> Array:
        """Evaluate the chosen metrics at θ, [M] in the order of `metrics.columns`.

        `constants` [C] replace those of the model.
        """
        if not self.metrics.columns:
            return np.zeros(0)
        return self.metrics.measure(self.engine.outputs(self.complete(theta, constants)[0]))

    def outputs(self, theta: ArrayLike) -> NDArray:
        """Return the network's outputs at θ for every example, [N, …] in the dtype of the arithmetic."""
        return self.engine.outputs(self.complete(theta)[0])

    def evaluation(self, sums: Array, theta: ArrayLike, measured: Array) -> Evaluation:
        """Turn the sums [6] and the metrics [M] at θ into an evaluation."""
        found = dict(zip(self.metrics.columns, map(float, measured), strict=True))
        columns = {name: float(column[0]) for name, column in self.columns(sums[None]).items()}
        accuracy = columns.get("accuracy")
        return Evaluation(
            loss=columns["loss"],
            loss_error=columns.get("loss.error", 0.0),
            accuracy=accuracy,
            accuracy_error=None if accuracy is None else columns.get("accuracy.error", 0.0),
            penalty=float(self.penalties(theta)[0]),
            metrics={name: found[name] for name in self.metrics.chosen},
            metric_errors={name: found.get(f"{name}.error", 0.0) for name in self.metrics.chosen},
        )

    def gradients(self, thetas: ArrayLike) -> Array:
        """Return the gradients of loss plus penalty at each row of thetas [K, P], float64 [K, P]."""
        return self.values_and_gradients(thetas)[1]

    def values_and_gradients(self, thetas: ArrayLike) -> tuple[Array, Array]:
        """Return values [K] and gradients [K, P] from one pass."""
        sums, gradients = self.engine.gradients(self.complete(thetas))
        values = self.losses(sums) + self.penalties(thetas)
        return values, self.finished(gradients) + self.decayed(thetas)

    @cached_property
    def factor(self) -> float:
        """The factor by which a sum over examples is multiplied."""
        total = self.counts.total
        # The mean over no target is no number.
        return self.model.loss_scale / total if total else math.nan

    def finished(self, summed: Array) -> Array:
        """Turn a derivative of the summed loss [K, P + C] into that of the loss [K, P]."""
        if 0 < abs(self.factor) <= 1:
            return np.asarray(summed[:, : self.size] * self.factor)
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            return np.asarray(summed[:, : self.size] * self.factor)

    def gradient(self, theta: ArrayLike) -> Array:
        """Return the gradient of loss plus penalty at θ, float64 [P]."""
        return np.asarray(self.gradients(np.asarray(theta)[None])[0])

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, Array]:
        """Return value and gradient at θ from one pass."""
        values, gradients = self.values_and_gradients(np.asarray(theta)[None])
        return float(values[0]), gradients[0]

    def hvps(self, theta: ArrayLike, vectors: ArrayLike) -> Array:
        """Return the exact Hessian of loss plus penalty at θ times each row of vectors [K, P], float64 [K, P]."""
        return self.hvps_at(theta)(vectors)

    def hvps_at(self, theta: ArrayLike) -> Products:
        """Return the function vectors → `hvps(theta, vectors)`, prepared for many calls at one θ."""
        products = self.products(HESSIAN, theta)
        if not self.decays:
            return products
        return lambda vectors: products(vectors) + self.decayed(vectors)

    def products(self, matrix: Matrix, theta: ArrayLike) -> Products:
        """Return the function that multiplies rows of vectors [K, P] by a matrix at θ, for the loss without penalty."""
        summed = self.engine.products(matrix, self.complete(theta)[0])
        return lambda vectors: self.finished(summed(self.complete(vectors, 0.0)))

    def hvp(self, theta: ArrayLike, vector: ArrayLike) -> Array:
        """Return the exact Hessian of loss plus penalty at θ times a vector, float64 [P]."""
        return np.asarray(self.hvps(theta, np.asarray(vector)[None])[0])

    def sweep(
        self, center: ArrayLike, directions: ArrayLike, axes: tuple[Array, ...]
    ) -> NetworkSweep | MetricSweep:
        """Prepare the evaluation of the loss (without penalty) on the grid center + Σ αᵢ directions[i], αᵢ from axes[i]."""
        rows = np.atleast_2d(np.asarray(directions))
        if len(rows) != len(axes):
            raise InputError(f"expected an axis for each of {len(rows)} directions, found {len(axes)}")
        vectors = np.concatenate([self.complete(np.asarray(center)), self.complete(rows, 0.0)])
        grid = Grid(vectors, axes)
        losses = NetworkSweep(self.engine.sweep(grid), grid.points, self.columns)
        if not self.metrics.columns:
            return losses
        point = np.asarray(center, np.float64)
        return MetricSweep(losses, self.measure, self.metrics.columns, point, rows.astype(np.float64), axes)


def made_anew(model: Model, split: str, given: dict[str, Any], constants: NDArray | None) -> NetworkObjective:
    """Make an objective again, for example in another process."""
    made = NetworkObjective(model, split, **given)
    return made if constants is None else made.with_constants(constants)


def evaluate_model(model: Model, metrics: str | Sequence[str] = ()) -> dict[str, Evaluation]:
    """Evaluate every split of a model at its own θ, in float64, with optional metrics by name."""
    require_model(model, "evaluate_model")
    return {
        split: NetworkObjective(model, split, metrics=metrics).evaluate(model.theta) for split in model.splits
    }

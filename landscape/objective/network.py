"""A model's loss as a function of θ, computed by the kernels of the CPU."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.errors import InputError
from landscape.kernels.cpu import derivatives
from landscape.kernels.cpu import outputs as output_kernels
from landscape.kernels.cpu import values as value_kernels
from landscape.kernels.cpu.arrays import Batch, Buffers, DerivativeBuffers
from landscape.kernels.cpu.losses import SUMS, Criterion
from landscape.kernels.cpu.table import GRADIENTS, VALUES, Work
from landscape.kernels.program import Program
from landscape.memory import fits_memory, size_words
from landscape.model import Model
from landscape.model.required import require_model
from landscape.objective import aligned
from landscape.objective.devices import CPU, settle_device
from landscape.objective.evaluation import Evaluation, ratio, ratio_error
from landscape.objective.lowered import Lowered, arrays_of, checked, loss_code, lowered, require, sharing
from landscape.objective.primal import Primals
from landscape.objective.products import Products, TileProducts
from landscape.objective.program_check import Mode, check_data
from landscape.objective.session import checked_threads, session, share_work
from landscape.objective.sweep import NetworkSweep
from landscape.objective.tiles import Tiles, examples_of, narrowest_tile

Array = NDArray[np.float64]

DTYPES = ("float32", "float64")
# Losses whose outputs are right or wrong.
HAS_ACCURACY = ("cross_entropy", "binary_cross_entropy")
# Tiles are summed in at most so many parts, which threads share; the number must not depend on the threads.
SLOTS = 8
RESULT_BYTES = 256 * 2**20


class NetworkObjective:
    """The loss of a model over a split (or a seeded subset of it) as a function of θ.

    Parameters
    ----------
    model
        The model; its graph, constants and data are used, its θ is not.
    split
        "train", "validation" or "test".
    dtype
        "float32" or "float64"; sums over examples are in float64 either way.
    threads
        How many; None for all. The bits of every result are the same for any number.
    examples, seed
        The size of a random subset, drawn by the seed; None for all.
    device
        "cpu", "cuda" or "cuda:N", or "auto": the GPU where there is one and the work is large enough to gain.

    Raises
    ------
    InputError
        A split that is not there, an op that the engine does not run, a wrong dtype or number, a device that is not there.

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

    def __new__(cls, model: Model, *given: Any, device: str = CPU, **options: Any) -> NetworkObjective:
        """Make the kind of objective that the device has."""
        if cls is NetworkObjective and settle_device(device, model) != CPU:
            from landscape.objective.cuda import CudaObjective

            return super().__new__(CudaObjective)
        return super().__new__(cls)

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
    ) -> None:
        if str(np.dtype(dtype)) not in DTYPES:
            raise InputError(f"dtype: expected {' or '.join(DTYPES)}, found {dtype}")
        if examples is not None and examples < 1:
            raise InputError(f"examples: expected at least 1, found {examples}")
        model.examples(split)
        self.model, self.split, self.device = model, split, settle_device(device, model)
        self.dtype = np.dtype(dtype)
        self.threads = checked_threads(threads)
        self.decay = model.decay_vector()
        self.decays = bool(self.decay.any())
        self.program = checked(model, Mode.VALUES)
        self.tiles = self.make_tiles(examples, seed)
        check_data(self.program, model, self.tiles.inputs)
        self.criterion = Criterion(loss_code(model.loss), self.dtype.type(model.delta))
        self._memory: dict[str, Any] = {}

    def make_tiles(self, examples: int | None, seed: int) -> Tiles:
        """Lay the data, or a subset of them, out in tiles."""
        program = self.program
        features, narrowest = program.features + program.scratch, narrowest_tile(program, self.dtype.itemsize)
        return Tiles(self.model, self.split, self.dtype, features, examples, seed, narrowest=narrowest)

    @property
    def size(self) -> int:
        """P, the length of θ."""
        return self.model.size

    @cached_property
    def plain(self) -> Lowered:
        """The program for values."""
        return arrays_of(self.program, self.dtype)

    @cached_property
    def full(self) -> Lowered:
        """The program that keeps every output, for derivatives."""
        return lowered(self.model, self.dtype, Mode.DERIVATIVES)

    @cached_property
    def reverse(self) -> Lowered:
        """The same program where adjoints share places, for gradients: a tile's adjoints then stay near the core."""
        return sharing(self.full, self.model)

    def prepare(self, lowering: Lowered, work: Work) -> None:
        """Compile the rules that a kind of work needs, before it is done the first time: nothing is compiled for what is refused."""
        require(lowering, self.criterion.code, work)

    @cached_property
    def constants(self) -> NDArray:
        """Frozen parameters and buffers, which follow θ in the kernels' vectors."""
        return self.model.constants.astype(self.dtype)

    def complete(self, thetas: ArrayLike, constants: ArrayLike | None = None) -> NDArray:
        """Give [θ, constants] for each θ, [K, P + C] in the kernels' dtype.

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

    def buffers(self) -> Buffers:
        """Give each worker its memory for values."""
        if "values" not in self._memory:
            self._memory["values"] = Buffers(**self.common(self.plain.program))
        return self._memory["values"]

    def common(self, program: Program) -> dict[str, NDArray]:
        """Allocate what every kernel needs to run a program.

        Raises
        ------
        InputError
            The workspace would not fit into memory.
        """
        workers, width, features = self.threads, self.tiles.width, program.features
        needed = workers * width * features * self.dtype.itemsize
        if not fits_memory(needed):
            raise InputError(
                f"the network's outputs take {features:,} numbers an example, {size_words(needed)} for "
                f"{workers} threads and {width} examples each, more than is free: try fewer threads or float32"
            )
        return {
            "work": aligned.zeros((workers, features * width), self.dtype),
            "scratch": aligned.zeros((workers, program.scratch, width), self.dtype),
            "sums": np.zeros((workers, 2, width)),
        }

    def derivative_buffers(self) -> DerivativeBuffers:
        """Give each worker its memory for derivatives."""
        if "derivatives" not in self._memory:
            common = self.common(self.full.program)
            shape = common["work"].shape
            self._memory["derivatives"] = DerivativeBuffers(
                **common,
                adjoint=aligned.zeros(shape, self.dtype),
                tangent=aligned.zeros(shape, self.dtype),
                into=aligned.zeros(shape, self.dtype),
                gradient=aligned.zeros((self.threads, self.full.program.parameters), self.dtype),
            )
        return self._memory["derivatives"]

    @cached_property
    def primals(self) -> Primals:
        """What products at one θ share."""
        return Primals(self)

    def passes(self, vectors: int, numbers: int) -> Iterator[tuple[int, Batch, int, slice]]:
        """Go over blocks of tiles, and in each over runs of vectors whose results, so many numbers a slot each, are not too large.

        Gives the block's number, the block, the number of slots that its tiles are summed in, and the run.
        """
        for number in range(self.tiles.blocks):
            batch = self.tiles.block(number)
            slots = min(len(batch.valid), SLOTS)
            length = max(1, RESULT_BYTES // max(1, slots * numbers * 8))
            for start in range(0, vectors, length):
                yield number, batch, slots, slice(start, min(vectors, start + length))

    def sums(self, thetas: NDArray) -> Array:
        """Sum over examples at each row of complete vectors, [K, 6], tiles in their order."""
        self.prepare(self.plain, VALUES)
        result = np.zeros((len(thetas), SUMS))
        most = max(1, math.ceil(self.tiles.block_tiles / SLOTS))
        for _, batch, _, run in self.passes(len(thetas), most * SUMS):
            out = np.zeros((run.stop - run.start, len(batch.valid), SUMS))
            share_work(
                value_kernels.values, self.threads, *self.plain.arrays, batch, self.criterion, thetas[run],
                self.buffers(), out,
            )  # fmt: skip
            for tile in range(out.shape[1]):
                result[run] += out[:, tile]
        return result

    def penalties(self, thetas: ArrayLike) -> Array:
        """Give ½ Σ weight_decay·θ² of each row."""
        rows = np.atleast_2d(np.asarray(thetas, np.float64))
        if not self.decays:
            return np.zeros(len(rows))
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(0.5 * np.sum(self.decayed(rows) * rows, axis=1, where=self.decay != 0))

    def decayed(self, vectors: ArrayLike) -> Array:
        """Give weight_decay·v for each row: the penalty's gradient at v, and its Hessian's product with v."""
        rows = np.atleast_2d(np.asarray(vectors, np.float64))
        # Not 0·∞ where nothing decays.
        return np.multiply(self.decay, rows, out=np.zeros(rows.shape), where=self.decay != 0)

    def losses(self, sums: Array) -> Array:
        """Turn sums into losses, without the penalty."""
        return ratio(sums, self.tiles.counts) * self.model.loss_scale

    def values(self, thetas: ArrayLike, constants: ArrayLike | None = None) -> Array:
        """Evaluate loss plus penalty at each row of thetas [K, P], giving float64 [K]; `constants` [K, C] are the rows' own in place of the model's."""
        complete = self.complete(thetas, constants)
        with session():
            sums = self.sums(complete)
        return self.losses(sums) + self.penalties(thetas)

    def value(self, theta: ArrayLike) -> float:
        """Evaluate loss plus penalty at θ."""
        return float(self.values(np.asarray(theta)[None])[0])

    def columns(self, sums: Array) -> dict[str, Array]:
        """Turn sums [K, 6] into loss and accuracy, with standard errors where the data are a subset."""
        counts, scale = self.tiles.counts, abs(self.model.loss_scale)
        result = {"loss": self.losses(sums)}
        if self.model.loss in HAS_ACCURACY:
            result["accuracy"] = ratio(sums[..., 3:], counts)
        if counts.examples < counts.population:
            result |= {"loss.error": ratio_error(sums, counts) * scale}
            if self.model.loss in HAS_ACCURACY:
                result["accuracy.error"] = ratio_error(sums[..., 3:], counts)
        return result

    def evaluate(self, theta: ArrayLike) -> Evaluation:
        """Give loss (without penalty), accuracy, their standard errors, and the penalty at θ."""
        complete = self.complete(theta)
        with session():
            sums = self.sums(complete)
        return self.evaluation(sums[0], theta)

    def evaluation(self, sums: Array, theta: ArrayLike) -> Evaluation:
        """Turn the sums [6] at θ into an evaluation."""
        columns = {name: float(column[0]) for name, column in self.columns(sums[None]).items()}
        accuracy = columns.get("accuracy")
        return Evaluation(
            loss=columns["loss"],
            loss_error=columns.get("loss.error", 0.0),
            accuracy=accuracy,
            accuracy_error=None if accuracy is None else columns.get("accuracy.error", 0.0),
            penalty=float(self.penalties(theta)[0]),
        )

    def outputs(self, theta: ArrayLike) -> NDArray:
        """Give the network's outputs at θ for every example, [N, …] in the kernels' dtype."""
        weights, shape = self.complete(theta)[0], self.model.nodes[-1].shape
        self.prepare(self.plain, VALUES)
        parts = []
        with session():
            for number in range(self.tiles.blocks):
                batch = self.tiles.block(number)
                tiles, _, width = batch.x.shape
                out = np.zeros((tiles, math.prod(shape), width), self.dtype)
                share_work(
                    output_kernels.outputs,
                    self.threads,
                    *self.plain.arrays,
                    batch,
                    weights,
                    self.buffers(),
                    out,
                )
                parts.append(examples_of(out, batch.valid).reshape(-1, *shape))
        return np.concatenate(parts)

    def gradients(self, thetas: ArrayLike) -> Array:
        """Give the gradients of loss plus penalty at each row of thetas [K, P], float64 [K, P]."""
        return self.values_and_gradients(thetas)[1]

    def values_and_gradients(self, thetas: ArrayLike) -> tuple[Array, Array]:
        """Give values [K] and gradients [K, P] from one pass."""
        complete = self.complete(thetas)
        count, width = complete.shape
        self.prepare(self.reverse, GRADIENTS)
        gradients, sums = np.zeros((count, width)), np.zeros((count, SUMS))
        with session():
            for _, batch, slots, run in self.passes(count, width):
                points = run.stop - run.start
                out, parts = np.zeros((points, slots, width)), np.zeros((points, slots, SUMS))
                share_work(
                    derivatives.gradients, self.threads, *self.reverse.arrays, batch, self.criterion, complete[run], slots,
                    self.derivative_buffers(), out, parts,
                )  # fmt: skip
                gradients[run] += out.sum(axis=1)
                sums[run] += parts.sum(axis=1)
        values = self.losses(sums) + self.penalties(thetas)
        return values, self.finished(gradients) + self.decayed(thetas)

    @cached_property
    def factor(self) -> float:
        """What a sum over examples is multiplied by."""
        total = self.tiles.counts.total
        # The mean over no target is no number.
        return self.model.loss_scale / total if total else math.nan

    def finished(self, summed: Array) -> Array:
        """Turn a derivative of the summed loss [K, P + C] into that of the loss [K, P]."""
        if 0 < abs(self.factor) <= 1:
            return np.asarray(summed[:, : self.size] * self.factor)
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            return np.asarray(summed[:, : self.size] * self.factor)

    def gradient(self, theta: ArrayLike) -> Array:
        """Give the gradient of loss plus penalty at θ, float64 [P]."""
        return np.asarray(self.gradients(np.asarray(theta)[None])[0])

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, Array]:
        """Give value and gradient at θ from one pass."""
        values, gradients = self.values_and_gradients(np.asarray(theta)[None])
        return float(values[0]), gradients[0]

    def hvps(self, theta: ArrayLike, vectors: ArrayLike) -> Array:
        """Give the exact products of the Hessian at θ with each row of vectors [K, P], float64 [K, P]."""
        return self.hvps_at(theta)(vectors)

    def hvps_at(self, theta: ArrayLike) -> Products:
        """Give the function vectors → `hvps(theta, vectors)`, for many calls at one θ."""
        products = self.tile_products(derivatives.products, theta)
        if not self.decays:
            return products
        return lambda vectors: products(vectors) + self.decayed(vectors)

    def tile_products(self, kernel: Any, theta: ArrayLike, *options: Any) -> Products:
        """Give a kernel's products over all tiles: those of a matrix at θ, for the loss without penalty."""
        return TileProducts(self, kernel, theta, options)

    def hvp(self, theta: ArrayLike, vector: ArrayLike) -> Array:
        """Give the exact product of the Hessian of loss plus penalty at θ with a vector, float64 [P]."""
        return np.asarray(self.hvps(theta, np.asarray(vector)[None])[0])

    def sweep(self, center: ArrayLike, directions: ArrayLike, axes: tuple[Array, ...]) -> NetworkSweep:
        """Prepare the grid center + Σ αᵢ directions[i], αᵢ from axes[i]; losses there leave the penalty out."""
        return NetworkSweep(self, np.asarray(center), np.atleast_2d(np.asarray(directions)), axes)


def evaluate_model(model: Model) -> dict[str, Evaluation]:
    """Evaluate every split of a model at its own θ, in float64."""
    require_model(model, "evaluate_model")
    return {split: NetworkObjective(model, split).evaluate(model.theta) for split in model.splits}

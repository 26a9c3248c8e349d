"""`study stability`: the largest curvature along training against what the rate allows, and the sharpness of batches beside it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.curvature import (
    SymmetricOperator,
    adam_preconditioner,
    eigenpairs,
    hessian_operator,
    preconditioned,
)
from landscape.errors import InputError
from landscape.model import Model
from landscape.model.required import require_model
from landscape.objective import NetworkObjective, as_one_batch
from landscape.objective.by_device import make_trainer
from landscape.objective.devices import recorded_device, settle_device
from landscape.objective.trainer import Trainer
from landscape.optimizer_names import optimizer_name
from landscape.progress import Announce, Progress, among, counted, nobody, part, silent
from landscape.records import Piece, Pieces, Study
from landscape.studies.batch_sharpness import batch_sharpness
from landscape.studies.common import Experiment, Found, positive_list, require_known
from landscape.studies.limits import TOLERANCE, limit_factor
from landscape.training.recipe import Recipe, columns
from landscape.training.start import require_finite_start
from landscape.training.travel import travel
from landscape.workers import Executor, Workers, as_workers, fill

Array = NDArray[np.float64]

OPTIMIZERS = ("sgd", "heavy_ball", "adam", "rmsprop")
SERIES = ("loss", "gradient_norm", "sharpness")
# The edge is reached where the median over the last third of the looks is within this of the limit.
NEAR, LAST = 0.1, 3


def study_stability(
    model: Model,
    *,
    optimizer: str = "sgd",
    rates: Sequence[float] = (0.05, 0.1, 0.2),
    momentum: float | None = None,
    beta2: float | None = None,
    steps: int = 2000,
    looks: int = 40,
    batch_size: int | None = None,
    init: str | None = None,
    seed: int = 0,
    dtype: str = "float64",
    threads: int | None = None,
    device: str = "auto",
    output: str | Path | None = None,
    fresh: bool = False,
    executor: Executor | Workers | None = None,
    progress: Progress = nobody,
    announce: Announce = silent,
) -> Study:
    """Follow the largest eigenvalue of the (preconditioned) Hessian during training.

    Each eigen-solve starts from the vector found at the look before. For `adam` and `rmsprop` the Hessian is
    preconditioned by what the optimizer divides by.

    With batches the curvature that settles at 2/η is the batch sharpness, the mean over batches of gᵀH_B g/‖g‖² (arXiv 2412.20553), while λ_max
    stays below; both are followed then, by plain `sgd` only.

    At the edge Adam's curvature swings: above the limit an oscillation grows until it raises what Adam divides by, the curvature falls, the
    oscillation dies away, and the curvature rises again. How far it overshoots depends on what the oscillation has to grow from, which is
    rounding: on the network of `figures/edge_of_stability` the median is 0.97 and 0.96 of 38/η (η = 1e-3, 3e-3) in float32 and
    0.95 and 0.93 in float64.

    Parameters
    ----------
    model
        The network, its data and, unless `init` is given, the start.
    optimizer
        `sgd`, `heavy_ball`, `adam` or `rmsprop`.
    rates
        Learning rates, a run each.
    momentum, beta2
        By default the optimizer's own.
    steps, looks
        The length of a run, and how often the curvature is taken.
    batch_size
        Examples of an update; all of them without it.
    init, seed, dtype, threads, device, output, fresh, executor, progress, announce
        As in `race`.

    Raises
    ------
    InputError
        Another optimizer, a rate that is not positive, batches under another optimizer than `sgd`.
    """
    require_model(model, "study_stability")
    optimizer = optimizer_name(optimizer)
    if optimizer not in OPTIMIZERS:
        raise InputError(f"study stability knows the limits of {', '.join(OPTIMIZERS)}; found '{optimizer}'")
    tried = positive_list("rates", rates)
    if batch_size is not None and (optimizer != "sgd" or momentum):
        raise InputError(
            f"batch_size: the sharpness of batches has a limit under sgd without momentum; found {optimizer}: leave --batch-size out, or take sgd"
        )
    if looks < LAST or steps < looks:
        raise InputError(f"looks: expected {LAST} to {steps} (the steps), found {looks}")
    require_known(
        optimizers=[optimizer], init=init, device=device, output=output, momentum=momentum, beta2=beta2
    )
    device = settle_device(device, model, training=True)
    settings: dict[str, Any] = {
        "study": "stability", "optimizer": optimizer, "rates": tried, "momentum": momentum, "beta2": beta2, "steps": steps, "looks": looks,
        "init": init, "seed": seed, "dtype": dtype, "device": recorded_device(device),
    }  # fmt: skip
    # Records of full-batch runs are named and compared as before there were batches.
    settings |= {} if batch_size is None else {"batch_size": min(int(batch_size), model.examples("train"))}

    experiment = Experiment(
        model=model, settings=settings, threads=threads, device=device, output=output, fresh=fresh, executor=as_workers(executor),
        progress=progress, announce=announce,
    )  # fmt: skip
    experiment.require(
        optimizer=optimizer,
        learning_rate=tried,
        momentum=momentum,
        beta2=beta2,
        steps=steps,
        batch_size=batch_size or 1,
    )
    examples = "all" if batch_size is None else f"{settings['batch_size']:,}"

    def work(pieces: Pieces) -> Found:
        # A step on all examples normalizes by their statistics: that is the function whose curvature bounds the rate.
        follower = Follower(as_one_batch(experiment.start()), settings, threads, device)
        runs, every = [], len(tried) * looks
        there = sum(int(piece["look"]) for piece in pieces.pieces.values())
        pieces.progress(there / every, counted(there, every, "looks"))
        left = [name for rate in tried if follower.left(pieces.piece(name := f"{rate:g}"))]
        fill(pieces, experiment.executor, follower, left, pieces.progress, "runs")
        for place, rate in enumerate(tried):
            announce(
                f"η = {rate:g}: {steps:,} steps of {examples} examples, {looks} measurements of the curvature"
            )
            mine = part(pieces.progress, place / len(tried), (place + 1) / len(tried))
            told = among(mine, place * looks, looks, every, "looks")
            runs.append(follower.run(rate, pieces.piece(f"{rate:g}"), told))
        series: dict[str, Any] = {name: np.stack([run[name] for run in runs]) for name in runs[0]}
        factor = limit_factor(optimizer, follower.recipe(tried[0]).momentum or 0.0)
        series |= {"rates": tried, "limit": factor / np.array(tried)}
        said = sentences(tried, series, factor) if batch_size is None else batch_sentences(tried, series)
        return series, {"factor": factor}, said

    return experiment.study(work)


class Follower:
    """Full-batch runs from one start, with their curvature at each evaluation."""

    def __init__(self, start: Model, settings: dict[str, Any], threads: int | None, device: str) -> None:
        self.start, self.settings, self.threads, self.device = start, settings, threads, device
        self.objective = NetworkObjective(start, "train", threads=threads, device=device)
        self.batch = settings.get("batch_size")
        self.names = SERIES if self.batch is None else (*SERIES, "batch_sharpness")

    def left(self, piece: Piece) -> bool:
        """Say whether a run has evaluations left."""
        return piece.state is None or int(piece.state["look"]) < int(self.settings["looks"])

    def do(self, asked: tuple[str, dict[str, Array] | None]) -> dict[str, Array]:
        """Compute one run on a worker, from its saved state, and return its state at the end."""
        name, state = asked
        with Pieces(None, model="", data="", settings={}) as pieces:
            if state is not None:
                pieces.pieces[name] = state
            self.run(float(name), pieces.piece(name), nobody)
        return pieces.pieces[name]

    def recipe(self, rate: float) -> Recipe:
        """Give the settings of one run."""
        names = ("optimizer", "momentum", "beta2", "steps", "seed")
        chosen = {name: self.settings[name] for name in names}
        examples = self.start.examples("train")
        return Recipe(learning_rate=rate, batch_size=self.batch or examples, **chosen).filled()

    def run(self, rate: float, piece: Piece, progress: Progress) -> dict[str, Array]:
        """Train with one rate; give step, loss, gradient norm and sharpness [K], NaN after a divergence."""
        recipe = self.recipe(rate)
        trainer = make_trainer(
            self.start, columns([recipe], recipe.batch_size), self.start.theta[None], dtype=self.settings["dtype"],
            threads=self.threads, device=self.device,
        )  # fmt: skip
        looks = int(self.settings["looks"])
        steps = np.round(np.linspace(0, recipe.steps, looks)).astype(np.int64)
        state: dict[str, Any] = {"look": np.array(0), "vector": np.zeros((0, self.start.size))}
        state |= {name: np.full(looks, np.nan) for name in self.names} | trainer.state()
        if piece.state is not None:
            trainer.restore(piece.state)
            state |= {name: piece.state[name].copy() for name in ("look", "vector", *self.names)}
        keep = partial(piece.keep, lambda: state)
        for look in range(int(state["look"]), looks):
            progress(look / looks, "")
            travel(trainer, int(steps[look]), keep=keep, paused=lambda: None)
            self.look(trainer, recipe, int(steps[look]), look, state)
            keep(now=True)
        progress(1.0, "")
        return {"step": steps.astype(np.float64), **{name: state[name] for name in self.names}}

    def look(self, trainer: Trainer, recipe: Recipe, step: int, look: int, state: dict[str, Any]) -> None:
        """Store loss, gradient norm and sharpness at a step in the state, nothing after a divergence.

        Raises
        ------
        InputError
            The loss of the start is not finite.
        """
        state["look"] = np.array(look + 1)
        if trainer.progress.diverged[0] >= 0:
            return
        values = trainer.evaluate("train")
        if look == 0:
            require_finite_start(float(values["loss"][0]), self.settings["dtype"])
        state["loss"][look], state["gradient_norm"][look] = values["loss"][0], values["gradient_norm"][0]
        operator = self.operator(trainer, recipe, step)
        if operator is not None:
            start = state["vector"] if len(state["vector"]) else None
            pairs = eigenpairs(operator, top=1, tolerance=TOLERANCE, start=start)
            state["sharpness"][look], state["vector"] = pairs.values[-1], pairs.vectors[-1:]
        if self.batch is not None:
            there = self.start.with_theta(np.asarray(trainer.thetas[0], np.float64))
            state["batch_sharpness"][look] = batch_sharpness(
                there, self.batch, self.settings["seed"], threads=self.threads
            )

    def operator(self, trainer: Trainer, recipe: Recipe, step: int) -> SymmetricOperator | None:
        """Give the Hessian, preconditioned for adaptive optimizers; None for these before their first step."""
        theta = np.asarray(trainer.thetas[0], np.float64)
        hessian = hessian_operator(self.objective, theta)
        if recipe.optimizer not in ("adam", "rmsprop"):
            return hessian
        if step == 0:
            return None
        slots = np.asarray(trainer.progress.slots[0], np.float64)
        eps = recipe.eps or 0.0
        if recipe.optimizer == "rmsprop":
            return preconditioned(hessian, np.sqrt(slots[0]) + eps)
        # The momentum's own correction goes into the limit of the averaged form; both tend to 1.
        beta1, beta2 = recipe.momentum or 0.0, recipe.beta2 or 0.0
        diagonal = adam_preconditioner(slots[1], step, beta1=beta1, beta2=beta2, epsilon=eps)
        return preconditioned(hessian, diagonal)


def sentences(rates: Sequence[float], series: dict[str, Any], factor: float) -> list[str]:
    """Say for each rate whether the curvature came to the limit, and by how much it is off."""
    words = []
    for rate, sharpness, losses in zip(rates, series["sharpness"], series["loss"], strict=True):
        known = np.isfinite(sharpness)
        if not np.isfinite(losses[-1]):
            words.append(
                f"η = {rate:g}: diverged before step {series['step'][0][int(np.argmin(np.isfinite(losses)))]:.0f}"
            )
            continue
        late = sharpness[known][-max(1, int(known.sum()) // LAST) :]
        ratio = float(np.median(late)) * rate / factor
        if abs(ratio - 1.0) <= NEAR:
            words.append(
                f"η = {rate:g}: at the edge of stability, the curvature is {ratio:.3f} of the limit {factor:g}/η "
                f"({late.min() * rate / factor:.3f} to {late.max() * rate / factor:.3f} over the last third)"
            )
        elif ratio < 1.0:
            rising = late[-1] > 1.02 * late[0]
            words.append(
                f"η = {rate:g}: below the edge, {ratio:.3f} of the limit {factor:g}/η"
                + (", and rising" if rising else "")
            )
        else:
            words.append(f"η = {rate:g}: above the limit {factor:g}/η by a factor of {ratio:.3f}")
    return words


def batch_sentences(rates: Sequence[float], series: dict[str, Any]) -> list[str]:
    """Say for each rate where the sharpness of batches settled, in parts of 2/η, with its spread, and how far below λ_max lies."""
    words = []
    for rate, sharp, batches, losses in zip(
        rates, series["sharpness"], series["batch_sharpness"], series["loss"], strict=True
    ):
        known = np.isfinite(batches) & np.isfinite(sharp)
        if not np.isfinite(losses[-1]):
            words.append(f"η = {rate:g}: diverged")
            continue
        if not known.any():
            words.append(f"η = {rate:g}: no batch has a gradient")
            continue
        late = batches[known][-max(1, int(known.sum()) // LAST) :] * rate / 2.0
        first, second = np.array_split(late, 2) if len(late) > 1 else (late, late)
        rising = np.median(second) > (1 + NEAR) * np.median(first)
        words.append(
            f"η = {rate:g}: the sharpness of batches is {np.median(late):.3f} of the limit 2/η over the last third ({late.min():.3f} to "
            f"{late.max():.3f}){', and rising' if rising else ''}; λ_max is {np.median(sharp[known][-len(late) :]) * rate / 2.0:.3f} of it"
        )
    return words

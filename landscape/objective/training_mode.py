"""The loss in training mode: with dropout, and with batch normalization by the statistics of each batch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from landscape.formulas.optimizers import OPTIMIZERS
from landscape.formulas.schedules import SCHEDULES
from landscape.kernels.cpu.losses import SUMS
from landscape.kernels.cpu.training import Log
from landscape.kernels.runs import BY_EPOCHS, NUMBERS, WHOLE
from landscape.model import Model
from landscape.objective.by_device import make_trainer


def differs_in_training(model: Model) -> bool:
    """Say whether a model computes otherwise in training: dropout that drops, or normalization by running statistics."""
    return any(
        (node.traits.drops and node.attributes["p"] > 0)
        or (node.traits.batch_statistics and node.attributes["mode"] == "running")
        for node in model.nodes
    )


def losses_in_training(
    model: Model, batch_size: int, seeds: Sequence[int], *, threads: int | None = None
) -> NDArray[np.float64]:
    """Return the training loss, without penalty, that one epoch in training mode has at fixed parameters.

    Each is the mean over all training examples of L(f(x; θ, mask), y), in batches of a shuffled epoch whose order and dropout masks follow from
    a seed. It is an epoch of steps at rate zero, in float64.

    Parameters
    ----------
    model
        The network and its training data, N examples.
    batch_size
        Examples of a batch, at most N.
    seeds
        Of the masks and the order, R of them.
    threads
        Threads, all cores if None; the bits do not depend on them.

    Returns
    -------
    ndarray
        Losses [R] in the loss's unit; NaN where a gradient was not finite.

    Raises
    ------
    InputError
        A batch of one example whose variance would normalize; runs that do not fit into memory.

    Examples
    --------
    A linear unit behind dropout of one half: the one input comes through doubled or not at all, so that the loss is 0 or 16.

    >>> from landscape.model import build_model
    >>> nodes = [{"name": "drop", "op": "dropout", "p": 0.5}, {"name": "out", "op": "dense"}]
    >>> weights = {"out.weight": [[1.0]], "out.bias": [0.0]}
    >>> model = build_model(nodes=nodes, parameters=weights, x_train=[[2.0]], y_train=[[0.0]], loss="mse")
    >>> sorted(set(losses_in_training(model, 1, range(20)).tolist()))
    [0.0, 16.0]
    """
    alone = model.only("train")
    examples, runs = alone.examples("train"), len(seeds)
    steps = math.ceil(examples / batch_size)
    settings = {
        "optimizer": list(OPTIMIZERS).index("sgd"), "schedule": list(SCHEDULES).index("constant"), "batch": batch_size, "drawn": BY_EPOCHS,
        "total": steps,
    }  # fmt: skip
    columns = {name: np.full(runs, settings.get(name, 0)) for name in WHOLE if name != "tile"}
    columns |= {name: np.zeros(runs) for name in NUMBERS} | {"seed": np.array(seeds, np.uint64)}
    trainer = make_trainer(alone, columns, np.tile(model.theta, (runs, 1)), dtype="float64", threads=threads)
    log = Log(0, 1, np.zeros((runs, steps, SUMS + 1)), np.zeros((runs, steps)))
    with np.errstate(over="ignore", invalid="ignore"):
        trainer.advance(steps, log)
    total = log.sums.sum(axis=1)
    return np.where(trainer.progress.diverged < 0, total[:, 0] / total[:, SUMS] * model.loss_scale, math.nan)

"""What can be scanned: a model, or the user's own function of θ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError, did_you_mean
from landscape.model import Model
from landscape.objective import (
    BetweenObjective,
    Completed,
    Evaluation,
    HasSweep,
    NetworkObjective,
    PlaneObjective,
    RecomputedObjective,
    as_network,
    carries,
)
from landscape.objective.about import About
from landscape.objective.constant import constant_accuracy, constant_loss
from landscape.objective.devices import CPU, device_notes, recorded_device, settle_device
from landscape.objective.metric_table import read_names
from landscape.scanning.plan import Subject

Array = NDArray[np.float64]

SPLITS = {"train": ("train",), "test": ("test",), "both": ("train", "test")}
# Losses whose best constant is a mean, a median or shares of classes.
QUICK_CONSTANTS = ("cross_entropy", "binary_cross_entropy", "mse", "mae")
# The only split of a function of θ, which has no data.
FUNCTION_SPLIT = "train"


def require_split(split: str) -> None:
    """Refuse a name that is none of a split.

    Raises
    ------
    InputError
        An unknown name.
    """
    if split not in SPLITS:
        raise InputError(f"unknown split '{split}': choose {', '.join(SPLITS)}{did_you_mean(split, SPLITS)}")


def chosen_splits(model: Model, split: str) -> tuple[str, ...]:
    """Say which splits are computed; `both` is train, and test where it is there.

    Raises
    ------
    InputError
        An unknown name, or a split whose data the model does not have.
    """
    require_split(split)
    there = tuple(name for name in SPLITS[split] if name in model.splits)
    if not there:
        wanted = SPLITS[split][0]
        raise InputError(
            f"the model has no {wanted} data (keys x_{wanted}, y_{wanted}); "
            f"it has {', '.join(model.splits) or 'none'}: choose another --split"
        )
    return there


def model_subject(
    model: Model,
    *,
    split: str,
    examples: int | None,
    seed: int,
    dtype: str,
    threads: int | None,
    device: str = CPU,
    recompute_statistics: bool = False,
    toward: Model | None = None,
    across: Model | None = None,
    metrics: str | Sequence[str] = (),
) -> Subject:
    """Make a model's objectives for a scan, or for one of the line `toward` another model, or of the plane through that and one `across`.

    Raises
    ------
    InputError
        A split without data, parameters that are none or not finite, an op that the engine does not run, no such device, or a metric of another loss.
    """
    if model.size == 0:
        raise InputError("the model has no trainable parameters, so there is nothing to scan")
    if not np.all(np.isfinite(model.theta)):
        raise InputError("the model's parameters hold NaN or infinity: `landscape info` says where")
    splits = chosen_splits(model, split)
    chosen = read_names(metrics)
    subset = {name: examples for name in splits if examples is not None and examples < model.examples(name)}
    kind, carried, without = kind_of(model, toward, across, recompute_statistics)
    device = settle_device(device, model, without=without)
    given = {"dtype": dtype, "threads": threads, "device": device, "seed": seed, "metrics": chosen}
    makers: dict[str, Any] = {
        name: partial(kind, model, name, examples=subset.get(name), **given) for name in splits
    }
    objectives = {name: make() for name, make in makers.items()}
    return Subject(
        objectives=objectives,
        makers=makers,
        center=np.asarray(model.theta, dtype=np.float64),
        decay=model.decay_vector(),
        model=model.fingerprint(),
        data=model.data_fingerprint(),
        settings={
            "splits": list(splits),
            "examples": subset or None,
            "seed": seed,
            "dtype": dtype,
            "device": recorded_device(device),
            "header_sha256": header_digest(model),
            **({"metrics": chosen} if chosen else {}),
            **({"recompute_statistics": True} if recompute_statistics else {}),
            **(constants_digests(toward, across) if carried else {}),
        },
        words={
            "model_name": model.name,
            "loss": model.loss,
            "loss_scale": model.loss_scale,
            "weight_decay": model.weight_decay,
            **constants_of(model, objectives),
        },
        notes=(
            *subset_notes(model, splits, examples),
            *carried_notes(carried, plane=across is not None),
            *device_notes(device),
        ),
        line=next(iter(objectives.values())) if carried and across is None else None,
        far=None
        if toward is None or across is not None
        else partial(far_end, model, toward, objectives, subset, seed, threads, device, chosen),
    )


def kind_of(
    model: Model, toward: Model | None, across: Model | None, recompute_statistics: bool
) -> tuple[Any, bool, tuple[str, ...]]:
    """Choose the objective for a scan.

    Returns
    -------
    Its class, or a partial call of it. Whether buffers such as running statistics move along with the parameters. What it does that only the CPU can.
    """
    if recompute_statistics:
        return RecomputedObjective, False, ("recomputed statistics",)
    carried = any(carries(model, other) for other in (toward, across) if other is not None)
    if not carried or toward is None:
        return NetworkObjective, carried, ()
    without = ("statistics that move along a line",)
    if across is None:
        return partial(BetweenObjective, other=toward), carried, without
    return partial(PlaneObjective, other=toward, third=across), carried, without


def constants_of(model: Model, objectives: Mapping[str, Any]) -> dict[str, Any]:
    """Give loss and accuracy of the best constant prediction on each split, by which a figure shows a plateau; nothing where it is not quickly found."""
    if model.loss not in QUICK_CONSTANTS:
        return {}
    networks = {name: as_network(each) for name, each in objectives.items()}
    found = {name: constant_loss(each) for name, each in networks.items() if each is not None}
    shares = {name: constant_accuracy(each) for name, each in networks.items() if each is not None}
    shares = {name: share for name, share in shares.items() if share is not None}
    return ({"constant_loss": found} if found else {}) | ({"constant_accuracy": shares} if shares else {})


def far_end(
    model: Model,
    other: Model,
    objectives: Mapping[str, HasSweep],
    subset: Mapping[str, int],
    seed: int,
    threads: int | None,
    device: str,
    metrics: Sequence[str] = (),
) -> dict[str, dict[str, float]]:
    """Evaluate the other model itself on this model's data, to be compared with the end of the line.

    A model that cannot take the data has no values there.
    """
    values = {}
    try:
        for split, ours in objectives.items():
            theirs = NetworkObjective(
                replace(other, data=model.data), split, dtype=str(np.dtype(ours.dtype)), examples=subset.get(split), seed=seed,
                threads=threads, device=device, metrics=metrics,
            )  # fmt: skip
            values[split] = measured(theirs.evaluate(other.theta))
    except InputError:
        return {}
    return values


def measured(evaluation: Evaluation) -> dict[str, float]:
    """Give the values of one point for a record: the loss, the accuracy if there is one, and the chosen metrics."""
    accuracy = {} if evaluation.accuracy is None else {"accuracy": evaluation.accuracy}
    # What stands in for an evaluation may have no metrics.
    found = {"loss": evaluation.loss, **accuracy, **getattr(evaluation, "metrics", {})}
    return {name: float(value) for name, value in found.items()}


def constants_digests(toward: Model | None, across: Model | None) -> dict[str, str]:
    """Hash the constants of the models that a line or a plane leads to, which the directions do not contain."""
    others = {"constants": toward, "constants_across": across}
    return {
        name: hashlib.sha256(np.asarray(other.constants, "<f8").tobytes()).hexdigest()
        for name, other in others.items()
        if other is not None
    }


def held_notes(model: Model, recompute_statistics: bool) -> tuple[str, ...]:
    """Say that running statistics stay those of θ where a map shows checkpoints that have their own."""
    moved = any(node.traits.batch_statistics and node.attributes["mode"] == "running" for node in model.nodes)
    if recompute_statistics or not moved or model.checkpoint_buffers is None:
        return ()
    return (
        "the map keeps the running statistics of θ, and the checkpoints have their own: "
        "--recompute-statistics takes them anew at every point",
    )


def carried_notes(carried: bool, *, plane: bool) -> tuple[str, ...]:
    """Say that more than θ moves along the line or over the plane."""
    if not carried:
        return ()
    if plane:
        return (
            "running statistics and frozen parameters move over the plane too, so that the models on it are themselves; "
            "beyond them a running variance may come below zero, and there the loss is not a number",
        )
    return (
        "running statistics and frozen parameters move along the line too, so that its ends are the models themselves",
    )


def header_digest(model: Model) -> str:
    """Hash the parts of a header that the model's own hash (graph and loss) does not include."""
    header = {"name": model.name if model.form == "full" else "", "training": model.training}
    return hashlib.sha256(json.dumps(header, sort_keys=True).encode()).hexdigest()


def subset_notes(model: Model, splits: tuple[str, ...], examples: int | None) -> tuple[str, ...]:
    """Note if a requested subset is as large as the whole split."""
    if examples is None:
        return ()
    return tuple(
        f"{name}: using all {model.examples(name)} examples, since {examples} were asked for"
        for name in splits
        if examples >= model.examples(name)
    )


def told_splits(told: About | None, split: str) -> tuple[str, ...]:
    """Say which splits of an objective are computed; a plain function of θ has no data, and one split.

    Raises
    ------
    InputError
        An unknown name, or a split that it does not have.
    """
    require_split(split)
    if told is None:
        return (FUNCTION_SPLIT,)
    # `both` is what there is: an objective of test data alone has these.
    there = tuple(name for name in (told.splits if split == "both" else SPLITS[split]) if name in told.splits)
    if not there:
        raise InputError(
            f"the objective has no {split} data, it has {', '.join(told.splits)}: give {split}=… where it is made, or choose another split"
        )
    return there


def told_subject(told: About, center: Array, splits: tuple[str, ...], seed: int) -> Subject:
    """Scan an objective that describes itself, on several splits of its data."""
    return Subject(
        objectives={name: told.splits[name] for name in splits},
        center=center,
        decay=told.decay,
        model=told.model,
        data=told.data,
        settings={
            "splits": list(splits),
            "examples": None,
            "seed": seed,
            "dtype": told.dtype,
            "device": told.device,
            **told.settings,
        },
        words={"model_name": told.name, "loss": told.loss},
        notes=told.notes,
    )


def function_subject(objective: Completed, center: Array, seed: int) -> Subject:
    """Scan a function of θ as it is.

    Its code cannot be hashed, so its identity is its values at the centre and at four points near it: a
    function that was changed between two runs is noticed unless it agrees with the old one in all bits there.
    """
    scale = max(1.0, float(np.max(np.abs(center), initial=0.0)))
    pattern = np.arange(center.size) % 7 - 3.0
    probes = center + np.array([0.0, 1e-3, -1e-2, 0.1, 1.0])[:, None] * scale * pattern
    values = np.asarray(objective.values(probes), dtype="<f8")
    digest = hashlib.sha256(probes.astype("<f8").tobytes() + values.tobytes()).hexdigest()
    network = as_network(objective)
    metrics = [] if network is None else list(network.metrics.chosen)
    return Subject(
        objectives={FUNCTION_SPLIT: objective},
        center=center,
        decay=None,
        model=digest,
        data="",
        settings={
            "splits": [FUNCTION_SPLIT],
            "examples": None,
            "seed": seed,
            "dtype": str(np.dtype(objective.dtype)),
            "device": "cpu",
            **({"metrics": metrics} if metrics else {}),
        },
        words={"model_name": "function"},
    )

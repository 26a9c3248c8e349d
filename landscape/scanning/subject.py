"""What can be scanned: a model, or a function of θ of the user's."""

from __future__ import annotations

import hashlib
import json

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError, did_you_mean
from landscape.model import Model
from landscape.objective import NetworkObjective, Objective, RecomputedObjective
from landscape.objective.devices import CPU, device_notes, recorded_device, settle_device
from landscape.scanning.plan import Subject

Array = NDArray[np.float64]

SPLITS = {"train": ("train",), "test": ("test",), "both": ("train", "test")}
# The only split of a function of θ, which has no data.
FUNCTION_SPLIT = "train"


def chosen_splits(model: Model, split: str) -> tuple[str, ...]:
    """Say which splits are computed; `both` is train, and test where it is there.

    Raises
    ------
    InputError
        An unknown name, or a split whose data the model does not have.
    """
    if split not in SPLITS:
        raise InputError(f"unknown split '{split}': choose {', '.join(SPLITS)}{did_you_mean(split, SPLITS)}")
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
    evaluations: float = 1.0,
    recompute_statistics: bool = False,
) -> Subject:
    """Make a model's objectives for a scan of roughly so many points.

    Raises
    ------
    InputError
        A split without data, parameters that are none or not finite, an op that the engine does not run, or a device that is not there.
    """
    if model.size == 0:
        raise InputError("the model has no trainable parameters, so there is nothing to scan")
    if not np.all(np.isfinite(model.theta)):
        raise InputError("the model's parameters hold NaN or infinity: `landscape info` says where")
    splits = chosen_splits(model, split)
    subset = {name: examples for name in splits if examples is not None and examples < model.examples(name)}
    kind = RecomputedObjective if recompute_statistics else NetworkObjective
    without = ("recomputed statistics",) if recompute_statistics else ()
    device = settle_device(device, model, evaluations=evaluations, without=without)
    objectives: dict[str, Objective] = {
        name: kind(
            model, name, dtype=dtype, threads=threads, device=device, examples=subset.get(name), seed=seed
        )
        for name in splits
    }
    return Subject(
        objectives=objectives,
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
            **({"recompute_statistics": True} if recompute_statistics else {}),
        },
        words={
            "model_name": model.name,
            "loss": model.loss,
            "loss_scale": model.loss_scale,
            "weight_decay": model.weight_decay,
        },
        notes=(*subset_notes(model, splits, examples), *device_notes(device)),
    )


def header_digest(model: Model) -> str:
    """Hash what a header says beside graph and loss, which the model's own hash has."""
    header = {"name": model.name if model.form == "full" else "", "training": model.training}
    return hashlib.sha256(json.dumps(header, sort_keys=True).encode()).hexdigest()


def subset_notes(model: Model, splits: tuple[str, ...], examples: int | None) -> tuple[str, ...]:
    """Say where a subset would be the whole."""
    if examples is None:
        return ()
    return tuple(
        f"{name}: using all {model.examples(name)} examples, since {examples} were asked for"
        for name in splits
        if examples >= model.examples(name)
    )


def function_subject(objective: Objective, center: Array, seed: int) -> Subject:
    """Scan a function of θ as it is.

    Its code cannot be hashed, so its identity is its values at the centre and at four points near it: a
    function that was changed between two runs is noticed unless it agrees with the old one in all bits there.
    """
    scale = max(1.0, float(np.max(np.abs(center), initial=0.0)))
    pattern = np.arange(center.size) % 7 - 3.0
    probes = center + np.array([0.0, 1e-3, -1e-2, 0.1, 1.0])[:, None] * scale * pattern
    values = np.asarray(objective.values(probes), dtype="<f8")
    digest = hashlib.sha256(probes.astype("<f8").tobytes() + values.tobytes()).hexdigest()
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
        },
        words={"model_name": "function"},
    )

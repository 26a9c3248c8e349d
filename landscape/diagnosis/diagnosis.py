"""`diagnose`: follow the guide with numbers, and record facts, trials, gaps and the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from landscape.diagnosis.checks import facts
from landscape.diagnosis.ensembles import BUDGETS, Laboratory
from landscape.diagnosis.gap_steps import gap_branch
from landscape.diagnosis.head import head
from landscape.diagnosis.leaks import leaks_of, without_leaks
from landscape.diagnosis.naming import on_free_name
from landscape.diagnosis.own import diagnose_own
from landscape.diagnosis.own_training import Train
from landscape.diagnosis.plan import Plan, options_of
from landscape.diagnosis.proving import proven
from landscape.diagnosis.pytorch import rewritten
from landscape.diagnosis.ranges import end_of
from landscape.diagnosis.recipe import OPTIONS, TOLD, training_of, with_penalty
from landscape.diagnosis.report_json import report_json
from landscape.diagnosis.session import Session
from landscape.diagnosis.thresholds import thresholds_of
from landscape.diagnosis.training_loss import training_branch
from landscape.diagnosis.verdict import decide
from landscape.diagnosis.vetoes import WITHOUT_END, require_examples, without_words
from landscape.errors import InputError, did_you_mean
from landscape.model import Model
from landscape.model.header import WEIGHTS
from landscape.model.losses import OUTPUT
from landscape.model.required import require_model
from landscape.objective import HasValue
from landscape.objective.kinds import is_objective
from landscape.objective.lowered import checked
from landscape.objective.program_check import Mode
from landscape.objective.session import session
from landscape.optimizer_names import optimizer_name
from landscape.progress import Announce, Progress, counting_toward, expected, nobody, part, silent
from landscape.records import Diagnosis
from landscape.records.keeping import Fields, Inside, Key, Wanted, produce_inside
from landscape.workers import Executor, Workers, as_workers

# About how many products the curvature takes, and the parts of the time that go before the trials and into them.
PRODUCTS, BEFORE, TRIALS = 200, 0.2, 0.75


def diagnose(
    model: Model | HasValue,
    *,
    train: Train | None = None,
    constant_loss: float | None = None,
    budget: str = "standard",
    optimizer: str | None = None,
    learning_rate: float | None = None,
    batch_size: int | None = None,
    momentum: float | None = None,
    weight_decay: float | None = None,
    steps: int | None = None,
    epochs: float | None = None,
    target_loss: float | None = None,
    thresholds: Mapping[str, float] | None = None,
    seed: int = 0,
    dtype: str = "float64",
    threads: int | None = None,
    output: str | Path | None = None,
    validation: str | Path | None = None,
    fresh: bool = False,
    executor: Executor | Workers | None = None,
    progress: Progress = nobody,
    announce: Announce = silent,
) -> Diagnosis:
    """Say why a network fails to train or to generalize, or that it is healthy, verified by trainings.

    Parameters
    ----------
    model
        The network with its data and, if the file has them, its log and its settings; or a `TorchObjective`.
    train
        Of a `TorchObjective`: a function (settings, seed, θ) → (θ, history) that trains as the user does, from θ [P] or, where that is None, from
        a fresh start, with what `settings` wants otherwise: `settings.get("learning_rate", 0.1)` and so on, where the second is the user's own. It
        may read `optimizer`, `learning_rate`, `batch_size`, `steps` or `epochs`, `weight_decay`, `dropout`, `width` (a factor) and `data_share` (of
        the examples). What it does not read is not assessed; what it cannot do may raise `NotImplementedError`. In place of θ it may return
        the trained module or its state dict, and in place of a history None. Without it no verdict is verified.
    constant_loss
        For a `TorchObjective`: the loss of the best constant predictor, if it cannot be found, as for a batch loss.
    budget
        `quick` trains nothing, `standard` is about two minutes for a small network, `thorough` takes more seeds and updates.
    optimizer, learning_rate, batch_size, momentum, weight_decay
        How it was trained, if the file does not say so; the optimizer by a name of this package or of PyTorch. What is
        unknown is assumed, and listed under `assumed` in the report.
    steps, epochs
        How long it was trained, if the file does not say so; one of the two.
    target_loss
        A training loss that is good enough.
    thresholds
        Fields of `Thresholds` to change.
    seed
        Seed of all random numbers.
    dtype
        Precision of the trainings; losses and curvature are in float64.
    output, fresh
        The file to save to. An interrupted diagnosis of the same settings is continued from its finished trials, and a
        finished one is returned, unless `fresh`.
    validation
        The file that validation data were read from, for the command line under `next`.
    executor
        An executor with the method `submit` of `concurrent.futures`, whose workers compute trials of a model, or
        `Workers`, which contains one.
    progress, announce
        Called with the share of the work that is done, and the same in words, such as "7 of about 74 trials", and with
        messages.

    Raises
    ------
    InputError
        No trainable parameters, a loss that is the network's own output, an unknown budget, threshold or optimizer, an
        impossible number, or an output that holds a record of other settings.

    Examples
    --------
    >>> import numpy as np
    >>> from landscape.model import build_model
    >>> x = np.linspace(-1, 1, 30)[:, None]
    >>> line = build_model(layers=[(np.array([[2.0]]), np.zeros(1))], loss="mse", x_train=x, y_train=2 * x)
    >>> found = diagnose(line, budget="quick").report
    >>> found["verdict"], found["confidence"]
    ('healthy', 'suspected')
    """
    given = dict(
        zip(TOLD, (optimizer, learning_rate, batch_size, momentum, weight_decay, steps, epochs), strict=True)
    )
    if is_objective(model):
        if executor is not None:
            raise InputError(
                "executor: trials of a model are for workers; an objective is trained by its user's own function, which runs here: leave it out"
            )
        require_target(target_loss)
        return diagnose_own(
            cast(HasValue, model), train, budget=budget, given=given, constant_loss=constant_loss, target_loss=target_loss,
            thresholds=thresholds, seed=seed, output=output, fresh=fresh, progress=progress, announce=announce,
        )  # fmt: skip
    require_model(model, "diagnose")
    assert isinstance(model, Model)
    if train is not None or constant_loss is not None:
        raise InputError(
            "train, constant_loss: are for a TorchObjective; a model is trained by landscape itself: leave them out"
        )
    require_prediction(model)
    require_alike(model)
    checked(model, Mode.VALUES)
    require_target(target_loss)
    walk = prepared(model, budget, given, thresholds, seed, dtype, threads, announce)
    walk.lab.executor = as_workers(executor)
    settings = {
        "budget": budget, **told_settings(given), "target_loss": target_loss, "thresholds": walk.limits.told(), "seed": seed, "device": "cpu",
        "dtype": dtype,
    }  # fmt: skip
    key = Key(model.fingerprint(), model.data_fingerprint(), settings)
    words = {"model_name": model.name, "loss": model.loss, "loss_scale": model.loss_scale}

    def fields(report: dict[str, Any], done: bool) -> Fields:
        return {
            "report": report,
            "series": dict(walk.lab.kept),
            "done": done,
            "settings": {**words, **settings},
        }

    def work(keeper: Inside[Diagnosis]) -> Fields:
        prepare(walk.lab, keeper)
        keeper.state = lambda: fields({}, False) if walk.lab.kept else None
        # Losses far beyond the constant's overflow in variances, and are seen for what they are.
        with session(), np.errstate(over="ignore", invalid="ignore"):
            report = walked(walk, target_loss, options_of(settings, validation), keeper.progress)
        for kind in walk.lab.executor.kinds if walk.lab.executor else ():
            keeper.computed_on(kind)
        trials = len(walk.lab.done)
        keeper.progress(1.0, f"{trials:,} trials" if trials else "no trial was needed")
        return fields(report, True)

    path = None if output is None else Path(output)
    found = produce_inside(Wanted(Diagnosis, key, path, fresh, progress, announce), work)
    return replace(found, report=on_free_name(found.report, model))


def prepare(lab: Laboratory, keeper: Inside[Diagnosis]) -> None:
    """Have the finished ensembles kept, and take up those that are there."""
    quick = lab.budget.seeds == 0
    lab.progress = part(keeper.progress, 1.0 if quick else BEFORE, 1.0 if quick else BEFORE + TRIALS)
    lab.save = keeper.save
    done = 0
    if keeper.earlier is not None:
        lab.kept.update(keeper.earlier.series)
        done = sum(
            len(values) for name, values in lab.kept.items() if name.endswith(".step") and "runs." in name
        )
    share = BEFORE + TRIALS * expected(done, lab.expected_trials) if done else 0.0
    keeper.progress(share, "the training loss, and what the log says")


def require_target(target_loss: float | None) -> None:
    """Refuse a target that no loss can be measured against.

    Raises
    ------
    InputError
        A number that is not finite or not above zero.
    """
    if target_loss is not None and not 0 < target_loss < math.inf:
        raise InputError(f"target_loss: expected a number above 0, found {target_loss:g}")


def require_prediction(model: Model) -> None:
    """Refuse a network that returns its own loss: no constant is a prediction there, by which a loss is large or small.

    Raises
    ------
    InputError
        The loss is "output".
    """
    if model.loss == OUTPUT:
        raise InputError(
            "diagnose: the loss is the network's own output (a function of your own), so it is not known which loss is small; "
            "expected a loss of the format; scan, hessian, critical and sharpness take this one"
        )


def require_alike(model: Model) -> None:
    """Refuse weights of examples: trials on parts of the data, and the losses of single examples, would need them too.

    Raises
    ------
    InputError
        A split has them.
    """
    found = [key for key in model.data if key.startswith(WEIGHTS)]
    if found:
        raise InputError(
            f"diagnose: takes no weights of examples, found {', '.join(found)}; expected a file without them"
        )


def told_settings(given: dict[str, Any]) -> dict[str, Any]:
    """Return what a record keeps of the options; those that earlier versions did not have stand there only where they were given."""
    kept = {name: value for name, value in given.items() if name in OPTIONS or value is not None}
    if kept["optimizer"] is not None:
        kept["optimizer"] = optimizer_name(kept["optimizer"])
    return kept


def prepared(
    model: Model, budget: str, given: dict[str, Any], changes: Mapping[str, float] | None, seed: int, dtype: str,
    threads: int | None, announce: Announce,
) -> Session:  # fmt: skip
    """Check what was asked for."""
    if budget not in BUDGETS:
        raise InputError(
            f"budget: expected one of {', '.join(BUDGETS)}, found {budget!r}{did_you_mean(budget, BUDGETS)}"
        )
    require_examples(model)
    limits, training = thresholds_of(changes), training_of(model, given, seed)
    whole, leaks = model, leaks_of(model)
    model = without_leaks(model, leaks)
    held = next((split for split in ("validation", "test") if split in model.splits), None)
    lab = Laboratory(
        with_penalty(model, training),
        training,
        limits,
        BUDGETS[budget],
        held,
        seed,
        threads,
        dtype,
        announce=announce,
    )
    return Session(lab, leaks=leaks, whole=with_penalty(whole, training))


def in_words(plan: Plan, remedy: str, model: Model) -> str:
    """Return a remedy in PyTorch's words: what it rewrites, else how it is trained."""
    if remedy == WITHOUT_END:
        return without_words(model.loss, end_of(model).op)
    return rewritten(remedy) or plan.pytorch(model)


def walked(walk: Session, target: float | None, options: str, progress: Progress) -> dict[str, Any]:
    """Go through the steps and give the report."""
    before = part(progress, 0.0, 1.0 if walk.lab.budget.seeds == 0 else BEFORE)
    with counting_toward(before, PRODUCTS):
        evidence = facts(walk, target)
    if not evidence.vetoes and math.isfinite(evidence.loss):
        if not evidence.is_small:
            evidence = training_branch(walk, evidence)
        verdict = decide(evidence)
        if verdict.code not in ("optimization", "model-bias", "broken", "undetermined"):
            evidence = gap_branch(walk, evidence)
    found = proven(walk, evidence, decide(evidence))
    verdict, plan = found.verdict, found.plan
    if walk.lab.escaped is not None:
        walk.lab.kept |= walk.lab.escaped.series()
    command = "" if plan is None else plan.command(walk.model, options)
    pytorch = "" if plan is None else in_words(plan, verdict.remedy, walk.model)
    report = report_json(walk, evidence, verdict, command=command, pytorch=verdict.pytorch or pytorch)
    return {"head": head(walk, evidence), **report, "checked": found.checked}

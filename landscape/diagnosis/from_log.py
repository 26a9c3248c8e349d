"""`diagnose_log`: what can be suspected from a log alone, and the lines of code that would verify it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from landscape.diagnosis.evidence import Verdict
from landscape.diagnosis.log_rules import EXPLODED, code_of, judged
from landscape.diagnosis.outcomes import plain
from landscape.diagnosis.thresholds import thresholds_of
from landscape.logs import Log, read_log
from landscape.machine import cpu_kind
from landscape.records import Diagnosis
from landscape.version import current_version

ADVICE = {
    "broken/exploding": "train again with a tenth of the learning rate, or with the gradient's norm bounded, and look for NaN in the data",
    "optimization/exploding": "train again with a tenth of the learning rate, or with the gradient's norm bounded",
    "optimization/unfinished": "train on: the training loss has not ended to fall",
    "optimization/plateau": "try a higher and a lower learning rate, Adam, and another start; check whether 16 examples can be learned by heart",
    "overfitting": "stop where the validation loss is least, or train with more data, augmentation or weight decay",
}
VERIFY = (
    'with landscape.Recorder("run.npz", module, loss, data, optimizer=optimizer) as recorder:  # and in the loop: recorder.step(loss=loss)',
    "landscape diagnose run.npz",
)
NOT_ASSESSED = (
    "parameters (dead or identical units, vanishing gradients, saddles, curvature): a log has none",
    "interventions (other rates, fresh starts, larger networks): they need the network and its data",
    "the best constant predictor, labels and leaks: they need the data",
)


def diagnose_log(log: Log | str | Path, *, thresholds: Mapping[str, float] | None = None) -> Diagnosis:
    """Say what can be suspected from the log of a training alone, and what would verify it.

    Parameters
    ----------
    log
        A log, or the path of one, as `landscape diagnose --log` takes it.
    thresholds
        Fields of `Thresholds` to change: `gap`, `large` and `removable` are used.

    Raises
    ------
    InputError
        The file is no log, or a threshold is none.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "log.csv"
    >>> lines = [f"{step},{2.0 - 0.1 * step}" for step in range(20)]
    >>> _ = file.write_text(chr(10).join(["step,loss", *lines]))
    >>> found = diagnose_log(file).report
    >>> found["verdict"], found["subtype"], found["confidence"]
    ('optimization', 'unfinished', 'suspected')
    """
    began = time.perf_counter()
    limits = thresholds_of(thresholds)
    read = log if isinstance(log, Log) else read_log(log)
    verdict = judged(read, limits)
    return Diagnosis(
        model="", data="", version=current_version(), machine=cpu_kind(), seconds=time.perf_counter() - began,
        settings={"model_name": read.path.name, "budget": "log", "log": str(read.path), "thresholds": limits.told(), "seed": 0},
        report=report_of(read, verdict, limits.told()), series={}, done=True,
    )  # fmt: skip


def report_of(log: Log, verdict: Verdict, thresholds: dict[str, float]) -> dict[str, Any]:
    """Give the report with the keys of any diagnosis, and beside them what the log holds and what would verify the verdict."""
    code = code_of(verdict)
    return {
        "head": [f"the log {log.path.name} alone: no network, no data"],
        "verdict": verdict.code,
        "subtype": verdict.subtype or None,
        "confidence": "suspected",
        "contradiction": None,
        "subtype_supported": True if verdict.subtype else None,
        "why": list(verdict.why),
        "cited": [reason.told() for reason in verdict.cited],
        "accepted": [code, *verdict.accepted],
        "remedy": None,
        "advice": ADVICE.get(code),
        "next": VERIFY[-1],
        "pytorch": None,
        "gain": None,
        "better": None,
        "assumed": {},
        "ruled_out": [],
        "not_assessed": [*NOT_ASSESSED, *missing(log)],
        "warnings": warnings_of(log),
        "evidence": evidence_of(log),
        "checked": None,
        "recipe": {},
        "budget": "log",
        "thresholds": thresholds,
        "verify": list(VERIFY),
        "log": described(log),
    }


def described(log: Log) -> dict[str, Any]:
    """Say what the log holds: each series with its ends."""
    series = {
        name: {
            "values": len(found.value), "first_step": plain(float(found.step[0])), "last_step": plain(float(found.step[-1])),
            "first": plain(float(found.value[0])), "last": plain(float(found.value[-1])),
        }
        for name, found in log.series.items()
    }  # fmt: skip
    return {
        "form": log.form,
        "unit": log.unit,
        "losses": log.losses,
        "series": series,
        "others": list(log.others[:50]),
    }


def evidence_of(log: Log) -> dict[str, Any]:
    """Give the numbers that other diagnoses measure, as far as a log has them; the last training loss is as it was logged."""
    names = (
        "constant_loss", "best_loss", "part_of_range", "held_out", "sixteen_examples", "validation_gap", "test_gap", "shift", "generalization", "state",
        "baseline", "split", "signal", "modes",
    )  # fmt: skip
    train = log.series.get("train_loss")
    return {
        "train_loss": None if train is None else plain(float(train.value[-1])),
        **dict.fromkeys(names),
        "beside": [], "outcomes": [], "vetoes": [],
    }  # fmt: skip


def missing(log: Log) -> list[str]:
    """Say which series that a rule would have looked at are not there."""
    said = []
    if "train_loss" not in log.series:
        said.append("explosion, plateau, unfinished training: the log has no training loss")
    if "validation_loss" not in log.series:
        said.append("overfitting by the losses: the log has no validation loss")
    if "learning_rate" not in log.series:
        said.append("the schedule: the log has no learning rate")
    return said


def warnings_of(log: Log) -> list[str]:
    """Say what is odd beside the verdict: what the losses are, spikes, values that are not finite on the way."""
    said = (
        [] if log.losses == "as logged" else [f"the training losses are {log.losses}, not those of all data"]
    )
    for name in ("train_loss", "gradient_norm"):
        series = log.series.get(name)
        if series is None:
            continue
        good = np.isfinite(series.value)
        gone = int(np.count_nonzero(~good))
        words = name.replace("_", " ")
        if gone and good[-1]:
            said.append(f"{gone:,} of {len(good):,} values of the {words} are not finite, and later ones are")
        value = series.value[good]
        middle = float(np.median(value)) if len(value) else 0.0
        if middle > 0 and value.max() > max(EXPLODED * middle, value[0]):
            place = series.step[good][int(np.argmax(value))]
            said.append(
                f"the {words} has a spike of {value.max():.4g} at step {place:,.12g}, its median is {middle:.4g}"
            )
    return said

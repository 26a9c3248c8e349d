"""The report that `landscape diagnose` prints for people: the verdict first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from landscape.records import Diagnosis
from landscape.tables.critical import laid_out
from landscape.tables.diagnosis import assumed_words, headline


def read_changes(texts: tuple[str, ...]) -> dict[str, float]:
    """Read NAME=X.

    >>> read_changes(("large=0.2",))
    {'large': 0.2}

    Raises
    ------
    InputError
        Something else.
    """
    from landscape.errors import InputError

    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            raise InputError(f"--threshold '{text}': expected NAME=X such as large=0.2") from None
    return found


def diagnosis_table(record: Diagnosis, applied: dict[str, Any] | None = None) -> str:
    """Write verdict, why, what was ruled out, what to do, what was not assessed."""
    return laid_out(list(diagnosis_lines(record, applied)))


def diagnosis_lines(record: Diagnosis, applied: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    """Give label and text of each line."""
    report, settings = record.report, record.settings
    yield "model", f"{settings['model_name']}, {settings['budget']} budget, seed {settings['seed']}"
    if report["contradiction"]:
        yield "log", f"contradicts the file: {report['contradiction']}"
    yield "verdict", headline(report)
    # What it is about; records of earlier versions do not say.
    label = "about"
    for text in report.get("head") or ():
        yield label, text
        label = ""
    for label, key in (("why", "why"), ("ruled out", "ruled_out")):
        for text in report[key]:
            yield label, text
            label = ""
    yield from next_lines(report)
    if len(report["accepted"]) > 1:
        yield "runner-up", ", ".join(report["accepted"][1:])
    last = {
        "measured": report["evidence"]["beside"],
        "not assessed": report["not_assessed"],
        "warning": report["warnings"],
    }
    for label, texts in last.items():
        for text in texts:
            yield label, text
            label = ""
    if applied is not None:
        yield from applied_lines(applied)
    if report.get("assumed"):
        yield "assumed", assumed_words(report["assumed"])
    yield "thresholds", threshold_words(report["thresholds"])
    yield "time", f"{record.seconds:.1f} s; landscape {record.version}"


def threshold_words(thresholds: dict[str, float]) -> str:
    """Name the thresholds that were changed; the defaults are in the JSON."""
    from landscape.diagnosis.thresholds import Thresholds

    usual = Thresholds().told()
    changed = [f"{name} {value:g}" for name, value in thresholds.items() if value != usual.get(name)]
    return f"{', '.join(changed) or 'the default ones'} (--json lists all, --threshold NAME=X changes one)"


def next_lines(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Say what to do, with its measured gain."""
    if report["advice"]:
        gain = report["gain"]
        removes = report["verdict"] in ("optimization", "model-bias") and gain is not None
        yield "next", report["advice"] + (f" (removes {gain:.0%} of what can be removed)" if removes else "")
    checked = report.get("checked")
    if checked:
        yield "", f"run once more: {checked_words(checked)}"
    if report["next"]:
        yield ("" if report["advice"] else "next"), report["next"]
    if report.get("pytorch"):
        yield "", f"in PyTorch: {report['pytorch']}"
    if report.get("better"):
        yield "", f"though more was removed by {report['better']}"


def checked_words(checked: dict[str, Any]) -> str:
    """Say what the remedy did when it was run once more.

    >>> checked_words({"before": {"train": 0.7, "test": 0.8}, "after": {"train": 0.1, "test": 0.25}})
    'train loss 0.7 → 0.1, test loss 0.8 → 0.25'
    """
    before, after = checked["before"], checked["after"]
    known = [split for split in before if before[split] is not None and after.get(split) is not None]
    return ", ".join(f"{split} loss {before[split]:.4g} → {after[split]:.4g}" for split in known)


def applied_lines(applied: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Say what the remedy that was applied did to the losses."""
    for split, before in applied["before"].items():
        after = applied["after"].get(split)
        if before is not None and after is not None:
            yield ("applied" if split == "train" else ""), f"{split} loss {before:.4g} → {after:.4g}"
    if applied.get("as_tried") is False:
        trial = ", ".join(
            f"{split} loss {loss:.4g}" for split, loss in applied["trial"].items() if loss is not None
        )
        yield (
            "",
            f"the trial with the same settings and seed had {trial}: the function's result depends on something else as well",
        )

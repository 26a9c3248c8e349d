"""The sections of a report that come from the diagnosis: verdict, reasons, remedy, what was ruled out and what was not assessed."""

from __future__ import annotations

from typing import Any

from landscape.diagnosis.remedies import worded
from landscape.records import Diagnosis
from landscape.reporting.pictures import pictures_of
from landscape.reporting.section import Section, Table
from landscape.reporting.words import CONFIDENCE, sentence
from landscape.tables.diagnosis import assumed_words

# Of a remedy: its gain is the share of what can be removed from the training loss.
SHARED = ("optimization", "model-bias")


def verdict_section(record: Diagnosis) -> Section:
    """Say first what is wrong, how sure that is, and what to do."""
    report = record.report
    doubt = (
        " (nothing but the remedy speaks for the second word)"
        if report.get("subtype_supported") is False
        else ""
    )
    rows = [("verdict", code(report) + doubt)]
    if report["verdict"] != "undetermined":
        rows.append(("confidence", confidence(str(report["confidence"]))))
    others = [str(other) for other in report.get("accepted") or () if other != code(report)]
    if others:
        rows.append(("also possible", ", ".join(others)))
    if report.get("advice"):
        rows.append(("what to do", str(report["advice"])))
    if report.get("gain") is not None and report["verdict"] in SHARED:
        rows.append(("measured gain", f"{report['gain']:.0%} of the training loss that can be removed"))
    if report.get("pytorch"):
        rows.append(("in PyTorch", str(report["pytorch"])))
    if report.get("better"):
        rows.append(("more was removed by", str(report["better"])))
    if report.get("assumed"):
        rows.append(("assumed", assumed_words(report["assumed"])))
    said = [report["contradiction"]] if report.get("contradiction") else []
    return Section(
        "Verdict", sentence(report), tuple(said), tuple(rows), command=str(report.get("next") or "")
    )


def code(report: dict[str, Any]) -> str:
    """Write verdict and sub-type as one code."""
    return f"{report['verdict']}/{report['subtype']}" if report.get("subtype") else str(report["verdict"])


def confidence(word: str) -> str:
    """Say what the word for the confidence means."""
    return f"{word}: {CONFIDENCE[word]}" if word in CONFIDENCE else word


def why_section(record: Diagnosis, command: str) -> Section:
    """Give the numbers that the verdict rests on, and every remedy that was tried."""
    report = record.report
    warned = tuple(f"Warning: {text}" for text in report.get("warnings") or ())
    why = tuple(str(text) for text in report.get("why") or ())
    rows = tuple(split_code(text) for text in (report.get("evidence") or {}).get("beside") or ())
    return Section(
        "Why", "", why + warned, rows, table=tried(report), pictures=pictures_of(record), command=command
    )


def tried(report: dict[str, Any]) -> Table | None:
    """Lay out the remedies that were tried, the best first; None if nothing was."""
    outcomes = (report.get("evidence") or {}).get("outcomes") or []
    if not outcomes:
        return None
    ordered = sorted(outcomes, key=lambda row: -(row.get("share") if row.get("share") is not None else -1e9))
    head = ("tried", "training loss", "± (95 %)", "share of what can be removed", "seeds")
    return Table(head, tuple(outcome_row(row) for row in ordered))


def outcome_row(row: dict[str, Any]) -> tuple[str, ...]:
    """Write one remedy's numbers."""
    diverged = f", {row['diverged']} diverged" if row.get("diverged") else ""
    share = number(row.get("share"), ".0%")
    return (
        worded(str(row["name"])),
        number(row.get("train"), ".4g"),
        number(row.get("half"), ".2g"),
        share,
        f"{row['seeds']}{diverged}",
    )


def number(value: float | None, form: str) -> str:
    """Write a number that may be missing.

    >>> number(-1e-9, ".0%"), number(None, ".2g")
    ('0%', '–')
    """
    written = "–" if value is None else format(value, form)
    return written[1:] if written in ("-0%", "-0") else written


def ruled_out_section(record: Diagnosis) -> Section:
    """Say which number excluded every other branch, and which was not looked at."""
    report = record.report
    rows = [split_code(text) for text in report.get("ruled_out") or ()]
    missing = tuple(f"Not assessed: {text}." for text in report.get("not_assessed") or ())
    return Section("What was ruled out", "", missing, tuple(rows))


def split_code(text: str) -> tuple[str, str]:
    """Part a sentence such as "overfitting: …" at its code.

    >>> split_code("overfitting: the gap is 0.01")
    ('overfitting', 'the gap is 0.01')
    """
    head, found, rest = str(text).partition(": ")
    return (head, rest) if found else ("", head)

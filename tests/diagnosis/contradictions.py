"""Where a report contradicts its own numbers: read by someone who has nothing but the report."""

from __future__ import annotations

import re
from typing import Any

# A number in a sentence is one that a reader can take in.
LONGEST = 12
UNKNOWN = re.compile(r"\b(nan|inf|None)\b")


def contradictions(report: dict[str, Any]) -> list[str]:
    """List them; an honest report has none."""
    return [
        *of_words(report),
        *of_citations(report),
        *of_remedy(report),
        *of_verdict(report),
        *of_modes(report),
    ]


def texts(report: dict[str, Any]) -> list[str]:
    """Return every sentence of a report."""
    said = [
        *report["why"],
        *report["ruled_out"],
        *report["warnings"],
        *(report.get("head") or ()),
        *report["evidence"]["beside"],
    ]
    return [*said, *(str(report[key]) for key in ("advice", "better") if report.get(key))]


def of_words(report: dict[str, Any]) -> list[str]:
    """Find numbers that are NaN, infinite or unreadable."""
    # Of parameters or a log that are not finite that is the finding.
    found = [
        f"unknown number: {text}"
        for text in texts(report)
        if UNKNOWN.search(text) and "finite" not in text and "the log" not in text
    ]
    long = re.compile(rf"\d{{{LONGEST},}}")
    return found + [f"too many digits: {text}" for text in texts(report) if long.search(text)]


def of_citations(report: dict[str, Any]) -> list[str]:
    """Find numbers on the wrong side of the threshold that they are cited for."""
    found = [
        f"doubt as a reason: {row['text']}"
        for row in report["cited"]
        if row["supports"] == row["text"].startswith("though ")
    ]
    verdict = report["verdict"]
    found += [
        f"ruled out by what verifies: {text}" for text in report["ruled_out"] if "(verified from" in text
    ]
    return found + [
        f"ruled out, and the verdict: {text}"
        for text in report["ruled_out"]
        if verdict in text.split(":")[0].replace(",", "").split() or text.startswith("though ")
    ]


def of_remedy(report: dict[str, Any]) -> list[str]:
    """Find remedies that did harm, were not run, or promise more than was measured."""
    found, checked = [], report.get("checked")
    if report.get("next") and checked is None:
        found.append("a command whose remedy was not run once more")
    constrained = report["verdict"] == "overfitting"
    if (
        checked is not None
        and not constrained
        and None not in (checked["before"].get("train"), checked["after"].get("train"))
    ):
        worse = not checked["after"]["train"] < checked["before"]["train"]
        found += [f"the remedy ends worse: {checked}"] if worse else []
    curve = (report["evidence"].get("generalization") or {}).get("curve")
    if "still falls" in (report.get("advice") or "") and curve and not curve[-1] < curve[-2]:
        found.append("a learning curve that does not fall is said to fall")
    return found


def of_verdict(report: dict[str, Any]) -> list[str]:
    """Find sub-codes whose number says otherwise."""
    state, limits, subtype = report["evidence"]["state"] or {}, report["thresholds"], report["subtype"]
    if not report["subtype_supported"]:
        return []
    known = {name: value for name, value in state.items() if isinstance(value, int | float)}
    wrong = {
        "plateau": known.get("decrement", 0.0) >= limits["plateau"],
        "vanishing-gradient": known.get("gradient_ratio", 0.0) >= limits["gradient_ratio"],
        "dead-units": known.get("dead", 1.0) < limits["dead"],
        "saddle": known.get("decrement", 0.0) > limits["decrement"] and report["remedy"] != "escape",
    }
    small = (
        report["verdict"] == "healthy"
        and report["evidence"]["train_loss"] is not None
        and "large" in " ".join(report["why"])
    )
    return [f"{subtype} against its own number"] * bool(wrong.get(subtype or "")) + [
        "healthy, and large"
    ] * small


def of_modes(report: dict[str, Any]) -> list[str]:
    """Find a loss of training mode that is taken for the one that is judged."""
    modes = report["evidence"].get("modes")
    told = any(text.startswith("the log shows losses with") for text in report["warnings"])
    found = (
        ["a log in training mode that is said to contradict the parameters"]
        if told and report.get("contradiction")
        else []
    )
    if modes is None:
        return found + (["a log in a mode that was not evaluated"] if told else [])
    judged = report["evidence"]["train_loss"]
    return found + ([] if modes["evaluation"] == judged else [f"judged by {judged}, not in evaluation mode"])

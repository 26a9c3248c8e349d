"""Readable tables of a critical point and of an atlas."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from landscape.records import Atlas, Critical

MOST_UNITS, MOST_POINTS = 5, 30
WIDTH = 88


def laid_out(rows: list[tuple[str, str]]) -> str:
    """Write labels and texts in two columns, long texts on several lines; a command stays on one, so that it can be copied."""
    width = max(len(label) for label, _ in rows)
    written = []
    for label, text in rows:
        wrapped = (
            [text] if text.startswith("landscape ") else textwrap.wrap(text, WIDTH, break_on_hyphens=False)
        )
        first, *rest = wrapped or [""]
        written += [f"{label:<{width}}  {first}", *(f"{'':<{width}}  {line}" for line in rest)]
    return "\n".join(written)


def critical_table(record: Critical) -> str:
    """Write the verdict and its evidence, one line for each number."""
    return laid_out(list(critical_lines(record)))


def told_device(settings: Mapping[str, Any]) -> list[str]:
    """Name the device that computed; a function of θ has none."""
    return [settings["device"]] if settings.get("device") else []


def critical_lines(record: Critical) -> Iterator[tuple[str, str]]:
    """Give label and text of each line."""
    verdict, settings = record.verdict, record.settings
    name = f"{settings['model_name']}, {settings['parameters']:,} parameters"
    name += f", {settings['split']} loss" if settings["split"] else ""
    yield "critical", ", ".join([name, *told_device(settings)])
    yield from first_lines(verdict)
    yield "kind", verdict["kind"]
    polish = verdict["polish"]
    told_below = polish and "sentence" in polish and not polish["found"]
    yield "why", verdict["given"]["reason"] if told_below else verdict["reason"]
    yield from nearby_lines(verdict)
    bound = "at least " if verdict["newton_decrement_is_lower_bound"] else ""
    yield "loss", f"{verdict['loss']:.8g}; ‖g‖ {verdict['gradient_norm']:.2e}"
    yield (
        "Newton decrement",
        f"{bound}{verdict['newton_decrement']:.2e} of {verdict['scale']:.4g} (critical: 1e-12)",
    )
    yield (
        "flatness",
        f"{verdict['flatness']:.2g} (a point that is not critical is gradient-flat from 0.9 on)",
    )
    yield (
        "eigenvalues",
        (f"{record.eigenvalues[0]:.6g} to {record.eigenvalues[-1]:.6g}, each ± {verdict['tolerance']:.1e}"),
    )
    yield "inertia", inertia_text(verdict)
    if verdict["escape"]:
        escape = verdict["escape"]
        yield (
            "escape",
            (
                f"step {abs(escape['step']):.4g}: ½λα² predicts {escape['predicted']:.4g}, the loss changed by {escape['actual']:.4g}"
            ),
        )
    yield from earlier_lines(verdict)
    yield from unit_lines(verdict)
    yield "time", f"{record.seconds:.2f} s"


def inertia_text(verdict: dict[str, Any]) -> str:
    """Write the inertia and the interval of the index."""
    low, high = verdict["index_interval"]
    if verdict["inertia"][0] is None:
        return f"index at least {low}: the Hessian is too large to count the others"
    above, zero, below = verdict["inertia"]
    index = str(low) if low == high else f"{low} to {high}"
    return (
        f"{above} positive, {zero} zero within the error, {below} negative; index {index} by LDLᵀ of H ± δI"
    )


def first_lines(verdict: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Say what the point is as given, and where the one is that the rest is about."""
    polish, given = verdict["polish"], verdict["given"]
    if polish and polish["used"] and "kind" in given:
        yield "as given", f"{given['kind']}: {given['reason']}"
        yield "nearby", polish["sentence"]


def nearby_lines(verdict: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Say that polishing found nothing else nearby, where the point as given is judged."""
    polish = verdict["polish"]
    if polish and not polish["used"] and "sentence" in polish and not polish["found"]:
        yield "nearby", polish["sentence"]


def earlier_lines(verdict: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Say what polishing did in a record of version 0.1.0, which judged the point that it led to."""
    polish, given = verdict["polish"], verdict["given"]
    if polish is None or "sentence" in polish:
        return
    yield (
        "polished",
        (
            f"{polish['steps']} steps, {polish['distance']:.3g} away: loss {given['loss']:.6g} → {polish['loss']:.6g}, "
            f"Newton decrement {given['newton_decrement']:.1e} → {polish['newton_decrement']:.1e}"
            + ("" if polish["used"] else "; too far to be this point, which is judged as given")
        ),
    )


def unit_lines(verdict: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name the units at or near kinks, and those that are dead or saturated."""
    kinks, inactive = verdict["kinks"], verdict["inactive_units"]
    if kinks:
        shown = [
            f"{unit['node']} {unit['unit']} ({unit['examples']} examples)" for unit in kinks[:MOST_UNITS]
        ]
        more = f" and {len(kinks) - MOST_UNITS} more units" if len(kinks) > MOST_UNITS else ""
        yield "kinks", ("on one: " if verdict["at_kink"] else "within reach: ") + ", ".join(shown) + more
    if inactive:
        shown = [f"{node} {unit}" for node, unit in inactive[:MOST_UNITS]]
        more = f" and {len(inactive) - MOST_UNITS} more" if len(inactive) > MOST_UNITS else ""
        yield "inactive", ", ".join(shown) + more


def atlas_table(record: Atlas) -> str:
    """Write what a search found, one line for each point, the lowest loss first."""
    told = record.summary()
    settings = record.settings
    rows = [
        (
            "atlas",
            ", ".join([settings["model_name"], f"{told['parameters']:,} parameters", *told_device(settings)]),
        ),
        (
            "starts",
            f"{told['starts']}: {told['critical']} critical, {told['gradient_flat']} gradient-flat, "
            f"{told['at_kinks']} on kinks, the rest not critical",
        ),
    ]
    zero = np.mean(record.inertia[record.critical, 1]) / record.size if told["critical"] else 0.0
    if zero > 0:
        rows.append(
            ("zero", f"{zero:.0%} of their eigenvalues are zero within the error: their signs are rounding")
        )
    for point in sorted(told["points"], key=lambda point: point["loss"])[:MOST_POINTS]:
        above, none, below = point["inertia"]
        rows.append(
            (
                f"start {point['start'] + 1}",
                f"loss {point['loss']:.6g}: {below} negative, {none} zero, {above} positive",
            )
        )
    if record.status:
        rows.append(("found", record.status))
    return laid_out([*rows, ("time", f"{record.seconds:.2f} s")])

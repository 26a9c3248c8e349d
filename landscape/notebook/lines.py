"""The summary of a record, a model or a diagnosis as labels and texts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from landscape.model import Model
from landscape.model.opaque import Opaque
from landscape.records import Critical, Diagnosis, Hessian, Record, Scan, Topology
from landscape.tables.critical import critical_lines
from landscape.tables.diagnosis import headline
from landscape.tables.hessian import hessian_lines
from landscape.tables.topology import headline as surface_line
from landscape.tables.topology import topology_lines

Row = tuple[str, str]
# So many lines, nodes, sentences and letters of one are read at a glance.
MOST, FEW, LONGEST = 24, 12, 300
# Keys of a summary that say nothing to a reader.
ASIDE = ("record", "files", "version", "hashes", "settings", "directions")


def lines_of(shown: Any) -> list[Row]:
    """Give label and text of each line, cut where they would be too many or too long."""
    rows = [
        (label, text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…") for label, text in _rows(shown)
    ]
    return rows if len(rows) <= MOST else [*rows[: MOST - 1], ("…", f"{len(rows) - MOST + 1} lines more")]


def _rows(shown: Any) -> Iterator[Row]:
    if isinstance(shown, Model):
        yield from of_model(shown)
    elif isinstance(shown, Opaque):
        yield from of_opaque(shown)
    elif isinstance(shown, Record):
        yield from of_record(shown)


def of_record(record: Record) -> Iterator[Row]:
    """Say what kind of record it is, and what it found."""
    name = record.settings.get("model_name")
    state = "" if record.finished else ", unfinished: the same call goes on with it"
    yield record.kind, f"{name or 'a function of θ'}{state}"
    if not record.finished:
        return
    if isinstance(record, Scan):
        yield from of_surface(record)
    if isinstance(record, Diagnosis):
        yield from of_diagnosis(record)
    else:
        # What its command prints begins with the kind, too.
        yield from [row for row in of_kind(record) if row[0] != record.kind]
    yield "time", f"{record.seconds:.1f} s; landscape {record.version}"


def of_surface(record: Scan) -> Iterator[Row]:
    """Say how many basins a scan has, as its command does; nothing where there is no surface."""
    from landscape.topology import surface_of

    found = surface_of(record)
    if found is not None:
        yield "surface", surface_line(found)


def of_kind(record: Record) -> list[Row]:
    """Give the lines that the record's command prints, if they can be made from the record; else its summary."""
    try:
        if isinstance(record, Critical):
            return list(critical_lines(record))
        if isinstance(record, Hessian):
            return list(hessian_lines(record))
        if isinstance(record, Topology):
            return list(topology_lines(record))
    except KeyError:  # settings that earlier versions did not note
        pass
    return list(flat(record.summary(), ""))


def of_diagnosis(record: Diagnosis) -> Iterator[Row]:
    """Give the verdict, why, and what to do."""
    report = record.report
    yield "verdict", headline(report)
    for label, key in (("why", "why"), ("ruled out", "ruled_out")):
        for text in report.get(key, [])[:FEW]:
            yield label, text
            label = ""
    for key in ("advice", "next"):
        if report.get(key):
            yield "next" if key == "advice" else "", report[key]
    for number, text in enumerate(report.get("not_assessed", [])[:FEW]):
        yield "" if number else "not assessed", text


def flat(summary: Mapping[str, Any], before: str) -> Iterator[Row]:
    """Give the numbers and words of a summary, with those of nested parts after the part's name, and only short lists."""
    for key, value in summary.items():
        label = f"{before} {key}".strip().replace("_", " ")
        if key in ASIDE or value is None or (key in ("model", "data") and isinstance(value, str)):
            continue
        if isinstance(value, Mapping):
            if len(before.split()) < 2:
                yield from flat(value, label)
        elif isinstance(value, list):
            if 0 < len(value) <= FEW and all(isinstance(part, str | int | float) for part in value):
                yield label, ", ".join(map(worded, value))
        else:
            yield label, worded(value)


def worded(value: Any) -> str:
    """Write a number with six digits, anything else as it is.

    >>> worded(0.1234567), worded(3), worded(True), worded("fc1")
    ('0.123457', '3', 'yes', 'fc1')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def of_model(model: Model) -> Iterator[Row]:
    """Say what a model holds; no loss, which would have to be computed."""
    yield "model", f"{model.name}, {model.size:,} parameters"
    nodes = [f"{node.name} ({node.op})" if node.name != node.op else node.name for node in model.nodes]
    shown = nodes if len(nodes) <= FEW else [*nodes[: FEW - 2], "…", nodes[-1]]
    yield (
        "network",
        f"{list(model.input_shape)} → {' → '.join(shown)}"
        + (f" ({len(nodes)} nodes)" if len(nodes) > FEW else ""),
    )
    yield (
        "loss",
        model.loss
        + (
            f", weight decay {model.weight_decay:g}"
            if isinstance(model.weight_decay, float) and model.weight_decay
            else ""
        ),
    )
    for split in model.splits:
        x, y = model.data[f"x_{split}"], model.data[f"y_{split}"]
        yield (
            split,
            f"{model.examples(split):,} examples, x {x.dtype} {list(x.shape)}, y {y.dtype} {list(y.shape)}",
        )
    yield from of_story(model)
    if model.inferred:
        yield "made", model.inferred[-1]


def of_opaque(model: Opaque) -> Iterator[Row]:
    """Say what an opaque model holds, and why it is one."""
    yield "opaque model", f"{model.name}, {model.size:,} parameters in {len(model.shapes)} tensors"
    yield "why", model.why
    yield from of_story(model)


def of_story(model: Model | Opaque) -> Iterator[Row]:
    """Say how it was trained, as far as that is known."""
    told = [
        f"{key} {worded(value)}"
        for key, value in model.training.items()
        if isinstance(value, str | int | float)
    ]
    if told:
        yield "training", ", ".join(told[:FEW])
    for name, series in model.history.items():
        value = np.asarray(series, float)
        known = value[np.isfinite(value)]
        if name != "step" and len(known):
            yield (
                name.replace("_", " "),
                f"{known[0]:.6g} … {known[-1]:.6g}, {len(known):,} values"
                + ("" if math.isfinite(value[-1]) or len(known) < len(value) else ", not finite at the end"),
            )
    if model.checkpoints is not None:
        steps = model.checkpoint_steps
        between = "" if steps is None else f", updates {int(steps[0]):,} to {int(steps[-1]):,}"
        yield "checkpoints", f"{len(model.checkpoints)}{between}"

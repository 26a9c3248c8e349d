"""The numbers of a report in readable form: few digits, visible errors, names in words."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from landscape.plots.sharpness import NAMES
from landscape.plots.words import GREEK, one_line_label, quantity_name, short
from landscape.records import Critical, Hessian, Scan, Sharpness, Trajectory
from landscape.tables.critical import inertia_text, nearby_lines, unit_lines
from landscape.tables.topology import headline
from landscape.topology import surface_of

Rows = Iterable[tuple[str, str]]
# Eigenvalues written out at each end.
MOST_EIGENVALUES = 5
# An error below this part of the value is not written: no reader could use it.
SEEN = 1e-3


def number(value: float, error: float = 0.0) -> str:
    """Write a number in four digits, with its error where that is more than a thousandth of it.

    >>> number(0.14287064, 2.9e-15), number(1.1091, 0.004), number(-0.5)
    ('0.1429', '1.109 ± 0.004', '−0.5')
    """
    if error <= SEEN * abs(value) or not np.isfinite(error):
        return short(value, 4)
    return f"{short(value, 4)} ± {short(error, 1)}"


def scan_rows(record: Scan) -> Rows:
    """Describe the axes, the loss at the network, and the positions of the smallest and largest loss on the plane."""
    told = record.summary()
    for place, axis in enumerate(record.axes):
        letter, _, what = one_line_label(record, place).partition(" ")
        yield f"axis {letter}", f"{what}, {short(axis[0])} to {short(axis[-1])}"
    for split, of in told["center"].items():
        text = ", ".join(f"{name} {number(value)}" for name, value in of.items() if value is not None)
        yield f"at the network, {split} data", text or "not finite"
    for name, label in (("minimum", "lowest"), ("maximum", "highest")):
        found = told[name]
        if found is None:
            yield label, "no point is finite"
            continue
        at = ", ".join(f"{GREEK[i]} = {short(x)}" for i, x in enumerate(found["at"]))
        yield label, f"{quantity_name(record, told['quantity'])} {number(found['value'])} at {at}"
    surface = surface_of(record)
    if surface is not None:
        yield "basins", headline(surface)
    if told["diverged"]:
        yield "diverged", f"{told['diverged']} of {told['points']} points"


def critical_rows(record: Critical) -> Rows:
    """Describe the kind of point, the reason, and its curvatures."""
    verdict = record.verdict
    yield "kind", verdict["kind"]
    polish = verdict["polish"]
    told_below = polish and "sentence" in polish and not polish["found"]
    yield "why", verdict["given"]["reason"] if told_below else verdict["reason"]
    yield from nearby_lines(verdict)
    yield "loss", f"{number(verdict['loss'])}, with a gradient of length {number(verdict['gradient_norm'])}"
    low, high = record.eigenvalues[0], record.eigenvalues[-1]
    yield "curvatures", f"{number(low, verdict['tolerance'])} to {number(high, verdict['tolerance'])}"
    yield "directions", inertia_text(verdict)
    escape = verdict["escape"]
    if escape:
        yield (
            "a step down",
            f"{short(abs(escape['step']))} along the lowest curvature: the loss changes by {short(escape['actual'])}, "
            f"½λα² predicts {short(escape['predicted'])}",
        )
    yield from unit_lines(verdict)


def hessian_rows(record: Hessian) -> Rows:
    """Give the ends of the spectrum only, since the figure shows the rest."""
    pairs = list(zip(record.eigenvalues, record.errors, strict=True))
    whole = bool(record.settings["all"])
    top = len(pairs) if whole else min(len(pairs), record.settings["top"])
    for label, ends in (
        ("largest", pairs[::-1][:top]),
        ("smallest", pairs[: len(pairs) if whole else len(pairs) - top]),
    ):
        if ends:
            yield f"{label} eigenvalues", ", ".join(number(*pair) for pair in ends[:MOST_EIGENVALUES])
    negative = sum(value + error < 0 for value, error in pairs)
    yield "negative", f"{negative} of {len(pairs)} that were computed, beyond their error"
    for name, label in (("trace", "trace"), ("frobenius", "Frobenius norm")):
        if name in record.estimates:
            yield label, number(*record.estimates[name])


def sharpness_rows(record: Sharpness) -> Rows:
    """Give each measure with its error, and whether it depends on the scale of layers or neurons."""
    for name, (value, error) in record.measures.items():
        invariant = record.settings["measures"][name]["invariant"]
        changed = [level for level in ("layer", "neuron") if not invariant[level]]
        words = (
            f"changes with the scale of a {' or '.join(changed)}"
            if changed
            else "does not depend on the weights' scale"
        )
        yield NAMES.get(name, name), f"{number(value, error)}; {words}"


def trajectory_rows(record: Trajectory) -> Rows:
    """Say how much of the path lies on the plane and how much does not."""
    yield (
        "checkpoints",
        f"{record.step.size}, from update {int(record.step[0]):,} to {int(record.step[-1]):,}",
    )
    yield "captured", f"{record.captured.sum():.2%} of the path's variance"
    yield "out of plane", f"at most {number(float(record.distance.max()))}"
    values, plane = record.values[record.main], record.plane_values[record.main]
    yield "true loss", f"{number(values[0])} at first, {number(values[-1])} at last"
    yield "on the map", f"{number(plane[0])} at first, {number(plane[-1])} at last"
